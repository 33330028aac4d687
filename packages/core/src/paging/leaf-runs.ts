/**
 * Many neighbouring entries of a leaf table at once, for forks and for shadows that come to know what an area has: the
 * words are gone through as they lie in memory. What an entry is depends on the bits beside its address and its marks;
 * those are the same page after page, so they are made sense of where they differ from those of the entry before.
 */
import { fieldBits, type EntryFormat, type Level, type Rule } from "../architecture/entry-format.js";
import { PAGE_USER, WRITE, rightsFor, type PageFlags } from "../architecture/rights.js";
import { swap32, type PhysicalMemory } from "../machine/physical-memory.js";
import { LEAF_ENTRY, type FormatCodec, type LevelCodec } from "./entry-codec.js";

const ANY_WRITE = rightsFor(WRITE, WRITE);
const TWO_32 = 0x1_0000_0000;

/** An entry by itself, for formats and forms that are not plain: whoever knows what to do with one does it. */
export interface SingleEntries {
  /** The frame that an entry maps, or −1. */
  frameAt(address: number): number;
  /** Takes the right to write from an entry. True if it had it. */
  writeProtectAt(address: number): boolean;
}

/** Runs of entries of one leaf level. Addresses are physical, of the first entry; a run lies in one table. */
export class LeafRuns {
  readonly #memory: PhysicalMemory;
  readonly #codec: LevelCodec;
  readonly #leaf: FormatCodec;
  readonly #single: SingleEntries;
  /** Do the bits beside address and marks say all that there is to say? */
  readonly #isPlain: boolean = false;
  readonly #isBig: boolean = false;
  readonly #wordsPerEntry: number = 1;
  /** Where the halves of an entry lie, in words. */
  readonly #lowAt: number = 0;
  readonly #highAt: number = 0;
  /** Bits that are neither address nor mark. */
  readonly #restLow: number = 0;
  readonly #restHigh: number = 0;
  readonly #perByte: number = 0;
  readonly #frameShift: number = 0;
  /** Entries of one word, as the host has words. */
  readonly #isNarrow: boolean = false;
  // What the last writable entry of those had beside address and marks, and what taking the right away changes in it. No
  // entry has −1 there, as the address is left out.
  #knownRest = -1;
  #knownChange = 0;

  constructor(memory: PhysicalMemory, codec: LevelCodec, leaf: FormatCodec, single: SingleEntries) {
    this.#memory = memory;
    this.#codec = codec;
    this.#leaf = leaf;
    this.#single = single;
    const isWide = codec.entryBytes === 8;
    this.#isBig = memory.byteOrder === "big";
    this.#wordsPerEntry = isWide ? 2 : 1;
    this.#lowAt = isWide && this.#isBig ? 1 : 0;
    this.#highAt = isWide && !this.#isBig ? 1 : 0;
    const ownLow = leaf.frameLow | leaf.accessedLow | leaf.dirtyLow;
    const ownHigh = leaf.frameHigh | leaf.accessedHigh | leaf.dirtyHigh;
    this.#restLow = ~ownLow;
    this.#restHigh = ~ownHigh;
    this.#perByte = 1 / memory.frameSize;
    this.#frameShift = memory.frameShift;
    this.#isNarrow = !isWide && !this.#isBig;
    const [readLow, readHigh] = bitsRead(codec.level, leaf.format);
    this.#isPlain = leaf.isInPlace && leaf.entries === 1 && (readLow & ownLow) === 0 && (readHigh & ownHigh) === 0;
  }

  /** The frames of so many entries to `frames[from]` and after; −1 where an entry maps none. */
  frames(address: number, entries: number, frames: Float64Array, from: number): void {
    // Page numbers are doubles, and so is what was reckoned with them.
    const count = entries | 0;
    const at = from | 0;
    const bytes = this.#wordsPerEntry * 4;
    if (!this.#isPlain) {
      for (let i = 0; i < count; i += 1) frames[at + i] = this.#single.frameAt(address + i * bytes);
      return;
    }
    if (this.#isNarrow) {
      this.#narrowFrames(address, count, frames, at);
      return;
    }
    const words = this.#memory.words(this.#memory.chunkOf(address));
    const { frameLow, frameHigh } = this.#leaf;
    const keptLow = this.#restLow;
    const keptHigh = this.#restHigh;
    const lowAt = this.#lowAt;
    const highAt = this.#highAt;
    const isBig = this.#isBig;
    const step = this.#wordsPerEntry;
    const perByte = this.#perByte;
    let index = this.#memory.offsetInChunk(address) >>> 2;
    let isKnown = false;
    let isLeaf = false;
    let restLow = 0;
    let restHigh = 0;
    for (let i = 0; i < count; i += 1) {
      const lo = isBig ? swap32(words[index + lowAt]) : words[index + lowAt];
      const hi = step === 1 ? 0 : isBig ? swap32(words[index + highAt]) : words[index + highAt];
      if (!isKnown || (lo & keptLow) !== restLow || (hi & keptHigh) !== restHigh) {
        isKnown = true;
        restLow = lo & keptLow;
        restHigh = hi & keptHigh;
        isLeaf = this.#isLeaf(lo, hi);
      }
      if (isLeaf) {
        const low = (lo & frameLow) >>> 0;
        frames[at + i] = (frameHigh === 0 ? low : ((hi & frameHigh) >>> 0) * TWO_32 + low) * perByte;
      } else frames[at + i] = this.#single.frameAt(address + i * bytes);
      index += step;
    }
  }

  /** As `frames`, where an entry is a word that lies in memory as we read it. */
  #narrowFrames(address: number, count: number, frames: Float64Array, at: number): void {
    const words = this.#memory.words(this.#memory.chunkOf(address));
    const mask = this.#leaf.frameLow;
    const shift = this.#frameShift;
    const kept = this.#restLow;
    const first = this.#memory.offsetInChunk(address) >>> 2;
    for (let i = 0; i < count;) {
      const rest = words[first + i] & kept;
      const isLeaf = this.#isLeaf(words[first + i], 0);
      for (; i < count && (words[first + i] & kept) === rest; i += 1)
        frames[at + i] = isLeaf ? (words[first + i] & mask) >>> shift : this.#single.frameAt(address + i * 4);
    }
  }

  /** Takes the right to write from so many entries. @returns how many had it */
  writeProtect(address: number, entries: number): number {
    const count = entries | 0;
    const bytes = this.#wordsPerEntry * 4;
    let weakened = 0;
    if (!this.#isPlain) {
      for (let i = 0; i < count; i += 1) if (this.#single.writeProtectAt(address + i * bytes)) weakened += 1;
      return weakened;
    }
    if (this.#isNarrow) return this.#narrowProtect(address, count);
    const words = this.#memory.words(this.#memory.chunkOf(address));
    const keptLow = this.#restLow;
    const keptHigh = this.#restHigh;
    const lowAt = this.#lowAt;
    const highAt = this.#highAt;
    const isBig = this.#isBig;
    const step = this.#wordsPerEntry;
    let index = this.#memory.offsetInChunk(address) >>> 2;
    let isKnown = false;
    let isOurs = false;
    let isWritable = false;
    let restLow = 0;
    let restHigh = 0;
    let changeLow = 0;
    let changeHigh = 0;
    for (let i = 0; i < count; i += 1) {
      const lo = isBig ? swap32(words[index + lowAt]) : words[index + lowAt];
      const hi = step === 1 ? 0 : isBig ? swap32(words[index + highAt]) : words[index + highAt];
      if (!isKnown || (lo & keptLow) !== restLow || (hi & keptHigh) !== restHigh) {
        isKnown = true;
        restLow = lo & keptLow;
        restHigh = hi & keptHigh;
        isOurs = this.#isLeaf(lo, hi);
        isWritable = isOurs && (this.#leaf.rightsOf(lo, hi) & ANY_WRITE) !== 0;
        if (isWritable) {
          const flags = flagsOf(this.#leaf, lo, hi);
          const before = this.#leaf.encodeLow(0, flags);
          const beforeHigh = this.#leaf.encodeHigh(0, flags);
          // What we did not write ourselves is not ours to write again.
          isOurs = ((before ^ restLow) | (beforeHigh ^ restHigh)) === 0;
          changeLow = before ^ this.#leaf.encodeLow(0, flags & ~WRITE);
          changeHigh = beforeHigh ^ this.#leaf.encodeHigh(0, flags & ~WRITE);
        }
      }
      if (!isOurs) {
        if (this.#single.writeProtectAt(address + i * bytes)) weakened += 1;
      } else if (isWritable) {
        words[index + lowAt] = isBig ? swap32(lo ^ changeLow) : lo ^ changeLow;
        if (changeHigh !== 0) words[index + highAt] = isBig ? swap32(hi ^ changeHigh) : hi ^ changeHigh;
        weakened += 1;
      }
      index += step;
    }
    return weakened;
  }

  /** As `writeProtect`, where an entry is a word that lies in memory as we read it. */
  #narrowProtect(address: number, count: number): number {
    const words = this.#memory.words(this.#memory.chunkOf(address));
    const kept = this.#restLow;
    const leaf = this.#leaf;
    const first = this.#memory.offsetInChunk(address) >>> 2;
    let weakened = 0;
    for (let i = 0; i < count;) {
      const word = words[first + i];
      const rest = word & kept;
      const begin = i;
      if (rest === this.#knownRest) {
        const known = this.#knownChange;
        for (; i < count && (words[first + i] & kept) === rest; i += 1) words[first + i] ^= known;
        weakened += i - begin;
        continue;
      }
      if (!this.#isLeaf(word, 0)) {
        for (; i < count && (words[first + i] & kept) === rest; i += 1) if (this.#single.writeProtectAt(address + i * 4)) weakened += 1;
        continue;
      }
      const flags = flagsOf(leaf, word, 0);
      const before = leaf.encodeLow(0, flags);
      if ((before | 0) !== rest) {
        // What we did not write ourselves is not ours to write again.
        if (this.#single.writeProtectAt(address + i * 4)) weakened += 1;
        i += 1;
        continue;
      }
      const change = before ^ leaf.encodeLow(0, flags & ~WRITE);
      const isWritable = (leaf.rightsOf(word, 0) & ANY_WRITE) !== 0;
      for (; i < count && (words[first + i] & kept) === rest; i += 1) if (isWritable) words[first + i] ^= change;
      if (isWritable) {
        weakened += i - begin;
        this.#knownRest = rest;
        this.#knownChange = change;
      }
    }
    return weakened;
  }

  #isLeaf(lo: number, hi: number): boolean {
    return this.#codec.kindOf(lo, hi) === LEAF_ENTRY && this.#codec.leafOf(lo, hi) === this.#leaf;
  }
}

/** The bits that decide which entries are leaves of a format, and what those let through. */
const bitsRead = (level: Level, leaf: EntryFormat): readonly [low: number, high: number] => {
  const rules: (Rule<unknown> | undefined)[] = [level.kind, leaf.rights, leaf.attributes];
  for (const { when } of level.forms ?? []) rules.push(when);
  let low = 0;
  let high = 0;
  for (const field of rules.flatMap((rule) => rule?.reads ?? [])) {
    const [last, first] = fieldBits(field);
    for (let bit = first; bit <= last; bit += 1) {
      if (bit < 32) low |= 1 << bit;
      else high |= 1 << (bit - 32);
    }
  }
  return [low, high];
};

/** The flags that an entry was written for. */
const flagsOf = (leaf: FormatCodec, lo: number, hi: number): PageFlags => {
  const rights = leaf.rightsOf(lo, hi);
  return (rights >>> 3 === 0 ? rights & 7 : (rights >>> 3) | PAGE_USER) | leaf.attributesOf(lo, hi);
};
