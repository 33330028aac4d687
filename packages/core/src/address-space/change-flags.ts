/** @see HelenOS kernel/generic/src/mm/as.c, as_area_change_flags() */
import { AREA_CACHEABLE, COPY_ON_WRITE, checkAreaFlags, pageFlagsOf, type AreaFlags } from "../area/area-flags.js";
import { WRITE, permits } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import type { Wide } from "../units/address-units.js";
import type { AddressSpace } from "./address-space.js";
import { areaAt } from "./create-area.js";

/**
 * Gives an unshared anonymous area other rights. Frames, contents and used space stay; every mapping is rewritten
 * while the other processors wait, so that old and new rights are never in use together.
 *
 * Cacheability is kept unless asked otherwise: a permission change alone must not make memory uncached.
 *
 * @param keepCacheable true: CACHEABLE of the area stays as it is, whatever `flags` say
 * @throws PortolanError ERR_AREA_FLAGS, ERR_AREA_NOT_FOUND, ERR_AREA_BUSY, ERR_AREA_KIND; nothing has changed then
 */
export const changeAreaFlags = (space: AddressSpace, address: Wide, flags: AreaFlags, keepCacheable: boolean): void => {
  const { areas, tables, withdrawals, locks, events } = space.parts;
  checkAreaFlags(flags);
  locks.acquire("address-space", space.id);
  try {
    const area = areaAt(space, address);
    const backend = areas.backendOf(area);
    if (backend === null || !backend.canChangeFlags || isShared(space, area)) {
      throw new PortolanError("ERR_AREA_KIND", { address: BigInt(address), backend: backend === null ? "none" : backend.name });
    }
    const kept = keepCacheable ? (flags & ~AREA_CACHEABLE) | (areas.flagsOf(area) & AREA_CACHEABLE) : flags;
    const first = areas.firstOf(area);
    const pages = areas.pagesOf(area);
    locks.acquire("area", area);
    const debt = withdrawals.begin(space.context, first, pages);
    const allowed = pageFlagsOf(kept, space.pageOwner);
    const isCopying = (areas.traitsOf(area) & COPY_ON_WRITE) !== 0;
    let page = areas.used.nextAtOrAbove(area, first);
    while (page >= 0) {
      const end = areas.used.intervalEnd(area, page);
      for (; page < end; page += 1) {
        // After a fork a page that may not be written waits for its copy, whatever the area permits.
        if (isCopying) tables.find(space.context, page);
        const waits = isCopying && !permits(tables.found.rights, space.privilege, WRITE);
        tables.update(space.context, page, waits ? allowed & ~WRITE : allowed, debt);
      }
      page = areas.used.nextAtOrAbove(area, page);
    }
    areas.setFlags(area, kept);
    withdrawals.settle();
    locks.release("area", area);
    if (events.sink !== null) events.sink({ kind: "area", space: space.id, first, pages, action: "flags" });
  } finally {
    locks.release("address-space", space.id);
  }
};

/**
 * Does another area show the same object? While this area's space is locked nobody can begin to, if nobody does now:
 * sharing starts from an area that has the object.
 */
export const isShared = (space: AddressSpace, area: number): boolean => {
  const { areas, locks } = space.parts;
  const object = areas.objectOf(area);
  if (object === null || object.kind !== "shared") return false;
  lockObject(locks, object);
  const shared = object.links > 1;
  unlockObject(locks, object);
  return shared;
};
