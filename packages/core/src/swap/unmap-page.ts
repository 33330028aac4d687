/** From a page of an object to its entries, for work that takes the locks of spaces: one mapping at a time, and none while the object is locked. */
import { withdrawPages } from "../address-space/destroy-area.js";
import type { SpaceParts } from "../address-space/parts.js";
import type { MemoryObject } from "../objects/memory-object.js";
import type { PagedObject } from "../objects/object-parts.js";
import { BUSY, WIRED } from "../objects/page-cache.js";
import { eachMapping } from "../objects/reverse-map.js";

/** An object whose pages may leave memory, and be found in page tables. */
export type SwappableObject = MemoryObject & Pick<PagedObject, "number" | "cache">;

/** Somebody maps the page again whenever it is unmapped: it is left alone. */
const MOST_ROUNDS = 8;

/**
 * Calls `visit` for every entry that mapped a page of an object a moment ago. No lock is held, then or now: the area may be
 * gone, or show something else.
 * @param isMeant asked with the entry in `tables.found`
 * @returns how many there were
 */
export const eachMappingUnlocked = (
  parts: SpaceParts,
  object: SwappableObject,
  offset: number,
  isMeant: () => boolean,
  visit: (area: number, page: number) => void,
): number => {
  const found: number[] = [];
  parts.locks.acquire("object", object.number);
  eachMapping(parts, object, offset, (_space, area, page) => {
    if (isMeant()) found.push(area, page);
  });
  parts.locks.release("object", object.number);
  for (let i = 0; i < found.length; i += 2) visit(found[i], found[i + 1]);
  return found.length / 2;
};

const always = (): boolean => true;

/**
 * Takes every entry away that maps a page of an object. No lock is held.
 * @returns how many there were. A page that somebody maps again at once is given up after a few rounds: whoever goes on has
 *   to look at the frame's references
 * @throws PortolanError ERR_OUT_OF_MEMORY; some entries may have gone then, which nobody misses
 */
export const unmapPage = (parts: SpaceParts, object: SwappableObject, offset: number): number => {
  let taken = 0;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const frame = object.cache.get(offset);
    const found = eachMappingUnlocked(parts, object, offset, always, (area, page) => {
      if (withdrawEntry(parts, area, page, frame)) taken += 1;
    });
    if (found === 0) break;
  }
  return taken;
};

/**
 * Takes a page out of memory that its object can make again at any time. No lock is held.
 * @returns false if it stays: it is wired, busy, or somebody has mapped it again
 * @throws PortolanError ERR_OUT_OF_MEMORY; the page has stayed then
 */
export const dropPage = (parts: SpaceParts, object: SwappableObject, offset: number): boolean => {
  const { locks, frames } = parts;
  unmapPage(parts, object, offset);
  locks.acquire("object", object.number);
  const { cache } = object;
  const frame = cache.get(offset);
  const goes = frame >= 0 && (cache.marksOf(offset) & (BUSY | WIRED)) === 0 && frames.references(frame) === 1;
  if (goes) {
    cache.remove(offset);
    frames.release(frame);
  }
  locks.release("object", object.number);
  return goes;
};

/** Takes one entry away, if it still maps that frame. */
const withdrawEntry = (parts: SpaceParts, area: number, page: number, frame: number): boolean => {
  const { areas, locks, tables, spaceOf } = parts;
  if (!areas.isArea(area)) return false;
  const space = spaceOf(area);
  locks.acquire("address-space", space.id);
  try {
    if (!areas.isArea(area) || areas.spaceOf(area) !== space.id || !areas.used.contains(area, page)) return false;
    locks.acquire("area", area);
    try {
      locks.acquire("page-table", space.id);
      const isMapped = tables.find(space.context, page) && tables.found.frame === frame;
      locks.release("page-table", space.id);
      if (!isMapped) return false;
      // It may lie in the midst of others.
      const promised = areas.used.trees.reserved;
      areas.used.reserve(area);
      withdrawPages(space, area, page, 1, true);
      areas.used.settlePromises(promised);
      return true;
    } finally {
      locks.release("area", area);
    }
  } finally {
    locks.release("address-space", space.id);
  }
};
