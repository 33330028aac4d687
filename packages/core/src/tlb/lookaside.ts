/**
 * The fronts of TLBs: what the hit path of every architecture looks at, and nothing else. There is one per privilege and
 * access, and a page is there only if the access is permitted.
 *
 * A front is invisible: it may hold only what its TLB holds for the installed context and whose hit would change
 * nothing there. So the TLB drops a page from its fronts when an entry for it goes or comes, or loses its used bit, and
 * under `lru` lets them keep only the most recently used entry of each set.
 *
 * Pages with small numbers in the main chunk of memory, nearly all there are, stand in a table by page, which says where
 * they start: one read decides and leads to the word. A table takes 4 MiB of addresses from the host, but memory only where
 * pages are. Once a TLB is busy the tables of all fronts are one, front by front. The other pages have slots, and so has
 * every page of a processor that has hardly begun: a study that makes thousands of machines makes no tables.
 */
import { integer, type PhysicalMemory } from "../machine/physical-memory.js";

/** How many fronts a processor has: three kinds of access from two privileges. */
export const FRONTS = 6;
/** A bit for each of them. */
export const ALL_FRONTS = (1 << FRONTS) - 1;
/** Pages from here on are found by their slot only: 4 GiB of 4 KiB pages lie below, so all that 32-bit machines have. */
export const SMALL_PAGES_SHIFT = 20;
export const SMALL_PAGES = 1 << SMALL_PAGES_SHIFT;

/** Slots of one front for pages that are not in the table, direct-mapped. `page & SLOT_MASK` is a page's slot, above 2^32 too. */
const SLOT_SHIFT = 8;
const SLOT_MASK = (1 << SLOT_SHIFT) - 1;
/** More pages than this are not dropped one by one. */
export const MOST_DROPPED = SLOT_MASK;

const NONE = -1;
/** Equal to nothing, whatever a caller takes for a page number. */
const EMPTY = NaN;
/** After so many entries into the table the fronts forget those. */
const NOTES = 2048;
/** Pages that are entered or found in slots before the first table is made. */
export const EARLY = 256;

/** What is exported is looked up at every use; these are constants to a compiler. */
const COUNT = FRONTS;
const STARTS = SMALL_PAGES;
const STARTS_SHIFT = SMALL_PAGES_SHIFT;
const PAGE_MASK = SMALL_PAGES - 1;

/** A front's table in which there is nothing: every front's at first, and a processor's while it must not use its TLBs. */
export const NO_STARTS = new Int32Array(STARTS);
const NO_TABLE = new Int32Array(0);
const NO_PAGES = new Float64Array(0);

/** What accesses have found in a processor's TLBs. It may forget at any time; it never knows more. */
export class Lookaside {
  /**
   * A table for each front, by page: the place of the page's first word in the main chunk of memory, in words of four bytes,
   * plus one; 0 where the page is not in that front, has a high number, or lies in another chunk.
   */
  readonly views: Int32Array[] = Array.from({ length: COUNT }, () => NO_STARTS);
  /** After `join` all of them in one, by the front's number and then the page's. */
  starts: Int32Array = NO_TABLE;
  readonly #memory: PhysicalMemory;
  readonly #onTable: () => void;
  readonly #pageSize: number = 0;
  /** Words in a page, as a shift, and the number of the main chunk's first frame. */
  readonly wordShift: number = 0;
  readonly mainFrame: number = 0;
  /** Frames of the memory that hardly anything lies outside: from this one to below that one. */
  readonly ramFirst: number = 0;
  readonly ramEnd: number = 0;
  /** Fronts and pages that were filled here since the last flush; they may have been emptied meanwhile. */
  readonly #noted = new Int32Array(NOTES);
  #notes = 0;
  #early = EARLY;
  #pages = NO_PAGES;
  #frames = NO_PAGES;

  /**
   * @param pageShift of hardware pages
   * @param onTable called when there are tables by page, which whoever keeps `views` does not know yet
   */
  constructor(memory: PhysicalMemory, pageShift: number, onTable: () => void = () => {}) {
    this.#memory = memory;
    this.#onTable = onTable;
    this.#pageSize = 1 << pageShift;
    this.wordShift = pageShift - 2;
    this.mainFrame = integer(memory.mainStart / this.#pageSize);
    this.ramFirst = integer(Math.ceil(memory.ramStart / this.#pageSize));
    this.ramEnd = integer(Math.floor(memory.ramEnd / this.#pageSize));
  }

  /** Makes one table of all. Whoever writes into it takes out again what was written. */
  join(): void {
    if (this.starts !== NO_TABLE) return;
    const starts = new Int32Array(COUNT * STARTS);
    for (let note = 0; note < this.#notes; note += 1) {
      const place = this.#noted[note];
      starts[place] = this.views[place >>> STARTS_SHIFT][place & PAGE_MASK];
    }
    this.starts = starts;
    for (let front = 0; front < COUNT; front += 1) this.views[front] = starts.subarray(front * STARTS, (front + 1) * STARTS);
    this.#onTable();
  }

  /** The hardware frame of a page, or −1 if a front does not know it. */
  frameOf(front: number, page: number): number {
    const start = this.views[front][page] | 0;
    return start > 0 ? this.mainFrame + ((start - 1) >>> this.wordShift) : this.frameElsewhere(front, page);
  }

  /** The same where the table is known to say nothing. */
  frameElsewhere(front: number, page: number): number {
    if (this.#pages === NO_PAGES) return NONE;
    const slot = (front << SLOT_SHIFT) | (page & SLOT_MASK);
    if (this.#pages[slot] !== page) return NONE;
    const frame = this.#frames[slot];
    if (page < STARTS && frame >= this.ramFirst && frame < this.ramEnd) this.#moveToTable(front, page, slot, frame);
    return frame;
  }

  /** @returns false, and nothing has changed, if there is no memory at that frame */
  fill(front: number, page: number, frame: number): boolean {
    const near = frame | 0;
    if (page >= STARTS || near !== frame || near < this.ramFirst || near >= this.ramEnd) return this.#fillOther(front, page, frame);
    this.#start(front, page, (near - this.mainFrame) << this.wordShift);
    return true;
  }

  /** A page with a high number, or memory that has to be looked for. */
  #fillOther(front: number, page: number, frame: number): boolean {
    const address = frame * this.#pageSize;
    if (!this.#memory.isBacked(address)) return false;
    const offset = this.#memory.offsetInMain(address);
    if (page >= STARTS || offset < 0) this.#fillSlot(front, page, frame);
    else this.#start(front, page, offset >>> 2);
    return true;
  }

  #start(front: number, page: number, word: number): void {
    if (this.views[front] === NO_STARTS) {
      if (this.#early > 0) {
        this.#early -= 1;
        this.#fillSlot(front, page, this.mainFrame + (word >>> this.wordShift));
        return;
      }
      this.#makeTable(front);
    }
    if (this.#notes === NOTES) this.#forgetNoted(ALL_FRONTS);
    this.#noted[this.#notes] = (front << STARTS_SHIFT) | page;
    this.#notes += 1;
    this.views[front][page] = word + 1;
  }

  /** Takes a page out of its slot that has one only because it came early. */
  #moveToTable(front: number, page: number, slot: number, frame: number): void {
    if (this.#early > 0 && this.views[front] === NO_STARTS) {
      this.#early -= 1;
      return;
    }
    this.#pages[slot] = EMPTY;
    this.fill(front, page, frame);
  }

  #makeTable(front: number): void {
    this.views[front] = new Int32Array(STARTS);
    this.#onTable();
  }

  #fillSlot(front: number, page: number, frame: number): void {
    if (this.#pages === NO_PAGES) {
      this.#pages = new Float64Array(COUNT << SLOT_SHIFT).fill(EMPTY);
      this.#frames = new Float64Array(COUNT << SLOT_SHIFT);
    }
    const slot = (front << SLOT_SHIFT) | (page & SLOT_MASK);
    this.#pages[slot] = page;
    this.#frames[slot] = frame;
  }

  /** Makes one front forget `span` pages from `page`, or all that `fill` has told it, if they are many. */
  drop(front: number, page: number, span: number): void {
    if (span > SLOT_MASK) {
      this.flush(1 << front);
      return;
    }
    for (let each = page; each < page + span; each += 1) {
      // Where no page starts, nothing is written over nothing.
      if (each < STARTS) this.views[front][each] = 0;
      if (this.#pages === NO_PAGES) continue;
      const slot = (front << SLOT_SHIFT) | (each & SLOT_MASK);
      if (this.#pages[slot] === each) this.#pages[slot] = EMPTY;
    }
  }

  /**
   * Makes some fronts, a bit for each, forget all that `fill` has told them. What a TLB has written into the tables itself
   * it takes out itself.
   */
  flush(fronts: number): void {
    this.#forgetNoted(fronts);
    if (this.#pages === NO_PAGES) return;
    for (let front = 0; front < COUNT; front += 1) {
      if ((fronts & (1 << front)) !== 0) this.#pages.fill(EMPTY, front << SLOT_SHIFT, (front + 1) << SLOT_SHIFT);
    }
  }

  #forgetNoted(fronts: number): void {
    let kept = 0;
    for (let note = 0; note < this.#notes; note += 1) {
      const place = this.#noted[note];
      const front = place >>> STARTS_SHIFT;
      if ((fronts & (1 << front)) !== 0) this.views[front][place & PAGE_MASK] = 0;
      else this.#noted[kept++] = place;
    }
    this.#notes = kept;
  }
}
