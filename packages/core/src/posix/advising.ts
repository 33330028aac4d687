/** madvise(), mincore() and msync(). @see Linux man-pages madvise(2), mincore(2); POSIX.1-2017 msync() */
import { discardRange } from "../address-space/discard-range.js";
import { areaIn, bottomOf } from "../address-space/each-range.js";
import { residentPages } from "../address-space/resident-pages.js";
import { COPY_ON_WRITE } from "../area/area-flags.js";
import { FileObject } from "../objects/file-object.js";
import { isAligned, pagesUp, rangeOf } from "./arguments.js";
import { refuse } from "./errno.js";
import type { PosixMemory } from "./memory.js";
import {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
} from "./numbers.js";

const KNOWN: readonly number[] = [MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE];

/**
 * Takes advice for a range: MADV_DONTNEED discards what is private there, MADV_FREE lets it be discarded, if memory runs
 * out, instead of kept in swap. Of the others none changes what a program sees. Where a part of the range is not mapped
 * the rest has been advised all the same.
 */
export const advise = (memory: PosixMemory, address: bigint, length: bigint, advice: number): number => {
  const { units, bits, space, parts } = memory;
  if (!KNOWN.includes(advice)) return refuse("EINVAL");
  const [first, end] = rangeOf(units, bits, address, length, "EINVAL");
  if (first === end) return 0;
  let page = first;
  let isWhole = true;
  for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, page, end)) {
    const from = Math.max(first, parts.areas.firstOf(area));
    if (from > page) isWhole = false;
    page = Math.min(end, parts.areas.endOf(area));
    // Only memory that is in no file can be free to go.
    const object = parts.areas.objectOf(area);
    if (advice === MADV_FREE && (object === null || bottomOf(object).kind !== "anonymous")) return refuse("EINVAL");
    if (advice === MADV_DONTNEED) discardRange(space, from, page - from);
  }
  return isWhole && page === end ? 0 : refuse("ENOMEM");
};

/**
 * Which pages are in memory: 1 or 0 for each, in `target`.
 * @param target as many bytes as the range has pages, or more
 */
export const resident = (memory: PosixMemory, address: bigint, length: bigint, target: Uint8Array): number => {
  const { units, limits, bits, space, parts } = memory;
  if (!isAligned(units, address)) return refuse("EINVAL");
  if (address > limits.endAddress || length > limits.endAddress - address) return refuse("ENOMEM");
  const pages = Number(pagesUp(units, length, bits) >> BigInt(units.pageShift));
  if (pages > target.length) return refuse("EFAULT");
  const first = units.pageOf(address);
  for (let page = first; page < first + pages;) {
    const area = space.tree.find(page);
    if (area < 0) return refuse("ENOMEM");
    page = parts.areas.endOf(area);
  }
  if (pages > 0) residentPages(space, first, target.subarray(0, pages));
  return 0;
};

/** Has what was written through shared mappings of files in a range kept. Everything is done by the time it returns, unless a pager is slow. */
export const synchronise = (memory: PosixMemory, address: bigint, length: bigint, flags: number): number => {
  const { units, bits, space, parts } = memory;
  const { areas } = parts;
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0) return refuse("EINVAL");
  if (!isAligned(units, address) || (flags & (MS_ASYNC | MS_SYNC)) === (MS_ASYNC | MS_SYNC)) return refuse("EINVAL");
  // The longest lengths are none when they are rounded up.
  if (pagesUp(units, length, bits) === 0n) return 0;
  const [first, end] = rangeOf(units, bits, address, length, "ENOMEM");
  let page = first;
  let isWhole = true;
  let isKept = true;
  for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, page, end)) {
    const from = Math.max(first, areas.firstOf(area));
    if (from > page) isWhole = false;
    page = Math.min(end, areas.endOf(area));
    const object = areas.objectOf(area);
    if ((flags & MS_SYNC) === 0 || !(object instanceof FileObject) || (areas.traitsOf(area) & COPY_ON_WRITE) !== 0) continue;
    const flush = object.flush(areas.offsetOf(area) + (from - areas.firstOf(area)), page - from);
    if (flush.isOver && flush.failure !== null) isKept = false;
  }
  if (!isKept) return refuse("EIO");
  return isWhole && page === end ? 0 : refuse("ENOMEM");
};
