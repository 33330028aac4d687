/**
 * Finds a buffer's valid entries by page: one probe for each page size in use, whatever the associativity.
 *
 * Entries hang in chains, in no order: among several that match, the lowest number wins. At first pages share a few chains
 * by a hash. Once the buffer is busy each small page has its own, which begins at its number, and one look at the chains'
 * heads tells that a page is in no entry.
 */
import { SMALL_PAGES } from "./lookaside.js";
import { ENTRY_GLOBAL, type TlbEntry } from "./tlb-entry.js";

/** What is imported is looked up at every use; these are constants to a compiler. */
const GLOBAL = ENTRY_GLOBAL;
/** Pages below this one have a chain each in a buffer that is busy. */
const OWN_CHAINS = SMALL_PAGES;
const NO_INTEGERS = new Int32Array(0);
const NO_NUMBERS = new Float64Array(0);

/** Which one of the stretches of `span` pages a page lies in, and where that begins. The remainder of doubles is several times slower. */
export const stretchOf = (page: number, span: number): number => (span === 1 ? page : Math.floor(page / span));
export const startOf = (page: number, span: number): number => (span === 1 ? page : Math.floor(page / span) * span);

/** The chains of one buffer. Entries' pages, sizes and tags are written elsewhere: an entry is unlinked before, and linked after. */
export class TlbIndex {
  /** Whether global entries match every tag. */
  honoursGlobal = true;
  /** A link is an entry's number plus one, 0 at the end. */
  heads: Int32Array = NO_INTEGERS;
  /** Nothing but a page's own chain can hold an entry for a page below this one; 0 while there are larger pages, or shared chains only. */
  plain = 0;
  /** How many entries are valid, and how many of each class. */
  valid = 0;
  readonly #inUse: Int32Array = NO_INTEGERS;
  readonly #entries: readonly TlbEntry[];
  /** Hardware pages of an entry, by class (page size). */
  readonly #spans: Float64Array = NO_NUMBERS;
  /** Pages that have a chain each; the shared ones come after those. */
  #own = 0;
  readonly #shift: number = 0;

  constructor(entries: readonly TlbEntry[], spans: Float64Array) {
    this.#entries = entries;
    this.#spans = spans;
    this.#inUse = new Int32Array(spans.length);
    const bits = Math.max(4, Math.ceil(Math.log2(entries.length)) + 1);
    this.heads = new Int32Array(2 ** bits);
    this.#shift = 32 - bits;
  }

  /** Gives every small page a chain of its own. A table by page takes 4 MiB of addresses, but memory only where pages are. */
  spread(): void {
    const shared = this.heads.length;
    this.#own = OWN_CHAINS;
    this.heads = new Int32Array(OWN_CHAINS + shared);
    for (const entry of this.#entries) if (entry.isValid) this.link(entry);
    this.#lookAround();
  }

  /** Hardware pages of the smallest valid entry, Infinity where there is none. */
  get smallestSpan(): number {
    for (let size = 0; size < this.#spans.length; size += 1) if (this.#inUse[size] > 0) return this.#spans[size];
    return Infinity;
  }

  /** The class of entries that map so many pages. */
  sizeOf(span: number): number {
    for (let size = 0; size < this.#spans.length; size += 1) if (this.#spans[size] === span) return size;
    throw new Error(`no entry of this TLB maps ${span} hardware pages`);
  }

  /** Has no other class than this one a valid entry? */
  hasOnly(size: number): boolean {
    return this.#inUse[size] === this.valid;
  }

  /** The entry that matches, or null. */
  find(page: number, asid: number): TlbEntry | null {
    const entries = this.#entries;
    const spans = this.#spans;
    let found: TlbEntry | null = null;
    for (let size = 0; size < spans.length; size += 1) {
      if (this.#inUse[size] === 0) continue;
      const first = startOf(page, spans[size]);
      let link = this.heads[this.#placeOf(first, size)];
      while (link !== 0) {
        const entry = entries[link - 1];
        if ((found === null || entry.number < found.number) && this.#matches(entry, first, size, asid)) found = entry;
        link = entry.next;
      }
    }
    return found;
  }

  /** How many entries match. */
  duplicates(page: number, asid: number): number {
    let count = 0;
    for (let size = 0; size < this.#spans.length; size += 1) {
      const first = startOf(page, this.#spans[size]);
      for (let link = this.chainOf(first, size); link !== 0; link = this.#entries[link - 1].next) {
        if (this.#matches(this.#entries[link - 1], first, size, asid)) count += 1;
      }
    }
    return count;
  }

  /** The chain that an entry of a class from this page on would hang in. */
  chainOf(first: number, size: number): number {
    return this.#inUse[size] === 0 ? 0 : this.heads[this.#placeOf(first, size)];
  }

  /** Does a chain hold an entry from this page on? */
  holds(chain: number, first: number): boolean {
    let link = chain;
    while (link !== 0 && this.#entries[link - 1].page !== first) link = this.#entries[link - 1].next;
    return link !== 0;
  }

  /** Counts an entry that is about to be of this class. */
  count(entry: TlbEntry, isNew: boolean, size: number): void {
    if (isNew) this.valid += 1;
    else this.#inUse[entry.size] -= 1;
    this.#inUse[size] += 1;
    entry.size = size;
    this.#lookAround();
  }

  /** Counts one that is about to be invalid. */
  discount(entry: TlbEntry): void {
    this.#inUse[entry.size] -= 1;
    this.valid -= 1;
    this.#lookAround();
  }

  /** @returns the link to the entries that were there before */
  link(entry: TlbEntry): number {
    const place = this.#placeOf(entry.page, entry.size);
    const others = this.heads[place];
    entry.next = others;
    this.heads[place] = entry.number + 1;
    return others;
  }

  unlink(entry: TlbEntry): void {
    const place = this.#placeOf(entry.page, entry.size);
    if (this.heads[place] === entry.number + 1) this.heads[place] = entry.next;
    else this.#unlinkFrom(this.heads[place], entry);
  }

  /** The same where others come before it. */
  #unlinkFrom(chain: number, entry: TlbEntry): void {
    let before = this.#entries[chain - 1];
    while (before.next !== entry.number + 1) before = this.#entries[before.next - 1];
    before.next = entry.next;
  }

  #matches(entry: TlbEntry, first: number, size: number, asid: number): boolean {
    return entry.page === first && entry.size === size && (entry.asid === asid || (this.honoursGlobal && (entry.flags & GLOBAL) !== 0));
  }

  /** Where the head of the chain stands that an entry from this page on belongs to. */
  #placeOf(first: number, size: number): number {
    if (size === 0 && first < this.#own) return first;
    // `|` cuts the page number to its low 32 bits; the multiplication (Fibonacci hashing) spreads them.
    return this.#own + (Math.imul((first | 0) + size, 0x9e3779b1) >>> this.#shift);
  }

  /** Are there larger pages, or may there be, that a page's own chain does not hold? */
  #lookAround(): void {
    this.plain = this.#inUse[0] === this.valid ? this.#own : 0;
  }
}
