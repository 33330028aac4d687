/** Which pages could be read without waiting for anything. @see Linux man-pages mincore(2) */
import { ShadowObject } from "../objects/shadow-object.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { ABSENT } from "../objects/page-cache.js";
import type { MemoryObject } from "../objects/memory-object.js";
import type { AddressSpace } from "./address-space.js";
import { areaIn, checkCovered } from "./each-range.js";

/**
 * Fills `resident` with 1 for every page of [first, first + its length) that is in memory now, and 0 for the others.
 * Changes nothing, and brings nothing in.
 *
 * @throws PortolanError ERR_AREA_NOT_FOUND (a page without an area), ERR_AREA_BUSY; `resident` is as it was then
 */
export const residentPages = (space: AddressSpace, first: number, resident: Uint8Array): void => {
  const { areas, locks, tables } = space.parts;
  const end = first + resident.length;
  locks.acquire("address-space", space.id);
  try {
    checkCovered(space, first, end);
    for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, areas.endOf(area), end)) {
      const object = areas.objectOf(area);
      locks.acquire("area", area);
      lockObject(locks, object);
      locks.acquire("page-table", space.id);
      const shift = areas.offsetOf(area) - areas.firstOf(area);
      for (let page = Math.max(first, areas.firstOf(area)); page < Math.min(end, areas.endOf(area)); page += 1) {
        resident[page - first] = tables.find(space.context, page) || isResident(object, page + shift) ? 1 : 0;
      }
      locks.release("page-table", space.id);
      unlockObject(locks, object);
      locks.release("area", area);
    }
  } finally {
    locks.release("address-space", space.id);
  }
};

/** Has the stack the page in memory? What its highest object has is what counts, and zeroes of anonymous memory are not there. */
const isResident = (front: MemoryObject | null, offset: number): boolean => {
  let object = front;
  for (; object instanceof ShadowObject; object = object.below) {
    const frame = object.cache.get(offset);
    if (frame !== ABSENT) return frame >= 0;
  }
  return object?.isResident?.(offset) ?? false;
};
