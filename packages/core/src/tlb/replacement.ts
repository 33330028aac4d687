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

export class ReplacementOrder {
  /** True after a `choose` that had to clear the used bits: a hit on an entry changes its state again. */
  cleared = false;
  readonly #policy: TlbGeometry["replacement"];
  readonly #flags: Uint8Array;
  readonly #random: Random;
  readonly #ways: number;
  readonly #wired: number;
  /** `lru` and `fifo`: a list per set, from the newest (head) to the oldest (tail). */
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  /** `used-bit`: no valid entry of the set below this one is unused and unlocked. */
  readonly #searchFrom: Int32Array;
  /** Number of valid entries in each set, so that a full set is not searched for a free one. */
  readonly #valid: Int32Array;

  /** @param flags one per entry, shared with the buffer; this class sets and clears `ENTRY_USED` in them */
  constructor(geometry: TlbGeometry, flags: Uint8Array, random: Random) {
    const ways = geometry.ways === "full" ? geometry.entries : geometry.ways;
    const sets = geometry.entries / ways;
    this.#policy = geometry.replacement;
    this.#flags = flags;
    this.#random = random;
    this.#ways = ways;
    this.#wired = geometry.wired;
    this.#newer = new Int32Array(geometry.entries);
    this.#older = new Int32Array(geometry.entries);
    this.#head = new Int32Array(sets);
    this.#tail = new Int32Array(sets);
    this.#searchFrom = new Int32Array(sets);
    this.#valid = new Int32Array(sets);
    for (let set = 0; set < sets; set += 1) {
      const first = set * ways;
      const last = first + ways - 1;
      this.#head[set] = first;
      this.#tail[set] = last;
      this.#searchFrom[set] = first;
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
    if (this.#policy === "used-bit") {
      this.#flags[entry] = this.#flags[entry] | ENTRY_USED;
      return NONE;
    }
    return this.#policy === "lru" ? this.#moveToHead(entry) : NONE;
  }

  /** An entry has been written. Answers like `touch`. */
  entered(entry: number): number {
    const set = this.#setOf(entry);
    this.#valid[set] = this.#valid[set] + 1;
    this.changed(entry);
    // A new entry is unused until it has translated something; for the other orders it is the newest.
    return this.#policy === "lru" || this.#policy === "fifo" ? this.#moveToHead(entry) : NONE;
  }

  /** An entry has become invalid. */
  dropped(entry: number): void {
    const set = this.#setOf(entry);
    this.#valid[set] = this.#valid[set] - 1;
    this.changed(entry);
  }

  /** An entry may have become a candidate: unlocked, or no longer used. */
  changed(entry: number): void {
    const set = this.#setOf(entry);
    if (this.#searchFrom[set] > entry) this.#searchFrom[set] = entry;
  }

  /** The entry of `set` that a new translation goes into, or {@link ALL_LOCKED}. `cleared` says if used bits went. */
  choose(set: number): number {
    this.cleared = false;
    const first = Math.max(set * this.#ways, this.#wired);
    const end = (set + 1) * this.#ways;
    if (this.#valid[set] < this.#ways) {
      for (let entry = first; entry < end; entry += 1) {
        if ((this.#flags[entry] & ENTRY_VALID) === 0) return entry;
      }
    }
    switch (this.#policy) {
      case "used-bit":
        return this.#unused(set, first, end);
      case "random":
        return this.#any(first, end);
      default:
        return this.#oldest(set);
    }
  }

  #unused(set: number, first: number, end: number): number {
    let entry = Math.max(first, this.#searchFrom[set]);
    while (entry < end && (this.#flags[entry] & (ENTRY_USED | ENTRY_LOCKED)) !== 0) entry += 1;
    if (entry === end) {
      // Every candidate is used. Locked entries lose their used bit with the others.
      let candidate = ALL_LOCKED;
      for (let each = end - 1; each >= first; each -= 1) if ((this.#flags[each] & ENTRY_LOCKED) === 0) candidate = each;
      if (candidate === ALL_LOCKED) return ALL_LOCKED;
      for (let each = set * this.#ways; each < end; each += 1) this.#flags[each] = this.#flags[each] & ~ENTRY_USED;
      this.cleared = true;
      entry = candidate;
    }
    this.#searchFrom[set] = entry;
    return entry;
  }

  #any(first: number, end: number): number {
    let candidates = 0;
    for (let entry = first; entry < end; entry += 1) if ((this.#flags[entry] & ENTRY_LOCKED) === 0) candidates += 1;
    if (candidates === 0) return ALL_LOCKED;
    let skip = this.#random.below(candidates);
    for (let entry = first; entry < end; entry += 1) {
      if ((this.#flags[entry] & ENTRY_LOCKED) !== 0) continue;
      if (skip === 0) return entry;
      skip -= 1;
    }
    throw new Error("a candidate was counted and is not there");
  }

  #oldest(set: number): number {
    let entry = this.#tail[set];
    while (entry !== NONE && (entry < this.#wired || (this.#flags[entry] & ENTRY_LOCKED) !== 0)) entry = this.#newer[entry];
    return entry;
  }

  #setOf(entry: number): number {
    return Math.floor(entry / this.#ways);
  }

  #moveToHead(entry: number): number {
    const set = this.#setOf(entry);
    const head = this.#head[set];
    if (head === entry) return NONE;
    const newer = this.#newer[entry];
    const older = this.#older[entry];
    this.#older[newer] = older;
    if (older === NONE) this.#tail[set] = newer;
    else this.#newer[older] = newer;
    this.#newer[entry] = NONE;
    this.#older[entry] = head;
    this.#newer[head] = entry;
    this.#head[set] = entry;
    return this.#policy === "lru" ? head : NONE;
  }
}
