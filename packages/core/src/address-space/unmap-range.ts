/** Taking a range of pages out of a space, whatever lies there. @see POSIX.1-2017 munmap(); Linux man-pages munmap(2) */
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { releaseUnreachable } from "../objects/windows.js";
import type { AddressSpace } from "./address-space.js";
import { destroyArea, withdrawPages } from "./destroy-area.js";
import { areaIn, checkComplete, offsetInto } from "./each-range.js";
import type { Splits } from "./split-area.js";

/**
 * Unmaps pages [first, first + count): areas that lie wholly inside are destroyed, those that reach beyond are cut, and
 * where there is no area there is nothing to do.
 *
 * @throws PortolanError ERR_AREA_BUSY, and ERR_OUT_OF_MEMORY where one area becomes two; nothing has changed then
 */
export const unmapRange = (space: AddressSpace, first: number, count: number): void => {
  const { locks, transfers } = space.parts;
  locks.acquire("address-space", space.id);
  try {
    const splits = space.splits.begin();
    prepareUnmap(space, first, count, splits);
    splits.carryOut();
    unmapPrepared(space, first, count);
  } finally {
    locks.release("address-space", space.id);
  }
  // It may have been the last mapping of a file, whose pages are written now, while no lock is held.
  transfers.start();
};

/** Everything about unmapping a range that may fail. The space is locked. @throws PortolanError as `unmapRange`; all of `splits` is abandoned then */
export const prepareUnmap = (space: AddressSpace, first: number, count: number, splits: Splits): void => {
  const { areas, backends } = space.parts;
  try {
    checkComplete(space, first, first + count);
  } catch (error) {
    splits.abandon();
    throw error;
  }
  // Ends are cut off as they are; only an area with a hole in it becomes two.
  const area = space.tree.find(first);
  if (area >= 0 && areas.firstOf(area) < first && areas.endOf(area) > first + count) splits.at(first + count);
  // What loses its front begins elsewhere in its object from then on.
  const last = space.tree.find(first + count - 1);
  if (last >= 0 && areas.endOf(last) > first + count && areas.objectOf(last) !== backends.anonymous) splits.prepareOffsets();
};

/** Unmaps a range in which no area has pages on both sides. The space is locked. Never fails. */
export const unmapPrepared = (space: AddressSpace, first: number, count: number): void => {
  const { areas } = space.parts;
  const end = first + count;
  for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, first, end)) {
    if (areas.firstOf(area) < first) cutEnd(space, area, first);
    else if (areas.endOf(area) > end) cutFront(space, area, end);
    else destroyArea(space, area);
  }
};

/** Takes the pages from `page` on away from an area that begins below. */
const cutEnd = (space: AddressSpace, area: number, page: number): void => {
  const { areas, locks } = space.parts;
  const count = areas.endOf(area) - page;
  locks.acquire("area", area);
  withdrawPages(space, area, page, count);
  areas.setPages(area, page - areas.firstOf(area));
  space.tree.resized(area);
  leaveWindow(space, area, areas.offsetOf(area) + areas.pagesOf(area), count);
  locks.release("area", area);
  tellResized(space, area);
};

/** Takes the pages below `page` away from an area that ends above. */
const cutFront = (space: AddressSpace, area: number, page: number): void => {
  const { areas, locks } = space.parts;
  const first = areas.firstOf(area);
  locks.acquire("area", area);
  withdrawPages(space, area, first, page - first);
  const offset = areas.offsetOf(area);
  areas.setOffset(area, offsetInto(space, area, page - first));
  space.tree.frontMoved(area, page);
  leaveWindow(space, area, offset, page - first);
  locks.release("area", area);
  tellResized(space, area);
};

/** Pages that only this area saw in its object go, of those offsets where it looks no more. */
export const leaveWindow = (space: AddressSpace, area: number, offset: number, count: number): void => {
  const { areas, locks } = space.parts;
  const object = areas.objectOf(area);
  if (object === null || object.kind !== "shadow") return;
  lockObject(locks, object);
  releaseUnreachable(object, offset, count);
  unlockObject(locks, object);
};

const tellResized = (space: AddressSpace, area: number): void => {
  const { areas, events } = space.parts;
  if (events.sink !== null)
    events.sink({ kind: "area", space: space.id, first: areas.firstOf(area), pages: areas.pagesOf(area), action: "resize" });
};
