/**
 * Which entry of a set goes.
 *
 * The used-bit rule is UltraSPARC's to the letter (UltraSPARC I/II User's Manual §6.11.2): the first invalid entry,
 * else the first unused and unlocked one, else all used bits are cleared and the search is made again. Where everything
 * is locked the manual leaves the outcome open; here nothing is chosen, and nothing changes.
 */
import type { Replacement } from "../architecture/tlb-organisation.js";
import type { Random } from "../random.js";
import { ENTRY_LOCKED, ENTRY_USED, ENTRY_VALID, ENTRY_WIRED, type TlbEntry, type TlbSet } from "./tlb-entry.js";

/** What is exported is looked up at every use; these are constants to a compiler. */
const VALID = ENTRY_VALID;
const USED = ENTRY_USED;
const WIRED = ENTRY_WIRED;
/** Never chosen. */
const KEPT = ENTRY_LOCKED | ENTRY_WIRED;

const BY_CHANCE = 0;
const BY_USED_BITS = 1;
/** These two have an order. */
const BY_AGE = 2;
const BY_LAST_USE = 3;
const RULES: Readonly<Record<Replacement, number>> = { "used-bit": BY_USED_BITS, lru: BY_LAST_USE, fifo: BY_AGE, random: BY_CHANCE };

/** The rule of one buffer, and how it keeps the order of its sets. */
export class ReplacementOrder {
  /** A number for each rule, as booleans would be asked whether they are one. */
  readonly #rule: number = BY_USED_BITS;
  readonly #random: Random;

  constructor(replacement: Replacement, random: Random) {
    this.#rule = RULES[replacement];
    this.#random = random;
  }

  /**
   * An entry has translated an access. Answers the entry that was the most recently used of its set until now, if hits
   * on that one would from now on change the order; null otherwise.
   */
  touch(entry: TlbEntry): TlbEntry | null {
    if (this.#rule === BY_LAST_USE) return this.#makeNewest(entry);
    if (this.#rule === BY_USED_BITS) entry.flags |= USED;
    return null;
  }

  /** The entry that was chosen has been written, which is news to an order, or if the set had fewer. Answers like `touch`. */
  took(entry: TlbEntry, isNew: boolean): TlbEntry | null {
    return isNew || this.#rule >= BY_AGE ? this.entered(entry, isNew) : null;
  }

  /** Any entry has been written; `isNew` if it was not valid before. Answers like `touch`. */
  entered(entry: TlbEntry, isNew: boolean): TlbEntry | null {
    const { set } = entry;
    if (isNew) set.vacant -= 1;
    // It may be unused until it has translated something; for the other orders it is the newest.
    if (this.#rule >= BY_AGE) return this.#makeNewest(entry);
    if (set.hand > entry.way) set.hand = entry.way;
    return null;
  }

  /** An entry has become invalid. */
  dropped(entry: TlbEntry): void {
    const { set } = entry;
    set.vacant += 1;
    if (set.free > entry.way) set.free = entry.way;
  }

  /** The first entry of a set that maps nothing and is not wired, or null. */
  free(set: TlbSet): TlbEntry | null {
    const { entries } = set;
    for (let way = set.free; way < entries.length; way += 1) {
      if ((entries[way].flags & (VALID | WIRED)) !== 0) continue;
      set.free = way;
      return entries[way];
    }
    return null;
  }

  /** The entry of a set without free ones that goes, by any rule but `used-bit`; null if everything is locked or wired. */
  leaving(set: TlbSet): TlbEntry | null {
    return this.#rule === BY_CHANCE ? this.#any(set) : this.#oldest(set);
  }

  /** The first entry of a set without free ones that is unused, unlocked and not wired, or null. */
  unused(set: TlbSet): TlbEntry | null {
    return this.#from(set, set.hand, USED | KEPT);
  }

  /** The entry that goes when all of a set's used bits have gone; null if there is none, and they stay. */
  first(set: TlbSet): TlbEntry | null {
    return this.#from(set, 0, KEPT);
  }

  /** The first entry from a way on that has none of these flags, or null. */
  #from(set: TlbSet, start: number, flags: number): TlbEntry | null {
    const { entries } = set;
    for (let way = start; way < entries.length; way += 1) {
      const entry = entries[way];
      if ((entry.flags & flags) !== 0) continue;
      set.hand = way;
      return entry;
    }
    return null;
  }

  #any({ entries }: TlbSet): TlbEntry | null {
    let candidates = 0;
    for (const entry of entries) if ((entry.flags & KEPT) === 0) candidates += 1;
    if (candidates === 0) return null;
    let skip = this.#random.below(candidates);
    for (const entry of entries) {
      if ((entry.flags & KEPT) !== 0) continue;
      if (skip === 0) return entry;
      skip -= 1;
    }
    throw new Error("a candidate was counted and is not there");
  }

  #oldest(set: TlbSet): TlbEntry | null {
    let entry: TlbEntry | null = set.oldest;
    while (entry !== null && (entry.flags & KEPT) !== 0) entry = entry.newer;
    return entry;
  }

  #makeNewest(entry: TlbEntry): TlbEntry | null {
    const { set, newer, older } = entry;
    const newest = set.newest;
    if (newest === entry || newer === null) return null;
    newer.older = older;
    if (older === null) set.oldest = newer;
    else older.newer = newer;
    entry.newer = null;
    entry.older = newest;
    newest.newer = entry;
    set.newest = entry;
    return this.#rule === BY_LAST_USE ? newest : null;
  }
}
