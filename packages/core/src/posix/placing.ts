/**
 * Where a mapping goes: where the caller says, where it would like it if there is room, and otherwise at the highest free
 * place below the top.
 *
 * @see Linux man-pages mmap(2), MAP_FIXED and MAP_GROWSDOWN
 */
import { STACK_GAP } from "../address-space/grow-down.js";
import { GROWS_DOWN } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import { isAligned } from "./arguments.js";
import { refuse } from "./errno.js";
import type { PosixMemory } from "./memory.js";

/** The page of a fixed address. Refuses with ENOMEM beyond the end, EINVAL inside a page, EPERM below the lowest. */
export const placeFixed = ({ units, limits }: PosixMemory, address: bigint, bytes: bigint): number => {
  if (address > limits.endAddress - bytes) return refuse("ENOMEM");
  if (!isAligned(units, address)) return refuse("EINVAL");
  if (address < limits.lowestAddress) return refuse("EPERM");
  return units.pageOf(address);
};

/**
 * The page of a hint, if everything from there on is free, and otherwise the highest place there is. A hint of page 0 is
 * none.
 */
export const placeHinted = (memory: PosixMemory, hint: bigint, pages: number): number => {
  const { units, limits, space } = memory;
  const bytes = units.bytesOf(pages);
  if (hint !== 0n) {
    const address = hint < limits.lowestAddress ? units.addressOf(lowestPage(memory)) : hint;
    if (address <= limits.endAddress - bytes && address < limits.endAddress) {
      const first = units.pageOf(address);
      const above = space.tree.atOrAbove(first);
      if ((above < 0 || first + pages <= beginOf(memory, above)) && fits(memory, first, pages)) return first;
    }
  }
  return placeTopDown(memory, pages);
};

/** The highest free place below the top, or above it the lowest. Areas that grow down keep their distance. */
export const placeTopDown = (memory: PosixMemory, pages: number): number => {
  const { units, limits, space } = memory;
  const lowest = lowestPage(memory);
  for (let end = units.pageOf(limits.mmapTop); end - lowest >= pages;) {
    const first = freeBelow(memory, pages, lowest, end - 1);
    if (first < 0) break;
    const above = space.tree.atOrAbove(first + pages);
    if (above < 0 || first + pages <= beginOf(memory, above)) return first;
    end = beginOf(memory, above);
  }
  return placeBottomUp(memory, pages, lowest);
};

/** First page of an area, or of the room below it that it keeps free to grow into. */
export const beginOf = ({ parts }: PosixMemory, area: number): number => {
  const first = parts.areas.firstOf(area);
  return (parts.areas.traitsOf(area) & GROWS_DOWN) === 0 ? first : Math.max(0, first - STACK_GAP);
};

const lowestPage = ({ units, limits }: PosixMemory): number => {
  const page = units.pageOf(limits.lowestAddress);
  return units.offsetOf(limits.lowestAddress) === 0 ? page : page + 1;
};

const placeBottomUp = (memory: PosixMemory, pages: number, lowest: number): number => {
  const { units, limits, space } = memory;
  const last = units.pageOf(limits.endAddress - 1n);
  for (let from = lowest; ;) {
    const first = free(memory, pages, from, last, false);
    if (first < 0) return refuse("ENOMEM");
    const above = space.tree.atOrAbove(first + pages);
    if (above < 0 || first + pages <= beginOf(memory, above)) return first;
    from = memory.parts.areas.endOf(above);
  }
};

const freeBelow = (memory: PosixMemory, pages: number, lowest: number, highest: number): number =>
  free(memory, pages, lowest, highest, true);

const free = ({ space }: PosixMemory, pages: number, lowest: number, highest: number, fromTop: boolean): number => {
  try {
    return space.placement.choosePages(pages, lowest, highest, false, fromTop);
  } catch (error) {
    if (error instanceof PortolanError && error.code === "ERR_NO_FREE_RANGE") return -1;
    throw error;
  }
};

/** May an area lie there at all? Some machines have windows that no table translates. */
const fits = ({ space }: PosixMemory, first: number, pages: number): boolean => {
  try {
    space.placement.checkRange(first, pages);
    return true;
  } catch (error) {
    if (error instanceof PortolanError) return false;
    throw error;
  }
};
