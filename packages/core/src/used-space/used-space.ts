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
    return this.#slots[(slot << 1) | 1];
  }

  /** How many intervals. It visits the whole tree if there are many. */
  intervals(slot: number): number {
    if (this.#slots[(slot << 1) | 1] === 0) return 0;
    const first = this.#slots[slot << 1];
    return first >= 0 ? 1 : this.trees.count(rootOf(first));
  }

  contains(slot: number, page: number): boolean {
    const first = this.#slots[slot << 1];
    if (first >= 0) return page >= first && page - first < this.#slots[(slot << 1) | 1];
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
    const only = this.#slots[slot << 1];
    const pages = this.#slots[(slot << 1) | 1];
    if (only < 0) return this.#insertInTree(slot, rootOf(only), first, count);
    if (pages === 0) {
      this.#slots[slot << 1] = first;
    } else if (only + pages === first) {
      // One more page behind the last: how memory is touched most of the time.
    } else if (first + count === only) {
      this.#slots[slot << 1] = first;
    } else {
      if (first < only + pages && only < first + count) return false;
      this.#slots[slot << 1] = -encoded(this.#pair(only, pages, first, count));
    }
    this.#slots[(slot << 1) | 1] = pages + count;
    return true;
  }

  /**
   * Marks pages as unused again. They must lie in one interval, anywhere in it: what remains on either side stays.
   *
   * @param isPromised memory for an interval that is cut in two was promised by `reserve`
   * @returns false if any of them is not used, or a gap lies between; nothing has changed then
   * @throws PortolanError ERR_BAD_ARGUMENT for a range that is none, ERR_OUT_OF_MEMORY where an interval is cut in two;
   *   nothing has changed then
   */
  remove(slot: number, first: number, count: number, isPromised = false): boolean {
    checkRange(first, count);
    const only = this.#slots[slot << 1];
    const pages = this.#slots[(slot << 1) | 1];
    if (only < 0) return this.#removeFromTree(slot, rootOf(only), first, count, isPromised);
    const rest = only + pages - (first + count);
    if (first < only || rest < 0) return false;
    if (first === only) {
      this.#slots[slot << 1] = rest === 0 ? 0 : first + count;
    } else if (rest > 0) {
      if (!isPromised) this.trees.reserve(1);
      this.#slots[slot << 1] = -encoded(this.#pair(only, first - only, first + count, rest));
    }
    this.#slots[(slot << 1) | 1] = pages - count;
    return true;
  }

  /** Forgets everything. Never fails. */
  clear(slot: number): void {
    const first = this.#slots[slot << 1];
    if (first < 0) this.trees.clear(rootOf(first));
    this.#slots[slot << 1] = 0;
    this.#slots[(slot << 1) | 1] = 0;
  }

  /**
   * The first used page ≥ `page`, or −1. Where there is one, `intervalFirst` and `intervalPages` tell of its interval.
   */
  nextAtOrAbove(slot: number, page: number): number {
    const first = this.#slots[slot << 1];
    if (first >= 0) {
      const pages = this.#slots[(slot << 1) | 1];
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
    const first = this.#slots[slot << 1];
    if (first >= 0) {
      if (this.#slots[(slot << 1) | 1] === 0 || page < first) return NONE;
      this.#foundOnly(slot);
    } else if (this.#found(this.trees.findAtOrBelow(rootOf(first), page)) === NONE) {
      return NONE;
    }
    return Math.min(page, this.intervalFirst + this.intervalPages - 1);
  }

  /** First page of the lowest interval, or −1; `intervalFirst` and `intervalPages` tell of it. */
  firstInterval(slot: number): number {
    const first = this.#slots[slot << 1];
    if (first < 0) return this.#found(this.trees.first(rootOf(first)));
    return this.#slots[(slot << 1) | 1] > 0 ? this.#foundOnly(slot) : NONE;
  }

  /** First page of the highest interval, or −1; `intervalFirst` and `intervalPages` tell of it. */
  lastInterval(slot: number): number {
    const first = this.#slots[slot << 1];
    if (first < 0) return this.#found(this.trees.last(rootOf(first)));
    return this.#slots[(slot << 1) | 1] > 0 ? this.#foundOnly(slot) : NONE;
  }

  /** The first page behind the interval that has `page`, which is used. */
  intervalEnd(slot: number, page: number): number {
    const first = this.#slots[slot << 1];
    if (first >= 0) return first + this.#slots[(slot << 1) | 1];
    const at = this.trees.findAtOrBelow(rootOf(first), page);
    return this.trees.keyAt(at) + this.trees.valueAt(at);
  }

  /**
   * Marks every used page of [first, first + count) as unused, however many intervals and gaps there are. Memory is
   * needed only where one interval reaches beyond both ends.
   *
   * @param isPromised that memory was promised by `reserve`
   * @returns how many pages that were
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  removeRange(slot: number, first: number, count: number, isPromised = false): number {
    const before = this.#slots[(slot << 1) | 1];
    const end = first + count;
    for (;;) {
      const page = this.nextAtOrAbove(slot, first);
      if (page === NONE || page >= end) return before - this.#slots[(slot << 1) | 1];
      this.remove(slot, page, Math.min(end, this.intervalFirst + this.intervalPages) - page, isPromised);
    }
  }

  /**
   * Promises the next `divide` of this slot at this page that it cannot fail, and every one of what lies below at a lower
   * page. Who has divided, or does not want to after all, takes back what is left: `settlePromises`.
   *
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  reserveDivision(slot: number, page: number): void {
    if (this.#slots[slot << 1] >= 0) return;
    this.trees.reserve(promisesFor(this.#smallerSide(slot, page).intervals));
  }

  /** Takes promises back that were made since there were `before` of them, as far as nothing used them up. */
  settlePromises(before: number): void {
    const { reserved } = this.trees;
    if (reserved > before) this.trees.unreserve(reserved - before);
  }

  /**
   * Moves all used pages from `page` on into the empty slot `to`. The side that has fewer intervals is the one that is
   * moved, whichever it is. Once promised by `reserveDivision` it cannot fail.
   */
  divide(slot: number, page: number, to: number): void {
    if (this.#slots[slot << 1] >= 0) {
      this.#divideOnly(slot, page, to);
      return;
    }
    if (!this.#smallerSide(slot, page).isBelow) {
      this.#move(slot, to, page, Infinity);
      return;
    }
    this.#exchange(slot, to);
    this.#move(to, slot, 0, page);
  }

  /**
   * Moves all used pages of `upper` into `slot`; all of them lie above all of `slot`. Again the smaller side is what is
   * moved.
   *
   * @param isPromised by `reserveDivision`, when the two were one
   * @returns false if there is no memory for that; nothing has changed then
   */
  join(slot: number, upper: number, isPromised = false): boolean {
    const slots = this.#slots;
    if (slots[(slot << 1) | 1] === 0) this.#exchange(slot, upper);
    if (slots[(upper << 1) | 1] === 0) return true;
    const isSingle = slots[slot << 1] >= 0;
    const isOtherSingle = slots[upper << 1] >= 0;
    if (isSingle && isOtherSingle && slots[slot << 1] + slots[(slot << 1) | 1] === slots[upper << 1]) {
      slots[(slot << 1) | 1] += slots[(upper << 1) | 1];
      slots[upper << 1] = 0;
      slots[(upper << 1) | 1] = 0;
      return true;
    }
    const promised = this.trees.reserved;
    let isBelowSmaller = isSingle && !isOtherSingle;
    let moving = 1;
    if (!isSingle && !isOtherSingle) {
      let one = this.trees.first(rootOf(slots[slot << 1]));
      let other = this.trees.first(rootOf(slots[upper << 1]));
      for (; one !== NONE && other !== NONE; moving += 1) {
        one = this.trees.next(one);
        other = this.trees.next(other);
      }
      isBelowSmaller = one === NONE;
    }
    try {
      if (!isPromised) this.trees.reserve(promisesFor(moving));
    } catch (error) {
      if (error instanceof PortolanError) return false;
      throw error;
    }
    if (isBelowSmaller) this.#exchange(slot, upper);
    this.#move(upper, slot, 0, Infinity);
    if (!isPromised) this.settlePromises(promised);
    return true;
  }

  /** Moves all intervals by so many pages. Never fails. */
  shift(slot: number, by: number): void {
    const first = this.#slots[slot << 1];
    if (first < 0) this.trees.shiftKeys(rootOf(first), by);
    else if (this.#slots[(slot << 1) | 1] > 0) this.#slots[slot << 1] = first + by;
  }

  /** The root of a slot's tree, 0 if it has none: for checkers. */
  treeOf(slot: number): number {
    const first = this.#slots[slot << 1];
    return first < 0 ? rootOf(first) : 0;
  }

  /** Cuts the only interval, if there is one and it reaches so far. */
  #divideOnly(slot: number, page: number, to: number): void {
    const slots = this.#slots;
    const first = slots[slot << 1];
    const pages = slots[(slot << 1) | 1];
    if (pages === 0 || page >= first + pages) return;
    const cut = page > first ? page : first;
    slots[to << 1] = cut;
    slots[(to << 1) | 1] = first + pages - cut;
    if (cut === first) slots[slot << 1] = 0;
    slots[(slot << 1) | 1] = cut - first;
  }

  /** Which side of `page` has fewer intervals of a tree, and at most how many; one that is cut counts on both. */
  #smallerSide(slot: number, page: number): { readonly isBelow: boolean; readonly intervals: number } {
    const trees = this.trees;
    const root = rootOf(this.#slots[slot << 1]);
    let below = trees.findBelow(root, page);
    let above = below === NONE ? trees.first(root) : trees.next(below);
    let intervals = 1;
    for (; below !== NONE && above !== NONE; intervals += 1) {
      below = trees.previous(below);
      above = trees.next(above);
    }
    return { isBelow: below === NONE && above !== NONE, intervals };
  }

  /** Moves used pages of [first, end), all that lie on one side of a page, into another slot. Nodes are promised. */
  #move(from: number, to: number, first: number, end: number): void {
    const trees = this.trees;
    for (let page = this.nextAtOrAbove(from, first); page !== NONE && page < end; page = this.nextAtOrAbove(from, first)) {
      const count = Math.min(end, this.intervalFirst + this.intervalPages) - page;
      this.remove(from, page, count);
      const promised = trees.reserved;
      if (!this.#insert(to, page, count)) throw new Error("a page is used in two areas");
      // What is promised are nodes for all of them together, not one each.
      trees.reinstate(promised);
    }
  }

  #exchange(one: number, other: number): void {
    const slots = this.#slots;
    for (let word = 0; word < 2; word += 1) {
      const kept = slots[(one << 1) | word];
      slots[(one << 1) | word] = slots[(other << 1) | word];
      slots[(other << 1) | word] = kept;
    }
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
    this.intervalFirst = this.#slots[slot << 1];
    this.intervalPages = this.#slots[(slot << 1) | 1];
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
        this.#slots[(slot << 1) | 1] += count;
        this.#keep(slot, trees.remove(root, rightFirst));
        return true;
      }
      trees.setValueAt(left, leftPages + count);
    } else if (rightFirst === first + count) {
      trees.setValueAt(right, trees.valueAt(right) + count);
      trees.rekey(root, rightFirst, first);
    } else {
      this.#slots[slot << 1] = -encoded(trees.insert(root, first, count));
    }
    this.#slots[(slot << 1) | 1] += count;
    return true;
  }

  #removeFromTree(slot: number, root: number, first: number, count: number, isPromised: boolean): boolean {
    const trees = this.trees;
    const at = trees.findAtOrBelow(root, first);
    if (at === NONE) return false;
    const start = trees.keyAt(at);
    const rest = start + trees.valueAt(at) - (first + count);
    if (rest < 0) return false;
    if (first > start) {
      if (rest > 0) {
        // The only step that can fail comes first; for a moment the two overlap.
        if (!isPromised) trees.reserve(1);
        const grown = trees.insert(root, first + count, rest);
        this.#slots[slot << 1] = -encoded(grown);
        trees.setValueAt(trees.find(grown, start), first - start);
      } else {
        trees.setValueAt(at, first - start);
      }
      this.#slots[(slot << 1) | 1] -= count;
      return true;
    }
    this.#slots[(slot << 1) | 1] -= count;
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
      this.#slots[slot << 1] = -encoded(root);
      return;
    }
    this.#slots[slot << 1] = this.trees.keyAt(this.trees.first(root));
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

/**
 * Promises for so many intervals that go into one tree side by side: a leaf that splits has room for fifteen more. One
 * promise is a leaf and inner nodes enough.
 */
const promisesFor = (intervals: number): number => Math.ceil(intervals / 8) + 1;

const checkRange = (first: number, count: number): void => {
  if (!(count >= 1 && first >= 0 && first + count <= PAGE_LIMIT && Number.isInteger(first) && Number.isInteger(count))) {
    throw new PortolanError("ERR_BAD_ARGUMENT", { first, count });
  }
};
