/**
 * The global page hash table in physical memory: chains of entries, with a head for every chain. It grows and shrinks by
 * one chain at a time (linear hashing), so no operation ever moves more than one chain, and what it takes from the frame
 * allocator are single frames. Where there is no frame for more heads it goes on with longer chains.
 *
 * Heads fill frames of their own, whose addresses stand in a directory frame; entries fill others, each with the number
 * of entries in use beside it, so that an empty frame goes back at once.
 *
 * Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980. HelenOS has 8192 chains for ever
 * (kernel/genarch/src/mm/page_ht.c) and a key that leaves half of them empty (HD-46).
 */
import { PortolanError } from "../errors.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import { FRAME_WORD, HASH_ENTRY_BYTES, HASH_HEAD_BYTES, hashOfPage, NEXT_WORD, SPACE_WORD } from "./page-hash-format.js";

const TWO_32 = 0x1_0000_0000;
/** What `find` answers for a page that is not there. */
export const NO_ENTRY = -1;
const NONE = -1;
/** What is imported is looked up at every use. */
const mix = hashOfPage;
const FLAG_BITS = 256;
/** Chains are merged when there are this many for an entry, that many at a time, so that they keep pace with removals. */
const FEWEST = 4;

/** The table itself: finds, inserts and removes by space and page. An entry is named by its physical address in bytes. */
export class PageHash {
  /** Physical address of the frame that lists the frames of heads, eight bytes each, in order. */
  readonly directory: number;
  /** Entries in the table. */
  entries = 0;
  /** Chains. */
  chains: number;
  readonly #memory: PhysicalMemory;
  readonly #frames: FrameAllocator;
  /** Pages whose addresses differ in the high word have page numbers this far apart. */
  readonly #pagesPerWord: number;
  readonly #pageSize: number;
  readonly #headsPerFrame: number;
  readonly #entriesPerFrame: number;
  /** Physical addresses of the frames of heads: a copy of what the directory says. */
  readonly #heads: number[] = [];
  /** Chains at the beginning of this round of splitting, a power of two. */
  #round: number;
  /** By frame of RAM, where it holds entries: how many are in use, how many ever were, and the first free one of those. */
  readonly #used: Int32Array;
  readonly #touched: Int32Array;
  readonly #free: Int32Array;
  /** Frames with room, the next to be filled last, and where in that list a frame stands. */
  readonly #open: number[] = [];
  readonly #openAt: Int32Array;
  #pools = 0;
  /** Heads and entries that the last `find` read. */
  reads = 0;
  /** Address of the link that leads to the entry `find` has found. */
  #link = 0;

  /** @throws PortolanError ERR_OUT_OF_FRAMES; nothing has been taken then */
  constructor(memory: PhysicalMemory, frames: FrameAllocator, pageShift: number) {
    this.#memory = memory;
    this.#frames = frames;
    this.#pageSize = 2 ** pageShift;
    this.#pagesPerWord = TWO_32 / this.#pageSize;
    this.#headsPerFrame = memory.frameSize / HASH_HEAD_BYTES;
    this.#entriesPerFrame = memory.frameSize / HASH_ENTRY_BYTES;
    this.#used = new Int32Array(memory.frameCount);
    this.#touched = new Int32Array(memory.frameCount);
    this.#free = new Int32Array(memory.frameCount).fill(NONE);
    this.#openAt = new Int32Array(memory.frameCount).fill(NONE);
    const directory = frames.takeZeroed();
    try {
      this.directory = directory * memory.frameSize;
      this.#addHeads();
    } catch (error) {
      frames.release(directory);
      throw error;
    }
    this.chains = this.#headsPerFrame;
    this.#round = this.chains;
  }

  /** Physical address of the entry for a page of a space, or {@link NO_ENTRY}. */
  find(space: number, page: number): number {
    const low = (page % this.#pagesPerWord) * this.#pageSize;
    const high = Math.floor(page / this.#pagesPerWord);
    const memory = this.#memory;
    let link = this.headOf(space, page);
    this.reads = 1;
    for (let entry = this.#follow(link); entry !== NO_ENTRY; entry = this.#follow(link)) {
      this.reads += 1;
      if (memory.readLow(entry) === low && memory.readLow(entry + SPACE_WORD) === space && memory.readHigh(entry) === high) {
        this.#link = link;
        return entry;
      }
      link = entry + NEXT_WORD;
    }
    return NO_ENTRY;
  }

  /**
   * Adds a page that is not there.
   * @param frame physical address, a multiple of the frame size
   * @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then
   */
  insert(space: number, page: number, frame: number, flags: number): void {
    this.attach(this.#takeEntry(), space, page, frame, flags);
    this.entries += 1;
    if (this.entries > this.chains) this.#split();
  }

  /** Takes the entry that the last `find` has found out of its chain; it stays taken, for `attach`, and counts on. */
  detach(entry: number): void {
    this.#setLink(this.#link, this.#follow(entry + NEXT_WORD));
  }

  /** Puts an entry into the chain of a page that is not there. Never fails. */
  attach(entry: number, space: number, page: number, frame: number, flags: number): void {
    const memory = this.#memory;
    memory.write64(entry, (page % this.#pagesPerWord) * this.#pageSize, Math.floor(page / this.#pagesPerWord));
    memory.write64(entry + SPACE_WORD, space, 0);
    memory.write64(entry + FRAME_WORD, (frame % TWO_32) + flags, Math.floor(frame / TWO_32));
    const head = this.headOf(space, page);
    this.#setLink(entry + NEXT_WORD, this.#follow(head));
    this.#setLink(head, entry);
  }

  /** Takes out the entry that the last `find` has found. */
  remove(entry: number): void {
    this.detach(entry);
    this.#giveEntry(entry);
    this.entries -= 1;
    for (let merged = 0; merged < FEWEST && this.chains > this.#headsPerFrame && this.entries < this.chains / FEWEST; merged += 1)
      this.#merge();
  }

  /** Physical address of an entry's frame. */
  frameOf(entry: number): number {
    const low = this.#memory.readLow(entry + FRAME_WORD);
    return this.#memory.readHigh(entry + FRAME_WORD) * TWO_32 + low - (low % FLAG_BITS);
  }

  flagsOf(entry: number): number {
    return this.#memory.readLow(entry + FRAME_WORD) % FLAG_BITS;
  }

  setFlags(entry: number, flags: number): void {
    const low = this.#memory.readLow(entry + FRAME_WORD);
    this.#memory.write64(entry + FRAME_WORD, low - (low % FLAG_BITS) + flags, this.#memory.readHigh(entry + FRAME_WORD));
  }

  spaceOf(entry: number): number {
    return this.#memory.readLow(entry + SPACE_WORD);
  }

  /** Page number of an entry. */
  pageOf(entry: number): number {
    return this.#memory.readHigh(entry) * this.#pagesPerWord + this.#memory.readLow(entry) / this.#pageSize;
  }

  /** Visits every entry, chain by chain. */
  each(visit: (entry: number) => void): void {
    for (let chain = 0; chain < this.chains; chain += 1) {
      for (let entry = this.#follow(this.#headAt(chain)); entry !== NO_ENTRY; entry = this.next(entry)) visit(entry);
    }
  }

  /** Which chain a page belongs to. */
  chainOf(space: number, page: number): number {
    const hash = mix(space, page);
    const chain = hash & (this.#round * 2 - 1);
    return chain < this.chains ? chain : hash & (this.#round - 1);
  }

  /** Physical address of the head of a page's chain. */
  headOf(space: number, page: number): number {
    return this.#headAt(this.chainOf(space, page));
  }

  /** The first entry of the chain at a head, or {@link NO_ENTRY}. */
  first(head: number): number {
    return this.#follow(head);
  }

  /** The entry after another in its chain, or {@link NO_ENTRY}. */
  next(entry: number): number {
    return this.#follow(entry + NEXT_WORD);
  }

  /** Physical memory it occupies, in bytes. */
  get bytes(): number {
    return (1 + this.#heads.length + this.#pools) * this.#memory.frameSize;
  }

  /** Calls `visit` for every frame it lies in. */
  eachFrame(visit: (frame: number) => void): void {
    const { frameSize, firstFrame } = this.#memory;
    visit(this.directory / frameSize);
    for (const address of this.#heads) visit(address / frameSize);
    for (let slot = 0; slot < this.#used.length; slot += 1) if (this.#used[slot] > 0) visit(firstFrame + slot);
  }

  /** One more chain: the oldest unsplit one gives it the entries whose next hash bit is set. */
  #split(): void {
    if (this.chains % this.#headsPerFrame === 0 && !this.#hasHeadsFor(this.chains)) return;
    const fresh = this.chains;
    this.chains += 1;
    let link = this.#headAt(fresh - this.#round);
    const target = this.#headAt(fresh);
    for (let entry = this.#follow(link); entry !== NO_ENTRY; entry = this.#follow(link)) {
      if (this.chainOf(this.spaceOf(entry), this.pageOf(entry)) === fresh) {
        this.#setLink(link, this.next(entry));
        this.#setLink(entry + NEXT_WORD, this.#follow(target));
        this.#setLink(target, entry);
      } else {
        link = entry + NEXT_WORD;
      }
    }
    if (this.chains === this.#round * 2) this.#round = this.chains;
  }

  /** One chain less: the last goes back to the one it was split from. */
  #merge(): void {
    if (this.chains === this.#round) this.#round /= 2;
    const last = this.chains - 1;
    let link = this.#headAt(last - this.#round);
    for (let entry = this.#follow(link); entry !== NO_ENTRY; entry = this.#follow(link)) link = entry + NEXT_WORD;
    this.#setLink(link, this.#follow(this.#headAt(last)));
    this.#setLink(this.#headAt(last), NO_ENTRY);
    this.chains = last;
    if (last % this.#headsPerFrame !== 0) return;
    const gone = this.#heads.pop() as number;
    this.#memory.write64(this.directory + this.#heads.length * HASH_HEAD_BYTES, 0, 0);
    this.#frames.release(gone / this.#memory.frameSize);
  }

  /** Longer chains are better than a failure: no frame for heads means no more chains for now. */
  #hasHeadsFor(chain: number): boolean {
    const index = chain / this.#headsPerFrame;
    if (index === this.#headsPerFrame) return false;
    try {
      this.#addHeads();
      return true;
    } catch (error) {
      if (error instanceof PortolanError && error.errno === "ENOMEM") return false;
      throw error;
    }
  }

  #addHeads(): void {
    const address = this.#frames.takeZeroed() * this.#memory.frameSize;
    this.#memory.write64(this.directory + this.#heads.length * HASH_HEAD_BYTES, address % TWO_32, Math.floor(address / TWO_32));
    this.#heads.push(address);
  }

  #headAt(chain: number): number {
    return this.#heads[Math.floor(chain / this.#headsPerFrame)] + (chain % this.#headsPerFrame) * HASH_HEAD_BYTES;
  }

  #follow(link: number): number {
    const low = this.#memory.readLow(link);
    return (low & 1) === 0 ? NO_ENTRY : this.#memory.readHigh(link) * TWO_32 + low - 1;
  }

  #setLink(link: number, entry: number): void {
    if (entry === NO_ENTRY) this.#memory.write64(link, 0, 0);
    else this.#memory.write64(link, (entry % TWO_32) + 1, Math.floor(entry / TWO_32));
  }

  /** Address of a free entry. @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then */
  #takeEntry(): number {
    const { frameSize, firstFrame } = this.#memory;
    if (this.#open.length === 0) {
      const frame = this.#frames.takeZeroed();
      this.#setOpen(frame - firstFrame);
      this.#touched[frame - firstFrame] = 0;
      this.#free[frame - firstFrame] = NONE;
      this.#pools += 1;
    }
    const slot = this.#open[this.#open.length - 1];
    const start = (firstFrame + slot) * frameSize;
    let index = this.#free[slot];
    if (index === NONE) {
      index = this.#touched[slot];
      this.#touched[slot] = index + 1;
    } else {
      this.#free[slot] = this.#memory.readLow(start + index * HASH_ENTRY_BYTES + NEXT_WORD) / 2 - 1;
    }
    const used = this.#used[slot] + 1;
    this.#used[slot] = used;
    if (used === this.#entriesPerFrame) this.#setFull(slot);
    return start + index * HASH_ENTRY_BYTES;
  }

  /** Free entries of a frame are linked by their numbers plus one, doubled: bit 0 is clear, so no chain leads through them. */
  #giveEntry(entry: number): void {
    const { frameSize, firstFrame } = this.#memory;
    const slot = Math.floor(entry / frameSize) - firstFrame;
    for (let word = 0; word < NEXT_WORD; word += 8) this.#memory.write64(entry + word, 0, 0);
    this.#memory.write64(entry + NEXT_WORD, (this.#free[slot] + 1) * 2, 0);
    this.#free[slot] = (entry % frameSize) / HASH_ENTRY_BYTES;
    const used = this.#used[slot] - 1;
    this.#used[slot] = used;
    if (used === this.#entriesPerFrame - 1) this.#setOpen(slot);
    if (used > 0) return;
    this.#setFull(slot);
    this.#pools -= 1;
    this.#frames.release(firstFrame + slot);
  }

  #setOpen(slot: number): void {
    this.#openAt[slot] = this.#open.length;
    this.#open.push(slot);
  }

  #setFull(slot: number): void {
    const at = this.#openAt[slot];
    const last = this.#open.pop() as number;
    if (last !== slot) {
      this.#open[at] = last;
      this.#openAt[last] = at;
    }
    this.#openAt[slot] = NONE;
  }
}
