/**
 * The page cache on the machine's pool of chunks: an empty one costs nothing, neighbours cost a few nanoseconds. The
 * chunk of the last question is remembered, whether it is there or not.
 */
import { NONE } from "../collections/ordered-map.js";
import { ABSENT, NO_SLOT, SWAPPED_OUT, type PageCache, type PageMarks } from "./page-cache.js";
import { CHUNK, LOW_FRAMES, RESIDENT, type PageChunks } from "./page-chunks.js";

const MARKS = 0xff - RESIDENT;

/** The page cache of objects, in the machine's pool. */
export class ChunkedPageCache implements PageCache {
  readonly #pool: PageChunks;
  #root = 0;
  /** The chunk asked for last: its number and place; NONE if there is none of that number. */
  #number = -1;
  #chunk = NONE;
  pages = 0;
  slots = 0;
  swapped = 0;

  constructor(pool: PageChunks) {
    this.#pool = pool;
  }

  get(offset: number): number {
    const at = this.#placeOf(offset);
    return at < 0 ? ABSENT : this.#frameAt(at);
  }

  insert(offset: number, frame: number): void {
    const number = Math.floor(offset / CHUNK);
    let chunk = number === this.#number ? this.#chunk : this.#find(number);
    if (frame >= LOW_FRAMES) this.#pool.makeHighs();
    if (chunk < 0) chunk = this.#add(number);
    const at = chunk * CHUNK + (offset - number * CHUNK);
    if ((this.#pool.states[at] & RESIDENT) !== 0) throw new Error(`page ${offset} is resident already`);
    this.#put(chunk, at, frame);
  }

  insertRun(first: number, frames: Float64Array, count: number): void {
    let i = 0;
    try {
      while (i < count) {
        if (frames[i] < 0) {
          i += 1;
          continue;
        }
        const number = Math.floor((first + i) / CHUNK);
        let chunk = number === this.#number ? this.#chunk : this.#find(number);
        if (chunk < 0) chunk = this.#add(number);
        const end = Math.min(count, (number + 1) * CHUNK - first);
        if (hasHigh(frames, i, end)) this.#pool.makeHighs();
        this.#fillChunk(chunk, (chunk - number) * CHUNK + first, frames, i, end);
        i = end;
      }
    } catch (error) {
      for (let done = 0; done < i; done += 1) if (frames[done] >= 0) this.remove(first + done);
      this.#find(Math.floor((first + i) / CHUNK));
      if (this.#chunk >= 0) this.#dropIfEmpty();
      throw error;
    }
  }

  /** Puts `frames[from]` … `frames[end − 1]` into a chunk; `shift` is where page 0 of the run would lie. */
  #fillChunk(chunk: number, shift: number, frames: Float64Array, from: number, end: number): void {
    const pool = this.#pool;
    const isFresh = pool.residents[chunk] === 0 && pool.slotted[chunk] === 0 && pool.highs.length === 0;
    const { frames: low, states } = pool;
    let put = 0;
    for (let i = from; i < end; i += 1) {
      const frame = frames[i];
      if (frame < 0) continue;
      if (isFresh) {
        low[shift + i] = frame;
        states[shift + i] = RESIDENT;
        put += 1;
      } else {
        if ((states[shift + i] & RESIDENT) !== 0) throw new Error(`page ${i} of a run is resident already`);
        this.#put(chunk, shift + i, frame);
      }
    }
    pool.residents[chunk] += put;
    this.pages += put;
  }

  remove(offset: number): number {
    const at = this.#placeOf(offset);
    if (at < 0) return ABSENT;
    const frame = this.#frameAt(at);
    if (frame < 0) return frame;
    this.#take(this.#chunk, at);
    this.#dropIfEmpty();
    return frame;
  }

  slotOf(offset: number): number {
    const { slots } = this.#pool;
    const at = slots.length === 0 ? NONE : this.#placeOf(offset);
    return at < 0 ? NO_SLOT : slots[at] - 1;
  }

  setSlot(offset: number, slot: number): void {
    this.#pool.makeSlots();
    const number = Math.floor(offset / CHUNK);
    let chunk = number === this.#number ? this.#chunk : this.#find(number);
    if (chunk < 0) chunk = this.#add(number);
    this.#putSlot(chunk, chunk * CHUNK + (offset - number * CHUNK), slot);
  }

  clearSlot(offset: number): number {
    const { slots } = this.#pool;
    const at = slots.length === 0 ? NONE : this.#placeOf(offset);
    if (at < 0 || slots[at] === 0) return NO_SLOT;
    const slot = this.#takeSlot(this.#chunk, at);
    this.#dropIfEmpty();
    return slot;
  }

  marksOf(offset: number): PageMarks {
    const at = this.#placeOf(offset);
    return at < 0 ? 0 : this.#pool.states[at] & MARKS;
  }

  mark(offset: number, marks: PageMarks): void {
    this.#pool.states[this.#residentPlace(offset)] |= marks & MARKS;
  }

  clear(offset: number, marks: PageMarks): void {
    this.#pool.states[this.#residentPlace(offset)] &= ~(marks & MARKS);
  }

  each(first: number, visit: (offset: number, frame: number) => boolean): void {
    for (let offset = this.nextResident(first); offset >= 0; offset = this.nextResident(offset + 1)) {
      if (!visit(offset, this.get(offset))) return;
    }
  }

  eachPresent(first: number, visit: (offset: number, frame: number) => boolean): void {
    for (let offset = this.nextPresent(first); offset >= 0; offset = this.nextPresent(offset + 1)) {
      if (!visit(offset, this.get(offset))) return;
    }
  }

  nextResident(first: number): number {
    if (this.pages === 0) return NONE;
    for (let number = this.#chunkFrom(first); number >= 0; number = this.#chunkFrom((number + 1) * CHUNK)) {
      if (this.#pool.residents[this.#chunk] === 0) continue;
      const base = this.#chunk * CHUNK;
      const { states } = this.#pool;
      for (let i = Math.max(0, first - number * CHUNK); i < CHUNK; i += 1)
        if ((states[base + i] & RESIDENT) !== 0) return number * CHUNK + i;
    }
    return NONE;
  }

  nextPresent(first: number): number {
    if (this.slots === 0) return this.nextResident(first);
    for (let number = this.#chunkFrom(first); number >= 0; number = this.#chunkFrom((number + 1) * CHUNK)) {
      const base = this.#chunk * CHUNK;
      for (let i = Math.max(0, first - number * CHUNK); i < CHUNK; i += 1)
        if (this.#frameAt(base + i) !== ABSENT) return number * CHUNK + i;
    }
    return NONE;
  }

  removeRange(
    first: number,
    count: number,
    frameGone: (frame: number, offset: number) => void,
    slotGone: (slot: number, offset: number) => void,
  ): void {
    const end = first + count;
    for (let number = this.#chunkFrom(first); number >= 0 && number * CHUNK < end; number = this.#chunkFrom((number + 1) * CHUNK)) {
      const from = Math.max(0, first - number * CHUNK);
      const to = Math.min(CHUNK, end - number * CHUNK);
      for (let i = from; i < to; i += 1) this.#empty(number, this.#chunk, i, frameGone, slotGone);
      this.#dropIfEmpty();
    }
  }

  moveTo(target: PageCache, offset: number): void {
    const frame = this.get(offset);
    if (frame === ABSENT) return;
    if (target.get(offset) !== ABSENT) throw new Error(`page ${offset} is present in the cache it moves to`);
    const slot = this.slotOf(offset);
    if (frame >= 0) {
      target.insert(offset, frame);
      target.mark(offset, this.marksOf(offset));
    }
    // The column of slots exists, and so does the chunk where there was a frame: only a page without one can fail here.
    if (slot !== NO_SLOT) target.setSlot(offset, slot);
    this.remove(offset);
    this.clearSlot(offset);
  }

  moveAllTo(target: PageCache, frameGone: (frame: number, offset: number) => void, slotGone: (slot: number, offset: number) => void): void {
    if (!(target instanceof ChunkedPageCache) || target.#pool !== this.#pool) throw new Error("page caches of two machines are merged");
    for (let number = this.#chunkFrom(0); number >= 0; number = this.#chunkFrom(0)) {
      const chunk = this.#chunk;
      const theirs = target.#find(number);
      if (theirs >= 0) {
        for (let i = 0; i < CHUNK; i += 1) {
          if (this.#frameAt(chunk * CHUNK + i) === ABSENT) continue;
          if (target.#frameAt(theirs * CHUNK + i) === ABSENT) this.#hand(chunk, target, theirs, i);
          else this.#empty(number, chunk, i, frameGone, slotGone);
        }
        this.#dropIfEmpty();
      } else {
        this.#handChunk(number, chunk, target);
      }
    }
  }

  /** A whole chunk changes hands. */
  #handChunk(number: number, chunk: number, target: ChunkedPageCache): void {
    const pool = this.#pool;
    this.#root = pool.unlink(this.#root, number);
    this.#number = -1;
    target.#root = pool.link(target.#root, number, chunk);
    target.#number = number;
    target.#chunk = chunk;
    const pages = pool.residents[chunk];
    const slots = pool.slotted[chunk];
    let swapped = 0;
    if (slots > 0) for (let i = 0; i < CHUNK; i += 1) if (this.#frameAt(chunk * CHUNK + i) === SWAPPED_OUT) swapped += 1;
    this.pages -= pages;
    target.pages += pages;
    this.slots -= slots;
    target.slots += slots;
    this.swapped -= swapped;
    target.swapped += swapped;
  }

  /** One page of a chunk changes hands. */
  #hand(chunk: number, target: ChunkedPageCache, theirs: number, i: number): void {
    const { states } = this.#pool;
    const from = chunk * CHUNK + i;
    const to = theirs * CHUNK + i;
    const frame = this.#frameAt(from);
    if (frame >= 0) {
      const marks = states[from] & MARKS;
      this.#take(chunk, from);
      target.#put(theirs, to, frame);
      states[to] |= marks;
    }
    if (this.slots > 0 && this.#pool.slots[from] !== 0) target.#putSlot(theirs, to, this.#takeSlot(chunk, from));
  }

  /** One page goes for good. */
  #empty(
    number: number,
    chunk: number,
    i: number,
    frameGone: (frame: number, offset: number) => void,
    slotGone: (slot: number, offset: number) => void,
  ): void {
    const at = chunk * CHUNK + i;
    const frame = this.#frameAt(at);
    if (frame === ABSENT) return;
    const slot = this.slots > 0 && this.#pool.slots[at] !== 0 ? this.#takeSlot(chunk, at) : NO_SLOT;
    if (frame >= 0) {
      this.#take(chunk, at);
      frameGone(frame, number * CHUNK + i);
    }
    if (slot !== NO_SLOT) slotGone(slot, number * CHUNK + i);
  }

  /** Where the page lies, or −1 if its chunk is not there. */
  #placeOf(offset: number): number {
    const number = Math.floor(offset / CHUNK);
    const chunk = number === this.#number ? this.#chunk : this.#find(number);
    return chunk < 0 ? NONE : chunk * CHUNK + (offset - number * CHUNK);
  }

  #residentPlace(offset: number): number {
    const at = this.#placeOf(offset);
    if (at < 0 || (this.#pool.states[at] & RESIDENT) === 0) throw new Error(`page ${offset} is not resident`);
    return at;
  }

  #frameAt(at: number): number {
    const { frames, states, highs, slots } = this.#pool;
    if ((states[at] & RESIDENT) !== 0) return highs.length === 0 ? frames[at] : highs[at] * LOW_FRAMES + frames[at];
    return this.slots > 0 && slots[at] !== 0 ? SWAPPED_OUT : ABSENT;
  }

  #put(chunk: number, at: number, frame: number): void {
    const pool = this.#pool;
    pool.frames[at] = frame;
    pool.states[at] = RESIDENT;
    if (pool.highs.length > 0) pool.highs[at] = Math.floor(frame / LOW_FRAMES);
    pool.residents[chunk] += 1;
    this.pages += 1;
    if (this.swapped > 0 && pool.slots[at] !== 0) this.swapped -= 1;
  }

  #take(chunk: number, at: number): void {
    const pool = this.#pool;
    pool.states[at] = 0;
    pool.residents[chunk] -= 1;
    this.pages -= 1;
    if (this.slots > 0 && pool.slots[at] !== 0) this.swapped += 1;
  }

  #putSlot(chunk: number, at: number, slot: number): void {
    const pool = this.#pool;
    if (pool.slots[at] === 0) {
      pool.slotted[chunk] += 1;
      this.slots += 1;
      if ((pool.states[at] & RESIDENT) === 0) this.swapped += 1;
    }
    pool.slots[at] = slot + 1;
  }

  #takeSlot(chunk: number, at: number): number {
    const pool = this.#pool;
    const slot = pool.slots[at] - 1;
    pool.slots[at] = 0;
    pool.slotted[chunk] -= 1;
    this.slots -= 1;
    if ((pool.states[at] & RESIDENT) === 0) this.swapped -= 1;
    return slot;
  }

  #find(number: number): number {
    this.#chunk = this.#pool.find(this.#root, number);
    this.#number = number;
    return this.#chunk;
  }

  /** The number of the first chunk at or after the one of `offset`, or −1; it is the remembered one then. */
  #chunkFrom(offset: number): number {
    const { nodes } = this.#pool;
    const number = Math.floor(offset / CHUNK);
    if (number === this.#number && this.#chunk >= 0) return number;
    const at = nodes.findAtOrAbove(this.#root, number);
    if (at === NONE) return NONE;
    this.#number = nodes.keyAt(at);
    this.#chunk = nodes.valueAt(at);
    return this.#number;
  }

  /** A new chunk, the remembered one then. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  #add(number: number): number {
    this.#root = this.#pool.add(this.#root, number);
    this.#number = number;
    this.#chunk = this.#pool.added;
    return this.#chunk;
  }

  /** The remembered chunk goes if nothing is in it. */
  #dropIfEmpty(): void {
    const pool = this.#pool;
    if (pool.residents[this.#chunk] !== 0 || pool.slotted[this.#chunk] !== 0) return;
    this.#root = pool.drop(this.#root, this.#number, this.#chunk);
    this.#chunk = NONE;
  }
}

/** Is there a frame beyond 32 bits? */
const hasHigh = (frames: Float64Array, from: number, end: number): boolean => {
  for (let i = from; i < end; i += 1) if (frames[i] >= LOW_FRAMES) return true;
  return false;
};
