/**
 * The front of a TLB: what the hit path of every architecture looks at, and nothing else. One per privilege and access,
 * direct-mapped by hardware page. A tag is there only if the access is permitted, so that a hit is one comparison.
 *
 * A front is invisible: it may hold only what its TLB holds for the installed context and whose hit would change
 * nothing there. So the TLB drops a page from its fronts when an entry for it goes or comes, empties them when used bits
 * are cleared, and under `lru` lets them keep only the most recently used entry of each set.
 */
import type { PhysicalMemory } from "../machine/physical-memory.js";

/** Equal to nothing, whatever a caller takes for a page number. */
const EMPTY = NaN;

export class Lookaside {
  /** Slots less one; `page & mask` is a page's slot (pages above 2^32 are cut, which is what is wanted). */
  readonly mask: number;
  readonly tags: Float64Array;
  /** Hardware frame of the page in each slot. */
  readonly frames: Float64Array;
  /** Where the page starts in its chunk of physical memory, in words of four bytes, and that chunk in both views. */
  readonly starts: Int32Array;
  readonly words: Uint32Array[];
  readonly bytes: Uint8Array[];
  #isEmpty = true;

  /** @param slots a power of two */
  constructor(slots: number, memory: PhysicalMemory) {
    this.mask = slots - 1;
    this.tags = new Float64Array(slots).fill(EMPTY);
    this.frames = new Float64Array(slots);
    this.starts = new Int32Array(slots);
    // Filled with real views so that the arrays have one kind of element from the beginning.
    const chunk = memory.chunkOf(memory.firstFrame * 2 ** memory.frameShift);
    this.words = Array.from({ length: slots }, () => memory.words(chunk));
    this.bytes = Array.from({ length: slots }, () => memory.bytes(chunk));
  }

  /** `address` is the physical address of the page's first byte, which is backed. */
  fill(page: number, frame: number, address: number, memory: PhysicalMemory): void {
    const slot = page & this.mask;
    const chunk = memory.chunkOf(address);
    this.tags[slot] = page;
    this.frames[slot] = frame;
    this.starts[slot] = memory.offsetInChunk(address) / 4;
    this.words[slot] = memory.words(chunk);
    this.bytes[slot] = memory.bytes(chunk);
    this.#isEmpty = false;
  }

  /** Forgets `span` pages from `page`. */
  drop(page: number, span: number): void {
    if (this.#isEmpty) return;
    if (span > this.mask) {
      this.flush();
      return;
    }
    for (let each = page; each < page + span; each += 1) {
      const slot = each & this.mask;
      if (this.tags[slot] === each) this.tags[slot] = EMPTY;
    }
  }

  flush(): void {
    if (this.#isEmpty) return;
    this.tags.fill(EMPTY);
    this.#isEmpty = true;
  }

  /** Is the page there? For tests; the hit path compares tags itself. */
  holds(page: number): boolean {
    return this.tags[page & this.mask] === page;
  }
}
