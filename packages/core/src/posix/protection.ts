/** mprotect(). @see POSIX.1-2017 mprotect(); Linux man-pages mprotect(2) */
import { protectRange } from "../address-space/protect-range.js";
import { GROWS_DOWN, MAY_EXECUTE, MAY_READ, MAY_WRITE, type AreaMappingTraits } from "../area/area-flags.js";
import { areaIn } from "../address-space/each-range.js";
import { rangeOf } from "./arguments.js";
import { refuse, type PosixErrno } from "./errno.js";
import { isCut, rightsOf } from "./mapping.js";
import type { PosixMemory } from "./memory.js";
import { PROT_EXEC, PROT_GROWSDOWN, PROT_GROWSUP, PROT_READ, PROT_SEM, PROT_WRITE } from "./numbers.js";

/**
 * Gives a range other rights. Where something in it stands against that (a hole; a file that was not opened for writing)
 * everything below has its new rights all the same, as Linux has it and POSIX allows.
 */
export const protect = (memory: PosixMemory, address: bigint, length: bigint, asked: number): number => {
  const { units, bits, space, limits } = memory;
  const grows = asked & (PROT_GROWSDOWN | PROT_GROWSUP);
  const protection = asked & ~grows;
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP) || units.offsetOf(address) !== 0) return refuse("EINVAL");
  if (length === 0n) return 0;
  const [first, end] = rangeOf(units, bits, address, length, "ENOMEM");
  if ((protection & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM)) !== 0) return refuse("EINVAL");
  const from = grows === 0 ? first : stackBegin(memory, first, end, grows);
  const [upTo, errno] = obstacle(memory, from, end, protection);
  const cuts = (isCut(memory, from) ? 1 : 0) + (isCut(memory, upTo) ? 1 : 0);
  if (cuts > 0 && space.tree.count + cuts > limits.mostAreas) return refuse("ENOMEM");
  if (upTo > from) protectRange(space, from, upTo - from, rightsOf(protection));
  return errno === null ? 0 : refuse(errno);
};

/** Where the stack area that holds the range, or its beginning, starts. Nothing grows upwards here. */
const stackBegin = ({ space, parts }: PosixMemory, first: number, end: number, grows: number): number => {
  const area = areaIn(space, first, end);
  if (area < 0) return refuse("ENOMEM");
  const begin = parts.areas.firstOf(area);
  if (grows === PROT_GROWSUP) return begin > first ? refuse("ENOMEM") : refuse("EINVAL");
  return (parts.areas.traitsOf(area) & GROWS_DOWN) === 0 ? refuse("EINVAL") : begin;
};

/** The first page that cannot have the rights, and why not; the end and null if there is none. */
const obstacle = ({ space, parts }: PosixMemory, first: number, end: number, protection: number): readonly [number, PosixErrno | null] => {
  const { areas } = parts;
  const wanted = mayOf(protection);
  for (let page = first; page < end;) {
    const area = space.tree.find(page);
    if (area < 0) return [page, "ENOMEM"];
    if ((wanted & ~areas.traitsOf(area)) !== 0) return [page, "EACCES"];
    page = areas.endOf(area);
  }
  return [end, null];
};

/** What an area must be allowed to become. Only what is asked for: that the machine adds the right to read is its own affair. */
const mayOf = (protection: number): AreaMappingTraits =>
  ((protection & PROT_READ) !== 0 ? MAY_READ : 0) |
  ((protection & PROT_WRITE) !== 0 ? MAY_WRITE : 0) |
  ((protection & PROT_EXEC) !== 0 ? MAY_EXECUTE : 0);
