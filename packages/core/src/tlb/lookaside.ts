/**
 * The fronts of TLBs: what the hit path of every architecture looks at, and nothing else. There is one per privilege and
 * access, direct-mapped by hardware page, and a page is there only if the access is permitted.
 *
 * A front is invisible: it may hold only what its TLB holds for the installed context and whose hit would change
 * nothing there. So the TLB drops a page from its fronts when an entry for it goes or comes, empties them when used bits
 * are cleared, and under `lru` lets them keep only the most recently used entry of each set.
 *
 * Pages with small numbers are also in a table by page, which says where they start in memory: one read decides and
 * leads to the word. It takes 4 MiB of addresses from the host, but memory only where pages are.
 */
import type { PhysicalMemory } from "../machine/physical-memory.js";

/** Slots of one front: four times the largest common TLB. `page & SLOT_MASK` is a page's slot, above 2^32 too. */
export const FRONT_SLOTS = 256;
const SLOT_MASK = FRONT_SLOTS - 1;

/** Equal to nothing, whatever a caller takes for a page number. */
const EMPTY = NaN;
/** Pages from here on are found by their slot only: 4 GiB of 4 KiB pages lie below, so all that 32-bit machines have. */
const STARTS = 2 ** 20;

/** A table in which there is nothing: every front's at first, and a processor's while it must not use its TLBs. */
export const NO_STARTS = new Int32Array(STARTS);

/** One front: what accesses of one kind and one privilege have found in the TLB. It may forget at any time; it never knows more. */
export class Lookaside {
  /**
   * By page: the place of its first word in the main chunk of memory, in words of four bytes, plus one; 0 where the page
   * is not here, has a high number, or lies in another chunk.
   */
  starts: Int32Array = NO_STARTS;
  readonly #memory: PhysicalMemory;
  readonly #pages = new Float64Array(FRONT_SLOTS).fill(EMPTY);
  readonly #frames = new Float64Array(FRONT_SLOTS);
  /** Slots that were filled since the last flush, each once. */
  readonly #filled = new Uint16Array(FRONT_SLOTS);
  #filledCount = 0;
  readonly #isFilled = new Uint8Array(FRONT_SLOTS);

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  /** The hardware frame of a page, or −1 if it is not here. */
  frameOf(page: number): number {
    const slot = page & SLOT_MASK;
    return this.#pages[slot] === page ? this.#frames[slot] : -1;
  }

  /** `address` is the physical address of the page's first byte, which is backed. */
  fill(page: number, frame: number, address: number): void {
    const slot = page & SLOT_MASK;
    this.#clear(slot);
    this.#pages[slot] = page;
    this.#frames[slot] = frame;
    if (this.#isFilled[slot] === 0) {
      this.#isFilled[slot] = 1;
      this.#filled[this.#filledCount] = slot;
      this.#filledCount += 1;
    }
    if (page >= STARTS) return;
    const offset = this.#memory.offsetInMain(address);
    if (offset < 0) return;
    if (this.starts === NO_STARTS) this.starts = new Int32Array(STARTS);
    this.starts[page] = (offset >>> 2) + 1;
  }

  /** Forgets `span` pages from `page`. */
  drop(page: number, span: number): void {
    if (span === 1) {
      const slot = page & SLOT_MASK;
      if (this.#pages[slot] === page) this.#clear(slot);
      return;
    }
    if (this.#filledCount === 0) return;
    if (span > SLOT_MASK) {
      this.flush();
      return;
    }
    for (let each = page; each < page + span; each += 1) {
      const slot = each & SLOT_MASK;
      if (this.#pages[slot] === each) this.#clear(slot);
    }
  }

  flush(): void {
    for (let i = 0; i < this.#filledCount; i += 1) {
      const slot = this.#filled[i];
      this.#clear(slot);
      this.#isFilled[slot] = 0;
    }
    this.#filledCount = 0;
  }

  #clear(slot: number): void {
    const page = this.#pages[slot];
    if (page < STARTS && this.starts !== NO_STARTS) this.starts[page] = 0;
    this.#pages[slot] = EMPTY;
  }
}
