/**
 * A translation look-aside buffer as the architecture sees it: numbered entries in sets, each mapping a power of two of
 * hardware pages. Lookup goes through a hash index, one probe for each page size in use, whatever the associativity;
 * sets matter for replacement only. All pages are hardware pages.
 */
import type { Rights } from "../architecture/rights.js";
import type { Invalidation, TlbGeometry } from "../architecture/tlb-organisation.js";
import { integer } from "../machine/physical-memory.js";
import { Random } from "../random.js";
import { ALL_FRONTS, FRONTS, MOST_DROPPED, SMALL_PAGES, SMALL_PAGES_SHIFT, type Lookaside } from "./lookaside.js";
import { ReplacementOrder } from "./replacement.js";
import { ENTRY_GLOBAL, ENTRY_LOCKED, ENTRY_USED, ENTRY_VALID, ENTRY_WIRED, NO_FRONT, TOLD_FRONTS, TlbEntry, TlbSet } from "./tlb-entry.js";

export { ENTRY_GLOBAL, ENTRY_LOCKED } from "./tlb-entry.js";

/** What `enter` answers when every entry that could go is locked or wired. */
export const ALL_LOCKED = -1;

const NONE = -1;
/** What is imported is looked up at every use; these are constants to a compiler. */
const VALID = ENTRY_VALID;
const GLOBAL = ENTRY_GLOBAL;
const LOCKED = ENTRY_LOCKED;
const USED = ENTRY_USED;
const WIRED = ENTRY_WIRED;
const STARTS_SHIFT = SMALL_PAGES_SHIFT;
const EVERY_FRONT = ALL_FRONTS;
// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_INTEGERS = new Int32Array(0);
const NO_NUMBERS = new Float64Array(0);
const NOBODY = NO_FRONT;
const TOLD = TOLD_FRONTS;
/** Pages below this one have a chain each in a buffer that is busy. */
const OWN_CHAINS = SMALL_PAGES;
/** A buffer is busy once so many translations have been entered: a table by page takes 4 MiB of addresses, memory where pages are. */
const BUSY = 1024;
/** Invalidations of more pages than this look at every entry instead of probing page by page. */
const PROBES = 16;

/** Which one of the stretches of `span` pages a page lies in, and where that begins. The remainder of doubles is several times slower. */
const stretchOf = (page: number, span: number): number => (span === 1 ? page : Math.floor(page / span));
const startOf = (page: number, span: number): number => (span === 1 ? page : Math.floor(page / span) * span);

/**
 * One buffer of one processor. It drops and replaces; it reads no page table and knows no fault.
 *
 * Lookups and drops cost the same at any size: a chain of one or two entries. Nothing here is allocated after the constructor.
 */
export class Tlb {
  readonly geometry: TlbGeometry;
  readonly invalidation: Invalidation;
  /** What an entry has that serves an access at once: `ENTRY_USED` where replacement goes by it. */
  readonly #servedFlags: number = VALID;
  /** Whether global entries match every tag and are spared where the description says so. Set by the processor. */
  honoursGlobal = true;
  readonly #entries: readonly TlbEntry[] = [];
  readonly #sets: readonly TlbSet[] = [];
  /** 1 where entries are paired, else 0: a comparison of integers, where a boolean would be asked whether it is one. */
  readonly #paired: number = 0;
  /** 1 where used bits say which entry goes. */
  readonly #byUse: number = 0;
  /** The flags that may be asked for. */
  readonly #flagMask: number = 0;
  /** What makes a set's number of a page's; −1 where sets are no power of two, and it takes a remainder. */
  readonly #setMask: number = 0;
  /** Hardware pages of an entry, by class (page size), and how many valid entries of the class there are. */
  readonly #spans: Float64Array = NO_NUMBERS;
  readonly #inUse: Int32Array = NO_INTEGERS;
  #valid = 0;
  /**
   * Heads of chains over all valid entries, in no order: among several that match, the lowest number wins. A link is the
   * entry's number plus one, 0 at the end. Smallest pages below `#own` have a chain each, which begins at their number; the
   * others share those after it, by a hash.
   */
  #heads: Int32Array = NO_INTEGERS;
  #own = 0;
  readonly #shift: number = 0;
  /** Nothing but a page's own chain can hold an entry for a page below this one: `#own`, or 0 while there are larger pages. */
  #plain = 0;
  /** Translations that may be entered yet until the buffer is busy; 0 once it is, and where entries are paired. */
  #calm: number = BUSY;
  /** What the invalidation of a page says of tags and of global entries. */
  readonly #anyAsid: boolean = false;
  readonly #dropsGlobal: boolean = false;
  readonly #order: ReplacementOrder;
  #wired = 0;
  #fronts: Lookaside | null = null;
  /** The fronts' tables, and what says where in them a frame starts. */
  #starts: Int32Array = NO_INTEGERS;
  #ramFirst = 0;
  #ramEnd = 0;
  #mainFrame = 0;
  #wordShift = 0;

  /**
   * @param seed for `random` replacement
   * @param calm translations that are entered before pages get chains of their own
   * @throws Error if the geometry is impossible; descriptors are checked at the door before
   */
  constructor(geometry: TlbGeometry, invalidation: Invalidation, seed = 0, calm = BUSY) {
    const { entries, pageShifts, wired, paired, replacement } = geometry;
    const ways = geometry.ways === "full" ? entries : geometry.ways;
    if (entries < 1 || ways < 1 || entries % ways !== 0 || wired >= entries || pageShifts.length === 0) {
      throw new Error("a TLB's entries are a multiple of its ways, and some are not wired");
    }
    this.geometry = geometry;
    this.#calm = paired ? 0 : calm;
    this.invalidation = invalidation;
    this.#byUse = replacement === "used-bit" ? 1 : 0;
    this.#servedFlags = replacement === "used-bit" ? VALID | USED : VALID;
    const all = Array.from({ length: entries }, (_, number) => new TlbEntry(number));
    this.#entries = all;
    this.#sets = Array.from({ length: entries / ways }, (_, set) => new TlbSet(all.slice(set * ways, (set + 1) * ways)));
    this.#setMask = (this.#sets.length & (this.#sets.length - 1)) === 0 ? this.#sets.length - 1 : -1;
    this.#paired = paired ? 1 : 0;
    this.#flagMask = GLOBAL | USED | (geometry.lockable ? LOCKED : 0);
    this.#anyAsid = invalidation.page.anyAsid;
    this.#dropsGlobal = invalidation.page.dropsGlobal;
    const tagged = paired ? 2 : 1;
    this.#spans = Float64Array.from(pageShifts, (shift) => 2 ** (shift - pageShifts[0]) * tagged);
    this.#inUse = new Int32Array(pageShifts.length);
    const bits = Math.max(4, Math.ceil(Math.log2(entries)) + 1);
    this.#heads = new Int32Array(2 ** bits);
    this.#shift = 32 - bits;
    this.#order = new ReplacementOrder(replacement, new Random(seed));
    this.wired = wired;
  }

  /** The fronts that this buffer may be asked to show its entries to. */
  attach(fronts: Lookaside): void {
    this.#fronts = fronts;
    this.#ramFirst = fronts.ramFirst;
    this.#ramEnd = fronts.ramEnd;
    this.#mainFrame = fronts.mainFrame;
    this.#wordShift = fronts.wordShift;
  }

  /** Entries below this number are never chosen for replacement and count as locked; the geometry's after reset. */
  get wired(): number {
    return this.#wired;
  }

  set wired(count: number) {
    if (!(Number.isInteger(count) && count >= 0 && count < this.geometry.entries))
      throw new Error(`a TLB cannot have ${count} wired entries`);
    this.#wired = count;
    for (const entry of this.#entries) entry.flags = (entry.flags & ~WIRED) | (entry.number < count ? WIRED : 0);
  }

  /**
   * Lets a front answer for a page of an entry, until the entry goes.
   *
   * @param front its number
   * @param frame the hardware frame that the entry maps the page to
   * @returns false, and nothing has changed, if there is no memory at that frame
   */
  show(entry: number, front: number, page: number, frame: number): boolean {
    return this.#show(this.#entries[entry], front, page, frame);
  }

  #show(entry: TlbEntry, front: number, page: number, frame: number): boolean {
    if (this.#fronts === null || !this.#fronts.fill(front, page, frame)) return false;
    if (entry.at !== TOLD) entry.shown = entry.at === NOBODY ? 0 : 1 << (entry.at >>> STARTS_SHIFT);
    entry.at = TOLD;
    entry.shown |= 1 << front;
    return true;
  }

  /** The entry that translates a page, or −1. It counts as used. */
  lookup(page: number, asid: number): number {
    const entry = this.#find(page, asid);
    if (entry === null) return NONE;
    this.#dethrone(this.#order.touch(entry));
    return entry.number;
  }

  /** Is it certain at a glance that no entry maps this page, which is small enough for an integer? False says nothing. */
  lacks(page: number): boolean {
    return (page < this.#plain && this.#heads[page] === 0) || this.#valid === 0;
  }

  /** The same as `lookup` without leaving a trace. With several matching entries, which software must avoid, the lowest one. */
  probe(page: number, asid: number): number {
    return this.#find(page, asid)?.number ?? NONE;
  }

  #find(page: number, asid: number): TlbEntry | null {
    const entries = this.#entries;
    const spans = this.#spans;
    let found: TlbEntry | null = null;
    for (let size = 0; size < spans.length; size += 1) {
      if (this.#inUse[size] === 0) continue;
      const first = startOf(page, spans[size]);
      let link = this.#heads[this.#placeOf(first, size)];
      while (link !== 0) {
        const entry = entries[link - 1];
        if ((found === null || entry.number < found.number) && this.#matches(entry, first, size, asid)) found = entry;
        link = entry.next;
      }
    }
    return found;
  }

  /** Hardware pages of the smallest valid entry, Infinity where there is none: no other one lies within one this small. */
  get smallestSpan(): number {
    for (let size = 0; size < this.#spans.length; size += 1) if (this.#inUse[size] > 0) return this.#spans[size];
    return Infinity;
  }

  /** How many entries match: more than one is an error of software that hardware may answer with a machine check. */
  duplicates(page: number, asid: number): number {
    let count = 0;
    for (let size = 0; size < this.#spans.length; size += 1) {
      const first = startOf(page, this.#spans[size]);
      for (let link = this.#heads[this.#placeOf(first, size)]; link !== 0; link = this.#entries[link - 1].next) {
        if (this.#matches(this.#entries[link - 1], first, size, asid)) count += 1;
      }
    }
    return count;
  }

  /**
   * Enters a translation where replacement says. It does not remove an older match: that is software's duty.
   *
   * @param page any hardware page in it; the entry starts at the multiple of `span` at or below
   * @param span hardware pages: a page size of the geometry (twice one where entries are paired)
   * @param frame hardware frame of the entry's first page, which is a multiple of `span` likewise
   * @param flags any of `ENTRY_GLOBAL`, `ENTRY_LOCKED` and `ENTRY_USED`, which says that it serves an access at once
   * @returns the entry's number, or {@link ALL_LOCKED} if nothing may be replaced; nothing has changed then
   */
  enter(page: number, span: number, frame: number, asid: number, rights: Rights, flags = 0): number {
    return this.#enter(page, span, frame, asid, rights, flags)?.number ?? ALL_LOCKED;
  }

  #enter(page: number, span: number, frame: number, asid: number, rights: Rights, flags: number): TlbEntry | null {
    const size = this.#spans[0] === span ? 0 : this.#sizeOf(span);
    const stretch = stretchOf(page, span);
    if (this.#calm > 0) {
      this.#calm -= 1;
      if (this.#calm === 0) this.#spread();
    }
    const entry = this.#choose(this.#sets[this.#setMask >= 0 ? stretch & this.#setMask : stretch % this.#sets.length]);
    if (entry === null) return null;
    const isNew = this.#put(entry, size, stretch * span, frame, asid, rights, flags);
    this.#dethrone(this.#order.took(entry, isNew));
    return entry;
  }

  /** The entry of a set that a new translation goes into, or null. */
  #choose(set: TlbSet): TlbEntry | null {
    const free = set.vacant > 0 ? this.#order.free(set) : null;
    if (free !== null) return free;
    return this.#byUse === 1 ? (this.#order.unused(set) ?? this.#startOver(set)) : this.#order.leaving(set);
  }

  /** Every candidate of a set is used: used bits go, those of locked entries too, and the next hit on each sets it again. */
  #startOver(set: TlbSet): TlbEntry | null {
    const first = this.#order.first(set);
    if (first === null) return null;
    const starts = this.#starts;
    const { entries } = set;
    for (let way = 0; way < entries.length; way += 1) {
      const entry = entries[way];
      entry.flags &= ~USED;
      if (entry.at >= 0) {
        starts[entry.at] = 0;
        entry.at = NOBODY;
      } else if (entry.at === TOLD) this.#unshow(entry);
    }
    return first;
  }

  /**
   * Enters the translation of one hardware page and shows it to a front, as `enter` and `show` would, for an access that is
   * served at once: what nearly every miss ends with, so the usual case is written out, in which one small page takes the
   * place of another. Where nothing may be replaced, or there is no memory, the front is told nothing.
   *
   * @param flags `ENTRY_GLOBAL` or 0
   */
  serve(front: number, page: number, frame: number, asid: number, rights: Rights, flags: number): void {
    const entry = page < this.#plain && frame >= this.#ramFirst && frame < this.#ramEnd ? this.#leaving(page & this.#setMask) : null;
    if (entry === null) {
      this.serveLarge(front, page, 1, frame, asid, rights, flags);
      return;
    }
    const starts = this.#starts;
    const heads = this.#heads;
    const { at } = entry;
    if (at >= 0) starts[at] = 0;
    else if (at === TOLD) this.#unshow(entry);
    // `unlink` and `link`, written out. Only the head of an entry's own chain can lead to it.
    const link = entry.number + 1;
    if (heads[entry.page] === link) heads[entry.page] = entry.next;
    else this.#unlink(entry);
    const others = heads[page];
    heads[page] = link;
    entry.next = others;
    entry.page = page;
    entry.frame = frame;
    entry.asid = asid;
    entry.rights = rights;
    entry.note = 0;
    entry.flags = this.#servedFlags | flags;
    const place = (front << STARTS_SHIFT) | page;
    entry.at = place;
    if (this.#byUse === 0 || others !== 0) this.#enteredOver(entry, others);
    starts[place] = ((frame - this.#mainFrame) << this.#wordShift) + 1;
  }

  /** The entry of a full set that goes, as `#choose` says, for an access that uses it at once; null where that has to say it. */
  #leaving(number: number): TlbEntry | null {
    const set = this.#sets[number];
    if (set.vacant !== 0) return null;
    if (this.#byUse === 0) return this.#order.leaving(set);
    const { entries } = set;
    for (let way = set.hand; way < entries.length; way += 1) {
      const entry = entries[way];
      if ((entry.flags & (USED | LOCKED | WIRED)) !== 0) continue;
      set.hand = way + 1;
      return entry;
    }
    return this.#startOver(set);
  }

  /** What is left to do where an order is kept, or others are known for the page: those of other tags, with higher numbers. */
  #enteredOver(entry: TlbEntry, others: number): void {
    if (others !== 0) this.#forgetPages(entry.page, 1);
    this.#dethrone(this.#order.took(entry, false));
  }

  /**
   * The same for a page within a larger one, and for pages with high numbers or in remote memory, and in a buffer that is
   * not busy yet.
   *
   * @param span hardware pages that the entry maps
   * @param frame the hardware frame of `page` itself
   */
  serveLarge(front: number, page: number, span: number, frame: number, asid: number, rights: Rights, flags: number): void {
    const first = span === 1 ? frame : frame - (page % span);
    const entry = this.#enter(page, span, first, asid, rights, flags | this.#servedFlags);
    if (entry !== null) this.#show(entry, front, page, frame);
  }

  /** Writes entry `entry` itself, as an indexed write instruction does; `ENTRY_USED` may be given too. Parameters as `enter`. */
  write(entry: number, page: number, span: number, frame: number, asid: number, rights: Rights, flags = 0): void {
    const written = this.#needed(entry);
    const isNew = this.#put(written, this.#sizeOf(span), startOf(page, span), frame, asid, rights, flags);
    this.#dethrone(this.#order.entered(written, isNew));
  }

  /** Sets what the odd half of a paired entry maps; until then it maps nothing (no rights). */
  writeOdd(entry: number, frame: number, rights: Rights): void {
    const written = this.#needed(entry);
    if (!this.geometry.paired) throw new Error("entries of this TLB have one half");
    this.#unshow(written);
    written.oddFrame = frame;
    written.oddRights = rights;
  }

  /** Makes an entry invalid. An invalid one stays so. */
  drop(entry: number): void {
    this.#drop(this.#entries[entry]);
  }

  #drop(entry: TlbEntry): void {
    if ((entry.flags & VALID) === 0) return;
    if (entry.at !== NOBODY) this.#unshow(entry);
    this.#unlink(entry);
    entry.flags &= WIRED;
    this.#inUse[entry.size] -= 1;
    this.#valid -= 1;
    this.#lookAround();
    this.#order.dropped(entry);
  }

  /** What "invalidate everything" leaves is the description's business. Wired entries count as locked. @returns entries dropped */
  invalidateAll(): number {
    const { sparesGlobal, sparesLocked } = this.invalidation.all;
    if (sparesLocked !== "unless-global") return this.forget(sparesGlobal, sparesLocked);
    let dropped = this.forget(sparesGlobal, true);
    for (const entry of this.#entries) {
      if (!this.isLocked(entry.number) || !this.isGlobal(entry.number)) continue;
      this.#drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  /** Forgets a tag, or everything where entries carry none. @returns entries dropped */
  invalidateAsid(asid: number): number {
    const { by, sparesGlobal, sparesLocked } = this.invalidation.asid;
    return this.forget(sparesGlobal, sparesLocked, by === "all" ? NONE : asid);
  }

  /** Forgets one hardware page; an entry goes with all its pages. Locks do not protect. @returns entries dropped */
  invalidatePage(page: number, asid: number): number {
    const spans = this.#spans;
    let dropped = 0;
    for (let size = 0; size < spans.length; size += 1) {
      if (this.#inUse[size] === 0) continue;
      const first = startOf(page, spans[size]);
      const chain = this.#heads[this.#placeOf(first, size)];
      if (chain !== 0) dropped += this.#invalidateIn(chain, first, size, asid);
    }
    return dropped;
  }

  #invalidateIn(chain: number, first: number, size: number, asid: number): number {
    let dropped = 0;
    for (let link = chain; link !== 0;) {
      const entry = this.#entries[link - 1];
      link = entry.next;
      if (entry.page !== first || entry.size !== size || !this.#isMeant(entry, asid)) continue;
      this.#drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  /** Forgets `count` hardware pages from `page`, Infinity for all above. @returns entries dropped */
  invalidatePages(page: number, count: number, asid: number): number {
    if (this.#valid === 0) return 0;
    return count === 1 ? this.invalidatePage(page, asid) : this.#invalidateMany(page, count, asid);
  }

  #invalidateMany(page: number, count: number, asid: number): number {
    let dropped = 0;
    if (count <= PROBES) {
      for (let each = page; each < page + count; each += 1) dropped += this.invalidatePage(each, asid);
      return dropped;
    }
    for (const entry of this.#entries) {
      const overlaps = entry.page < page + count && entry.page + this.#spans[entry.size] > page;
      if ((entry.flags & VALID) === 0 || !overlaps || !this.#isMeant(entry, asid)) continue;
      this.#drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  /** Drops the entries tagged `asid`, or all of them for −1, but those that are spared. @returns entries dropped */
  forget(sparesGlobal: boolean, sparesLocked: boolean, asid = NONE): number {
    const spared = (sparesGlobal && this.honoursGlobal ? GLOBAL : 0) | (sparesLocked ? LOCKED | WIRED : 0);
    let dropped = 0;
    for (const entry of this.#entries) {
      if ((entry.flags & VALID) === 0 || (entry.flags & spared) !== 0 || (asid !== NONE && entry.asid !== asid)) continue;
      this.#drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  /** Makes some fronts, a bit for each, forget everything of this buffer; the entries stay. */
  hide(fronts: number): void {
    for (const entry of this.#entries) this.#hide(entry, fronts);
  }

  /** Visits valid entries in ascending order. */
  each(visit: (entry: number) => void): void {
    for (const entry of this.#entries) if ((entry.flags & VALID) !== 0) visit(entry.number);
  }

  /** Does this entry map anything? The questions below mean valid entries only. */
  isValid(entry: number): boolean {
    return (this.#entries[entry].flags & VALID) !== 0;
  }

  /** The first hardware page that the entry maps. */
  firstPage(entry: number): number {
    return this.#entries[entry].page;
  }
  /** Hardware pages the entry maps. */
  span(entry: number): number {
    return this.#spans[this.#entries[entry].size];
  }
  /** Hardware frame of the first page (of the even half). */
  frame(entry: number): number {
    return this.#entries[entry].frame;
  }

  /** The tag of the entry; 0 where entries carry none. */
  asid(entry: number): number {
    return this.#entries[entry].asid;
  }
  /** What the entry lets through (its even half). */
  rights(entry: number): Rights {
    return this.#entries[entry].rights;
  }
  /** What the walker noted; see entry-note.ts. */
  note(entry: number): number {
    return this.#entries[entry].note;
  }
  /** Notes it, after the entry was entered. */
  setNote(entry: number, note: number): void {
    this.#entries[entry].note = note;
  }

  /** Was it entered as global? Whether that counts is `honoursGlobal`'s business. */
  isGlobal(entry: number): boolean {
    return (this.#entries[entry].flags & GLOBAL) !== 0;
  }

  /** Was it entered as locked, on a machine that has locks? */
  isLocked(entry: number): boolean {
    return (this.#entries[entry].flags & LOCKED) !== 0;
  }

  /** Is its used bit set? Meaningful under `used-bit` replacement. */
  isUsed(entry: number): boolean {
    return (this.#entries[entry].flags & USED) !== 0;
  }

  /** The hardware frame a page of the entry maps to. */
  frameOf(entry: number, page: number): number {
    const mapping = this.#entries[entry];
    const within = page - mapping.page;
    return this.#paired === 1 ? this.#frameOfHalf(mapping, within) : integer(mapping.frame + within);
  }

  #frameOfHalf(entry: TlbEntry, within: number): number {
    const half = this.#spans[entry.size] / 2;
    return integer(within < half ? entry.frame + within : entry.oddFrame + within - half);
  }

  /** What the entry lets through for one of its pages. */
  rightsOf(entry: number, page: number): Rights {
    const mapping = this.#entries[entry];
    return this.#paired === 1 && page - mapping.page >= this.#spans[mapping.size] / 2 ? mapping.oddRights : mapping.rights;
  }

  /** @returns whether the entry was not valid before */
  #put(entry: TlbEntry, size: number, first: number, frame: number, asid: number, rights: Rights, flags: number): boolean {
    const isNew = (entry.flags & VALID) === 0;
    if (!isNew) {
      if (entry.at !== NOBODY) this.#unshow(entry);
      this.#unlink(entry);
    }
    if (isNew || entry.size !== size) this.#count(entry, isNew, size);
    entry.page = integer(first);
    entry.frame = integer(frame);
    entry.asid = asid;
    entry.rights = rights;
    entry.oddRights = 0;
    entry.note = 0;
    entry.flags = VALID | (flags & this.#flagMask) | (entry.flags & WIRED);
    const others = this.#link(entry, this.#placeOf(first, size));
    if (others !== 0 || this.#inUse[size] !== this.#valid) this.#overrule(first, size, others);
    return isNew;
  }

  /** A new entry may win over one with a higher number that the fronts know, of the same class and so of its chain, or of another. */
  #overrule(first: number, size: number, others: number): void {
    if (this.#inUse[size] !== this.#valid || this.#holds(others, first)) this.#forgetPages(first, this.#spans[size]);
  }

  /** Counts an entry that is about to be of this class. */
  #count(entry: TlbEntry, isNew: boolean, size: number): void {
    if (isNew) this.#valid += 1;
    else this.#inUse[entry.size] -= 1;
    this.#inUse[size] += 1;
    entry.size = size;
    this.#lookAround();
  }

  /** Are there larger pages, or may there be, that a page's own chain does not hold? */
  #lookAround(): void {
    this.#plain = this.#inUse[0] === this.#valid ? this.#own : 0;
  }

  /** Does a chain hold an entry from this page on? */
  #holds(chain: number, first: number): boolean {
    let link = chain;
    while (link !== 0 && this.#entries[link - 1].page !== first) link = this.#entries[link - 1].next;
    return link !== 0;
  }

  #matches(entry: TlbEntry, first: number, size: number, asid: number): boolean {
    return entry.page === first && entry.size === size && (entry.asid === asid || (this.honoursGlobal && (entry.flags & GLOBAL) !== 0));
  }

  /** Does invalidating a page of space `asid` mean this entry for it? */
  #isMeant(entry: TlbEntry, asid: number): boolean {
    if (this.honoursGlobal && (entry.flags & GLOBAL) !== 0) return this.#dropsGlobal;
    return this.#anyAsid || entry.asid === asid;
  }

  /** Where the head of the chain stands that an entry from this page on belongs to. */
  #placeOf(first: number, size: number): number {
    if (size === 0 && first < this.#own) return first;
    // `|` cuts the page number to its low 32 bits; the multiplication (Fibonacci hashing) spreads them.
    return this.#own + (Math.imul((first | 0) + size, 0x9e3779b1) >>> this.#shift);
  }

  /** @returns the link to the entries that were there before */
  #link(entry: TlbEntry, place: number): number {
    const others = this.#heads[place];
    entry.next = others;
    this.#heads[place] = entry.number + 1;
    return others;
  }

  #unlink(entry: TlbEntry): void {
    const place = this.#placeOf(entry.page, entry.size);
    if (this.#heads[place] === entry.number + 1) this.#heads[place] = entry.next;
    else this.#unlinkFrom(this.#heads[place], entry);
  }

  /** The same where others come before it. */
  #unlinkFrom(chain: number, entry: TlbEntry): void {
    let before = this.#entries[chain - 1];
    while (before.next !== entry.number + 1) before = this.#entries[before.next - 1];
    before.next = entry.next;
  }

  /** Gives every small page a chain of its own, and joins the tables of the fronts. */
  #spread(): void {
    const shared = this.#heads.length;
    // Sets of another number are found by a remainder, and pages of fronts by their fronts.
    this.#own = this.#fronts === null || this.#setMask < 0 ? 0 : OWN_CHAINS;
    if (this.#own === 0) return;
    this.#heads = new Int32Array(OWN_CHAINS + shared);
    this.each((number) => {
      const entry = this.#entries[number];
      this.#link(entry, this.#placeOf(entry.page, entry.size));
    });
    this.#fronts?.join();
    this.#starts = this.#fronts?.starts ?? NO_INTEGERS;
    this.#lookAround();
  }

  /** Makes the fronts forget what they know of an entry. */
  #unshow(entry: TlbEntry): void {
    this.#hide(entry, EVERY_FRONT);
  }

  /** The same for some of them, a bit for each. */
  #hide(entry: TlbEntry, fronts: number): void {
    const { at } = entry;
    if (at >= 0) {
      if (((1 << (at >>> STARTS_SHIFT)) & fronts) === 0) return;
      this.#starts[at] = 0;
      entry.at = NOBODY;
    } else if (at === TOLD) {
      for (let front = 0; front < FRONTS; front += 1) {
        if ((entry.shown & fronts & (1 << front)) !== 0) this.#fronts?.drop(front, entry.page, this.#spans[entry.size]);
      }
      entry.shown &= ~fronts;
      if (entry.shown === 0) entry.at = NOBODY;
    }
  }

  /** Makes the fronts forget some pages, whichever entry they know them from. */
  #forgetPages(first: number, span: number): void {
    const fronts = this.#fronts;
    if (fronts === null) return;
    for (let front = 0; front < FRONTS; front += 1) fronts.drop(front, first, span);
    // So many are not dropped one by one: the fronts have forgotten what they were told, and this buffer takes out the rest.
    if (span > MOST_DROPPED) this.hide(EVERY_FRONT);
  }

  /** Under `lru` the fronts keep the most recently used of a set only. */
  #dethrone(entry: TlbEntry | null): void {
    if (entry !== null && entry.at !== NOBODY) this.#unshow(entry);
  }

  #sizeOf(span: number): number {
    for (let size = 0; size < this.#spans.length; size += 1) if (this.#spans[size] === span) return size;
    throw new Error(`no entry of this TLB maps ${span} hardware pages`);
  }

  #needed(entry: number): TlbEntry {
    if (!(entry >= 0 && entry < this.#entries.length)) throw new Error(`the TLB has no entry ${entry}`);
    return this.#entries[entry];
  }
}
