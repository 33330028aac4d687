/**
 * The page cache on the machine's pool of chunks: an empty one costs nothing, neighbours cost a few nanoseconds. The
 * chunk of the last question is remembered, whether it is there or not.
 */
import { NONE } from "../collections/ordered-map.js";
import { ABSENT, NO_SLOT, SWAPPED_OUT, type PageCache, type PageMarks } from "./page-cache.js";
import { CHUNK, LOW_FRAMES, RESIDENT, type PageChunks } from "./page-chunks.js";

/** What is imported is looked up at every use; these are constants to a compiler. */
const SPAN = CHUNK;
const HAS_FRAME = RESIDENT;
const BEYOND_LOW = LOW_FRAMES;
const IS_SWAPPED_OUT = SWAPPED_OUT;
const IS_ABSENT = ABSENT;

const MARKS = 0xff - HAS_FRAME;

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
    return at < 0 ? IS_ABSENT : this.#frameAt(at);
  }

  insert(offset: number, frame: number): void {
    const number = Math.floor(offset / SPAN);
    let chunk = number === this.#number ? this.#chunk : this.#find(number);
    if (frame >= BEYOND_LOW) this.#pool.makeHighs();
    if (chunk < 0) chunk = this.#add(number);
    const at = placeIn(chunk, number, offset);
    if ((this.#pool.states[at] & HAS_FRAME) !== 0) throw new Error(`page ${offset} is resident already`);
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
        const number = Math.floor((first + i) / SPAN);
        let chunk = number === this.#number ? this.#chunk : this.#find(number);
        if (chunk < 0) chunk = this.#add(number);
        const end = integer(Math.min(count, (number + 1) * SPAN - first));
        if (hasHigh(frames, i, end)) this.#pool.makeHighs();
        this.#fillChunk(chunk, placeIn(chunk, number, first), frames, i, end);
        i = end;
      }
    } catch (error) {
      for (let done = 0; done < i; done += 1) if (frames[done] >= 0) this.remove(first + done);
      this.#find(Math.floor((first + i) / SPAN));
      if (this.#chunk >= 0) this.#dropIfEmpty();
      throw error;
    }
  }

  /** Puts `frames[from]` … `frames[end − 1]` into a chunk; `shift` is where page 0 of the run would lie. */
  #fillChunk(chunk: number, shift: number, frames: Float64Array, from: number, end: number): void {
    const pool = this.#pool;
    if (pool.residents[chunk] === 0 && pool.slotted[chunk] === 0 && pool.highs.length === 0) {
      const put = fill(pool.frames, pool.states, shift, frames, from, end);
      pool.residents[chunk] = put;
      this.pages += put;
      return;
    }
    for (let i = from; i < end; i += 1) {
      if (frames[i] < 0) continue;
      if ((pool.states[shift + i] & HAS_FRAME) !== 0) throw new Error(`page ${i} of a run is resident already`);
      this.#put(chunk, shift + i, frames[i]);
    }
  }

  remove(offset: number): number {
    const at = this.#placeOf(offset);
    if (at < 0) return IS_ABSENT;
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
    const number = Math.floor(offset / SPAN);
    let chunk = number === this.#number ? this.#chunk : this.#find(number);
    if (chunk < 0) chunk = this.#add(number);
    this.#putSlot(chunk, placeIn(chunk, number, offset), slot);
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
    this.#eachIn(first, false, visit);
  }

  eachPresent(first: number, visit: (offset: number, frame: number) => boolean): void {
    this.#eachIn(first, true, visit);
  }

  #eachIn(first: number, isSwappedMeant: boolean, visit: (offset: number, frame: number) => boolean): void {
    for (let number = this.#chunkFrom(first); number >= 0; number = this.#chunkFrom((number + 1) * SPAN)) {
      const base = this.#chunk * SPAN;
      for (let i = integer(Math.max(0, first - number * SPAN)); i < SPAN; i += 1) {
        const frame = this.#frameAt(base + i);
        if ((frame >= 0 || (isSwappedMeant && frame === IS_SWAPPED_OUT)) && !visit(number * SPAN + i, frame)) return;
      }
    }
  }

  nextResident(first: number): number {
    if (this.pages === 0) return NONE;
    for (let number = this.#chunkFrom(first); number >= 0; number = this.#chunkFrom((number + 1) * SPAN)) {
      if (this.#pool.residents[this.#chunk] === 0) continue;
      const base = this.#chunk * SPAN;
      const { states } = this.#pool;
      for (let i = integer(Math.max(0, first - number * SPAN)); i < SPAN; i += 1)
        if ((states[base + i] & HAS_FRAME) !== 0) return number * SPAN + i;
    }
    return NONE;
  }

  nextPresent(first: number): number {
    if (this.slots === 0) return this.nextResident(first);
    for (let number = this.#chunkFrom(first); number >= 0; number = this.#chunkFrom((number + 1) * SPAN)) {
      const base = this.#chunk * SPAN;
      for (let i = integer(Math.max(0, first - number * SPAN)); i < SPAN; i += 1)
        if (this.#frameAt(base + i) !== IS_ABSENT) return number * SPAN + i;
    }
    return NONE;
  }

  lastPresent(): number {
    const { nodes } = this.#pool;
    const at = nodes.last(this.#root);
    if (at === NONE) return NONE;
    const base = nodes.valueAt(at) * SPAN;
    let i = SPAN - 1;
    // A chunk that is there holds something.
    while (this.#frameAt(base + i) === IS_ABSENT) i -= 1;
    return nodes.keyAt(at) * SPAN + i;
  }

  nextMissing(other: PageCache, first: number): number {
    const theirs = this.#ofSameMachine(other);
    const { residents } = this.#pool;
    for (let number = this.#chunkFrom(first); number >= 0; number = this.#chunkFrom((number + 1) * SPAN)) {
      const chunk = theirs.#find(number);
      if (chunk >= 0 && residents[chunk] === SPAN) continue;
      const base = this.#chunk * SPAN;
      for (let i = integer(Math.max(0, first - number * SPAN)); i < SPAN; i += 1) {
        if (this.#frameAt(base + i) === IS_ABSENT) continue;
        if (chunk < 0 || theirs.#frameAt(chunk * SPAN + i) === IS_ABSENT) return number * SPAN + i;
      }
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
    for (let number = this.#chunkFrom(first); number >= 0 && number * SPAN < end; number = this.#chunkFrom((number + 1) * SPAN)) {
      const from = integer(Math.max(0, first - number * SPAN));
      const to = integer(Math.min(SPAN, end - number * SPAN));
      for (let i = from; i < to; i += 1) this.#empty(number, this.#chunk, i, frameGone, slotGone);
      this.#dropIfEmpty();
    }
  }

  moveTo(target: PageCache, offset: number): void {
    const frame = this.get(offset);
    if (frame === IS_ABSENT) return;
    if (target.get(offset) !== IS_ABSENT) throw new Error(`page ${offset} is present in the cache it moves to`);
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
    const to = this.#ofSameMachine(target);
    for (let number = this.#chunkFrom(0); number >= 0; number = this.#chunkFrom(0)) {
      const chunk = this.#chunk;
      const theirs = to.#find(number);
      if (theirs >= 0) {
        for (let i = 0; i < SPAN; i += 1) {
          if (this.#frameAt(chunk * SPAN + i) === IS_ABSENT) continue;
          if (to.#frameAt(theirs * SPAN + i) === IS_ABSENT) this.#hand(chunk, to, theirs, i);
          else this.#empty(number, chunk, i, frameGone, slotGone);
        }
        this.#dropIfEmpty();
      } else {
        this.#handChunk(number, chunk, to);
      }
    }
  }

  /** Chunks are compared, and change hands, within one pool. */
  #ofSameMachine(other: PageCache): ChunkedPageCache {
    if (!(other instanceof ChunkedPageCache) || other.#pool !== this.#pool) throw new Error("page caches of two machines meet");
    return other;
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
    if (slots > 0) for (let i = 0; i < SPAN; i += 1) if (this.#frameAt(chunk * SPAN + i) === IS_SWAPPED_OUT) swapped += 1;
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
    const from = chunk * SPAN + i;
    const to = theirs * SPAN + i;
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
    const at = chunk * SPAN + i;
    const frame = this.#frameAt(at);
    if (frame === IS_ABSENT) return;
    const slot = this.slots > 0 && this.#pool.slots[at] !== 0 ? this.#takeSlot(chunk, at) : NO_SLOT;
    if (frame >= 0) {
      this.#take(chunk, at);
      frameGone(frame, number * SPAN + i);
    }
    if (slot !== NO_SLOT) slotGone(slot, number * SPAN + i);
  }

  /** Where the page lies, or −1 if its chunk is not there. */
  #placeOf(offset: number): number {
    const number = Math.floor(offset / SPAN);
    const chunk = number === this.#number ? this.#chunk : this.#find(number);
    return chunk < 0 ? NONE : placeIn(chunk, number, offset);
  }

  #residentPlace(offset: number): number {
    const at = this.#placeOf(offset);
    if (at < 0 || (this.#pool.states[at] & HAS_FRAME) === 0) throw new Error(`page ${offset} is not resident`);
    return at;
  }

  #frameAt(at: number): number {
    const { frames, states, highs, slots } = this.#pool;
    if ((states[at] & HAS_FRAME) !== 0) return highs.length === 0 ? frames[at] : highs[at] * BEYOND_LOW + frames[at];
    return this.slots > 0 && slots[at] !== 0 ? IS_SWAPPED_OUT : IS_ABSENT;
  }

  #put(chunk: number, at: number, frame: number): void {
    const pool = this.#pool;
    pool.frames[at] = frame;
    pool.states[at] = HAS_FRAME;
    if (pool.highs.length > 0) pool.highs[at] = Math.floor(frame / BEYOND_LOW);
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
      if ((pool.states[at] & HAS_FRAME) === 0) this.swapped += 1;
    }
    pool.slots[at] = slot + 1;
  }

  #takeSlot(chunk: number, at: number): number {
    const pool = this.#pool;
    const slot = pool.slots[at] - 1;
    pool.slots[at] = 0;
    pool.slotted[chunk] -= 1;
    this.slots -= 1;
    if ((pool.states[at] & HAS_FRAME) === 0) this.swapped -= 1;
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
    const number = Math.floor(offset / SPAN);
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

/** Page numbers are doubles; what is found with them is an integer again, and the compiler is told so. */
const integer = (value: number): number => value | 0;

/** Where page `offset` would lie, were it in the chunk that has this number. */
const placeIn = (chunk: number, number: number, offset: number): number => integer(chunk * SPAN + (offset - number * SPAN));

/** Is there a frame beyond 32 bits? */
const hasHigh = (frames: Float64Array, from: number, end: number): boolean => {
  let highest = 0;
  for (let i = from; i < end; i += 1) if (frames[i] > highest) highest = frames[i];
  return highest >= BEYOND_LOW;
};

/** Fills an empty chunk: how many pages it has then. */
const fill = (low: Uint32Array, states: Uint8Array, shift: number, frames: Float64Array, from: number, end: number): number => {
  let put = 0;
  for (let i = from; i < end; i += 1) {
    const frame = frames[i];
    if (frame < 0) continue;
    low[shift + i] = frame;
    states[shift + i] = HAS_FRAME;
    put += 1;
  }
  return put;
};
