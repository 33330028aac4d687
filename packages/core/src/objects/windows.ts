/**
 * An area shows a window of its stack: the offsets from its own on, as many as it has pages. A page of a shadow that lies
 * in no window of those who could see it is garbage, and goes as soon as it becomes that: when an area shrinks, goes, is
 * cut or moved.
 */
import { NO_AREA } from "../area/area-table.js";
import { UNKNOWN } from "./collapse.js";
import type { MemoryObject } from "./memory-object.js";
import { ShadowObject } from "./shadow-object.js";

/**
 * Lets pages of [first, first + count) go, and slots, that no area sees any more, in every shadow from `object` down; the
 * tree is kept within its bounds. To be called after a window shrank or moved, for the offsets that it left, with the
 * object locked. (An area that goes needs no call: `unlink` does this for its whole window.) Never fails.
 */
export const releaseUnreachable = (object: MemoryObject, first: number, count: number): void => {
  if (object instanceof ShadowObject) releaseHidden(object, first, count);
};

/** As {@link releaseUnreachable}. */
export const releaseHidden = (top: ShadowObject, first: number, count: number): void => {
  const { frameGone, slotGone } = top.parts;
  let object: MemoryObject | null = top;
  while (object instanceof ShadowObject) {
    const { cache } = object;
    const covering = coverage(object, first, count);
    // Whatever is below is seen by the same areas, and more.
    if (covering === ALL_OF_IT) return;
    // The page that it was known to lack may be seen no more.
    object.lacks = UNKNOWN;
    if (covering === NONE_OF_IT) cache.removeRange(first, count, frameGone, slotGone);
    else {
      for (let offset = cache.nextPresent(first); offset >= 0 && offset < first + count; offset = cache.nextPresent(offset + 1)) {
        if (!isReachable(object, offset)) cache.removeRange(offset, 1, frameGone, slotGone);
      }
    }
    object = object.below;
  }
};

/** Can an area whose stack contains the object see the page at `offset` of it, if nothing in front has one? */
export const isReachable = (object: ShadowObject, offset: number): boolean => {
  // Somebody keeps it in front of an object that is no shadow: that one has no window.
  if (object.holders > 0) return true;
  const { areas } = object.parts;
  for (const area of object.areas) {
    const within = offset - areas.offsetOf(area);
    if (within >= 0 && within < areas.pagesOf(area)) return true;
  }
  for (const shadower of object.shadowers) if (isReachable(shadower, offset)) return true;
  return false;
};

/** Is no page of [first, first + count) present in any shadow of the stack? Then an area may grow over it. */
export const isVacant = (object: MemoryObject | null, first: number, count: number): boolean => {
  for (let each = object; each instanceof ShadowObject; each = each.below) {
    const present = each.cache.nextPresent(first);
    if (present >= 0 && present < first + count) return false;
  }
  return true;
};

/** Calls `visit` for every area whose stack contains the object, its row. */
export const eachArea = (object: MemoryObject, visit: (area: number) => void): void => {
  if (object.areas !== undefined) for (const area of object.areas) if (area !== NO_AREA) visit(area);
  if (object.shadowers !== undefined) for (const shadower of object.shadowers) eachArea(shadower, visit);
};

const NONE_OF_IT = 0;
const SOME_OF_IT = 1;
const ALL_OF_IT = 2;

/** How much of [first, first + count) some single area sees through the object. */
const coverage = (object: ShadowObject, first: number, count: number): number => {
  if (object.holders > 0) return ALL_OF_IT;
  const { areas } = object.parts;
  let most = NONE_OF_IT;
  for (const area of object.areas) {
    const from = areas.offsetOf(area);
    const end = from + areas.pagesOf(area);
    if (from <= first && first + count <= end) return ALL_OF_IT;
    if (from < first + count && first < end) most = SOME_OF_IT;
  }
  for (const shadower of object.shadowers) {
    const through = coverage(shadower, first, count);
    if (through === ALL_OF_IT) return through;
    if (through === SOME_OF_IT) most = through;
  }
  return most;
};
