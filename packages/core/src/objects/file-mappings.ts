/**
 * What a file's pages look like from its areas, and from those of shadows that stand on it: entries are narrowed before a
 * page is written out, and go before a page does.
 *
 * Who does such a thing holds the locks of every space that may show the file, and of the file and the shadows: nobody
 * brings a page back in between, and nothing has been changed when a lock cannot be had.
 */
import { PAGE_ACCESSED, PAGE_DIRTY, WRITE, type PageFlags } from "../architecture/rights.js";
import type { AddressSpace } from "../address-space/address-space.js";
import { withdrawPages } from "../address-space/destroy-area.js";
import type { SpaceParts } from "../address-space/parts.js";
import type { FileObject } from "./file-object.js";
import type { MemoryObject } from "./memory-object.js";
import type { PageCache } from "./page-cache.js";

/** What a file has to know of the shadows that stand on it: their pages have the file's offsets. */
export interface ShadowOfFile extends MemoryObject {
  readonly number: number;
  readonly cache: PageCache;
  readonly parts: { readonly frameGone: (frame: number) => void; readonly slotGone: (slot: number) => void };
}

const isShadow = (object: MemoryObject): object is ShadowOfFile => object.kind === "shadow";

/** Shadows that stand on the object, on those, and so on. */
export const shadowsOf = (object: MemoryObject): ShadowOfFile[] =>
  Array.from(object.shadowers ?? []).flatMap((each) => [...(isShadow(each) ? [each] : []), ...shadowsOf(each)]);

/** Areas that may show a page of the file: its own, and those of shadows over it. */
export const areasOver = (file: FileObject): number[] => [...file.areas, ...shadowsOf(file).flatMap(({ areas = [] }) => Array.from(areas))];

/** Does `work` while nobody else can do anything with the file, or with what shows it. No lock is held before. */
export const withAllLocked = <T>(file: FileObject, work: () => T): T => {
  const { locks } = file.parts;
  if (locks.discipline === null) return work();
  for (;;) {
    const spaces = spacesOver(file);
    for (const space of spaces) locks.acquire("address-space", space.id);
    const objects = locksOver(file);
    for (const number of objects) locks.acquire("object", number);
    // Somebody may have mapped the file, or shadowed it, before all were locked.
    const isAll =
      sameNumbers(
        spacesOver(file).map(({ id }) => id),
        spaces.map(({ id }) => id),
      ) && sameNumbers(locksOver(file), objects);
    try {
      if (isAll) return work();
    } finally {
      for (const number of objects.toReversed()) locks.release("object", number);
      for (const space of spaces.toReversed()) locks.release("address-space", space.id);
    }
  }
};

/** In the order in which they are locked. */
const spacesOver = (file: FileObject): AddressSpace[] =>
  Array.from(new Set(areasOver(file).map((area) => file.parts.spaceOf(area)))).sort((one, other) => one.id - other.id);

const locksOver = (file: FileObject): number[] =>
  Array.from(new Set([file.number, ...shadowsOf(file).map(({ number }) => number)])).sort((one, other) => other - one);

const sameNumbers = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((number, i) => number === other[i]);

/** Calls `visit` for every area of `areas` that reaches pages of [first, first + count) of its object, with those pages in the space. */
const eachReach = (
  parts: SpaceParts,
  areas: Iterable<number>,
  first: number,
  count: number,
  visit: (area: number, page: number, pages: number) => void,
): void => {
  for (const area of areas) {
    const begin = parts.areas.firstOf(area);
    const shift = begin - parts.areas.offsetOf(area);
    const from = Math.max(begin, first + shift);
    const to = Math.min(begin + parts.areas.pagesOf(area), first + count + shift);
    if (from < to) visit(area, from, to - from);
  }
};

/**
 * No entry of these areas lets anybody write pages of [first, first + count) of their object, and no processor holds a
 * translation that does, when this returns. All is locked.
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

/**
 * No entry of these areas shows pages of [first, first + count) of their object any more when this returns. All is locked.
 * @throws PortolanError ERR_OUT_OF_MEMORY where used pages lie on both sides; some entries may have gone then
 */
export const unmapEverywhere = (parts: SpaceParts, areas: Iterable<number>, first: number, count: number): void =>
  eachReach(parts, areas, first, count, (area, page, pages) => {
    const { used } = parts.areas;
    const promised = used.trees.reserved;
    if (page + pages < parts.areas.firstOf(area) + parts.areas.pagesOf(area)) used.reserve(area);
    withdrawPages(parts.spaceOf(area), area, page, pages, true);
    used.settlePromises(promised);
  });
