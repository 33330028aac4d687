/** @see HelenOS kernel/generic/src/mm/as.c, as_area_resize() */
import { PortolanError } from "../errors.js";
import { SharedObject, lockObject, unlockObject } from "../objects/shared-object.js";
import type { Wide } from "../units/address-units.js";
import type { AddressSpace } from "./address-space.js";
import { isShared } from "./change-flags.js";
import { areaAt } from "./create-area.js";
import { withdrawPages } from "./destroy-area.js";
import { mayShowMore } from "./grow-area.js";
import { leaveWindow } from "./unmap-range.js";

/**
 * Moves the end of the area that holds `address` to `address + size`, rounded up to a page.
 *
 * @param address page aligned, anywhere inside the area
 * @param size bytes from `address`; 0 is allowed while something of the area remains below it
 * @throws PortolanError ERR_MISALIGNED, ERR_BAD_ADDRESS, ERR_AREA_NOT_FOUND, ERR_AREA_BUSY, ERR_AREA_NOT_RESIZABLE,
 *   ERR_AREA_EMPTY, ERR_AREA_RANGE, ERR_AREA_OVERLAP; nothing has changed then
 */
export const resizeArea = (space: AddressSpace, address: Wide, size: Wide): void => {
  const { areas, units, locks, events } = space.parts;
  const page = units.alignedPageOf(address);
  const more = size === 0 || size === 0n ? 0 : units.pagesFor(size);
  locks.acquire("address-space", space.id);
  try {
    const area = areaAt(space, address);
    const object = areas.objectOf(area);
    if (object !== null && (!object.isResizable || isShared(space, area))) {
      throw new PortolanError("ERR_AREA_NOT_RESIZABLE", { address: BigInt(address), backend: object.kind });
    }
    const first = areas.firstOf(area);
    const before = areas.pagesOf(area);
    const after = page - first + more;
    if (after < 1) throw new PortolanError("ERR_AREA_EMPTY", { address: BigInt(address), size: BigInt(size) });
    if (after === before) return;
    if (after > before) {
      space.placement.check(first, after, area, areas.isGuarded(area));
      if (!mayShowMore(space, area, first + before, after - before))
        throw new PortolanError("ERR_AREA_NOT_RESIZABLE", {
          address: BigInt(address),
          taken: "by areas of a fork, or cut off from this one",
        });
    } else {
      locks.acquire("area", area);
      withdrawPages(space, area, first + after, before - after);
      if (object instanceof SharedObject) {
        lockObject(locks, object);
        object.trim(areas.offsetOf(area) + after, before - after);
        unlockObject(locks, object);
      }
      locks.release("area", area);
    }
    areas.setPages(area, after);
    space.tree.resized(area);
    if (after < before) leaveWindow(space, area, areas.offsetOf(area) + after, before - after);
    if (events.sink !== null) events.sink({ kind: "area", space: space.id, first, pages: after, action: "resize" });
  } finally {
    locks.release("address-space", space.id);
  }
};
