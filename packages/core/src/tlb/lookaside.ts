/**
 * The fronts of TLBs: what the hit path of every architecture looks at, and nothing else. There is one per privilege and
 * access, direct-mapped by hardware page, and a tag is there only if the access is permitted: a hit is one comparison.
 *
 * A front is invisible: it may hold only what its TLB holds for the installed context and whose hit would change
 * nothing there. So the TLB drops a page from its fronts when an entry for it goes or comes, empties them when used bits
 * are cleared, and under `lru` lets them keep only the most recently used entry of each set.
 */
import type { PhysicalMemory } from "../machine/physical-memory.js";

/** Slots of one front: four times the largest common TLB. `page & FRONT_MASK` is a page's slot, above 2^32 too. */
export const FRONT_SLOTS = 256;
export const FRONT_MASK = FRONT_SLOTS - 1;

/** Equal to nothing, whatever a caller takes for a page number. */
const EMPTY = NaN;

/** The slots of all fronts of a processor, one after the other, so that the hit path needs one array of each kind. */
export class LookasideRoom {
  readonly tags: Float64Array;
  /** Hardware frame of the page in each slot. */
  readonly frames: Float64Array;
  /**
   * Where the page starts in its chunk of physical memory, in words of four bytes; its complement (`~`) where that is not
   * the main chunk, so that the hit path can use one array and ask no further. The chunk in both views.
   */
  readonly starts: Int32Array;
  readonly words: Uint32Array[];
  readonly bytes: Uint8Array[];
  /** The chunk that holds the start of RAM, usually all of it. */
  readonly main: Uint32Array;
  readonly #memory: PhysicalMemory;

  constructor(fronts: number, memory: PhysicalMemory) {
    const slots = fronts * FRONT_SLOTS;
    const chunk = memory.chunkOf(memory.firstFrame * memory.frameSize);
    this.main = memory.words(chunk);
    this.tags = new Float64Array(slots).fill(EMPTY);
    this.frames = new Float64Array(slots);
    this.starts = new Int32Array(slots);
    // Real views from the beginning, so that the arrays have one kind of element.
    this.words = Array.from({ length: slots }, () => this.main);
    this.bytes = Array.from({ length: slots }, () => memory.bytes(chunk));
    this.#memory = memory;
  }

  /** `address` is the physical address of the page's first byte, which is backed. */
  fill(slot: number, page: number, frame: number, address: number): void {
    const chunk = this.#memory.chunkOf(address);
    const words = this.#memory.words(chunk);
    const start = this.#memory.offsetInChunk(address) / 4;
    this.tags[slot] = page;
    this.frames[slot] = frame;
    this.starts[slot] = words === this.main ? start : ~start;
    this.words[slot] = words;
    this.bytes[slot] = this.#memory.bytes(chunk);
  }
}

/** One front: a stretch of the room. */
export class Lookaside {
  readonly #room: LookasideRoom;
  readonly #base: number;
  #isEmpty = true;

  /** @param number which stretch of the room */
  constructor(room: LookasideRoom, number: number) {
    this.#room = room;
    this.#base = number * FRONT_SLOTS;
  }

  fill(page: number, frame: number, address: number): void {
    this.#room.fill(this.#base + (page & FRONT_MASK), page, frame, address);
    this.#isEmpty = false;
  }

  /** Forgets `span` pages from `page`. */
  drop(page: number, span: number): void {
    if (this.#isEmpty) return;
    if (span > FRONT_MASK) {
      this.flush();
      return;
    }
    const { tags } = this.#room;
    for (let each = page; each < page + span; each += 1) {
      const slot = this.#base + (each & FRONT_MASK);
      if (tags[slot] === each) tags[slot] = EMPTY;
    }
  }

  flush(): void {
    if (this.#isEmpty) return;
    this.#room.tags.fill(EMPTY, this.#base, this.#base + FRONT_SLOTS);
    this.#isEmpty = true;
  }

  /** Is the page there? For tests; the hit path compares tags itself. */
  holds(page: number): boolean {
    return this.#room.tags[this.#base + (page & FRONT_MASK)] === page;
  }
}
