/** brk(). @see Linux man-pages brk(2), the system call */
import { mapArea } from "../address-space/map-area.js";
import { areaIn } from "../address-space/each-range.js";
import { unmapRange } from "../address-space/unmap-range.js";
import { AREA_CACHEABLE, AREA_READ, AREA_WRITE, MAY_EXECUTE, MAY_READ, MAY_WRITE } from "../area/area-flags.js";
import { anonymous } from "../backends/anonymous.js";
import { PortolanError } from "../errors.js";
import { pagesUp } from "./arguments.js";
import type { PosixMemory } from "./memory.js";
import { beginOf } from "./placing.js";

/**
 * Sets the break, if it can be set there. The heap keeps a page free between itself and what lies above.
 * @returns where it is afterwards: where it was, if it could not be set
 */
export const setBreak = (memory: PosixMemory, address: bigint): bigint => {
  const { units, bits, limits, heapBase } = memory;
  if (address < heapBase || address - heapBase > limits.heapLimit || address > limits.endAddress) return memory.heapEnd;
  const before = units.pageOf(pagesUp(units, memory.heapEnd, bits));
  const after = units.pageOf(pagesUp(units, address, bits));
  if (after === before || (after < before ? shrink(memory, after, before) : grow(memory, before, after))) memory.heapEnd = address;
  return memory.heapEnd;
};

const shrink = ({ space }: PosixMemory, after: number, before: number): boolean => {
  // Somebody may have unmapped it all: then there is nothing that could shrink.
  if (areaIn(space, after, before) < 0) return false;
  return succeeds(() => unmapRange(space, after, before - after));
};

const grow = (memory: PosixMemory, before: number, after: number): boolean => {
  const { space, parts } = memory;
  const above = space.tree.atOrAbove(before);
  if (above >= 0 && after + 1 > beginOf(memory, above)) return false;
  return succeeds(() =>
    mapArea(space, {
      first: before,
      pages: after - before,
      flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE,
      traits: MAY_READ | MAY_WRITE | MAY_EXECUTE,
      backend: anonymous,
      object: parts.backends.anonymous,
      offset: 0,
    }),
  );
};

/** Did it happen? What the space objects to leaves the break where it is. */
const succeeds = (work: () => void): boolean => {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof PortolanError) return false;
    throw error;
  }
};
