/**
 * The areas of one address space in order of their addresses.
 *
 * Every inner node of the tree also keeps, per child, an upper bound of the free room behind any area below it. Creating
 * an area only shrinks rooms, so it leaves the bounds alone; destroying one raises those above it, nearly always none. A
 * search for room enters a subtree only if its bound allows, and corrects the bounds of what it found hopeless, so it
 * never sees the same stale bound twice: it is logarithmic over any sequence of operations, and the operations that do
 * not search pay nothing.
 *
 * All arithmetic is on page numbers, which are exact up to 2^53: an area may end with the address space itself.
 *
 * @see HelenOS kernel/generic/src/mm/as.c, check_area_conflicts() and as_get_unmapped_area()
 */
import { NONE, type OrderedPool } from "../collections/ordered-map.js";
import { ORDER, ORDER_SHIFT } from "../collections/node-pool.js";
import { type AreaTable, NO_AREA } from "./area-table.js";

/** The areas of one address space, by their first page. */
export class AreaTree {
  readonly #areas: AreaTable;
  readonly #pool: OrderedPool;
  #root = 0;
  #count = 0;
  // Faults come in runs: the area of the last question is asked first.
  #hint = NO_AREA;

  constructor(areas: AreaTable) {
    this.#areas = areas;
    this.#pool = areas.trees;
  }

  /** Areas in the space. */
  get count(): number {
    return this.#count;
  }

  /** The tree's root in the table's pool, for checkers. */
  get root(): number {
    return this.#root;
  }

  /** The area that contains `page`, or −1. */
  find(page: number): number {
    const areas = this.#areas;
    const hint = this.#hint;
    if (hint >= 0) {
      const into = page - areas.firstOf(hint);
      if (into >= 0 && into < areas.pagesOf(hint)) return hint;
    }
    const at = this.#pool.findAtOrBelow(this.#root, page);
    if (at === NONE) return NO_AREA;
    const area = this.#pool.valueAt(at);
    if (page - this.#pool.keyAt(at) >= areas.pagesOf(area)) return NO_AREA;
    this.#hint = area;
    return area;
  }

  /**
   * Puts an area in its place; the range is known to be free.
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  insert(area: number): void {
    const first = this.#areas.firstOf(area);
    this.#root = this.#pool.insert(this.#root, first, area);
    this.#count += 1;
    this.#raise(first);
  }

  /** Takes an area out; `heir` has its pages from now on, −1 if nobody has. Never fails. */
  remove(area: number, heir: number = NO_AREA): void {
    const pool = this.#pool;
    const at = pool.find(this.#root, this.#areas.firstOf(area));
    if (at === NONE || pool.valueAt(at) !== area) throw new Error(`area ${area} is not in this space`);
    // A tree of one leaf has no bounds.
    const before = this.#root > 0 ? NONE : pool.previous(at);
    const keyBefore = before === NONE ? NONE : pool.keyAt(before);
    this.#root = pool.removeFound(this.#root, at);
    this.#count -= 1;
    if (this.#hint === area) this.#hint = heir;
    if (keyBefore !== NONE) this.#raise(keyBefore);
  }

  /** The area begins at another page, between the same neighbours, and ends where it did. Never fails. */
  frontMoved(area: number, first: number): void {
    const areas = this.#areas;
    const before = areas.firstOf(area);
    this.#pool.rekey(this.#root, before, first);
    areas.setPages(area, areas.endOf(area) - first);
    areas.setFirst(area, first);
    const below = this.#pool.findBelow(this.#root, first);
    if (below !== NONE) this.#raise(this.#pool.keyAt(below));
  }

  /** The area has more or fewer pages than before. Never fails. */
  resized(area: number): void {
    this.#raise(this.#areas.firstOf(area));
  }

  /**
   * An area that stands in the way of [first, first + pages), or −1 if the range is free.
   *
   * @param avoid an area that does not count, being the one that is to lie there; −1 for none
   * @param guard the new area wants a free page on either side; so may the areas that are there
   */
  conflict(first: number, pages: number, avoid: number, guard: boolean): number {
    const pool = this.#pool;
    const areas = this.#areas;
    let below = pool.findAtOrBelow(this.#root, first);
    let above = below === NONE ? pool.first(this.#root) : pool.next(below);
    if (below !== NONE && pool.valueAt(below) === avoid) below = pool.previous(below);
    if (above !== NONE && pool.valueAt(above) === avoid) above = pool.next(above);
    // Whether a neighbour is guarded matters only where the two touch.
    if (below !== NONE) {
      const area = pool.valueAt(below);
      const end = pool.keyAt(below) + areas.pagesOf(area);
      if (end > first || (end === first && (guard || areas.isGuarded(area)))) return area;
    }
    if (above !== NONE) {
      const start = pool.keyAt(above);
      const area = pool.valueAt(above);
      if (first + pages > start || (first + pages === start && (guard || areas.isGuarded(area)))) return area;
    }
    return NO_AREA;
  }

  /**
   * The lowest first page of `pages` free pages that all lie between `lowest` and `highest`, both included; −1 if there
   * are none.
   *
   * @param guard as for `conflict`
   */
  findFree(pages: number, lowest: number, highest: number, guard: boolean): number {
    const pool = this.#pool;
    const root = this.#root;
    if (highest - lowest + 1 < pages) return NONE;
    const last = highest - pages + 1;
    const at = pool.findAtOrBelow(root, lowest);
    const start = this.#startBehind(at, lowest, pages, guard);
    if (start !== NONE) return start <= last ? start : NONE;
    let leaf = pool.leafOf(root, lowest);
    // Rooms below are out of the question, but count for the first leaf's bound.
    let eligible = at !== NONE && at >> ORDER_SHIFT === leaf ? (at & (ORDER - 1)) + 1 : 0;
    while (leaf !== 0) {
      const count = pool.leafCount[leaf];
      let widest = -Infinity;
      for (let index = 0; index < count; index += 1) {
        const position = leaf * ORDER + index;
        if (pool.keyAt(position) > last) return NONE;
        const room = this.#roomBehind(position);
        if (room > widest) widest = room;
        if (room < pages || index < eligible) continue;
        const found = this.#startBehind(position, lowest, pages, guard);
        if (found !== NONE) return found <= last ? found : NONE;
      }
      pool.tightenBound(widest);
      leaf = pool.leafAfter(root, pages);
      eligible = 0;
    }
    return NONE;
  }

  /**
   * The highest first page of `pages` free pages that all lie between `lowest` and `highest`, both included; −1 if there
   * are none. As quick as `findFree`, by the same bounds.
   *
   * @param guard as for `conflict`
   */
  findFreeFromTop(pages: number, lowest: number, highest: number, guard: boolean): number {
    const pool = this.#pool;
    const root = this.#root;
    if (highest - lowest + 1 < pages) return NONE;
    const at = pool.findAtOrBelow(root, highest);
    const start = this.#highestBehind(at, highest, pages, guard);
    if (start !== NONE) return start >= lowest ? start : NONE;
    if (at === NONE) return NONE;
    let leaf = pool.leafOf(root, highest);
    // The leaf where `highest` belongs may begin above it; then the entry below is in the leaf before, and is found there.
    let eligible = at >> ORDER_SHIFT === leaf ? at & (ORDER - 1) : 0;
    while (leaf !== 0) {
      const count = pool.leafCount[leaf];
      let widest = -Infinity;
      for (let index = count - 1; index >= 0; index -= 1) {
        const position = leaf * ORDER + index;
        const room = this.#roomBehind(position);
        if (room > widest) widest = room;
        if (index >= eligible) continue;
        if (this.#endBehind(position) < lowest + pages) return NONE;
        if (room < pages) continue;
        const found = this.#highestBehind(position, highest, pages, guard);
        if (found !== NONE) return found >= lowest ? found : NONE;
      }
      pool.tightenBound(widest);
      leaf = pool.leafBefore(root, pages);
      eligible = ORDER;
    }
    const found = this.#highestBehind(NONE, highest, pages, guard);
    return found >= lowest ? found : NONE;
  }

  /** The area with the lowest address, or −1. */
  first(): number {
    return this.#areaAt(this.#pool.first(this.#root));
  }

  /** The area with the highest address, or −1. */
  last(): number {
    return this.#areaAt(this.#pool.last(this.#root));
  }

  /** The area above this one, or −1. */
  next(area: number): number {
    return this.#areaAt(this.#pool.findAbove(this.#root, this.#areas.firstOf(area)));
  }

  /** The area below this one, or −1. */
  previous(area: number): number {
    return this.#areaAt(this.#pool.findBelow(this.#root, this.#areas.firstOf(area)));
  }

  /** The first area that contains `page` or lies above it, or −1. */
  atOrAbove(page: number): number {
    const area = this.find(page);
    return area >= 0 ? area : this.#areaAt(this.#pool.findAbove(this.#root, page));
  }

  #areaAt(at: number): number {
    return at === NONE ? NO_AREA : this.#pool.valueAt(at);
  }

  /** The room behind the area at `key` may be wider now than the bounds above it say. */
  #raise(key: number): void {
    const pool = this.#pool;
    const root = this.#root;
    if (root > 0) return;
    // Infinite until somebody searches, and then nothing need be looked at.
    if (pool.boundOf(root, key) === Infinity) return;
    pool.raiseBound(root, key, this.#roomBehind(pool.find(root, key)));
  }

  /** Pages that an area without guard could have behind the one at this position. */
  #roomBehind(at: number): number {
    const pool = this.#pool;
    const areas = this.#areas;
    const above = pool.next(at);
    if (above === NONE) return Infinity;
    const area = pool.valueAt(at);
    const guards = (areas.isGuarded(area) ? 1 : 0) + (areas.isGuarded(pool.valueAt(above)) ? 1 : 0);
    return pool.keyAt(above) - pool.keyAt(at) - areas.pagesOf(area) - guards;
  }

  /** The first page behind the area at this position. */
  #beginBehind(at: number): number {
    return this.#pool.keyAt(at) + this.#areas.pagesOf(this.#pool.valueAt(at));
  }

  /** The first page of the area above the one at this position. */
  #endBehind(at: number): number {
    const above = this.#pool.next(at);
    return above === NONE ? Infinity : this.#pool.keyAt(above);
  }

  /** The highest place of `pages` pages behind the entry `at` (−1: before the first) up to `highest`; −1 if they do not fit. */
  #highestBehind(at: number, highest: number, pages: number, guard: boolean): number {
    const pool = this.#pool;
    const areas = this.#areas;
    let end = highest + 1;
    const above = at === NONE ? pool.first(this.#root) : pool.next(at);
    if (above !== NONE) end = Math.min(end, pool.keyAt(above) - (guard || areas.isGuarded(pool.valueAt(above)) ? 1 : 0));
    const start = end - pages;
    if (at === NONE) return Math.max(start, NONE);
    const between = guard || areas.isGuarded(pool.valueAt(at)) ? 1 : 0;
    return start >= this.#beginBehind(at) + between ? start : NONE;
  }

  /** Where `pages` pages fit behind the entry `at` (−1: before the first), not below `lowest`; −1 if they do not. */
  #startBehind(at: number, lowest: number, pages: number, guard: boolean): number {
    const pool = this.#pool;
    const areas = this.#areas;
    let start = lowest;
    if (at !== NONE) {
      const area = pool.valueAt(at);
      const between = guard || areas.isGuarded(area) ? 1 : 0;
      start = Math.max(lowest, pool.keyAt(at) + areas.pagesOf(area) + between);
    }
    const above = at === NONE ? pool.first(this.#root) : pool.next(at);
    if (above === NONE) return start;
    const between = guard || areas.isGuarded(pool.valueAt(above)) ? 1 : 0;
    return start + pages + between <= pool.keyAt(above) ? start : NONE;
  }
}
