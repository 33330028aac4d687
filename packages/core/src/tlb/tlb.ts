/**
 * A translation look-aside buffer as the architecture sees it: numbered entries in sets, each mapping a power of two of
 * hardware pages. Lookup goes through a hash index, one probe for each page size in use, whatever the associativity;
 * sets matter for replacement only. All pages are hardware pages.
 */
import type { Rights } from "../architecture/rights.js";
import type { Invalidation, TlbGeometry } from "../architecture/tlb-organisation.js";
import { integer } from "../machine/physical-memory.js";
import { Random } from "../random.js";
import { SMALL_PAGES, type Lookaside } from "./lookaside.js";
import { ALL_LOCKED, ENTRY_GLOBAL, ENTRY_LOCKED, ENTRY_USED, ENTRY_VALID, ReplacementOrder } from "./replacement.js";

export { ALL_LOCKED, ENTRY_GLOBAL, ENTRY_LOCKED } from "./replacement.js";

const NONE = -1;
/** What is imported is looked up at every use; these are constants to a compiler. */
const VALID = ENTRY_VALID;
const GLOBAL = ENTRY_GLOBAL;
const LOCKED = ALL_LOCKED;
// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_INTEGERS = new Int32Array(0);
const NO_NUMBERS = new Float64Array(0);
const NO_FLAGS = new Uint8Array(0);
/** Pages below this one have a chain each in a buffer that is busy. */
const OWN_CHAINS = SMALL_PAGES;
/** A buffer is busy once so many translations have been entered: a table by page takes 4 MiB of addresses, memory where pages are. */
const BUSY = 4096;
/** Invalidations of more pages than this look at every entry instead of probing page by page. */
const PROBES = 16;

// An entry's numbers begin at its own number shifted left; `|` then leads to one of them, and cannot overflow as a sum could.
/** What an entry maps: its first page, the frame of that, and of the odd half's first where entries are paired. */
const EXTENT = 2;
const FIRST = 0;
const FRAME = 1;
const ODD_FRAME = 2;

/** What else it says, small integers. What is asked together lies together: one array is found and checked once. */
const ROW = 3;
const ASID = 0;
const RIGHTS = 1;
const ODD_RIGHTS = 2;
/** Its class: the number of its page size, which says how many pages it maps. */
const SIZE = 3;
/** The next entry of its chain. */
const NEXT = 4;
/** A bit for each front that may know a page of it. */
const SHOWN = 5;
/** Where the head of that chain stands. */
const PLACE = 6;
/** What the walker noted. */
const NOTE = 7;

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
  /** `ENTRY_USED` where replacement goes by it, else 0: what an entry is entered with that serves an access at once. */
  readonly useMark: number = 0;
  /** Whether global entries match every tag and are spared where the description says so. Set by the processor. */
  honoursGlobal = true;
  readonly #extents: Float64Array = NO_NUMBERS;
  readonly #rows: Int32Array = NO_INTEGERS;
  readonly #flags: Uint8Array = NO_FLAGS;
  /** 1 where entries are paired, else 0: a comparison of integers, where a boolean would be asked whether it is one. */
  readonly #paired: number = 0;
  /** Replacement goes by the order in which entries were entered or used. */
  readonly #isOrdered: number = 0;
  /** The flags that may be asked for. */
  readonly #flagMask: number = 0;
  readonly #sets: number = 0;
  readonly #ways: number = 0;
  /** What makes a set's number of a page's; −1 where sets are no power of two, and it takes a remainder. */
  readonly #setMask: number = 0;
  /** Hardware pages of an entry, by class (page size), and how many valid entries of the class there are. */
  readonly #spans: Float64Array = NO_NUMBERS;
  readonly #inUse: Int32Array = NO_INTEGERS;
  #valid = 0;
  /** Those of them that map more than the smallest page. */
  #others = 0;
  /**
   * Heads of chains over all valid entries, in no order: among several that match, the lowest number wins. A link is the
   * entry's number plus one, 0 at the end. Smallest pages below `#own` have a chain each, which begins at their number; the
   * others share those after it, by a hash.
   */
  #heads: Int32Array = NO_INTEGERS;
  #own = 0;
  readonly #shift: number = 0;
  /** Translations that may be entered yet until the buffer is busy; 0 once it is, and where entries are paired. */
  #calm: number = BUSY;
  /** What the invalidation of a page says of tags and of global entries. */
  readonly #anyAsid: boolean = false;
  readonly #dropsGlobal: boolean = false;
  readonly #order: ReplacementOrder;
  /** The order's count of clearings when the fronts were last made to forget. */
  #clearings = 0;
  #fronts: readonly Lookaside[] = [];
  /** A bit for each front that may know a page of any entry. */
  #shown = 0;

  /**
   * @param seed for `random` replacement
   * @param calm translations that are entered before pages get chains of their own
   * @throws Error if the geometry is impossible; descriptors are checked at the door before
   */
  constructor(geometry: TlbGeometry, invalidation: Invalidation, seed = 0, calm = BUSY) {
    const { entries, pageShifts } = geometry;
    const ways = geometry.ways === "full" ? entries : geometry.ways;
    if (entries < 1 || ways < 1 || entries % ways !== 0 || geometry.wired >= entries || pageShifts.length === 0) {
      throw new Error("a TLB's entries are a multiple of its ways, and some are not wired");
    }
    this.geometry = geometry;
    this.#calm = geometry.paired ? 0 : calm;
    this.invalidation = invalidation;
    this.useMark = geometry.replacement === "used-bit" ? ENTRY_USED : 0;
    this.#sets = entries / ways;
    this.#ways = ways;
    this.#setMask = (this.#sets & (this.#sets - 1)) === 0 ? this.#sets - 1 : -1;
    this.#extents = new Float64Array(entries << EXTENT);
    this.#rows = new Int32Array(entries << ROW);
    this.#flags = new Uint8Array(entries);
    this.#paired = geometry.paired ? 1 : 0;
    this.#flagMask = ENTRY_GLOBAL | ENTRY_USED | (geometry.lockable ? ENTRY_LOCKED : 0);
    this.#anyAsid = invalidation.page.anyAsid;
    this.#dropsGlobal = invalidation.page.dropsGlobal;
    const tagged = geometry.paired ? 2 : 1;
    this.#isOrdered = geometry.replacement === "lru" || geometry.replacement === "fifo" ? 1 : 0;
    this.#spans = Float64Array.from(pageShifts, (shift) => 2 ** (shift - pageShifts[0]) * tagged);
    this.#inUse = new Int32Array(pageShifts.length);
    const bits = Math.max(4, Math.ceil(Math.log2(entries)) + 1);
    this.#heads = new Int32Array(2 ** bits);
    this.#shift = 32 - bits;
    this.#order = new ReplacementOrder(geometry, this.#flags, new Random(seed));
  }

  /** The fronts that this buffer may be asked to show its entries to; at most 31. */
  attach(fronts: readonly Lookaside[]): void {
    this.#fronts = fronts;
  }

  /** Entries below this number are never chosen for replacement and count as locked; the geometry's after reset. */
  get wired(): number {
    return this.#order.wired;
  }

  set wired(count: number) {
    if (!(Number.isInteger(count) && count >= 0 && count < this.geometry.entries))
      throw new Error(`a TLB cannot have ${count} wired entries`);
    this.#order.wired = count;
  }

  /**
   * Lets a front answer for a page of an entry, until the entry goes.
   *
   * @param front its number among those attached
   * @param frame the hardware frame that the entry maps the page to
   * @returns false, and nothing has changed, if there is no memory at that frame
   */
  show(entry: number, front: number, page: number, frame: number): boolean {
    if (!this.#fronts[front].fill(page, frame)) return false;
    const shown = (entry << ROW) | SHOWN;
    this.#rows[shown] = this.#rows[shown] | (1 << front);
    this.#shown |= 1 << front;
    return true;
  }

  /** The entry that translates a page, or −1. It counts as used. */
  lookup(page: number, asid: number): number {
    const entry = this.probe(page, asid);
    if (entry >= 0) this.#dethrone(this.#order.touch(entry));
    return entry;
  }

  /** Is it certain at a glance that no entry maps this page, which is small enough for an integer? False says nothing. */
  lacks(page: number): boolean {
    return page < this.#own && this.#others === 0 && this.#heads[page] === 0;
  }

  /** The same without leaving a trace. With several matching entries, which software must avoid, the lowest one. */
  probe(page: number, asid: number): number {
    const rows = this.#rows;
    const spans = this.#spans;
    let found = NONE;
    for (let size = 0; size < spans.length; size += 1) {
      if (this.#inUse[size] === 0) continue;
      const first = startOf(page, spans[size]);
      let link = this.#heads[this.#placeOf(first, size)];
      while (link !== 0) {
        const entry = link - 1;
        if ((found < 0 || entry < found) && this.#matches(entry, first, size, asid)) found = entry;
        link = rows[(entry << ROW) | NEXT];
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
      for (let link = this.#heads[this.#placeOf(first, size)]; link !== 0; link = this.#rows[((link - 1) << ROW) | NEXT]) {
        if (this.#matches(link - 1, first, size, asid)) count += 1;
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
    const size = this.#spans[0] === span ? 0 : this.#sizeOf(span);
    const stretch = stretchOf(page, span);
    const set = this.#setMask >= 0 ? stretch & this.#setMask : stretch % this.#sets;
    if (this.#calm > 0) {
      this.#calm -= 1;
      if (this.#calm === 0) this.#spread();
    }
    const entry = this.#order.choose(set);
    if (entry === LOCKED) return LOCKED;
    if (this.#order.clearings !== this.#clearings) this.#hideSet(set);
    const isNew = this.#put(entry, size, stretch * span, frame, asid, rights, flags);
    this.#dethrone(this.#order.took(entry, isNew));
    return entry;
  }

  /**
   * Enters the translation of a page and shows it to a front, as `enter` and `show` would, for an access that is served
   * at once: what nearly every miss ends with, so the usual case is written out.
   *
   * @param frame the hardware frame of `page` itself
   * @returns the frame; −1 if no front answers for the page: nothing may be replaced, or there is no memory
   */
  serve(front: number, page: number, span: number, frame: number, asid: number, rights: Rights, flags: number): number {
    const small = page | 0;
    if (span !== 1 || small !== page || small >= this.#own || this.#others !== 0)
      return this.#serveOther(front, page, span, frame, asid, rights, flags);
    const order = this.#order;
    const set = this.#setMask >= 0 ? small & this.#setMask : small % this.#sets;
    const entry = order.choose(set);
    if (entry === LOCKED) return NONE;
    if (order.clearings !== this.#clearings) this.#hideSet(set);
    const rows = this.#rows;
    const row = entry << ROW;
    const mark = 1 << front;
    if ((this.#flags[entry] & VALID) === 0) {
      this.#put(entry, 0, page, frame, asid, rights, flags | this.useMark);
      this.#dethrone(order.took(entry, true));
      return this.show(entry, front, page, frame) ? frame : NONE;
    }
    // One small page takes the place of another.
    const heads = this.#heads;
    const old = rows[row | PLACE];
    if (rows[row | SHOWN] !== 0) this.#unshow(entry);
    if (heads[old] === entry + 1) heads[old] = rows[row | NEXT];
    else this.#unlinkFrom(heads[old], entry);
    const others = heads[small];
    heads[small] = entry + 1;
    rows[row | PLACE] = small;
    rows[row | NEXT] = others;
    rows[row | ASID] = asid;
    rows[row | RIGHTS] = rights;
    rows[row | NOTE] = 0;
    const extents = this.#extents;
    extents[(entry << EXTENT) | FIRST] = small;
    extents[(entry << EXTENT) | FRAME] = frame;
    this.#flags[entry] = VALID | ((flags | this.useMark) & this.#flagMask);
    // Those of other tags, and those with higher numbers.
    if (others !== 0) this.#forgetPage(small, this.#shown);
    if (this.#isOrdered === 1) this.#dethrone(order.took(entry, false));
    if (!this.#fronts[front].fill(small, frame)) return NONE;
    rows[row | SHOWN] = mark;
    this.#shown |= mark;
    return frame;
  }

  /** The same for larger pages, for pages with high numbers, and in a buffer that is not busy yet. */
  #serveOther(front: number, page: number, span: number, frame: number, asid: number, rights: Rights, flags: number): number {
    const first = span === 1 ? frame : frame - (page % span);
    const entry = this.enter(page, span, first, asid, rights, flags | this.useMark);
    return entry !== LOCKED && this.show(entry, front, page, frame) ? frame : NONE;
  }

  /** Writes entry `entry` itself, as an indexed write instruction does; `ENTRY_USED` may be given too. Parameters as `enter`. */
  write(entry: number, page: number, span: number, frame: number, asid: number, rights: Rights, flags = 0): void {
    this.#needs(entry);
    const size = this.#sizeOf(span);
    const isNew = this.#put(entry, size, startOf(page, span), frame, asid, rights, flags);
    this.#dethrone(this.#order.entered(entry, isNew));
  }

  /** Sets what the odd half of a paired entry maps; until then it maps nothing (no rights). */
  writeOdd(entry: number, frame: number, rights: Rights): void {
    this.#needs(entry);
    if (!this.geometry.paired) throw new Error("entries of this TLB have one half");
    this.#hide(entry);
    this.#extents[(entry << EXTENT) | ODD_FRAME] = frame;
    this.#rows[(entry << ROW) | ODD_RIGHTS] = rights;
  }

  /** Makes an entry invalid. An invalid one stays so. */
  drop(entry: number): void {
    if ((this.#flags[entry] & VALID) === 0) return;
    this.#hide(entry);
    this.#unlink(entry);
    this.#flags[entry] = 0;
    const size = this.#rows[(entry << ROW) | SIZE];
    this.#inUse[size] = this.#inUse[size] - 1;
    this.#valid -= 1;
    this.#others = this.#valid - this.#inUse[0];
    this.#order.dropped(entry);
  }

  /** What "invalidate everything" leaves is the description's business. Wired entries count as locked. @returns entries dropped */
  invalidateAll(): number {
    const { sparesGlobal, sparesLocked } = this.invalidation.all;
    if (sparesLocked !== "unless-global") return this.forget(sparesGlobal, sparesLocked);
    let dropped = this.forget(sparesGlobal, true);
    for (let entry = 0; entry < this.#flags.length; entry += 1) {
      if (!this.isLocked(entry) || !this.isGlobal(entry)) continue;
      this.drop(entry);
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
    const rows = this.#rows;
    let dropped = 0;
    for (let link = chain; link !== 0;) {
      const entry = link - 1;
      const next = rows[(entry << ROW) | NEXT];
      if (this.#extents[(entry << EXTENT) | FIRST] === first && rows[(entry << ROW) | SIZE] === size && this.#isMeant(entry, asid)) {
        this.drop(entry);
        dropped += 1;
      }
      link = next;
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
    for (let entry = 0; entry < this.#flags.length; entry += 1) {
      const first = this.#extents[(entry << EXTENT) | FIRST];
      const overlaps = first < page + count && first + this.span(entry) > page;
      if ((this.#flags[entry] & VALID) !== 0 && overlaps && this.#isMeant(entry, asid)) {
        this.drop(entry);
        dropped += 1;
      }
    }
    return dropped;
  }

  /** Drops the entries tagged `asid`, or all of them for −1, but those that are spared. @returns entries dropped */
  forget(sparesGlobal: boolean, sparesLocked: boolean, asid = NONE): number {
    let dropped = 0;
    for (let entry = 0; entry < this.#flags.length; entry += 1) {
      const flags = this.#flags[entry];
      if ((flags & VALID) === 0 || (asid !== NONE && this.#rows[(entry << ROW) | ASID] !== asid)) continue;
      if (sparesGlobal && this.honoursGlobal && (flags & GLOBAL) !== 0) continue;
      if (sparesLocked && ((flags & ENTRY_LOCKED) !== 0 || entry < this.#order.wired)) continue;
      this.drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  /** Makes the fronts forget everything; the entries stay. */
  flushFronts(): void {
    for (let front = 0; front < this.#fronts.length; front += 1) {
      if ((this.#shown & (1 << front)) !== 0) this.#fronts[front].flush();
    }
    this.#shown = 0;
  }

  /** Visits valid entries in ascending order. */
  each(visit: (entry: number) => void): void {
    for (let entry = 0; entry < this.#flags.length; entry += 1) if (this.isValid(entry)) visit(entry);
  }

  /** Does this entry map anything? The questions below mean valid entries only. */
  isValid(entry: number): boolean {
    return (this.#flags[entry] & VALID) !== 0;
  }

  /** The first hardware page that the entry maps. */
  firstPage(entry: number): number {
    return integer(this.#extents[(entry << EXTENT) | FIRST]);
  }
  /** Hardware pages the entry maps. */
  span(entry: number): number {
    return this.#spans[this.#rows[(entry << ROW) | SIZE]];
  }
  /** Hardware frame of the first page (of the even half). */
  frame(entry: number): number {
    return this.#extents[(entry << EXTENT) | FRAME];
  }

  /** The tag of the entry; 0 where entries carry none. */
  asid(entry: number): number {
    return this.#rows[(entry << ROW) | ASID];
  }
  /** What the entry lets through (its even half). */
  rights(entry: number): Rights {
    return this.#rows[(entry << ROW) | RIGHTS];
  }
  /** What the walker noted; see entry-note.ts. */
  note(entry: number): number {
    return this.#rows[(entry << ROW) | NOTE];
  }
  /** Notes it, after the entry was entered. */
  setNote(entry: number, note: number): void {
    this.#rows[(entry << ROW) | NOTE] = note;
  }

  /** Was it entered as global? Whether that counts is `honoursGlobal`'s business. */
  isGlobal(entry: number): boolean {
    return (this.#flags[entry] & GLOBAL) !== 0;
  }

  /** Was it entered as locked, on a machine that has locks? */
  isLocked(entry: number): boolean {
    return (this.#flags[entry] & ENTRY_LOCKED) !== 0;
  }

  /** Is its used bit set? Meaningful under `used-bit` replacement. */
  isUsed(entry: number): boolean {
    return (this.#flags[entry] & ENTRY_USED) !== 0;
  }

  /** The hardware frame a page of the entry maps to. */
  frameOf(entry: number, page: number): number {
    const at = entry << EXTENT;
    const within = page - this.#extents[at | FIRST];
    return this.#paired === 1 ? this.#frameOfHalf(entry, within) : integer(this.#extents[at | FRAME] + within);
  }

  #frameOfHalf(entry: number, within: number): number {
    const at = entry << EXTENT;
    const half = this.span(entry) / 2;
    return within < half ? this.#extents[at | FRAME] + within : this.#extents[at | ODD_FRAME] + within - half;
  }

  /** What the entry lets through for one of its pages. */
  rightsOf(entry: number, page: number): Rights {
    return this.#rows[(entry << ROW) | (this.#paired === 1 && this.#isOdd(entry, page) ? ODD_RIGHTS : RIGHTS)];
  }

  #isOdd(entry: number, page: number): boolean {
    return page - this.#extents[(entry << EXTENT) | FIRST] >= this.span(entry) / 2;
  }

  /** @returns whether the entry was not valid before */
  #put(entry: number, size: number, first: number, frame: number, asid: number, rights: Rights, flags: number): boolean {
    const isNew = (this.#flags[entry] & VALID) === 0;
    const rows = this.#rows;
    const row = entry << ROW;
    if (!isNew) {
      if (rows[row | SHOWN] !== 0) this.#unshow(entry);
      this.#unlink(entry);
    }
    if (isNew || rows[row | SIZE] !== size) this.#count(entry, isNew, size);
    const extents = this.#extents;
    extents[(entry << EXTENT) | FIRST] = first;
    extents[(entry << EXTENT) | FRAME] = frame;
    rows[row | ASID] = asid;
    rows[row | RIGHTS] = rights;
    rows[row | ODD_RIGHTS] = 0;
    rows[row | NOTE] = 0;
    this.#flags[entry] = VALID | (flags & this.#flagMask);
    const others = this.#link(entry, this.#placeOf(first, size));
    if (others !== 0 || this.#inUse[size] !== this.#valid) this.#overrule(first, size, others);
    return isNew;
  }

  /** A new entry may win over one with a higher number that the fronts know, of the same class and so of its chain, or of another. */
  #overrule(first: number, size: number, others: number): void {
    if (this.#inUse[size] !== this.#valid || this.#holds(others, first)) this.#forgetFronts(first, this.#spans[size], this.#shown);
  }

  /** Counts an entry that is about to be of this class. */
  #count(entry: number, isNew: boolean, size: number): void {
    const inUse = this.#inUse;
    const before = this.#rows[(entry << ROW) | SIZE];
    if (isNew) this.#valid += 1;
    else inUse[before] = inUse[before] - 1;
    inUse[size] = inUse[size] + 1;
    this.#others = this.#valid - inUse[0];
    this.#rows[(entry << ROW) | SIZE] = size;
  }

  /** Does a chain hold an entry from this page on? */
  #holds(chain: number, first: number): boolean {
    let link = chain;
    while (link !== 0 && this.#extents[((link - 1) << EXTENT) | FIRST] !== first) link = this.#rows[((link - 1) << ROW) | NEXT];
    return link !== 0;
  }

  #matches(entry: number, first: number, size: number, asid: number): boolean {
    const rows = this.#rows;
    return (
      this.#extents[(entry << EXTENT) | FIRST] === first &&
      rows[(entry << ROW) | SIZE] === size &&
      (rows[(entry << ROW) | ASID] === asid || (this.honoursGlobal && (this.#flags[entry] & GLOBAL) !== 0))
    );
  }

  /** Does invalidating a page of space `asid` mean this entry for it? */
  #isMeant(entry: number, asid: number): boolean {
    if (this.honoursGlobal && (this.#flags[entry] & GLOBAL) !== 0) return this.#dropsGlobal;
    return this.#anyAsid || this.#rows[(entry << ROW) | ASID] === asid;
  }

  /** Where the head of the chain stands that an entry from this page on belongs to. */
  #placeOf(first: number, size: number): number {
    if (size === 0 && first < this.#own) return first;
    // `|` cuts the page number to its low 32 bits; the multiplication (Fibonacci hashing) spreads them.
    return this.#own + (Math.imul((first | 0) + size, 0x9e3779b1) >>> this.#shift);
  }

  /** @returns the link to the entries that were there before */
  #link(entry: number, place: number): number {
    const rows = this.#rows;
    const row = entry << ROW;
    const others = this.#heads[place];
    rows[row | PLACE] = place;
    rows[row | NEXT] = others;
    this.#heads[place] = entry + 1;
    return others;
  }

  #unlink(entry: number): void {
    const rows = this.#rows;
    const row = entry << ROW;
    const place = rows[row | PLACE];
    if (this.#heads[place] === entry + 1) this.#heads[place] = rows[row | NEXT];
    else this.#unlinkFrom(this.#heads[place], entry);
  }

  /** The same where others come before it. */
  #unlinkFrom(chain: number, entry: number): void {
    const rows = this.#rows;
    const link = entry + 1;
    let before = (chain - 1) << ROW;
    while (rows[before | NEXT] !== link) before = (rows[before | NEXT] - 1) << ROW;
    rows[before | NEXT] = rows[(entry << ROW) | NEXT];
  }

  /** Gives every small page a chain of its own. */
  #spread(): void {
    const shared = this.#heads.length;
    this.#own = OWN_CHAINS;
    this.#heads = new Int32Array(OWN_CHAINS + shared);
    this.each((entry) => this.#link(entry, this.#placeOf(this.firstPage(entry), this.#rows[(entry << ROW) | SIZE])));
  }

  /** Makes the fronts forget what they know of an entry. */
  #hide(entry: number): void {
    if (this.#rows[(entry << ROW) | SHOWN] !== 0) this.#unshow(entry);
  }

  #unshow(entry: number): void {
    const rows = this.#rows;
    const row = entry << ROW;
    const shown = rows[row | SHOWN];
    const place = rows[row | PLACE];
    rows[row | SHOWN] = 0;
    if (place >= this.#own) this.#forgetFronts(this.firstPage(entry), this.span(entry), shown);
    else this.#forgetPage(place, shown);
  }

  /** The same for the entries of a set, whose used bits are gone: the next hit on each sets its bit again. */
  #hideSet(set: number): void {
    this.#clearings = this.#order.clearings;
    const rows = this.#rows;
    const end = (set + 1) * this.#ways;
    for (let entry = end - this.#ways; entry < end; entry += 1) if (rows[(entry << ROW) | SHOWN] !== 0) this.#unshow(entry);
  }

  /** Makes some fronts, a bit for each, forget `span` pages from `first`. */
  #forgetFronts(first: number, span: number, fronts: number): void {
    for (let left = fronts; left !== 0;) {
      const front = 31 - Math.clz32(left);
      this.#fronts[front].drop(first, span);
      left ^= 1 << front;
    }
  }

  /** The same for one page below `#own`. */
  #forgetPage(page: number, fronts: number): void {
    const all = this.#fronts;
    for (let left = fronts; left !== 0;) {
      const front = 31 - Math.clz32(left);
      all[front].dropSmall(page);
      left ^= 1 << front;
    }
  }

  /** Under `lru` the fronts keep the most recently used of a set only. */
  #dethrone(entry: number): void {
    if (entry >= 0) this.#hide(entry);
  }

  #sizeOf(span: number): number {
    for (let size = 0; size < this.#spans.length; size += 1) if (this.#spans[size] === span) return size;
    throw new Error(`no entry of this TLB maps ${span} hardware pages`);
  }

  #needs(entry: number): void {
    if (!(entry >= 0 && entry < this.#flags.length)) throw new Error(`the TLB has no entry ${entry}`);
  }
}
