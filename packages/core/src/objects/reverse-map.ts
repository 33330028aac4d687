/**
 * From a page of an object to the entries that map it: the areas of the object, and of every shadow above it, say where
 * the page would be; their tables say whether it is.
 */
import type { SpaceParts } from "../address-space/parts.js";
import type { MemoryObject } from "./memory-object.js";
import { ABSENT, type PageCache } from "./page-cache.js";

/**
 * Calls `visit` for every entry that maps the frame which `object` has at `offset`, with the space's number, the area's
 * row and the page. The object is locked; `visit` may withdraw the entry, and must not change who stands on whom.
 */
export const eachMapping = (
  parts: SpaceParts,
  object: MemoryObject & { readonly cache: PageCache },
  offset: number,
  visit: (space: number, area: number, page: number) => void,
): void => {
  const frame = object.cache.get(offset);
  if (frame >= 0) visitThrough(parts, object, offset, frame, visit);
};

/** As {@link eachMapping}, for a frame that an object without a cache has at `offset`. */
export const visitThrough = (
  parts: SpaceParts,
  object: MemoryObject,
  offset: number,
  frame: number,
  visit: (space: number, area: number, page: number) => void,
): void => {
  const { areas, tables, locks } = parts;
  for (const area of object.areas ?? []) {
    const within = offset - areas.offsetOf(area);
    if (within < 0 || within >= areas.pagesOf(area)) continue;
    const page = areas.firstOf(area) + within;
    if (!areas.used.contains(area, page)) continue;
    const space = parts.spaceOf(area);
    locks.acquire("page-table", space.id);
    const isMapped = tables.find(space.context, page) && tables.found.frame === frame;
    locks.release("page-table", space.id);
    if (isMapped) visit(space.id, area, page);
  }
  for (const shadower of object.shadowers ?? []) {
    // One that has the page itself hides this one.
    if ((shadower as MemoryObject & { readonly cache: PageCache }).cache.get(offset) === ABSENT)
      visitThrough(parts, shadower, offset, frame, visit);
  }
};
