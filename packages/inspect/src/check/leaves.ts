/** Leaves for the look at what is mapped more than once, in columns: neighbours that go on in virtual and in physical memory are one. */
import type { Tree } from "../tree.js";

/** Of pages that are alike and follow each other in virtual memory, wherever they lie. */
interface Run {
  page: number;
  end: number;
  readonly what: number;
}

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
  /** Number of the run. */
  run = new Uint32Array(1024);
  readonly runs: Run[] = [];
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
    const run = this.runs.at(-1);
    if (run !== undefined && run.what === what && run.end === page && !this.#tree.isHoleBelow(page)) {
      run.end += pages;
      if (this.end[last] === physical) {
        this.end[last] += bytes;
        return;
      }
    } else this.runs.push({ page, end: page + pages, what });
    if (this.count === this.physical.length) this.#grow();
    this.physical[this.count] = physical;
    this.end[this.count] = physical + bytes;
    this.page[this.count] = page;
    this.what[this.count] = what;
    this.run[this.count] = this.runs.length - 1;
    this.count += 1;
  }

  /** Their numbers, by physical address. */
  byPhysical(): Uint32Array {
    return Uint32Array.from({ length: this.count }, (_, leaf) => leaf).sort((one, other) => this.physical[one] - this.physical[other]);
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
