/** Making one area of neighbours that are alike: what was cut in two for a while becomes one again. */
import { COPY_ON_WRITE } from "../area/area-flags.js";
import { NO_AREA } from "../area/area-table.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import type { AddressSpace } from "./address-space.js";
import { bottomOf } from "./each-range.js";

/**
 * Does `upper` go on where `lower` ends, with the same rights, of the same making? Whether a private area has been put
 * behind a shadow is for the two objects to say.
 */
const areAlike = (space: AddressSpace, lower: number, upper: number): boolean => {
  const { areas } = space.parts;
  return (
    areas.endOf(lower) === areas.firstOf(upper) &&
    areas.flagsOf(lower) === areas.flagsOf(upper) &&
    ((areas.traitsOf(lower) ^ areas.traitsOf(upper)) & ~COPY_ON_WRITE) === 0 &&
    areas.backendOf(lower) === areas.backendOf(upper) &&
    areas.isGuarded(lower) === areas.isGuarded(upper) &&
    !areas.isPartial(lower) &&
    !areas.isPartial(upper)
  );
};

/** May the two be one area: alike, and one run of pages of one object? */
const areMergeable = (space: AddressSpace, lower: number, upper: number): boolean => {
  const { areas, backends } = space.parts;
  if (!areAlike(space, lower, upper)) return false;
  const object = areas.objectOf(lower);
  if (object !== areas.objectOf(upper) || areas.traitsOf(lower) !== areas.traitsOf(upper)) return false;
  return object === backends.anonymous || areas.offsetOf(lower) + areas.pagesOf(lower) === areas.offsetOf(upper);
};

/**
 * Are the two one mapping to whoever looks on, though perhaps two areas: alike, and one run of pages of what lies under
 * their shadows?
 */
export const areOneMapping = (space: AddressSpace, lower: number, upper: number): boolean => {
  const { areas, backends } = space.parts;
  if (!areAlike(space, lower, upper)) return false;
  const one = areas.objectOf(lower);
  const other = areas.objectOf(upper);
  if (one === null || other === null) return one === other;
  const bottom = bottomOf(one);
  if (bottom !== bottomOf(other)) return false;
  return bottom === backends.anonymous || areas.offsetOf(lower) + areas.pagesOf(lower) === areas.offsetOf(upper);
};

/**
 * Makes one area of `lower` and the one above it, if the two may be one and there is memory for their used pages in one
 * tree, where there are many. Nothing is lost if they stay two, and nothing fails.
 *
 * @param isPromised there is memory: they were one just now
 * @returns true if they are one now
 */
export const mergeWithNext = (space: AddressSpace, lower: number, isPromised = false): boolean => {
  const { areas, locks, events } = space.parts;
  const upper = space.tree.next(lower);
  if (upper < 0 || !areMergeable(space, lower, upper) || !areas.used.join(lower, upper, isPromised)) return false;
  locks.acquire("area", lower);
  areas.setPages(lower, areas.pagesOf(lower) + areas.pagesOf(upper));
  space.tree.remove(upper);
  const object = areas.objectOf(upper);
  // What only its window showed is seen in the longer one: that has to be there first.
  lockObject(locks, object);
  object?.unlink(upper);
  unlockObject(locks, object);
  areas.destroy(upper);
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
  while (area >= 0 && areas.endOf(area) <= end) if (!mergeWithNext(space, area)) area = space.tree.next(area);
};
