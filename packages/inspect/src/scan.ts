/**
 * The way through all tables below a root, in the order of addresses. Whole tables are read, entries decoded on two 32-bit
 * halves, and visitors told of each; nothing is allocated for an entry.
 *
 * The depth of a tree bounds each way down, but tables that lead back to themselves can spread to 2^36 leaves: a budget ends
 * the scan, and the end says so.
 */
import {
  ABSENT_ENTRY,
  ALL_RIGHTS,
  LEAF_ENTRY,
  MALFORMED_ENTRY,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PortolanError,
  TABLE_ENTRY,
  type FormatCodec,
  type PageFlags,
  type Rights,
} from "@portolan/core/architecture";
import type { Beside } from "./conventions.js";
import type { Memory } from "./memory.js";
import type { Roots, RootSpan, Tree, TreeLevel } from "./tree.js";
import { TableWords } from "./words.js";

/** What is wrong with an entry that maps nothing and is not absent. */
export type Oddity =
  /** A reserved bit is set, and the processor faults on it. */
  | "reserved"
  /** The manual forbids the combination. */
  | "malformed"
  /** The table that it leads to, or a part of it, is not in memory. */
  | "outside";

/** Why a scan came to its end: it has seen everything, a budget was used up, or a visitor had enough. */
export type ScanEnd = "complete" | "tables" | "leaves" | "stopped";

/** Bounds of a scan. */
export interface Budget {
  /** Tables that may be read; 2^20 where absent. */
  readonly tables?: number;
  /** Leaves that may be told of; 2^26 where absent. */
  readonly leaves?: number;
}

/** What a scan came to. */
export interface ScanTotals {
  end: ScanEnd;
  /** Tables read, roots among them, as often as they were. */
  tables: number;
  /** Of those, tables that had been read before at the same level. */
  repeated: number;
  /** Ways down that led to a table on the way itself. */
  cycles: number;
  leaves: number;
  /** Entries that are odd. */
  odd: number;
  /** Entries that an emulator marked where a processor would fault, and that were taken for what they are otherwise. */
  marked: number;
}

/** Is told of entries, in the order of addresses. The scan itself is handed over, and stands at the entry: copy what is to be kept. */
export interface Visitor {
  /** An entry that maps a page: address, rights and flags are there. */
  leaf?(at: Scan): void;
  /** An entry that maps nothing. */
  absent?(at: Scan): void;
  /** An entry that leads on, before its table is read: `physical` is where that lies. False: it is passed over. */
  table?(at: Scan): boolean | void;
  /** An entry, or with `"outside"` the rest of a table, that maps nothing and is not absent. */
  odd?(at: Scan, what: Oddity): void;
  /** After each table: time to write, or to end the scan by answering false. */
  pause?(): Promise<boolean | void> | boolean | void;
}

/** Where a scan may look, and how far. */
export interface ScanOptions {
  /** Only pages that lie in this range of virtual addresses, in bytes, inclusive. */
  readonly range?: { readonly first: bigint; readonly last: bigint };
  readonly budget?: Budget;
  /** Where a system keeps entries of its own beside the processor's: these are read too. */
  readonly beside?: Beside;
}

const ALL_TABLES = 2 ** 20;
const ALL_LEAVES = 2 ** 26;

/** A scan, and the entry at which it stands. Fields are written over with every entry. */
export class Scan {
  readonly tree: Tree;
  readonly memory: Memory;
  /** The root below which it stands. */
  span!: RootSpan;
  depth = 0;
  index = 0;
  /** First page, within the translated width, and pages that the entry spans. */
  page = 0;
  pages = 0;
  /** Of a leaf its first byte; of an entry that leads on the table's; 0 elsewhere. */
  physical = 0;
  /** What all levels let through together. */
  rights: Rights = 0;
  /** PAGE_GLOBAL, PAGE_CACHEABLE, PAGE_ACCESSED and PAGE_DIRTY of a leaf. */
  flags: PageFlags = 0;
  lo = 0;
  hi = 0;
  /** The system's own word for an absent entry, where it keeps such and was asked for; 0 elsewhere. */
  beside = 0;
  format: FormatCodec | null = null;
  /** The table leads back to itself: it lies on the way already. */
  isCycle = false;
  /** Several entries are to be one larger page and are not equal: this one is told alone. */
  isBroken = false;
  /** On the way down, by depth: the tables' addresses, the indices and words of the entries. */
  readonly tables: Float64Array;
  readonly indices: Uint32Array;
  readonly lows: Uint32Array;
  readonly highs: Uint32Array;
  readonly totals: ScanTotals = { end: "complete", tables: 0, repeated: 0, cycles: 0, leaves: 0, odd: 0, marked: 0 };
  readonly #words: readonly TableWords[];
  readonly #beside: Beside | null;
  /** At one level only, above which nothing is read in between. */
  readonly #besideWords: TableWords | null;
  readonly #seen: readonly Set<number>[];
  readonly #visitor: Visitor;
  readonly #first: number;
  readonly #last: number;
  readonly #mostTables: number;
  readonly #mostLeaves: number;
  #isOver = false;

  constructor(memory: Memory, tree: Tree, visitor: Visitor, options: ScanOptions = {}) {
    const depths = tree.levels.length;
    this.memory = memory;
    this.tree = tree;
    this.#visitor = visitor;
    this.tables = new Float64Array(depths);
    this.indices = new Uint32Array(depths);
    this.lows = new Uint32Array(depths);
    this.highs = new Uint32Array(depths);
    this.#words = tree.levels.map((level) => new TableWords(level, tree.architecture.byteOrder));
    this.#seen = tree.levels.map(() => new Set());
    const { range, budget = {}, beside } = options;
    const companied = beside === undefined ? undefined : tree.levels.find(({ shift }) => shift === beside.shift);
    this.#beside = beside ?? null;
    this.#besideWords = companied === undefined ? null : new TableWords(companied, tree.architecture.byteOrder);
    for (const address of range === undefined ? [] : [range.first, range.last])
      if (!tree.isCanonical(address)) throw new PortolanError("ERR_BAD_ADDRESS", { address: `0x${address.toString(16)}` });
    this.#first = range === undefined ? 0 : tree.pageOf(range.first);
    this.#last = range === undefined ? Infinity : tree.pageOf(range.last);
    this.#mostTables = checkedBudget("tables", budget.tables ?? ALL_TABLES);
    this.#mostLeaves = checkedBudget("leaves", budget.leaves ?? ALL_LEAVES);
  }

  /** Physical address of the entry. */
  get entryAddress(): number {
    return this.tables[this.depth] + this.index * this.tree.levels[this.depth].entryBytes;
  }

  /** Goes through everything below the roots. @throws PortolanError ERR_BAD_ARGUMENT for roots that cannot be */
  async run(roots: Roots): Promise<ScanTotals> {
    for (const span of this.tree.spansOf(roots)) {
      this.span = span;
      await this.#visit(0, span.base, span.firstIndex, span.entries, span.firstPage, ALL_RIGHTS, -1);
      if (this.#isOver) break;
    }
    return this.totals;
  }

  #over(end: ScanEnd): void {
    this.#isOver = true;
    this.totals.end = end;
  }

  async #visit(
    depth: number,
    base: number,
    from: number,
    entries: number,
    firstPage: number,
    rights: Rights,
    domain: number,
  ): Promise<void> {
    if (this.totals.tables >= this.#mostTables) return this.#over("tables");
    this.totals.tables += 1;
    if (this.#seen[depth].has(base)) this.totals.repeated += 1;
    else this.#seen[depth].add(base);
    const level = this.tree.levels[depth];
    const { codec, pagesPerEntry } = level;
    const words = this.#words[depth];
    this.tables[depth] = base;
    const start = from + Math.max(0, Math.floor((this.#first - firstPage) / pagesPerEntry));
    const end = from + Math.min(entries, Math.floor((this.#last - firstPage) / pagesPerEntry) + 1);
    if (start >= end) return;
    // Groups of equal entries are read whole.
    await words.read(this.memory, base, from, entries);
    const companions = this.#beside !== null && this.#beside.shift === level.shift ? this.#besideWords : null;
    if (companions !== null && this.#beside !== null) {
      companions.count = 0;
      if (this.#beside.has(base)) await companions.read(this.memory, base + this.#beside.bytes, from, entries);
    }
    for (let index = start; index < end; index += 1) {
      const page = firstPage + (index - from) * pagesPerEntry;
      if (index >= words.count) {
        this.#stand(depth, index, page, pagesPerEntry, 0, 0);
        this.pages = (end - index) * pagesPerEntry;
        this.#odd("outside");
        break;
      }
      const lo = words.low[index];
      const hi = words.high[index];
      const kind = codec.kindOf(lo, hi);
      if (kind === LEAF_ENTRY) {
        const format = codec.leafOf(lo, hi);
        if (format === null || (this.tree.faultsOnReserved && format.hasReserved(lo, hi))) {
          this.#stand(depth, index, page, pagesPerEntry, lo, hi);
          this.format = format;
          this.#odd(format === null ? "malformed" : "reserved");
          continue;
        }
        if (this.totals.leaves >= this.#mostLeaves) return this.#over("leaves");
        index += this.#leaf(level, words, format, depth, index, page, lo, hi, rights, domain, from + entries);
        continue;
      }
      if (kind === ABSENT_ENTRY) {
        if (this.#visitor.absent !== undefined) {
          this.#stand(depth, index, page, pagesPerEntry, lo, hi);
          this.format = codec.leaf ?? codec.table;
          this.beside = companions !== null && index < companions.count ? companions.low[index] : 0;
          this.#visitor.absent(this);
        }
        continue;
      }
      this.#stand(depth, index, page, pagesPerEntry, lo, hi);
      const { table } = codec;
      if (kind === MALFORMED_ENTRY || kind !== TABLE_ENTRY || table === null) {
        this.format = codec.leaf ?? table;
        this.#odd("malformed");
        continue;
      }
      this.format = table;
      if (this.tree.faultsOnReserved && table.hasReserved(lo & ~level.marks, hi)) {
        this.#odd("reserved");
        continue;
      }
      if ((lo & level.marks) !== 0) this.totals.marked += 1;
      if (depth + 1 >= this.tree.levels.length) {
        this.#odd("malformed");
        continue;
      }
      const target = table.addressOf(lo, hi);
      const own = table.domainOf(lo);
      this.physical = target;
      this.rights = rights & table.rightsOf(lo, hi);
      const below = this.rights;
      this.isCycle = false;
      for (let above = 0; above <= depth; above += 1) if (this.tables[above] === target) this.isCycle = true;
      if (this.isCycle) this.totals.cycles += 1;
      if (this.#visitor.table !== undefined && this.#visitor.table(this) === false) continue;
      await this.#visit(depth + 1, target, 0, this.tree.levels[depth + 1].entries, page, below, own < 0 ? domain : own);
      if (this.#isOver) return;
    }
    const answer = this.#visitor.pause?.();
    if (answer instanceof Promise ? (await answer) === false : answer === false) this.#over("stopped");
  }

  #stand(depth: number, index: number, page: number, pages: number, lo: number, hi: number): void {
    this.depth = depth;
    this.index = index;
    this.page = page;
    this.pages = pages;
    this.lo = lo;
    this.hi = hi;
    this.physical = 0;
    this.rights = 0;
    this.flags = 0;
    this.isBroken = false;
    this.indices[depth] = index;
    this.lows[depth] = lo;
    this.highs[depth] = hi;
  }

  #odd(what: Oddity): void {
    this.totals.odd += 1;
    this.#visitor.odd?.(this, what);
  }

  /** Tells of a leaf; the answer is how many further entries belong to it. */
  #leaf(
    level: TreeLevel,
    words: TableWords,
    format: FormatCodec,
    depth: number,
    index: number,
    page: number,
    lo: number,
    hi: number,
    above: Rights,
    domain: number,
    end: number,
  ): number {
    const { pagesPerEntry, codec } = level;
    const own = format.domainOf(lo);
    this.#stand(depth, index, page, pagesPerEntry, lo, hi);
    this.format = format;
    this.physical = format.addressOf(lo, hi);
    this.rights = this.tree.settled(above & format.rightsOf(lo, hi), own < 0 ? domain : own, page);
    this.flags = format.attributesOf(lo, hi) | (format.isAccessed(lo, hi) ? PAGE_ACCESSED : 0) | (format.isDirty(lo, hi) ? PAGE_DIRTY : 0);
    this.totals.leaves += 1;
    let more = 0;
    if (format.entries > 1) {
      const within = index % format.entries;
      if (within === 0 && index + format.entries <= end) {
        while (more + 1 < format.entries && this.#isSame(words, codec, format, index, index + more + 1)) more += 1;
      }
      if (more + 1 === format.entries) this.pages = pagesPerEntry * format.entries;
      else {
        more = 0;
        this.isBroken = true;
        // Each of them is read for itself, and maps its own part of the larger page.
        this.physical += within * pagesPerEntry * 2 ** this.tree.pageShift;
      }
    }
    this.#visitor.leaf?.(this);
    return more;
  }

  /** Do two entries say the same? */
  #isSame(words: TableWords, codec: TreeLevel["codec"], format: FormatCodec, one: number, other: number): boolean {
    if (other >= words.count) return false;
    const [lo, hi] = [words.low[other], words.high[other]];
    if (words.low[one] === lo && words.high[one] === hi) return true;
    return (
      codec.kindOf(lo, hi) === LEAF_ENTRY &&
      codec.leafOf(lo, hi) === format &&
      !format.hasReserved(lo, hi) &&
      format.addressOf(lo, hi) === format.addressOf(words.low[one], words.high[one]) &&
      format.rightsOf(lo, hi) === format.rightsOf(words.low[one], words.high[one]) &&
      format.attributesOf(lo, hi) === format.attributesOf(words.low[one], words.high[one]) &&
      format.domainOf(lo) === format.domainOf(words.low[one])
    );
  }
}

const checkedBudget = (name: string, value: number): number => {
  if (!Number.isSafeInteger(value) || value < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { [name]: value, rule: "1 or more" });
  return value;
};
