/**
 * Memory whose bytes are needed no more: it stays mapped, and what was private comes again as the object under it has it.
 * @see Linux man-pages madvise(2), MADV_DONTNEED and MADV_FREE
 */
import { NO_AREA } from "../area/area-table.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { ShadowObject } from "../objects/shadow-object.js";
import type { AddressSpace } from "./address-space.js";
import { withdrawPages } from "./destroy-area.js";
import { areaIn, bottomOf, checkComplete, traitsOver } from "./each-range.js";
import { mergeAround } from "./merge-areas.js";

/**
 * Discards what is private in pages [first, first + count), and unmaps the rest. In a space that came of a fork, or was
 * forked, the others keep what they have.
 *
 * @returns false if some page lies in no area: all others are discarded
 * @throws PortolanError ERR_AREA_BUSY, ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const discardRange = (space: AddressSpace, first: number, count: number): boolean => {
  const { areas, locks } = space.parts;
  const end = first + count;
  locks.acquire("address-space", space.id);
  try {
    checkComplete(space, first, end);
    const splits = space.splits.begin();
    splits.promiseGap();
    if (isCovering(space, space.tree.find(first))) splits.at(first);
    if (isCovering(space, space.tree.find(end - 1))) splits.at(end);
    splits.carryOut(true);
    let page = first;
    let isWhole = true;
    for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, page, end)) {
      if (areas.firstOf(area) > page) isWhole = false;
      page = areas.endOf(area);
      const from = Math.max(first, areas.firstOf(area));
      discard(space, area, from, Math.min(end, page) - from);
    }
    splits.settle();
    mergeAround(space, first, end);
    return isWhole && page >= end;
  } finally {
    locks.release("address-space", space.id);
  }
};

/** Does the area see private pages that are not its own alone? To see past them it needs another front. */
const isCovering = (space: AddressSpace, area: number): boolean => {
  if (area === NO_AREA) return false;
  const object = space.parts.areas.objectOf(area);
  return object instanceof ShadowObject && (!object.isWritable || object.below instanceof ShadowObject);
};

/** Discards a part of an area, or all of it where it needs another front. Never fails. */
const discard = (space: AddressSpace, area: number, first: number, count: number): void => {
  const { areas, locks } = space.parts;
  const object = areas.objectOf(area);
  // What was mapped by hand is nowhere else.
  if (object === null) return;
  locks.acquire("area", area);
  withdrawPages(space, area, first, count, true);
  lockObject(locks, object);
  if (isCovering(space, area)) {
    const bottom = bottomOf(object);
    bottom.link(area);
    object.unlink(area);
    areas.setObject(area, bottom, areas.offsetOf(area));
    areas.setTraits(area, traitsOver(space, area, bottom));
  } else if (object instanceof ShadowObject) {
    const { frameGone, slotGone } = object.parts;
    object.cache.removeRange(areas.offsetOf(area) + first - areas.firstOf(area), count, frameGone, slotGone);
  }
  unlockObject(locks, object);
  locks.release("area", area);
};
