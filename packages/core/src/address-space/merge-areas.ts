/** Making one area of neighbours that are alike: what was cut in two for a while becomes one again. */
import { COPY_ON_WRITE } from "../area/area-flags.js";
import { NO_AREA } from "../area/area-table.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import type { AddressSpace } from "./address-space.js";
import { bottomOf } from "./each-range.js";

/** May the two be one area: neighbours, alike, and one run of pages of one object? */
const areMergeable = (space: AddressSpace, lower: number, upper: number): boolean => {
  const { areas, backends } = space.parts;
  if (!areas.continues(lower, upper)) return false;
  return areas.offsetOf(lower) + areas.pagesOf(lower) === areas.offsetOf(upper) || areas.objectOf(lower) === backends.anonymous;
};

/**
 * Are the two one mapping to whoever looks on, though perhaps two areas: alike, and one run of pages of what lies under
 * their shadows?
 */
export const areOneMapping = (space: AddressSpace, lower: number, upper: number): boolean => {
  const { areas, backends } = space.parts;
  if (areas.endOf(lower) !== areas.firstOf(upper) || !areas.areAlike(lower, upper)) return false;
  const one = areas.objectOf(lower);
  const other = areas.objectOf(upper);
  if (one === null || other === null) return one === other;
  const bottom = bottomOf(one);
  if (bottom !== bottomOf(other)) return false;
  // Of files there are private and shared mappings from the start; other areas copy before a write once they were forked.
  if (bottom?.kind === "file" && ((areas.traitsOf(lower) ^ areas.traitsOf(upper)) & COPY_ON_WRITE) !== 0) return false;
  return bottom === backends.anonymous || areas.offsetOf(lower) + areas.pagesOf(lower) === areas.offsetOf(upper);
};

/**
 * Makes one area of `lower` and `upper`, the one above it (−1: there is none), if the two may be one and there is memory for their used pages in one
 * tree, where there are many. Nothing is lost if they stay two, and nothing fails.
 *
 * @param isPromised there is memory: they were one just now
 * @returns true if they are one now
 */
export const mergeWithNext = (space: AddressSpace, lower: number, upper: number, isPromised = false): boolean => {
  const { areas, locks, events } = space.parts;
  if (lower < 0 || upper < 0 || !areMergeable(space, lower, upper)) return false;
  if (areas.used.pagesOf(upper) > 0 && !areas.used.join(lower, upper, isPromised)) return false;
  locks.acquire("area", lower);
  areas.setPages(lower, areas.pagesOf(lower) + areas.pagesOf(upper));
  space.tree.remove(upper, lower);
  const object = areas.objectOf(upper);
  // What only its window showed is seen in the longer one: that has to be there first.
  lockObject(locks, object);
  object?.unlink(upper);
  unlockObject(locks, object);
  areas.destroyMerged(upper);
  locks.release("area", lower);
  if (events.sink !== null)
    events.sink({ kind: "area", space: space.id, first: areas.firstOf(lower), pages: areas.pagesOf(lower), action: "merge" });
  return true;
};

/** Merges what may be merged among the areas of [first, end) and the neighbours that they touch. Never fails. */
export const mergeAround = (space: AddressSpace, first: number, end: number): void => {
  const { areas } = space.parts;
  let area = first > 0 ? space.tree.find(first - 1) : NO_AREA;
  if (area < 0) area = space.tree.atOrAbove(first);
  while (area >= 0 && areas.endOf(area) <= end) {
    const upper = space.tree.next(area);
    if (!mergeWithNext(space, area, upper)) area = upper;
  }
};
