/** Which frame is behind an address, if there is one: a look, without bringing anything in. */
import type { MemoryObject } from "../objects/memory-object.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { BUSY, type PageCache } from "../objects/page-cache.js";
import type { Wide } from "../units/address-units.js";
import type { AddressSpace } from "./address-space.js";

/** A page that is in memory. */
export interface ResidentPage {
  /** Frame number. */
  readonly frame: number;
  /** Does an entry of this space map it already? Otherwise only an object of the area's stack has it. */
  readonly isMapped: boolean;
}

/**
 * The page that a read of this address would find, if that is in memory: what the tables map, or the first resident page in
 * the area's stack. Pure: no page comes in, and no reference is taken, so the answer is good until something changes.
 *
 * @returns null where there is no area, where no page has come in yet, and where it is swapped out or on its way
 * @throws PortolanError ERR_BAD_ADDRESS
 */
export const virtToPage = (space: AddressSpace, address: Wide): ResidentPage | null => {
  const { areas, locks, tables, units } = space.parts;
  const page = units.pageOf(address);
  locks.acquire("address-space", space.id);
  try {
    const area = space.tree.find(page);
    if (area < 0) return null;
    locks.acquire("page-table", space.id);
    const isMapped = tables.find(space.context, page);
    const { frame } = tables.found;
    locks.release("page-table", space.id);
    if (isMapped) return { frame, isMapped };
    const front = areas.objectOf(area);
    lockObject(locks, front);
    const resident = firstResident(front, areas.offsetOf(area) + (page - areas.firstOf(area)));
    unlockObject(locks, front);
    return resident < 0 ? null : { frame: resident, isMapped: false };
  } finally {
    locks.release("address-space", space.id);
  }
};

const firstResident = (front: MemoryObject | null, offset: number): number => {
  for (let object = front; object !== null; object = object.below ?? null) {
    const cache = "cache" in object ? (object.cache as PageCache) : null;
    if (cache === null) continue;
    const frame = cache.get(offset);
    if (frame >= 0) return (cache.marksOf(offset) & BUSY) === 0 ? frame : -1;
    // Present, but not resident: what lies further down is older.
    if (cache.slotOf(offset) >= 0) return -1;
  }
  return -1;
};
