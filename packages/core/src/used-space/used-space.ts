/**
 * Which pages of an area have a mapping: disjoint, maximal intervals. Two intervals never touch; if they did they would
 * be one.
 *
 * Every area has one, nearly always empty or a single interval, so that is what a slot holds in place: two numbers.
 * From the second interval on the slot holds a tree, and when one is left again it is back in place. The total of pages
 * is kept beside and is always the sum of the intervals.
 *
 * @see HelenOS used_space_insert(), used_space_remove() in kernel/generic/src/mm/as.c: same results, fewer cases
 */
import { AllocationGate, allocated } from "../allocation-gate.js";
import { NONE, OrderedPool } from "../collections/ordered-map.js";
import { PortolanError } from "../errors.js";

/** Page numbers end here: 64 address bits less 12 page bits. */
const PAGE_LIMIT = 2 ** 52;

/** Used spaces by slot number. All operations on a slot take its number first. */
export class UsedSpaces {
  /** Intervals of those slots that have two or more, first page → pages; shared by all. */
  readonly trees: OrderedPool;
  /** Where the questions below leave the interval they found: its first page… */
  intervalFirst = 0;
  /** …and how many pages it has. */
  intervalPages = 0;
  // Two numbers per slot, side by side. The first page of the only interval; or, if negative, minus (2·node for a leaf
  // root, 2·node + 1 for an inner one). And the pages in all intervals; an empty slot is 0 and 0.
  #slots: Float64Array;

  /** @param slots how many there are at first; all empty */
  constructor(gate: AllocationGate = new AllocationGate(), slots = 1) {
    this.trees = new OrderedPool({ values: "float64", gate, name: "used space interval" });
    this.#slots = new Float64Array(2 * slots);
  }

  /** Bytes of all slots and trees, room to grow included. */
  get bytes(): number {
    return this.#slots.byteLength + this.trees.bytes;
  }

  /** Makes room for slots up to `slots` − 1. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  grow(slots: number): void {
    const grown = allocated("used space", () => new Float64Array(2 * slots));
    grown.set(this.#slots);
    this.#slots = grown;
  }

  /** Used pages. */
  pagesOf(slot: number): number {
    return this.#slots[2 * slot + 1];
  }

  /** How many intervals. It visits the whole tree if there are many. */
  intervals(slot: number): number {
    if (this.#slots[2 * slot + 1] === 0) return 0;
    const first = this.#slots[2 * slot];
    return first >= 0 ? 1 : this.trees.count(rootOf(first));
  }

  contains(slot: number, page: number): boolean {
    const first = this.#slots[2 * slot];
    if (first >= 0) return page >= first && page - first < this.#slots[2 * slot + 1];
    const at = this.trees.findAtOrBelow(rootOf(first), page);
    return at !== NONE && page - this.trees.keyAt(at) < this.trees.valueAt(at);
  }

  /**
   * Marks pages as used; neighbours melt into one interval.
   *
   * @param first page number (pages, not bytes)
   * @param count how many pages, at least 1
   * @returns false if any of them is used already; nothing has changed then
   * @throws PortolanError ERR_BAD_ARGUMENT for a range that is none, ERR_OUT_OF_MEMORY; nothing has changed then
   */
  insert(slot: number, first: number, count: number): boolean {
    checkRange(first, count);
    const promised = this.trees.reserved;
    const isDone = this.#insert(slot, first, count);
    // The promise is this insertion's, whether it came to a tree or not, and the others' stay.
    const left = this.trees.reserved;
    if (promised > 0 && left === promised) this.trees.unreserve(1);
    return isDone;
  }

  /**
   * Promises the next insertion, whatever page it marks, that it cannot fail for want of memory. One promise for one
   * insertion; `unreserve` if it does not come.
   *
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  reserve(_slot: number): void {
    this.trees.reserve(1);
  }

  unreserve(_slot: number): void {
    this.trees.unreserve(1);
  }

  #insert(slot: number, first: number, count: number): boolean {
    const only = this.#slots[2 * slot];
    const pages = this.#slots[2 * slot + 1];
    if (only < 0) return this.#insertInTree(slot, rootOf(only), first, count);
    if (pages === 0) {
      this.#slots[2 * slot] = first;
    } else if (only + pages === first) {
      // One more page behind the last: how memory is touched most of the time.
    } else if (first + count === only) {
      this.#slots[2 * slot] = first;
    } else {
      if (first < only + pages && only < first + count) return false;
      this.#slots[2 * slot] = -encoded(this.#pair(only, pages, first, count));
    }
    this.#slots[2 * slot + 1] = pages + count;
    return true;
  }

  /**
   * Marks pages as unused again. They must lie in one interval, anywhere in it: what remains on either side stays.
   *
   * @returns false if any of them is not used, or a gap lies between; nothing has changed then
   * @throws PortolanError ERR_BAD_ARGUMENT for a range that is none, ERR_OUT_OF_MEMORY where an interval is cut in two;
   *   nothing has changed then
   */
  remove(slot: number, first: number, count: number): boolean {
    checkRange(first, count);
    const only = this.#slots[2 * slot];
    const pages = this.#slots[2 * slot + 1];
    if (only < 0) return this.#removeFromTree(slot, rootOf(only), first, count);
    const rest = only + pages - (first + count);
    if (first < only || rest < 0) return false;
    if (first === only) {
      this.#slots[2 * slot] = rest === 0 ? 0 : first + count;
    } else if (rest > 0) {
      this.trees.reserve(1);
      this.#slots[2 * slot] = -encoded(this.#pair(only, first - only, first + count, rest));
    }
    this.#slots[2 * slot + 1] = pages - count;
    return true;
  }

  /** Forgets everything. Never fails. */
  clear(slot: number): void {
    const first = this.#slots[2 * slot];
    if (first < 0) this.trees.clear(rootOf(first));
    this.#slots[2 * slot] = 0;
    this.#slots[2 * slot + 1] = 0;
  }

  /**
   * The first used page ≥ `page`, or −1. Where there is one, `intervalFirst` and `intervalPages` tell of its interval.
   */
  nextAtOrAbove(slot: number, page: number): number {
    const first = this.#slots[2 * slot];
    if (first >= 0) {
      const pages = this.#slots[2 * slot + 1];
      return page - first < pages ? Math.max(page, this.#foundOnly(slot)) : NONE;
    }
    const root = rootOf(first);
    const at = this.trees.findAtOrBelow(root, page);
    if (at === NONE) return this.#found(this.trees.first(root));
    if (page - this.trees.keyAt(at) >= this.trees.valueAt(at)) return this.#found(this.trees.next(at));
    this.#found(at);
    return page;
  }

  /** The last used page ≤ `page`, or −1. Where there is one, `intervalFirst` and `intervalPages` tell of its interval. */
  nextAtOrBelow(slot: number, page: number): number {
    const first = this.#slots[2 * slot];
    if (first >= 0) {
      if (this.#slots[2 * slot + 1] === 0 || page < first) return NONE;
      this.#foundOnly(slot);
    } else if (this.#found(this.trees.findAtOrBelow(rootOf(first), page)) === NONE) {
      return NONE;
    }
    return Math.min(page, this.intervalFirst + this.intervalPages - 1);
  }

  /** First page of the lowest interval, or −1; `intervalFirst` and `intervalPages` tell of it. */
  firstInterval(slot: number): number {
    const first = this.#slots[2 * slot];
    if (first < 0) return this.#found(this.trees.first(rootOf(first)));
    return this.#slots[2 * slot + 1] > 0 ? this.#foundOnly(slot) : NONE;
  }

  /** First page of the highest interval, or −1; `intervalFirst` and `intervalPages` tell of it. */
  lastInterval(slot: number): number {
    const first = this.#slots[2 * slot];
    if (first < 0) return this.#found(this.trees.last(rootOf(first)));
    return this.#slots[2 * slot + 1] > 0 ? this.#foundOnly(slot) : NONE;
  }

  /** The first page behind the interval that has `page`, which is used. */
  intervalEnd(slot: number, page: number): number {
    const first = this.#slots[2 * slot];
    if (first >= 0) return first + this.#slots[2 * slot + 1];
    const at = this.trees.findAtOrBelow(rootOf(first), page);
    return this.trees.keyAt(at) + this.trees.valueAt(at);
  }

  /**
   * Marks every used page of [first, first + count) as unused, however many intervals and gaps there are. Memory is
   * needed only where one interval reaches beyond both ends.
   *
   * @returns how many pages that were
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  removeRange(slot: number, first: number, count: number): number {
    const before = this.#slots[2 * slot + 1];
    const end = first + count;
    for (;;) {
      const page = this.nextAtOrAbove(slot, first);
      if (page === NONE || page >= end) return before - this.#slots[2 * slot + 1];
      this.remove(slot, page, Math.min(end, this.intervalFirst + this.intervalPages) - page);
    }
  }

  /** The root of a slot's tree, 0 if it has none: for checkers. */
  treeOf(slot: number): number {
    const first = this.#slots[2 * slot];
    return first < 0 ? rootOf(first) : 0;
  }

  /** A tree of two intervals, for one promise: both entries lie in the one leaf. */
  #pair(first: number, pages: number, otherFirst: number, otherPages: number): number {
    const trees = this.trees;
    const promised = trees.reserved;
    const root = trees.insert(trees.insert(0, first, pages), otherFirst, otherPages);
    // The second insertion may have used a promise made to somebody else, but no node.
    if (promised > 1) trees.reinstate(promised - 1);
    return root;
  }

  #foundOnly(slot: number): number {
    this.intervalFirst = this.#slots[2 * slot];
    this.intervalPages = this.#slots[2 * slot + 1];
    return this.intervalFirst;
  }

  #found(at: number): number {
    if (at === NONE) return NONE;
    this.intervalFirst = this.trees.keyAt(at);
    this.intervalPages = this.trees.valueAt(at);
    return this.intervalFirst;
  }

  #insertInTree(slot: number, root: number, first: number, count: number): boolean {
    const trees = this.trees;
    const left = trees.findAtOrBelow(root, first);
    const right = left === NONE ? trees.first(root) : trees.next(left);
    const leftPages = left === NONE ? 0 : trees.valueAt(left);
    const leftEnd = left === NONE ? -1 : trees.keyAt(left) + leftPages;
    const rightFirst = right === NONE ? Infinity : trees.keyAt(right);
    if (leftEnd > first || rightFirst < first + count) return false;
    if (leftEnd === first) {
      if (rightFirst === first + count) {
        trees.setValueAt(left, leftPages + count + trees.valueAt(right));
        this.#slots[2 * slot + 1] += count;
        this.#keep(slot, trees.remove(root, rightFirst));
        return true;
      }
      trees.setValueAt(left, leftPages + count);
    } else if (rightFirst === first + count) {
      trees.setValueAt(right, trees.valueAt(right) + count);
      trees.rekey(root, rightFirst, first);
    } else {
      this.#slots[2 * slot] = -encoded(trees.insert(root, first, count));
    }
    this.#slots[2 * slot + 1] += count;
    return true;
  }

  #removeFromTree(slot: number, root: number, first: number, count: number): boolean {
    const trees = this.trees;
    const at = trees.findAtOrBelow(root, first);
    if (at === NONE) return false;
    const start = trees.keyAt(at);
    const rest = start + trees.valueAt(at) - (first + count);
    if (rest < 0) return false;
    if (first > start) {
      if (rest > 0) {
        // The only step that can fail comes first; for a moment the two overlap.
        trees.reserve(1);
        const grown = trees.insert(root, first + count, rest);
        this.#slots[2 * slot] = -encoded(grown);
        trees.setValueAt(trees.find(grown, start), first - start);
      } else {
        trees.setValueAt(at, first - start);
      }
      this.#slots[2 * slot + 1] -= count;
      return true;
    }
    this.#slots[2 * slot + 1] -= count;
    if (rest > 0) {
      trees.setValueAt(at, rest);
      trees.rekey(root, start, first + count);
    } else {
      this.#keep(slot, trees.remove(root, start));
    }
    return true;
  }

  // A removal may have left one interval: then it goes back into the slot.
  #keep(slot: number, root: number): void {
    if (!this.trees.isSingle(root)) {
      this.#slots[2 * slot] = -encoded(root);
      return;
    }
    this.#slots[2 * slot] = this.trees.keyAt(this.trees.first(root));
    this.trees.clear(root);
  }
}

/** One used space on its own, or a view of one slot. Same operations, same answers. */
export class UsedSpace {
  readonly #spaces: UsedSpaces;
  readonly #slot: number;

  constructor(spaces: UsedSpaces = new UsedSpaces(), slot = 0) {
    this.#spaces = spaces;
    this.#slot = slot;
  }

  /** Used pages. */
  get pages(): number {
    return this.#spaces.pagesOf(this.#slot);
  }

  get intervals(): number {
    return this.#spaces.intervals(this.#slot);
  }

  contains(page: number): boolean {
    return this.#spaces.contains(this.#slot, page);
  }

  /** @see UsedSpaces.insert */
  insert(first: number, count: number): boolean {
    return this.#spaces.insert(this.#slot, first, count);
  }

  /** @see UsedSpaces.remove */
  remove(first: number, count: number): boolean {
    return this.#spaces.remove(this.#slot, first, count);
  }

  clear(): void {
    this.#spaces.clear(this.#slot);
  }

  /** All intervals as [first page, pages], ascending: a copy, for looking at. */
  collect(): [number, number][] {
    const intervals: [number, number][] = [];
    const spaces = this.#spaces;
    let page = spaces.firstInterval(this.#slot);
    while (page !== NONE) {
      intervals.push([page, spaces.intervalPages]);
      page = spaces.nextAtOrAbove(this.#slot, page + spaces.intervalPages);
    }
    return intervals;
  }
}

const encoded = (root: number): number => (root > 0 ? root * 2 : -root * 2 + 1);

const rootOf = (first: number): number => {
  const code = -first;
  return code % 2 === 0 ? code / 2 : -(code - 1) / 2;
};

const checkRange = (first: number, count: number): void => {
  if (!(count >= 1 && first >= 0 && first + count <= PAGE_LIMIT && Number.isInteger(first) && Number.isInteger(count))) {
    throw new PortolanError("ERR_BAD_ARGUMENT", { first, count });
  }
};
