/** Taking pages away from an area, a part of it or all of it. */
import { lockObject, unlockObject } from "../objects/object-lock.js";
import type { AddressSpace } from "./address-space.js";

/**
 * Unmaps every used page of [first, first + count) in one withdrawal: other processors have forgotten the
 * translations before any frame goes. Where none is used nobody can hold a translation, and nobody is asked to forget.
 * Cannot fail.
 *
 * @param isPromised the area has pages on both sides, and `used.reserve` has promised that their intervals may come apart
 */
export const withdrawPages = (space: AddressSpace, area: number, first: number, count: number, isPromised = false): void => {
  const { areas, tables, withdrawals, events } = space.parts;
  if (areas.used.pagesOf(area) === 0) return;
  const debt = withdrawals.begin(space.context, first, count);
  let page = areas.used.nextAtOrAbove(area, first);
  while (page >= 0 && page < first + count) {
    const end = Math.min(areas.used.intervalEnd(area, page), first + count);
    for (; page < end; page += 1) {
      if (!tables.remove(space.context, page, debt)) throw new Error("a used page has no mapping");
      const { frame } = tables.found;
      debt.releaseLater(frame);
      if (events.sink !== null) events.sink({ kind: "unmap", space: space.id, page, frame });
    }
    page = areas.used.nextAtOrAbove(area, page);
  }
  areas.used.removeRange(area, first, count, isPromised);
  withdrawals.settle();
};

/** Destroys an area: its mappings, its place in the space, its use of the object. Cannot fail. */
export const destroyArea = (space: AddressSpace, area: number): void => {
  const { areas, locks, events } = space.parts;
  const object = areas.objectOf(area);
  // Everything is locked before anything goes.
  locks.acquire("area", area);
  lockObject(locks, object);
  const first = areas.firstOf(area);
  const pages = areas.pagesOf(area);
  withdrawPages(space, area, first, pages);
  space.tree.remove(area);
  // The object asks which of its pages the area showed.
  object?.unlink(area);
  unlockObject(locks, object);
  locks.release("area", area);
  areas.destroy(area);
  if (events.sink !== null) events.sink({ kind: "area", space: space.id, first, pages, action: "destroy" });
};
