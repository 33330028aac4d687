/** mremap(). @see Linux man-pages mremap(2) */
import { growRange } from "../address-space/grow-area.js";
import { areaIn, bottomOf, traitsOver } from "../address-space/each-range.js";
import { areOneMapping } from "../address-space/merge-areas.js";
import { mapArea } from "../address-space/map-area.js";
import { moveRange } from "../address-space/move-range.js";
import { unmapRange } from "../address-space/unmap-range.js";
import { COPY_ON_WRITE } from "../area/area-flags.js";
import { isAligned, pagesUp } from "./arguments.js";
import { refuse } from "./errno.js";
import { unmap } from "./mapping.js";
import type { PosixMemory } from "./memory.js";
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "./numbers.js";
import { placeHinted } from "./placing.js";
import { isAttachment } from "./segments.js";

/** A call of mremap in pages. `to` is an address, as only some calls look at it. */
interface Remap {
  readonly first: number;
  /** 0: the pages stay, and are seen in another place as well. */
  readonly pages: number;
  readonly after: number;
  readonly flags: number;
  readonly to: bigint;
}

/** Makes a mapping longer or shorter, or moves it. Its address. */
export const remap = (memory: PosixMemory, address: bigint, oldLength: bigint, newLength: bigint, flags: number, to: bigint): bigint => {
  const { units, limits, bits } = memory;
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0 || !isAligned(units, address)) return refuse("EINVAL");
  const oldBytes = pagesUp(units, oldLength, bits);
  const newBytes = pagesUp(units, newLength, bits);
  if (newBytes === 0n || newBytes > limits.endAddress) return refuse("EINVAL");
  const isTold = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;
  if (isTold) checkTold(memory, flags, address, oldBytes, newBytes, to);
  // A move may cut what it moves and what it meets on both sides.
  if (isTold && memory.space.tree.count + 5 >= limits.mostAreas) return refuse("ENOMEM");
  if (address >= limits.endAddress) return refuse("EFAULT");
  const shift = BigInt(units.pageShift);
  const request = { first: units.pageOf(address), pages: Number(oldBytes >> shift), after: Number(newBytes >> shift), flags, to };
  const moved = isTold ? moveThere(memory, request) : resize(memory, request);
  return units.addressOf(moved);
};

/** What a call that says where to go has to keep to. */
const checkTold = (
  { units, limits, bits }: PosixMemory,
  flags: number,
  address: bigint,
  oldBytes: bigint,
  newBytes: bigint,
  to: bigint,
): void => {
  if (to > limits.endAddress - newBytes) refuse("EINVAL");
  if (!isAligned(units, to) || (flags & MREMAP_MAYMOVE) === 0) refuse("EINVAL");
  if ((flags & MREMAP_DONTUNMAP) !== 0 && oldBytes !== newBytes) refuse("EINVAL");
  if (to + newBytes > address && to < BigInt.asUintN(bits, address + oldBytes)) refuse("EINVAL");
};

/** Without a place: shorter where it is, longer where it is if there is room, and else somewhere else. */
const resize = (memory: PosixMemory, request: Remap): number => {
  const { space } = memory;
  const { first, pages, after, flags } = request;
  checkMapped(memory, first);
  if (pages === 0) {
    checkShared(memory, first);
    if ((flags & MREMAP_MAYMOVE) === 0) return refuse("ENOMEM");
    return duplicate(memory, request, placeHinted(memory, 0n, after), false);
  }
  if (after === pages) return checkOne(memory, first, 1);
  if (after < pages) {
    cutOff(memory, request);
    return first;
  }
  checkOne(memory, first, pages);
  if (growRange(space, first, pages, after)) return first;
  if ((flags & MREMAP_MAYMOVE) === 0) return refuse("ENOMEM");
  return moveRange(space, { first, pages, after, to: placeHinted(memory, 0n, after) });
};

/** With a place: whatever is there goes first. */
const moveThere = (memory: PosixMemory, request: Remap): number => {
  const { limits, space } = memory;
  const { first, pages, after, flags, to } = request;
  checkMapped(memory, first);
  const isFixed = (flags & MREMAP_FIXED) !== 0;
  if (pages === 0) checkShared(memory, first);
  if (after >= pages && pages > 0 && !(isFixed && after === pages)) checkOne(memory, first, pages);
  if (isFixed && to < limits.lowestAddress) {
    // What is cut off has gone by the time that the place is looked at.
    if (after < pages) cutOff(memory, request);
    return refuse("EPERM");
  }
  if (isFixed && pages === after) return moveAll(memory, request);
  if (pages === after) return moveOne(memory, first, pages, placeOf(memory, request, to, after), request);
  if (after < pages) return moveShorter(memory, request);
  const there = placeOf(memory, request, to, after);
  if (pages === 0) {
    if (!isFixed || first < there || first >= there + after) return duplicate(memory, request, there, isFixed);
    // The place is cleared first, and there is nothing left to be seen twice.
    unmapRange(space, there, after);
    return refuse("EFAULT");
  }
  return moveRange(space, { first, pages, after, to: there, replaces: isFixed });
};

/** Unmaps what is behind the new end, up to the old one, wherever that is. */
const cutOff = (memory: PosixMemory, { first, pages, after }: Remap): void => {
  const { units } = memory;
  unmap(memory, units.addressOf(first + after), units.bytesOf(pages - after));
};

/** Only what is left has to be one mapping; what is cut off goes, whatever it is. */
const moveShorter = (memory: PosixMemory, request: Remap): number => {
  const { space, units } = memory;
  const { first, pages, after } = request;
  const to = units.pageOf(request.to);
  checkOne(memory, first, after);
  if (first + pages > units.pageOf(memory.limits.endAddress)) {
    unmapRange(space, to, after);
    return refuse(space.tree.find(first) < 0 ? "EFAULT" : "EINVAL");
  }
  moveRange(space, { first, pages: after, after, to, replaces: true });
  cutOff(memory, request);
  return to;
};

/** Moves one mapping, or leaves a new one in its place with nothing in it. Where it is afterwards. */
const moveOne = (memory: PosixMemory, first: number, pages: number, to: number, { flags }: Remap): number => {
  const { space } = memory;
  const left = (flags & MREMAP_DONTUNMAP) !== 0 ? describe(memory, space.tree.find(first), first) : null;
  moveRange(space, { first, pages, after: pages, to, replaces: (flags & MREMAP_FIXED) !== 0 });
  if (left === null) return to;
  try {
    mapArea(space, { ...left, first, pages });
  } catch (error) {
    moveRange(space, { first: to, pages, after: pages, to: first });
    throw error;
  }
  return to;
};

/** Where a call has a mapping go: it says so, or says where it would like it. */
const placeOf = (memory: PosixMemory, { flags }: Remap, to: bigint, pages: number): number =>
  (flags & MREMAP_FIXED) !== 0 ? memory.units.pageOf(to) : placeHinted(memory, to, pages);

/**
 * A move that changes no length may take several mappings along, and keeps the room between them. Parts of shared segments
 * move alone.
 * @see Linux man-pages mremap(2), since Linux 6.17
 */
const moveAll = (memory: PosixMemory, request: Remap): number => {
  const { space, parts, units } = memory;
  const { areas } = parts;
  const { first, pages } = request;
  const end = first + pages;
  const to = units.pageOf(request.to);
  let behind = first;
  for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, behind, end)) {
    const from = Math.max(behind, areas.firstOf(area));
    const until = Math.min(end, endOfMapping(memory, area));
    if (isAttachment(areas.backendOf(area)) && (from > first || until < end)) return refuse("EFAULT");
    moveOne(memory, from, until - from, to + (from - first), request);
    behind = until;
  }
  return to;
};

/** The page behind a mapping, however many areas it is. */
const endOfMapping = ({ space, parts }: PosixMemory, area: number): number => {
  let last = area;
  for (let next = space.tree.next(last); next >= 0 && areOneMapping(space, last, next); next = space.tree.next(last)) last = next;
  return parts.areas.endOf(last);
};

/** An area as a request to map the same again from one of its pages on. */
const describe = ({ space, parts }: PosixMemory, area: number, from: number) => {
  const { areas } = parts;
  const object = areas.objectOf(area);
  const backend = areas.backendOf(area);
  if (object === null || backend === null) return refuse("EFAULT");
  const bottom = bottomOf(object);
  return {
    flags: areas.flagsOf(area),
    traits: traitsOver(space, area, bottom),
    backend,
    object: bottom,
    offset: bottom.kind === "anonymous" ? 0 : areas.offsetOf(area) + (from - areas.firstOf(area)),
  };
};

/** A second place for memory that is shared anyway. */
const duplicate = (memory: PosixMemory, { first, after }: Remap, to: number, replaces: boolean): number => {
  const { space } = memory;
  return mapArea(space, { ...describe(memory, space.tree.find(first), first), first: to, pages: after, replaces });
};

const checkMapped = ({ space }: PosixMemory, page: number): void => {
  if (space.tree.find(page) < 0) refuse("EFAULT");
};

/** Private memory cannot be seen twice. */
const checkShared = ({ space, parts }: PosixMemory, page: number): void => {
  const { areas } = parts;
  const area = space.tree.find(page);
  if (areas.objectOf(area)?.kind !== "file" || (areas.traitsOf(area) & COPY_ON_WRITE) !== 0) refuse("EINVAL");
};

/** Is a range one mapping? Refuses with EFAULT otherwise. Its first page. */
const checkOne = (memory: PosixMemory, first: number, pages: number): number => {
  const area = memory.space.tree.find(first);
  return area < 0 || endOfMapping(memory, area) < first + pages ? refuse("EFAULT") : first;
};
