/**
 * What a file's pages look like from its areas: the file asks for entries to be narrowed before a page is written out,
 * and for entries to go before a page does. Each area is visited under the locks of its space and of itself, one after
 * another, and no lock of the file is held meanwhile.
 */
import { PAGE_ACCESSED, PAGE_DIRTY, WRITE, type PageFlags } from "../architecture/rights.js";
import { withdrawPages } from "../address-space/destroy-area.js";
import type { SpaceParts } from "../address-space/parts.js";

/** Calls `visit` for every area of `areas` that reaches pages of [first, first + count) of its object, with those pages in the space. */
const eachReach = (
  parts: SpaceParts,
  areas: Iterable<number>,
  first: number,
  count: number,
  visit: (area: number, page: number, pages: number) => void,
): void => {
  const { locks } = parts;
  // A copy: visiting may let others run, who map and unmap.
  for (const area of Array.from(areas)) {
    if (!parts.areas.isArea(area)) continue;
    const space = parts.spaceOf(area);
    locks.acquire("address-space", space.id);
    locks.acquire("area", area);
    try {
      const begin = parts.areas.firstOf(area);
      const shift = begin - parts.areas.offsetOf(area);
      const from = Math.max(begin, first + shift);
      const to = Math.min(begin + parts.areas.pagesOf(area), first + count + shift);
      if (from < to) visit(area, from, to - from);
    } finally {
      locks.release("area", area);
      locks.release("address-space", space.id);
    }
  }
};

/**
 * No entry of these areas lets anybody write pages of [first, first + count) of their object, and no processor holds a
 * translation that does, when this returns.
 * @param isMeant leaves out pages of the object whose entries may stay as they are
 */
export const writeProtect = (
  parts: SpaceParts,
  areas: Iterable<number>,
  first: number,
  count: number,
  isMeant: (offset: number) => boolean,
): void =>
  eachReach(parts, areas, first, count, (area, page, pages) => {
    const { context } = parts.spaceOf(area);
    const { used } = parts.areas;
    const shift = parts.areas.offsetOf(area) - parts.areas.firstOf(area);
    // The range that somebody may hold writable is found first: where there is none, nobody is stopped.
    const found: number[] = [];
    parts.locks.acquire("page-table", context.id);
    for (let at = used.nextAtOrAbove(area, page); at >= 0 && at < page + pages; at = used.nextAtOrAbove(area, at + 1)) {
      if (isMeant(at + shift) && parts.tables.find(context, at) && (parts.tables.found.flags & WRITE) !== 0) found.push(at);
    }
    parts.locks.release("page-table", context.id);
    if (found.length === 0) return;
    const from = found[0];
    const debt = parts.withdrawals.begin(context, from, found[found.length - 1] - from + 1);
    for (const at of found) {
      if (!parts.tables.find(context, at)) continue;
      const { flags } = parts.tables.found;
      parts.tables.update(context, at, withoutWrite(flags), debt);
    }
    parts.withdrawals.settle();
  });

const withoutWrite = (flags: PageFlags): PageFlags => flags & ~(WRITE | PAGE_ACCESSED | PAGE_DIRTY);

/** No entry of these areas shows pages of [first, first + count) of their object any more when this returns. */
export const unmapEverywhere = (parts: SpaceParts, areas: Iterable<number>, first: number, count: number): void =>
  eachReach(parts, areas, first, count, (area, page, pages) => withdrawPages(parts.spaceOf(area), area, page, pages));
