/**
 * A translation look-aside buffer as the architecture sees it: numbered entries in sets, each mapping a power of two of
 * hardware pages. Lookup goes through a hash index, one probe for each page size in use, whatever the associativity;
 * sets matter for replacement only. All pages are hardware pages.
 */
import type { Rights } from "../architecture/rights.js";
import type { Invalidation, TlbGeometry } from "../architecture/tlb-organisation.js";
import { Random } from "../random.js";
import type { Lookaside } from "./lookaside.js";
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
/** The next entry of its hash chain. */
const NEXT = 4;
/** A bit for each front that may know a page of it. */
const SHOWN = 5;
/** The head of that chain. */
const BUCKET = 6;
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
  /** Hash chains over all valid entries, in no order: among several that match, the lowest number wins. */
  readonly #bucket: Int32Array = NO_INTEGERS;
  readonly #shift: number = 0;
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
   * @throws Error if the geometry is impossible; descriptors are checked at the door before
   */
  constructor(geometry: TlbGeometry, invalidation: Invalidation, seed = 0) {
    const { entries, pageShifts } = geometry;
    const ways = geometry.ways === "full" ? entries : geometry.ways;
    if (entries < 1 || ways < 1 || entries % ways !== 0 || geometry.wired >= entries || pageShifts.length === 0) {
      throw new Error("a TLB's entries are a multiple of its ways, and some are not wired");
    }
    this.geometry = geometry;
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
    this.#spans = Float64Array.from(pageShifts, (shift) => 2 ** (shift - pageShifts[0]) * tagged);
    this.#inUse = new Int32Array(pageShifts.length);
    const bits = Math.max(4, Math.ceil(Math.log2(entries)) + 1);
    this.#bucket = new Int32Array(2 ** bits).fill(NONE);
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

  /** The same without leaving a trace. With several matching entries, which software must avoid, the lowest one. */
  probe(page: number, asid: number): number {
    const rows = this.#rows;
    const spans = this.#spans;
    let found = NONE;
    for (let size = 0; size < spans.length; size += 1) {
      if (this.#inUse[size] === 0) continue;
      const first = startOf(page, spans[size]);
      let entry = this.#bucket[this.#hash(first, size)];
      while (entry >= 0) {
        if ((found < 0 || entry < found) && this.#matches(entry, first, size, asid)) found = entry;
        entry = rows[(entry << ROW) | NEXT];
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
      for (let entry = this.#bucket[this.#hash(first, size)]; entry >= 0; entry = this.#rows[(entry << ROW) | NEXT]) {
        if (this.#matches(entry, first, size, asid)) count += 1;
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
    const entry = this.#order.choose(set);
    if (entry === LOCKED) return LOCKED;
    if (this.#order.clearings !== this.#clearings) this.#hideSet(set);
    const isNew = this.#put(entry, size, stretch * span, frame, asid, rights, flags);
    this.#dethrone(this.#order.took(entry, isNew));
    return entry;
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
      const chain = this.#bucket[this.#hash(first, size)];
      if (chain >= 0) dropped += this.#invalidateIn(chain, first, size, asid);
    }
    return dropped;
  }

  #invalidateIn(chain: number, first: number, size: number, asid: number): number {
    const rows = this.#rows;
    let dropped = 0;
    for (let entry = chain; entry >= 0;) {
      const next = rows[(entry << ROW) | NEXT];
      if (this.#extents[(entry << EXTENT) | FIRST] === first && rows[(entry << ROW) | SIZE] === size && this.#isMeant(entry, asid)) {
        this.drop(entry);
        dropped += 1;
      }
      entry = next;
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
    return this.#extents[(entry << EXTENT) | FIRST];
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
    return this.#paired === 1 ? this.#frameOfHalf(entry, within) : this.#extents[at | FRAME] + within;
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
    const bucket = this.#hash(first, size);
    const others = this.#bucket[bucket];
    rows[row | BUCKET] = bucket;
    rows[row | NEXT] = others;
    this.#bucket[bucket] = entry;
    if (others >= 0 || this.#inUse[size] !== this.#valid) this.#overrule(first, size, others);
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
    this.#rows[(entry << ROW) | SIZE] = size;
  }

  /** Does a chain hold an entry from this page on? */
  #holds(chain: number, first: number): boolean {
    let entry = chain;
    while (entry >= 0 && this.#extents[(entry << EXTENT) | FIRST] !== first) entry = this.#rows[(entry << ROW) | NEXT];
    return entry >= 0;
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

  #hash(first: number, size: number): number {
    // `|` cuts the page number to its low 32 bits; the multiplication (Fibonacci hashing) spreads them.
    return Math.imul((first | 0) + size, 0x9e3779b1) >>> this.#shift;
  }

  #unlink(entry: number): void {
    const rows = this.#rows;
    const row = entry << ROW;
    const bucket = rows[row | BUCKET];
    if (this.#bucket[bucket] === entry) this.#bucket[bucket] = rows[row | NEXT];
    else this.#unlinkFrom(this.#bucket[bucket], entry);
  }

  /** The same where others come before it. */
  #unlinkFrom(chain: number, entry: number): void {
    const rows = this.#rows;
    let at = chain;
    while (rows[(at << ROW) | NEXT] !== entry) at = rows[(at << ROW) | NEXT];
    rows[(at << ROW) | NEXT] = rows[(entry << ROW) | NEXT];
  }

  /** Makes the fronts forget what they know of an entry. */
  #hide(entry: number): void {
    if (this.#rows[(entry << ROW) | SHOWN] !== 0) this.#unshow(entry);
  }

  #unshow(entry: number): void {
    const shown = this.#rows[(entry << ROW) | SHOWN];
    this.#rows[(entry << ROW) | SHOWN] = 0;
    this.#forgetFronts(this.#extents[(entry << EXTENT) | FIRST], this.span(entry), shown);
  }

  /** The same for the entries of a set, whose used bits are gone: the next hit on each sets its bit again. */
  #hideSet(set: number): void {
    this.#clearings = this.#order.clearings;
    for (let entry = set * this.#ways; entry < (set + 1) * this.#ways; entry += 1) this.#hide(entry);
  }

  /** Makes some fronts, a bit for each, forget `span` pages from `first`. */
  #forgetFronts(first: number, span: number, fronts: number): void {
    for (let left = fronts; left !== 0;) {
      const front = 31 - Math.clz32(left);
      this.#fronts[front].drop(first, span);
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
