/**
 * Which entry of a set goes. Entries live elsewhere; this keeps their order of use and reads their flags.
 *
 * The used-bit rule is UltraSPARC's to the letter (UltraSPARC I/II User's Manual §6.11.2): the first invalid entry,
 * else the first unused and unlocked one, else all used bits are cleared and the search is made again. Where everything
 * is locked the manual leaves the outcome open; here it is {@link ALL_LOCKED}, and nothing changes.
 */
import type { Replacement, TlbGeometry } from "../architecture/tlb-organisation.js";
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

const BY_CHANCE = 0;
const BY_USED_BITS = 1;
/** These two have an order. */
const BY_AGE = 2;
const BY_LAST_USE = 3;
const RULES: Readonly<Record<Replacement, number>> = { "used-bit": BY_USED_BITS, lru: BY_LAST_USE, fifo: BY_AGE, random: BY_CHANCE };

/** A set's numbers: its valid entries, so that a full set is not searched for a free one; … */
const ROW_SHIFT = 3;
const ROW = 1 << ROW_SHIFT;
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
  /** A number for each rule, as booleans would be asked whether they are one. */
  readonly #rule: number = BY_USED_BITS;
  readonly #flags: Uint8Array = NO_FLAGS;
  readonly #random: Random;
  readonly #ways: number = 0;
  /** Entries below this number are never chosen. */
  wired = 0;
  /** What is known of each set, a row of numbers. */
  readonly #sets: Int32Array = NO_INTEGERS;
  /** Where the row of an entry's set begins. */
  readonly #rows: Int32Array = NO_INTEGERS;
  /** `lru` and `fifo`: a list per set, from the newest (head) to the oldest (tail). */
  readonly #newer: Int32Array = NO_INTEGERS;
  readonly #older: Int32Array = NO_INTEGERS;

  /** @param flags one per entry, shared with the buffer; this class sets and clears `ENTRY_USED` in them */
  constructor(geometry: TlbGeometry, flags: Uint8Array, random: Random) {
    const ways = geometry.ways === "full" ? geometry.entries : geometry.ways;
    this.#rule = RULES[geometry.replacement];
    this.#flags = flags;
    this.#random = random;
    this.#ways = ways;
    this.wired = geometry.wired;
    this.#newer = new Int32Array(geometry.entries);
    this.#older = new Int32Array(geometry.entries);
    this.#sets = new Int32Array((geometry.entries / ways) * ROW);
    this.#rows = new Int32Array(geometry.entries);
    for (let first = 0, row = 0; first < geometry.entries; first += ways, row += ROW) {
      const last = first + ways - 1;
      this.#sets[row | HEAD] = first;
      this.#sets[row | TAIL] = last;
      this.#sets[row | SEARCH] = first;
      this.#sets[row | FREE] = first;
      for (let entry = first; entry <= last; entry += 1) {
        this.#rows[entry] = row;
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
    if (this.#rule === BY_LAST_USE) return this.#moveToHead(entry);
    if (this.#rule === BY_USED_BITS) this.#flags[entry] = this.#flags[entry] | USED;
    return NONE;
  }

  /** The entry that was chosen has been written, which is news to an order, or if the set had fewer. Answers like `touch`. */
  took(entry: number, isNew: boolean): number {
    return isNew || this.#rule >= BY_AGE ? this.entered(entry, isNew) : NONE;
  }

  /** Any entry has been written; `isNew` if it was not valid before. Answers like `touch`. */
  entered(entry: number, isNew: boolean): number {
    const sets = this.#sets;
    const row = this.#rows[entry];
    if (isNew) sets[row | COUNT] = sets[row | COUNT] + 1;
    // It may be unused until it has translated something; for the other orders it is the newest.
    if (this.#rule >= BY_AGE) return this.#moveToHead(entry);
    if (sets[row | SEARCH] > entry) sets[row | SEARCH] = entry;
    return NONE;
  }

  /** An entry has become invalid. */
  dropped(entry: number): void {
    const sets = this.#sets;
    const row = this.#rows[entry];
    sets[row | COUNT] = sets[row | COUNT] - 1;
    if (sets[row | FREE] > entry) sets[row | FREE] = entry;
  }

  /** The entry of `set` that a new translation goes into, or {@link ALL_LOCKED}. `clearings` grows if used bits went. */
  choose(set: number): number {
    const isFull = this.#sets[(set << ROW_SHIFT) | COUNT] === this.#ways;
    return isFull && this.#rule === BY_USED_BITS ? this.#unused(set) : this.#chooseOther(set);
  }

  #chooseOther(set: number): number {
    const row = set << ROW_SHIFT;
    if (this.#sets[row | COUNT] < this.#ways) {
      const free = this.#free(set);
      if (free !== NONE) return free;
    }
    if (this.#rule === BY_USED_BITS) return this.#unused(set);
    return this.#rule === BY_CHANCE ? this.#any(larger(set * this.#ways, this.wired), (set + 1) * this.#ways) : this.#oldest(row);
  }

  /** The first invalid entry of a set that is not wired, or −1. */
  #free(set: number): number {
    const free = (set << ROW_SHIFT) | FREE;
    const end = (set + 1) * this.#ways;
    let entry = larger(this.#sets[free], this.wired);
    while (entry < end && (this.#flags[entry] & VALID) !== 0) entry += 1;
    this.#sets[free] = entry;
    return entry < end ? entry : NONE;
  }

  /** The first entry of a set without free ones that is unused and unlocked. */
  #unused(set: number): number {
    const flags = this.#flags;
    const search = (set << ROW_SHIFT) | SEARCH;
    const end = (set + 1) * this.#ways;
    let entry = larger(this.#sets[search], this.wired);
    while (entry < end && (flags[entry] & (USED | LOCKED)) !== 0) entry += 1;
    if (entry >= end) entry = this.#clear(end);
    if (entry !== ALL_LOCKED) this.#sets[search] = entry;
    return entry;
  }

  /** Every candidate of the set that ends there is used: used bits go, and the first candidate is it. */
  #clear(end: number): number {
    const flags = this.#flags;
    const start = end - this.#ways;
    let candidate = larger(start, this.wired);
    while (candidate < end && (flags[candidate] & LOCKED) !== 0) candidate += 1;
    if (candidate >= end) return ALL_LOCKED;
    // Locked entries lose their used bit with the others.
    for (let entry = start; entry < end; entry += 1) flags[entry] = flags[entry] & ~USED;
    this.clearings = (this.clearings + 1) | 0;
    return candidate;
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
    let entry = this.#sets[row | TAIL];
    while (entry !== NONE && (entry < this.wired || (this.#flags[entry] & LOCKED) !== 0)) entry = this.#newer[entry];
    return entry;
  }

  #moveToHead(entry: number): number {
    const sets = this.#sets;
    const row = this.#rows[entry];
    const head = sets[row | HEAD];
    if (head === entry) return NONE;
    const newer = this.#newer[entry];
    const older = this.#older[entry];
    this.#older[newer] = older;
    if (older === NONE) sets[row | TAIL] = newer;
    else this.#newer[older] = newer;
    this.#newer[entry] = NONE;
    this.#older[entry] = head;
    this.#newer[head] = entry;
    sets[row | HEAD] = entry;
    return this.#rule === BY_LAST_USE ? head : NONE;
  }
}
