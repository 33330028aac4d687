/**
 * A translation look-aside buffer as the architecture sees it: numbered entries in sets, each mapping a power of two of
 * hardware pages. Sets matter for replacement only; lookup goes by an index ({@link TlbIndex}). All pages are hardware pages.
 */
import type { Rights } from "../architecture/rights.js";
import type { Invalidation, TlbGeometry } from "../architecture/tlb-organisation.js";
import { integer } from "../machine/physical-memory.js";
import { Random } from "../random.js";
import { SMALL_PAGES_SHIFT, type Lookaside } from "./lookaside.js";
import { ReplacementOrder } from "./replacement.js";
import { TlbContents } from "./tlb-contents.js";
import {
  ALL_LOCKED,
  ENTRY_GLOBAL,
  ENTRY_LOCKED,
  ENTRY_USED,
  ENTRY_VALID,
  ENTRY_WIRED,
  NO_FRONT,
  TOLD_FRONTS,
  TlbSet,
  type TlbEntry,
} from "./tlb-entry.js";
import { TlbIndex, startOf, stretchOf } from "./tlb-index.js";
import { ToldFronts } from "./told-fronts.js";
import { Victims } from "./victims.js";

export { ALL_LOCKED, ENTRY_GLOBAL, ENTRY_LOCKED } from "./tlb-entry.js";

const NONE = -1;
/** What is imported is looked up at every use; these are constants to a compiler. */
const VALID = ENTRY_VALID;
const FULL = ALL_LOCKED;
const GLOBAL = ENTRY_GLOBAL;
const LOCKED = ENTRY_LOCKED;
const USED = ENTRY_USED;
const WIRED = ENTRY_WIRED;
const NOBODY = NO_FRONT;
const TOLD = TOLD_FRONTS;
const STARTS_SHIFT = SMALL_PAGES_SHIFT;
/**
 * A buffer is busy once so many translations have been entered, and gets larger tables. Compilers look at the code a little
 * later, and so never see the ways of a buffer that is not.
 */
const BUSY = 1024;
/** Invalidations of more pages than this look at every entry instead of probing page by page. */
const PROBES = 16;

/**
 * One buffer of one processor. It drops and replaces; it reads no page table and knows no fault.
 *
 * Lookups and drops cost the same at any size: a chain of one or two entries. Nothing here is allocated after the constructor,
 * but for the tables of a buffer that has become busy.
 */
export class Tlb extends TlbContents {
  readonly invalidation: Invalidation;
  readonly #index = new TlbIndex(this.entries, this.spans);
  readonly #told = new ToldFronts(this.entries, this.spans);
  readonly #order: ReplacementOrder;
  readonly #victims: Victims;
  readonly #sets: readonly TlbSet[] = [];
  /** What makes a set's number of a page's; −1 where sets are no power of two, and it takes a remainder. */
  readonly #setMask: number = 0;
  /** 1 where used bits say which entry goes. */
  readonly #byUse: number = 0;
  /** What an entry has that serves an access at once: `ENTRY_USED` where replacement goes by it. */
  readonly #servedFlags: number = VALID;
  /** The flags that may be asked for. */
  readonly #flagMask: number = 0;
  /** What the invalidation of a page says of tags and of global entries. */
  readonly #anyAsid: boolean = false;
  readonly #dropsGlobal: boolean = false;
  /** Translations that may be entered yet until the buffer is busy; 0 once it is, and where entries are paired. */
  #calm: number = BUSY;
  #wired = 0;

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
    super(geometry);
    this.invalidation = invalidation;
    this.#order = new ReplacementOrder(replacement, new Random(seed));
    this.#victims = new Victims(this.#order, this.#told, replacement === "used-bit");
    this.#sets = Array.from({ length: entries / ways }, (_, set) => new TlbSet(this.entries.slice(set * ways, (set + 1) * ways)));
    this.#setMask = (this.#sets.length & (this.#sets.length - 1)) === 0 ? this.#sets.length - 1 : -1;
    this.#byUse = replacement === "used-bit" ? 1 : 0;
    this.#servedFlags = replacement === "used-bit" ? VALID | USED : VALID;
    this.#flagMask = GLOBAL | USED | (geometry.lockable ? LOCKED : 0);
    this.#anyAsid = invalidation.page.anyAsid;
    this.#dropsGlobal = invalidation.page.dropsGlobal;
    this.#calm = paired ? 0 : calm;
    this.wired = wired;
  }

  /** The fronts that this buffer may be asked to show its entries to. */
  attach(fronts: Lookaside): void {
    this.#told.attach(fronts);
  }

  /** Entries below this number are never chosen for replacement and count as locked; the geometry's after reset. */
  get wired(): number {
    return this.#wired;
  }

  set wired(count: number) {
    if (!(Number.isInteger(count) && count >= 0 && count < this.geometry.entries))
      throw new Error(`a TLB cannot have ${count} wired entries`);
    this.#wired = count;
    for (const entry of this.entries) entry.flags = (entry.flags & ~WIRED) | (entry.number < count ? WIRED : 0);
  }

  /** Whether global entries match every tag and are spared where the description says so. Set by the processor. */
  get honoursGlobal(): boolean {
    return this.#index.honoursGlobal;
  }

  set honoursGlobal(isHonoured: boolean) {
    this.#index.honoursGlobal = isHonoured;
  }

  // Lookup

  /** The entry that translates a page, or −1. It counts as used. */
  lookup(page: number, asid: number): number {
    const entry = this.#index.find(page, asid);
    if (entry === null) return NONE;
    this.#dethrone(this.#order.touch(entry));
    return entry.number;
  }

  /** The same without leaving a trace. With several matching entries, which software must avoid, the lowest one. */
  probe(page: number, asid: number): number {
    return this.#index.find(page, asid)?.number ?? NONE;
  }

  /** Is it certain at a glance that no entry maps this page, which is small enough for an integer? False says nothing. */
  lacks(page: number): boolean {
    const index = this.#index;
    return (page < index.plain && index.heads[page] === 0) || index.valid === 0;
  }

  /** How many entries match: more than one is an error of software that hardware may answer with a machine check. */
  duplicates(page: number, asid: number): number {
    return this.#index.duplicates(page, asid);
  }

  /** Hardware pages of the smallest valid entry, Infinity where there is none: no other one lies within one this small. */
  get smallestSpan(): number {
    return this.#index.smallestSpan;
  }

  /**
   * Lets a front answer for a page of an entry, until the entry goes.
   *
   * @param front its number
   * @param frame the hardware frame that the entry maps the page to
   * @returns false, and nothing has changed, if there is no memory at that frame
   */
  show(entry: number, front: number, page: number, frame: number): boolean {
    return this.#told.tell(this.entries[entry], front, page, frame);
  }

  /** Makes some fronts, a bit for each, forget everything of this buffer; the entries stay. */
  hide(fronts: number): void {
    this.#told.hideAll(fronts);
  }

  // Entering

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
    return this.#enter(page, span, frame, asid, rights, flags)?.number ?? FULL;
  }

  /**
   * Enters the translation of one hardware page and shows it to a front, as `enter` and `show` would, for an access that is
   * served at once: what nearly every miss ends with, so the usual case is written out, in which one small page takes the
   * place of another. Where nothing may be replaced, or there is no memory, the front is told nothing.
   *
   * @param flags `ENTRY_GLOBAL` or 0
   */
  serve(front: number, page: number, frame: number, asid: number, rights: Rights, flags: number): void {
    const index = this.#index;
    const told = this.#told;
    const isNear = page < index.plain && frame >= told.ramFirst && frame < told.ramEnd;
    const entry = isNear ? this.#victims.chooseUsed(this.#sets[page & this.#setMask]) : null;
    if (entry === null) {
      this.serveLarge(front, page, 1, frame, asid, rights, flags);
      return;
    }
    const { starts } = told;
    const { at } = entry;
    if (at >= 0) starts[at] = 0;
    else if (at === TOLD) told.withdraw(entry);
    // The index's `unlink` and `link`, written out. Only the head of an entry's own chain can lead to it.
    const { heads } = index;
    const link = entry.number + 1;
    if (heads[entry.page] === link) heads[entry.page] = entry.next;
    else index.unlink(entry);
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
    starts[place] = ((frame - told.mainFrame) << told.wordShift) + 1;
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
    if (entry !== null) this.#told.tell(entry, front, page, frame);
  }

  /** Writes entry `entry` itself, as an indexed write instruction does; `ENTRY_USED` may be given too. Parameters as `enter`. */
  write(entry: number, page: number, span: number, frame: number, asid: number, rights: Rights, flags = 0): void {
    const written = this.#needed(entry);
    const isNew = this.#put(written, this.#index.sizeOf(span), startOf(page, span), frame, asid, rights, flags);
    this.#dethrone(this.#order.entered(written, isNew));
  }

  /** Sets what the odd half of a paired entry maps; until then it maps nothing (no rights). */
  writeOdd(entry: number, frame: number, rights: Rights): void {
    const written = this.#needed(entry);
    if (!this.geometry.paired) throw new Error("entries of this TLB have one half");
    this.#told.withdraw(written);
    written.oddFrame = frame;
    written.oddRights = rights;
  }

  /** Notes something of an entry, after it was entered; see entry-note.ts. */
  setNote(entry: number, note: number): void {
    this.entries[entry].note = note;
  }

  // Invalidation

  /** Makes an entry invalid. An invalid one stays so. */
  drop(entry: number): void {
    this.#drop(this.entries[entry]);
  }

  /** What "invalidate everything" leaves is the description's business. Wired entries count as locked. @returns entries dropped */
  invalidateAll(): number {
    const { sparesGlobal, sparesLocked } = this.invalidation.all;
    if (sparesLocked !== "unless-global") return this.forget(sparesGlobal, sparesLocked);
    let dropped = this.forget(sparesGlobal, true);
    for (const entry of this.entries) {
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
    const { spans } = this;
    let dropped = 0;
    for (let size = 0; size < spans.length; size += 1) {
      const first = startOf(page, spans[size]);
      const chain = this.#index.chainOf(first, size);
      if (chain !== 0) dropped += this.#invalidateIn(chain, first, size, asid);
    }
    return dropped;
  }

  /** Forgets `count` hardware pages from `page`, Infinity for all above. @returns entries dropped */
  invalidatePages(page: number, count: number, asid: number): number {
    if (this.#index.valid === 0) return 0;
    return count === 1 ? this.invalidatePage(page, asid) : this.#invalidateMany(page, count, asid);
  }

  /** Drops the entries tagged `asid`, or all of them for −1, but those that are spared. @returns entries dropped */
  forget(sparesGlobal: boolean, sparesLocked: boolean, asid = NONE): number {
    const spared = (sparesGlobal && this.honoursGlobal ? GLOBAL : 0) | (sparesLocked ? LOCKED | WIRED : 0);
    let dropped = 0;
    for (const entry of this.entries) {
      if ((entry.flags & VALID) === 0 || (entry.flags & spared) !== 0 || (asid !== NONE && entry.asid !== asid)) continue;
      this.#drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  #invalidateIn(chain: number, first: number, size: number, asid: number): number {
    let dropped = 0;
    for (let link = chain; link !== 0;) {
      const entry = this.entries[link - 1];
      link = entry.next;
      if (entry.page !== first || entry.size !== size || !this.#isMeant(entry, asid)) continue;
      this.#drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  #invalidateMany(page: number, count: number, asid: number): number {
    let dropped = 0;
    if (count <= PROBES) {
      for (let each = page; each < page + count; each += 1) dropped += this.invalidatePage(each, asid);
      return dropped;
    }
    for (const entry of this.entries) {
      const overlaps = entry.page < page + count && entry.page + this.spans[entry.size] > page;
      if ((entry.flags & VALID) === 0 || !overlaps || !this.#isMeant(entry, asid)) continue;
      this.#drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  /** Does invalidating a page of space `asid` mean this entry for it? */
  #isMeant(entry: TlbEntry, asid: number): boolean {
    if (this.honoursGlobal && (entry.flags & GLOBAL) !== 0) return this.#dropsGlobal;
    return this.#anyAsid || entry.asid === asid;
  }

  #drop(entry: TlbEntry): void {
    if ((entry.flags & VALID) === 0) return;
    if (entry.at !== NOBODY) this.#told.withdraw(entry);
    this.#index.unlink(entry);
    entry.flags &= WIRED;
    this.#index.discount(entry);
    this.#order.dropped(entry);
  }

  #enter(page: number, span: number, frame: number, asid: number, rights: Rights, flags: number): TlbEntry | null {
    const size = this.spans[0] === span ? 0 : this.#index.sizeOf(span);
    const stretch = stretchOf(page, span);
    if (this.#calm > 0) {
      this.#calm -= 1;
      if (this.#calm === 0) this.#spread();
    }
    const entry = this.#victims.choose(this.#sets[this.#setMask >= 0 ? stretch & this.#setMask : stretch % this.#sets.length]);
    if (entry === null) return null;
    const isNew = this.#put(entry, size, stretch * span, frame, asid, rights, flags);
    this.#dethrone(this.#order.took(entry, isNew));
    return entry;
  }

  /** @returns whether the entry was not valid before */
  #put(entry: TlbEntry, size: number, first: number, frame: number, asid: number, rights: Rights, flags: number): boolean {
    const index = this.#index;
    const isNew = (entry.flags & VALID) === 0;
    if (!isNew) {
      if (entry.at !== NOBODY) this.#told.withdraw(entry);
      index.unlink(entry);
    }
    if (isNew || entry.size !== size) index.count(entry, isNew, size);
    entry.page = integer(first);
    entry.frame = integer(frame);
    entry.asid = asid;
    entry.rights = rights;
    entry.oddRights = 0;
    entry.note = 0;
    entry.flags = VALID | (flags & this.#flagMask) | (entry.flags & WIRED);
    const others = index.link(entry);
    if (others !== 0 || !index.hasOnly(size)) this.#overrule(first, size, others);
    return isNew;
  }

  /** A new entry may win over one with a higher number that the fronts know, of the same class and so of its chain, or of another. */
  #overrule(first: number, size: number, others: number): void {
    if (!this.#index.hasOnly(size) || this.#index.holds(others, first)) this.#told.forgetPages(first, this.spans[size]);
  }

  /** What is left to do where an order is kept, or others are known for the page: those of other tags, with higher numbers. */
  #enteredOver(entry: TlbEntry, others: number): void {
    if (others !== 0) this.#told.forgetPages(entry.page, 1);
    this.#dethrone(this.#order.took(entry, false));
  }

  /** Under `lru` the fronts keep the most recently used of a set only. */
  #dethrone(entry: TlbEntry | null): void {
    if (entry !== null && entry.at !== NOBODY) this.#told.withdraw(entry);
  }

  /** The buffer has become busy. */
  #spread(): void {
    // Sets of another number are found by a remainder, and pages of fronts by their fronts.
    if (!this.#told.isAttached || this.#setMask < 0) return;
    this.#index.spread();
    this.#told.join();
  }

  #needed(entry: number): TlbEntry {
    if (!(entry >= 0 && entry < this.entries.length)) throw new Error(`the TLB has no entry ${entry}`);
    return this.entries[entry];
  }
}
