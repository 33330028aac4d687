/**
 * The fronts of TLBs: what the hit path of every architecture looks at, and nothing else. There is one per privilege and
 * access, and a page is there only if the access is permitted.
 *
 * A front is invisible: it may hold only what its TLB holds for the installed context and whose hit would change
 * nothing there. So the TLB drops a page from its fronts when an entry for it goes or comes, or loses its used bit, and
 * under `lru` lets them keep only the most recently used entry of each set.
 *
 * Pages with small numbers in the main chunk of memory, nearly all there are, stand in a table by page, which says where
 * they start: one read decides and leads to the word. It takes 4 MiB of addresses from the host, but memory only where
 * pages are. The others have slots.
 */
import { integer, type PhysicalMemory } from "../machine/physical-memory.js";

/** Slots of one front for pages that are not in the table, direct-mapped. `page & SLOT_MASK` is a page's slot, above 2^32 too. */
const SLOTS = 256;
const SLOT_MASK = SLOTS - 1;

const NONE = -1;
/** Equal to nothing, whatever a caller takes for a page number. */
const EMPTY = NaN;
/** Pages from here on are found by their slot only: 4 GiB of 4 KiB pages lie below, so all that 32-bit machines have. */
export const SMALL_PAGES = 1 << 20;
const STARTS = SMALL_PAGES;
/** After so many entries into the table a front forgets them all. */
const NOTES = 1024;

/** A table in which there is nothing: every front's at first, and a processor's while it must not use its TLBs. */
export const NO_STARTS = new Int32Array(STARTS);
const NO_NOTES = new Int32Array(0);

/** One front: what accesses of one kind and one privilege have found in the TLB. It may forget at any time; it never knows more. */
export class Lookaside {
  /**
   * By page: the place of its first word in the main chunk of memory, in words of four bytes, plus one; 0 where the page
   * is not here, has a high number, or lies in another chunk.
   */
  starts: Int32Array = NO_STARTS;
  readonly #memory: PhysicalMemory;
  readonly #onTable: () => void;
  readonly #pageSize: number = 0;
  /** Words in a page, as a shift, and the number of the main chunk's first frame. */
  readonly #wordShift: number = 0;
  readonly #mainFrame: number = 0;
  /** Frames of the memory that hardly anything lies outside: from this one to below that one. */
  readonly #ramFirst: number = 0;
  readonly #ramEnd: number = 0;
  /** Pages that were entered into the table since the last flush; they may have been dropped meanwhile. */
  #noted = NO_NOTES;
  #notes = 0;
  readonly #pages = new Float64Array(SLOTS).fill(EMPTY);
  readonly #frames = new Float64Array(SLOTS);
  /** Slots may be in use: an integer, as a boolean would be asked whether it is one. */
  #slotted = 0;

  /**
   * @param pageShift of hardware pages
   * @param onTable called when there is a table by page, which whoever keeps `starts` does not know yet
   */
  constructor(memory: PhysicalMemory, pageShift: number, onTable: () => void = () => {}) {
    this.#memory = memory;
    this.#onTable = onTable;
    this.#pageSize = 1 << pageShift;
    this.#wordShift = pageShift - 2;
    this.#mainFrame = integer(memory.mainStart / this.#pageSize);
    this.#ramFirst = integer(Math.ceil(memory.ramStart / this.#pageSize));
    this.#ramEnd = integer(Math.floor(memory.ramEnd / this.#pageSize));
  }

  /** The hardware frame of a page, or −1 if it is not here. */
  frameOf(page: number): number {
    const start = this.starts[page] | 0;
    if (start > 0) return this.#mainFrame + ((start - 1) >>> this.#wordShift);
    return this.#slotted === 0 ? NONE : this.#frameInSlot(page);
  }

  /** The same where the table is known to say nothing. */
  frameElsewhere(page: number): number {
    return this.#slotted === 0 ? NONE : this.#frameInSlot(page);
  }

  #frameInSlot(page: number): number {
    const slot = page & SLOT_MASK;
    return this.#pages[slot] === page ? this.#frames[slot] : NONE;
  }

  /** @returns false, and nothing has changed, if there is no memory at that frame */
  fill(page: number, frame: number): boolean {
    const near = frame | 0;
    if (page >= STARTS || near !== frame || near < this.#ramFirst || near >= this.#ramEnd) return this.#fillOther(page, frame);
    this.#start(page, (near - this.#mainFrame) << this.#wordShift);
    return true;
  }

  /** A page with a high number, or memory that has to be looked for. */
  #fillOther(page: number, frame: number): boolean {
    const address = frame * this.#pageSize;
    if (!this.#memory.isBacked(address)) return false;
    const offset = this.#memory.offsetInMain(address);
    if (page >= STARTS || offset < 0) this.#fillSlot(page, frame);
    else this.#start(page, offset >>> 2);
    return true;
  }

  #start(page: number, word: number): void {
    if (this.#notes === this.#noted.length) this.#makeRoom();
    this.#noted[this.#notes] = page;
    this.#notes += 1;
    this.starts[page] = word + 1;
  }

  /** There is no table yet, or it holds as many pages as can be remembered. */
  #makeRoom(): void {
    if (this.starts !== NO_STARTS) this.flush();
    else {
      this.starts = new Int32Array(STARTS);
      this.#noted = new Int32Array(NOTES);
      this.#onTable();
    }
  }

  #fillSlot(page: number, frame: number): void {
    const slot = page & SLOT_MASK;
    this.#pages[slot] = page;
    this.#frames[slot] = frame;
    this.#slotted = 1;
  }

  /** Forgets `span` pages from `page`. */
  drop(page: number, span: number): void {
    if (span !== 1 || this.#slotted !== 0) this.#dropEach(page, span);
    // Where no page starts, nothing is written over nothing.
    else if (page < STARTS) this.starts[page] = 0;
  }

  /** Forgets one page, below `SMALL_PAGES`. */
  dropSmall(page: number): void {
    if (this.#slotted !== 0) this.#dropEach(page, 1);
    else this.starts[page] = 0;
  }

  #dropEach(page: number, span: number): void {
    if (span > SLOT_MASK) {
      this.flush();
      return;
    }
    for (let each = page; each < page + span; each += 1) {
      const slot = each & SLOT_MASK;
      if (this.#pages[slot] === each) this.#pages[slot] = EMPTY;
      if (each < STARTS) this.starts[each] = 0;
    }
  }

  flush(): void {
    for (let note = 0; note < this.#notes; note += 1) this.starts[this.#noted[note]] = 0;
    this.#notes = 0;
    if (this.#slotted !== 0) this.#pages.fill(EMPTY);
    this.#slotted = 0;
  }
}
