/**
 * Which entry of a set goes. Entries live elsewhere; this keeps their order of use and reads their flags.
 *
 * The used-bit rule is UltraSPARC's to the letter (UltraSPARC I/II User's Manual §6.11.2): the first invalid entry,
 * else the first unused and unlocked one, else all used bits are cleared and the search is made again. Where everything
 * is locked the manual leaves the outcome open; here it is {@link ALL_LOCKED}, and nothing changes.
 */
import type { TlbGeometry } from "../architecture/tlb-organisation.js";
import type { Random } from "../random.js";

/** Flags of an entry. GLOBAL and LOCKED are what a caller may ask for; the others are the buffer's own. */
export const ENTRY_VALID = 1;
/** The entry matches every tag, where the processor honours that. */
export const ENTRY_GLOBAL = 2;
/** Replacement passes the entry by; invalidating everything may spare it, a page's invalidation never does. */
export const ENTRY_LOCKED = 4;
/** The entry has translated an access since used bits were last cleared. */
export const ENTRY_USED = 8;

/** What `choose` answers when every entry that could go is locked or wired. */
export const ALL_LOCKED = -1;

const NONE = -1;
/** What is exported is looked up at every use; these are constants to a compiler. */
const VALID = ENTRY_VALID;
const USED = ENTRY_USED;
const LOCKED = ENTRY_LOCKED;

/** A set's numbers: its valid entries, so that a full set is not searched for a free one; … */
const ROW = 8;
const COUNT = 0;
/** … no entry of the set below this one is free to be taken; … */
const FREE = 1;
/** … `used-bit`: no valid entry of the set below this one is unused and unlocked; … */
const SEARCH = 2;
/** … `lru` and `fifo`: the newest and the oldest. */
const HEAD = 3;
const TAIL = 4;

// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_INTEGERS = new Int32Array(0);
const NO_FLAGS = new Uint8Array(0);

/** `Math.max` would make a double of it. */
const larger = (one: number, other: number): number => (one > other ? one : other);

/** The order of all sets of one buffer. */
export class ReplacementOrder {
  /** How often `choose` had to clear used bits: hits on entries that were used before then change their state again. */
  clearings = 0;
  readonly #usesBits: boolean = false;
  readonly #isOrdered: boolean = false;
  readonly #isLru: boolean = false;
  readonly #flags: Uint8Array = NO_FLAGS;
  readonly #random: Random;
  readonly #ways: number = 0;
  /** Entries below this number are never chosen. */
  wired = 0;
  /** What is known of each set, a row of numbers. */
  readonly #sets: Int32Array = NO_INTEGERS;
  /** `lru` and `fifo`: a list per set, from the newest (head) to the oldest (tail). */
  readonly #newer: Int32Array = NO_INTEGERS;
  readonly #older: Int32Array = NO_INTEGERS;

  /** @param flags one per entry, shared with the buffer; this class sets and clears `ENTRY_USED` in them */
  constructor(geometry: TlbGeometry, flags: Uint8Array, random: Random) {
    const ways = geometry.ways === "full" ? geometry.entries : geometry.ways;
    this.#usesBits = geometry.replacement === "used-bit";
    this.#isLru = geometry.replacement === "lru";
    this.#isOrdered = this.#isLru || geometry.replacement === "fifo";
    this.#flags = flags;
    this.#random = random;
    this.#ways = ways;
    this.wired = geometry.wired;
    this.#newer = new Int32Array(geometry.entries);
    this.#older = new Int32Array(geometry.entries);
    this.#sets = new Int32Array((geometry.entries / ways) * ROW);
    for (let first = 0, row = 0; first < geometry.entries; first += ways, row += ROW) {
      const last = first + ways - 1;
      this.#sets[row + HEAD] = first;
      this.#sets[row + TAIL] = last;
      this.#sets[row + SEARCH] = first;
      this.#sets[row + FREE] = first;
      for (let entry = first; entry <= last; entry += 1) {
        this.#newer[entry] = entry === first ? NONE : entry - 1;
        this.#older[entry] = entry === last ? NONE : entry + 1;
      }
    }
  }

  /**
   * An entry has translated an access. Answers the entry that was the most recently used of its set until now, if hits
   * on that one would from now on change the order; −1 otherwise.
   */
  touch(entry: number): number {
    if (this.#isLru) return this.#moveToHead(entry);
    if (this.#usesBits) this.#flags[entry] = this.#flags[entry] | USED;
    return NONE;
  }

  /** An entry has been written; `isNew` if it was not valid before. Answers like `touch`. */
  entered(entry: number, isNew: boolean): number {
    const sets = this.#sets;
    const row = this.#rowOf(entry);
    if (isNew) sets[row + COUNT] = sets[row + COUNT] + 1;
    // A new entry is unused until it has translated something; for the other orders it is the newest.
    if (sets[row + SEARCH] > entry) sets[row + SEARCH] = entry;
    return this.#isOrdered ? this.#moveToHead(entry) : NONE;
  }

  /** An entry has become invalid. */
  dropped(entry: number): void {
    const sets = this.#sets;
    const row = this.#rowOf(entry);
    sets[row + COUNT] = sets[row + COUNT] - 1;
    if (sets[row + FREE] > entry) sets[row + FREE] = entry;
    if (sets[row + SEARCH] > entry) sets[row + SEARCH] = entry;
  }

  /** The entry of `set` that a new translation goes into, or {@link ALL_LOCKED}. `clearings` grows if used bits went. */
  choose(set: number): number {
    const sets = this.#sets;
    const row = set * ROW;
    const first = larger(set * this.#ways, this.wired);
    const end = (set + 1) * this.#ways;
    if (sets[row + COUNT] < this.#ways) {
      let entry = larger(first, sets[row + FREE]);
      while (entry < end && (this.#flags[entry] & VALID) !== 0) entry += 1;
      sets[row + FREE] = entry;
      if (entry < end) return entry;
    }
    if (this.#usesBits) return this.#unused(row, first, end);
    return this.#isOrdered ? this.#oldest(row) : this.#any(first, end);
  }

  #unused(row: number, first: number, end: number): number {
    const flags = this.#flags;
    let entry = larger(first, this.#sets[row + SEARCH]);
    while (entry < end && (flags[entry] & (USED | LOCKED)) !== 0) entry += 1;
    if (entry === end) {
      // Every candidate is used. Locked entries lose their used bit with the others.
      let candidate = ALL_LOCKED;
      for (let each = end - 1; each >= first; each -= 1) if ((flags[each] & LOCKED) === 0) candidate = each;
      if (candidate === ALL_LOCKED) return ALL_LOCKED;
      for (let each = end - this.#ways; each < end; each += 1) flags[each] = flags[each] & ~USED;
      this.clearings += 1;
      entry = candidate;
    }
    this.#sets[row + SEARCH] = entry;
    return entry;
  }

  #any(first: number, end: number): number {
    let candidates = 0;
    for (let entry = first; entry < end; entry += 1) if ((this.#flags[entry] & LOCKED) === 0) candidates += 1;
    if (candidates === 0) return ALL_LOCKED;
    let skip = this.#random.below(candidates);
    for (let entry = first; entry < end; entry += 1) {
      if ((this.#flags[entry] & LOCKED) !== 0) continue;
      if (skip === 0) return entry;
      skip -= 1;
    }
    throw new Error("a candidate was counted and is not there");
  }

  #oldest(row: number): number {
    let entry = this.#sets[row + TAIL];
    while (entry !== NONE && (entry < this.wired || (this.#flags[entry] & LOCKED) !== 0)) entry = this.#newer[entry];
    return entry;
  }

  #rowOf(entry: number): number {
    return this.#sets.length === ROW ? 0 : Math.floor(entry / this.#ways) * ROW;
  }

  #moveToHead(entry: number): number {
    const sets = this.#sets;
    const row = this.#rowOf(entry);
    const head = sets[row + HEAD];
    if (head === entry) return NONE;
    const newer = this.#newer[entry];
    const older = this.#older[entry];
    this.#older[newer] = older;
    if (older === NONE) sets[row + TAIL] = newer;
    else this.#newer[older] = newer;
    this.#newer[entry] = NONE;
    this.#older[entry] = head;
    this.#newer[head] = entry;
    sets[row + HEAD] = entry;
    return this.#isLru ? head : NONE;
  }
}
