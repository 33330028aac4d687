/** Leaves for the look at what is mapped more than once, in columns: neighbours that go on in virtual and in physical memory are one. */
import type { Tree } from "../tree.js";

/** All of them, in the order of addresses. */
export class Leaves {
  count = 0;
  /** Physical, in bytes, and the end. */
  physical = new Float64Array(1024);
  end = new Float64Array(1024);
  /** Virtual, in pages. */
  page = new Float64Array(1024);
  /** Rights and number of the memory type. */
  what = new Uint16Array(1024);
  /** Number of the run: of pages that are alike and follow each other in virtual memory, wherever they lie. */
  run = new Uint32Array(1024);
  #runs = 0;
  #runEnd = -1;
  #runWhat = -1;
  #order: Uint32Array | null = null;
  readonly #tree: Tree;
  readonly #pageBytes: number;

  constructor(tree: Tree) {
    this.#tree = tree;
    this.#pageBytes = 2 ** tree.pageShift;
  }

  /** The next one. */
  add(physical: number, page: number, pages: number, what: number): void {
    const bytes = pages * this.#pageBytes;
    const last = this.count - 1;
    const isMore = this.#runWhat === what && this.#runEnd === page && !this.#tree.isHoleBelow(page);
    this.#runWhat = what;
    this.#runEnd = page + pages;
    if (!isMore) this.#runs += 1;
    else if (this.end[last] === physical) {
      this.end[last] += bytes;
      return;
    }
    if (this.count === this.physical.length) this.#grow();
    this.physical[this.count] = physical;
    this.end[this.count] = physical + bytes;
    this.page[this.count] = page;
    this.what[this.count] = what;
    this.run[this.count] = this.#runs - 1;
    this.count += 1;
  }

  /**
   * Their numbers, by physical address; those at one address as they came. Numbers are sorted as numbers, without a comparison of
   * ours: of millions that takes a tenth of the time.
   */
  byPhysical(): Uint32Array {
    if (this.#order !== null) return this.#order;
    const { count } = this;
    const places = this.physical.slice(0, count).sort();
    let different = 0;
    for (let at = 0; at < count; at += 1) if (at === 0 || places[at] !== places[at - 1]) places[different++] = places[at];
    // The rank of the address above, the leaf's number below: together less than 2^53.
    const keys = new Float64Array(count);
    for (let leaf = 0; leaf < count; leaf += 1) keys[leaf] = rankIn(places, different, this.physical[leaf]) * count + leaf;
    this.#order = Uint32Array.from(keys.sort(), (key) => key % count);
    return this.#order;
  }

  #grow(): void {
    const grown = <T extends Float64Array | Uint16Array | Uint32Array>(column: T, make: (length: number) => T): T => {
      const wider = make(column.length * 2);
      wider.set(column);
      return wider;
    };
    this.physical = grown(this.physical, (length) => new Float64Array(length));
    this.end = grown(this.end, (length) => new Float64Array(length));
    this.page = grown(this.page, (length) => new Float64Array(length));
    this.what = grown(this.what, (length) => new Uint16Array(length));
    this.run = grown(this.run, (length) => new Uint32Array(length));
  }
}

const rankIn = (sorted: Float64Array, count: number, value: number): number => {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
