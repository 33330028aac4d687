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
/** Invalidations of more pages than this look at every entry instead of probing page by page. */
const PROBES = 16;

/** The multiple of `span` at or below a page. The remainder of doubles is several times slower. */
const startOf = (page: number, span: number): number => (span === 1 ? page : Math.floor(page / span) * span);

/**
 * One buffer of one processor. It drops and replaces; it reads no page table and knows no fault.
 *
 * Lookups and drops cost the same at any size: a chain of one or two entries. Nothing here is allocated after the constructor.
 */
export class Tlb {
  readonly geometry: TlbGeometry;
  readonly invalidation: Invalidation;
  /** Whether global entries match every tag and are spared where the description says so. Set by the processor. */
  honoursGlobal = true;
  readonly #first: Float64Array;
  readonly #span: Float64Array;
  readonly #frame: Float64Array;
  readonly #asid: Int32Array;
  readonly #rights: Uint8Array;
  readonly #flags: Uint8Array;
  /** Of paired entries: what the odd half maps. */
  readonly #oddFrame: Float64Array;
  readonly #oddRights: Uint8Array;
  readonly #sets: number;
  /** Hardware pages of an entry, by class (page size), and how many valid entries of the class there are. */
  readonly #spans: Float64Array;
  readonly #inUse: Int32Array;
  readonly #class: Uint8Array;
  /** Hash chains over all valid entries, ascending by number within a bucket: the lowest number wins. */
  readonly #bucket: Int32Array;
  readonly #next: Int32Array;
  readonly #shift: number;
  readonly #order: ReplacementOrder;
  #fronts: readonly Lookaside[] = [];

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
    this.#sets = entries / ways;
    this.#first = new Float64Array(entries);
    this.#span = new Float64Array(entries);
    this.#frame = new Float64Array(entries);
    this.#asid = new Int32Array(entries);
    this.#rights = new Uint8Array(entries);
    this.#flags = new Uint8Array(entries);
    this.#oddFrame = new Float64Array(geometry.paired ? entries : 0);
    this.#oddRights = new Uint8Array(geometry.paired ? entries : 0);
    const tagged = geometry.paired ? 2 : 1;
    this.#spans = Float64Array.from(pageShifts, (shift) => 2 ** (shift - pageShifts[0]) * tagged);
    this.#inUse = new Int32Array(pageShifts.length);
    this.#class = new Uint8Array(entries);
    const bits = Math.max(4, Math.ceil(Math.log2(entries)) + 1);
    this.#bucket = new Int32Array(2 ** bits).fill(NONE);
    this.#next = new Int32Array(entries).fill(NONE);
    this.#shift = 32 - bits;
    this.#order = new ReplacementOrder(geometry, this.#flags, new Random(seed));
  }

  /** The fronts that must forget what this buffer forgets. */
  attach(fronts: readonly Lookaside[]): void {
    this.#fronts = fronts;
  }

  /** The entry that translates a page, or −1. It counts as used. */
  lookup(page: number, asid: number): number {
    const entry = this.probe(page, asid);
    if (entry >= 0) this.#dethrone(this.#order.touch(entry));
    return entry;
  }

  /** The same without leaving a trace. With several matching entries, which software must avoid, the lowest one. */
  probe(page: number, asid: number): number {
    let found = NONE;
    for (let size = 0; size < this.#spans.length; size += 1) {
      if (this.#inUse[size] === 0) continue;
      const first = startOf(page, this.#spans[size]);
      let entry = this.#bucket[this.#hash(first, size)];
      while (entry >= 0 && !this.#matches(entry, first, size, asid)) entry = this.#next[entry];
      if (entry >= 0 && (found < 0 || entry < found)) found = entry;
    }
    return found;
  }

  /** How many entries match: more than one is an error of software that hardware may answer with a machine check. */
  duplicates(page: number, asid: number): number {
    let count = 0;
    for (let size = 0; size < this.#spans.length; size += 1) {
      const first = startOf(page, this.#spans[size]);
      for (let entry = this.#bucket[this.#hash(first, size)]; entry >= 0; entry = this.#next[entry]) {
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
   * @param flags `ENTRY_GLOBAL`, `ENTRY_LOCKED`, both or neither
   * @returns the entry's number, or {@link ALL_LOCKED} if nothing may be replaced; nothing has changed then
   */
  enter(page: number, span: number, frame: number, asid: number, rights: Rights, flags = 0): number {
    const size = this.#sizeOf(span);
    const entry = this.#order.choose(this.#sets === 1 ? 0 : Math.floor(page / span) % this.#sets);
    if (entry === ALL_LOCKED) return ALL_LOCKED;
    if (this.#order.cleared) this.flushFronts();
    this.#put(entry, size, page, span, frame, asid, rights, flags);
    return entry;
  }

  /** Writes entry `entry` itself, as an indexed write instruction does; `ENTRY_USED` may be given too. Parameters as `enter`. */
  write(entry: number, page: number, span: number, frame: number, asid: number, rights: Rights, flags = 0): void {
    this.#needs(entry);
    const size = this.#sizeOf(span);
    this.#put(entry, size, page, span, frame, asid, rights, flags);
  }

  /** Sets what the odd half of a paired entry maps; until then it maps nothing (no rights). */
  writeOdd(entry: number, frame: number, rights: Rights): void {
    this.#needs(entry);
    if (!this.geometry.paired) throw new Error("entries of this TLB have one half");
    this.#forgetFronts(entry);
    this.#oddFrame[entry] = frame;
    this.#oddRights[entry] = rights;
  }

  /** Makes an entry invalid. An invalid one stays so. */
  drop(entry: number): void {
    if ((this.#flags[entry] & ENTRY_VALID) === 0) return;
    this.#forgetFronts(entry);
    this.#unlink(entry);
    this.#flags[entry] = 0;
    const size = this.#class[entry];
    this.#inUse[size] = this.#inUse[size] - 1;
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
    let dropped = 0;
    for (let size = 0; size < this.#spans.length; size += 1) {
      if (this.#inUse[size] === 0) continue;
      const first = startOf(page, this.#spans[size]);
      let entry = this.#bucket[this.#hash(first, size)];
      while (entry >= 0) {
        const next = this.#next[entry];
        if (this.#class[entry] === size && this.#first[entry] === first && this.#isMeant(entry, asid)) {
          this.drop(entry);
          dropped += 1;
        }
        entry = next;
      }
    }
    return dropped;
  }

  /** Forgets `count` hardware pages from `page`, Infinity for all above. @returns entries dropped */
  invalidatePages(page: number, count: number, asid: number): number {
    let dropped = 0;
    if (count <= PROBES) {
      for (let each = page; each < page + count; each += 1) dropped += this.invalidatePage(each, asid);
      return dropped;
    }
    for (let entry = 0; entry < this.#flags.length; entry += 1) {
      const first = this.#first[entry];
      const overlaps = first < page + count && first + this.#span[entry] > page;
      if ((this.#flags[entry] & ENTRY_VALID) !== 0 && overlaps && this.#isMeant(entry, asid)) {
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
      if ((flags & ENTRY_VALID) === 0 || (asid !== NONE && this.#asid[entry] !== asid)) continue;
      if (sparesGlobal && this.honoursGlobal && (flags & ENTRY_GLOBAL) !== 0) continue;
      if (sparesLocked && ((flags & ENTRY_LOCKED) !== 0 || entry < this.geometry.wired)) continue;
      this.drop(entry);
      dropped += 1;
    }
    return dropped;
  }

  /** Makes the fronts forget everything; the entries stay. */
  flushFronts(): void {
    for (const front of this.#fronts) front.flush();
  }

  /** Visits valid entries in ascending order. */
  each(visit: (entry: number) => void): void {
    for (let entry = 0; entry < this.#flags.length; entry += 1) if (this.isValid(entry)) visit(entry);
  }

  /** Does this entry map anything? The questions below mean valid entries only. */
  isValid(entry: number): boolean {
    return (this.#flags[entry] & ENTRY_VALID) !== 0;
  }

  /** The first hardware page that the entry maps. */
  firstPage(entry: number): number {
    return this.#first[entry];
  }
  /** Hardware pages the entry maps. */
  span(entry: number): number {
    return this.#span[entry];
  }
  /** Hardware frame of the first page (of the even half). */
  frame(entry: number): number {
    return this.#frame[entry];
  }

  /** The tag of the entry; 0 where entries carry none. */
  asid(entry: number): number {
    return this.#asid[entry];
  }
  /** What the entry lets through (its even half). */
  rights(entry: number): Rights {
    return this.#rights[entry];
  }

  /** Was it entered as global? Whether that counts is `honoursGlobal`'s business. */
  isGlobal(entry: number): boolean {
    return (this.#flags[entry] & ENTRY_GLOBAL) !== 0;
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
    const within = page - this.#first[entry];
    if (!this.geometry.paired) return this.#frame[entry] + within;
    const half = this.#span[entry] / 2;
    return within < half ? this.#frame[entry] + within : this.#oddFrame[entry] + within - half;
  }

  /** What the entry lets through for one of its pages. */
  rightsOf(entry: number, page: number): Rights {
    const isOdd = this.geometry.paired && page - this.#first[entry] >= this.#span[entry] / 2;
    return isOdd ? this.#oddRights[entry] : this.#rights[entry];
  }

  #put(entry: number, size: number, page: number, span: number, frame: number, asid: number, rights: Rights, flags: number): void {
    this.drop(entry);
    const first = startOf(page, span);
    this.#first[entry] = first;
    this.#span[entry] = span;
    this.#frame[entry] = frame;
    this.#asid[entry] = asid;
    this.#rights[entry] = rights;
    if (this.geometry.paired) this.#oddRights[entry] = 0;
    const lock = this.geometry.lockable ? ENTRY_LOCKED : 0;
    this.#flags[entry] = ENTRY_VALID | (flags & (ENTRY_GLOBAL | ENTRY_USED | lock));
    this.#class[entry] = size;
    this.#inUse[size] = this.#inUse[size] + 1;
    this.#link(entry, first, size);
    this.#dethrone(this.#order.entered(entry));
    // It may now win over an entry with a higher number that the fronts know.
    this.#forgetFronts(entry);
  }

  #matches(entry: number, first: number, size: number, asid: number): boolean {
    return (
      this.#first[entry] === first &&
      this.#class[entry] === size &&
      (this.#asid[entry] === asid || (this.honoursGlobal && (this.#flags[entry] & ENTRY_GLOBAL) !== 0))
    );
  }

  /** Does invalidating a page of space `asid` mean this entry for it? */
  #isMeant(entry: number, asid: number): boolean {
    const { anyAsid, dropsGlobal } = this.invalidation.page;
    if (this.honoursGlobal && (this.#flags[entry] & ENTRY_GLOBAL) !== 0) return dropsGlobal;
    return anyAsid || this.#asid[entry] === asid;
  }

  #hash(first: number, size: number): number {
    // `^` cuts the page number to its low 32 bits; the multiplication (Fibonacci hashing) spreads them.
    return Math.imul((first ^ (first / 0x1_0000_0000)) + size, 0x9e3779b1) >>> this.#shift;
  }

  #link(entry: number, first: number, size: number): void {
    const bucket = this.#hash(first, size);
    let before = NONE;
    let after = this.#bucket[bucket];
    while (after >= 0 && after < entry) {
      before = after;
      after = this.#next[after];
    }
    this.#next[entry] = after;
    if (before < 0) this.#bucket[bucket] = entry;
    else this.#next[before] = entry;
  }

  #unlink(entry: number): void {
    const bucket = this.#hash(this.#first[entry], this.#class[entry]);
    let at = this.#bucket[bucket];
    if (at === entry) {
      this.#bucket[bucket] = this.#next[entry];
      return;
    }
    while (this.#next[at] !== entry) at = this.#next[at];
    this.#next[at] = this.#next[entry];
  }

  #forgetFronts(entry: number): void {
    for (let i = 0; i < this.#fronts.length; i += 1) {
      this.#fronts[i].drop(this.#first[entry], this.#span[entry]);
    }
  }

  /** Under `lru` the fronts keep the most recently used of a set only. */
  #dethrone(entry: number): void {
    if (entry >= 0) this.#forgetFronts(entry);
  }

  #sizeOf(span: number): number {
    for (let size = 0; size < this.#spans.length; size += 1) if (this.#spans[size] === span) return size;
    throw new Error(`no entry of this TLB maps ${span} hardware pages`);
  }

  #needs(entry: number): void {
    if (!(entry >= 0 && entry < this.#flags.length)) throw new Error(`the TLB has no entry ${entry}`);
  }
}
