/** What one entry of a TLB says. Objects, and no rows of an array: a field that always holds an integer is read at once. */
import type { Rights } from "../architecture/rights.js";

/** Flags of an entry. GLOBAL and LOCKED are what a caller may ask for; the others are the buffer's own. */
export const ENTRY_VALID = 1;
/** The entry matches every tag, where the processor honours that. */
export const ENTRY_GLOBAL = 2;
/** Replacement passes the entry by; invalidating everything may spare it, a page's invalidation never does. */
export const ENTRY_LOCKED = 4;
/** The entry has translated an access since used bits were last cleared. */
export const ENTRY_USED = 8;
/** Replacement never chooses the entry; it stays wired whatever is written into it. */
export const ENTRY_WIRED = 16;

/** What entering an entry answers when every one that could go is locked or wired. */
export const ALL_LOCKED = -1;

/** No front knows anything of the entry. */
export const NO_FRONT = -1;
/** Fronts have been told of pages of the entry; they know themselves where those are. */
export const TOLD_FRONTS = -2;

/** One entry. Its questions mean valid entries only. */
export class TlbEntry {
  readonly number: number = 0;
  /** Which one of its set it is. */
  way = 0;
  flags = 0;
  /** The first hardware page that it maps, and its hardware frame; the frame of the odd half where entries are paired. */
  page = 0;
  frame = 0;
  oddFrame = 0;
  asid = 0;
  rights: Rights = 0;
  oddRights: Rights = 0;
  /** Its class: the number of its page size, which says how many pages it maps. */
  size = 0;
  /** What the walker noted; see entry-note.ts. */
  note = 0;
  /** The number, plus one, of the next entry of its chain; 0 at the end. */
  next = 0;
  /** Where in the fronts' tables the one page begins that one front knows; TOLD_FRONTS, or NO_FRONT knows anything of it. */
  at = NO_FRONT;
  /** With TOLD_FRONTS: a bit for each front that may know a page of it. */
  shown = 0;
  /** `lru` and `fifo`: its neighbours in the set's list, from the newest to the oldest. */
  newer: TlbEntry | null = null;
  older: TlbEntry | null = null;
  set!: TlbSet;

  constructor(number: number) {
    this.number = number;
  }

  get isValid(): boolean {
    return (this.flags & ENTRY_VALID) !== 0;
  }
}

// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NOBODY = new TlbEntry(-1);

/** The entries that a page may be in, and what is known of them. */
export class TlbSet {
  readonly entries: readonly TlbEntry[] = [];
  /** How many of its entries are invalid. */
  vacant = 0;
  /** No way before this one is free to be taken. A number: an object's field that changes its object is news to the collector. */
  free = 0;
  /** `used-bit`: no valid entry before this way is unused and unlocked. */
  hand = 0;
  /** `lru` and `fifo`: the newest and the oldest. */
  newest: TlbEntry = NOBODY;
  oldest: TlbEntry = NOBODY;

  /** @param entries in ascending order of their numbers */
  constructor(entries: readonly TlbEntry[]) {
    const last = entries.length - 1;
    entries.forEach((entry, way) => {
      entry.set = this;
      entry.way = way;
      entry.newer = way === 0 ? null : entries[way - 1];
      entry.older = way === last ? null : entries[way + 1];
    });
    this.entries = entries;
    this.vacant = entries.length;
    this.newest = entries[0];
    this.oldest = entries[last];
  }
}
