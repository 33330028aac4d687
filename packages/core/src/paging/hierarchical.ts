/**
 * Page tables as a radix tree for each address space, of any shape that a list of levels describes. Tables lie in
 * physical memory in the machine's own format; a real MMU could walk them.
 *
 * Where kernel and user share one space, the kernel's half of the root is copied into every new root, and an entry that
 * the kernel adds later is written into all live roots at once: the tables below are the same, so everything further
 * down is in step by itself. Tables of the kernel's half are never freed.
 *
 * A table is zeroed before it is linked, and the link is one store of a complete entry. How many entries of a table are
 * in use is counted beside it, so that an empty one is known without a search.
 *
 * @see HelenOS kernel/genarch/src/mm/page_pt.c and as_pt.c
 */
import { initialSwitches, rootBits, type Architecture } from "../architecture/architecture.js";
import type { Switches } from "../architecture/entry-format.js";
import {
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  PAGE_USER,
  EXECUTE,
  READ,
  WRITE,
  rightsFor,
  type Access,
  type PageFlags,
  type Privilege,
  type Rights,
} from "../architecture/rights.js";
import type { Events } from "../events.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import { integer, type PhysicalMemory } from "../machine/physical-memory.js";
import { NO_ROOT, type TranslationContext } from "../machine/translation-context.js";
import { ABSENT_ENTRY, flagsIn, kindIn, LEAF_ENTRY, rightsIn, TABLE_ENTRY, type FormatCodec } from "./entry-codec.js";
import { explainTree } from "./explain-tree.js";
import { LeafRuns } from "./leaf-runs.js";
import type { FoundMapping, PageTables } from "./page-tables.js";
import type { StaleTranslations } from "./stale.js";
import { TablePool } from "./table-pool.js";
import { kernelRootFrom, storeysOf, type Storey } from "./tree-shape.js";
import type { Walk } from "../architecture/walk.js";

/** Flags of entries that lead to tables: rights are decided at the leaf. */
const TABLE_FLAGS = READ | WRITE | EXECUTE | PAGE_USER | PAGE_CACHEABLE;
const MOST_LEVELS = 6;
/** First page of a leaf table that is not there: no page is so near behind it that a table of its own could hold it. */
const NO_TABLE = -(2 ** 30);
const ANY_WRITE = rightsFor(WRITE, WRITE);

/** The root of a user space: the first level, as far as the user's range goes. */
const userRootOf = (root: Storey, kernelFrom: number): Storey => {
  if (kernelFrom === Infinity) return root;
  const entries = kernelFrom / root.pagesPerEntry;
  return { ...root, entries, tableBytes: entries * root.entryBytes };
};

/** The strategy `"hierarchical"`: a tree per space, in the machine's own entries. */
export class HierarchicalTables implements PageTables {
  // Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
  readonly kind = "hierarchical";
  readonly found: FoundMapping = { frame: 0, rights: 0, flags: 0 };
  readonly #architecture: Architecture;
  /** The ones that entries are written for. */
  readonly #switches: Switches;
  readonly #memory: PhysicalMemory;
  readonly #events: Events;
  readonly #storeys: readonly Storey[];
  readonly #last: Storey;
  /** Of the last level. */
  readonly #entries: number = 0;
  readonly #entryBytes: number = 0;
  readonly #leaf: FormatCodec;
  readonly #pool: TablePool;
  readonly #runs: LeafRuns;
  /** Bytes of the smallest table, or of a frame if that is less: no two tables begin in one such unit. */
  readonly #unit: number = 0;
  /** Entries in use in the table that starts in a unit of RAM. */
  readonly #used: Int32Array = new Int32Array(0);
  readonly #roots = new Set<TranslationContext>();
  /** Pages that one root translates. */
  readonly #limit: number = 0;
  readonly #kernelFirst: number = 0;
  readonly #shadowed: boolean = false;
  /** The kernel's range has a root of its own, and those of user spaces hold so many entries. */
  readonly #hasKernelRoot: boolean = false;
  readonly #userRoot: Storey;
  /** Pages that a root translates where each half of the addresses has its own; 0 elsewhere. */
  readonly #half: number = 0;
  #kernel: TranslationContext | null = null;
  /** The leaf table that the last call used: faults come in sequence. */
  #cachedRoot = NO_ROOT;
  #cachedFirst = NO_TABLE;
  #cachedTable = 0;
  /** Where its entries in use are counted. */
  #cachedSlot = 0;
  /** The entry that was decoded last, if one was: neighbours differ from it in their frames only. */
  #hasDecoded = 0;
  #decodedLow = 0;
  #decodedHigh = 0;
  #decodedForm: FormatCodec;
  #decodedRights: Rights = 0;
  #decodedFlags: PageFlags = 0;
  /** The same of the entry that was judged last. */
  #judgedLow = 0;
  #judgedHigh = 0;
  #judgedRights: Rights = 0;
  readonly #tellingLow: number = 0;
  readonly #tellingHigh: number = 0;
  /** One over the size of a frame, exactly. */
  readonly #perFrame: number = 0;
  /** Table at each level on the way to the page of the current call. */
  readonly #path = new Float64Array(MOST_LEVELS);

  /** @param switches the processors' when the machine is built */
  constructor(
    architecture: Architecture,
    memory: PhysicalMemory,
    frames: FrameAllocator,
    events: Events,
    switches: Switches = initialSwitches(architecture),
  ) {
    if (architecture.translation.kind !== "hierarchical") throw new Error("not a hierarchical machine");
    this.#architecture = architecture;
    this.#switches = switches;
    this.#memory = memory;
    this.#pool = new TablePool(memory, frames);
    this.#events = events;
    this.#storeys = storeysOf(architecture, architecture.translation, switches);
    this.#last = this.#storeys.at(-1) as Storey;
    if (this.#last.codec.leaf === null) throw new Error("the last level maps no pages");
    this.#leaf = this.#last.codec.leaf;
    this.#entries = this.#last.entries;
    this.#entryBytes = this.#last.entryBytes;
    this.#decodedForm = this.#leaf;
    this.#tellingLow = this.#last.codec.tellingLow;
    this.#tellingHigh = this.#last.codec.tellingHigh;
    this.#judgedRights = this.#judge(0, 0);
    this.#perFrame = 1 / memory.frameSize;
    this.#runs = new LeafRuns(memory, this.#last.codec, this.#leaf, {
      frameAt: (address) => (this.#fill(address) ? this.found.frame : -1),
      writeProtectAt: (address) => this.#writeProtectEntry(address),
    });
    const kernelFrom = kernelRootFrom(architecture, architecture.pageShift);
    this.#hasKernelRoot = kernelFrom !== Infinity;
    this.#userRoot = userRootOf(this.#storeys[0], kernelFrom);
    this.#unit = Math.min(memory.frameSize, this.#userRoot.tableBytes, ...this.#storeys.map(({ tableBytes }) => tableBytes));
    this.#used = new Int32Array(memory.frameCount * (memory.frameSize / this.#unit));
    this.#shadowed = architecture.layout.kernelAddressSpaceShadowed;
    this.#limit = integer(2 ** (architecture.virtualBits - architecture.pageShift));
    this.#half = rootBits(architecture) < architecture.virtualBits ? integer(this.#limit / 2) : 0;
    this.#kernelFirst = Number(architecture.layout.kernel.first >> BigInt(architecture.pageShift)) % this.#limit;
  }

  create(context: TranslationContext): void {
    const root = this.#takeTable(context.isKernel ? this.#storeys[0] : this.#userRoot, context.id, 0);
    context.root = root;
    this.#roots.add(context);
    if (context.isKernel) this.#kernel = context;
    else if (!this.#shadowed && !this.#hasKernelRoot && this.#kernel !== null) {
      const { entryBytes, entries, pagesPerEntry } = this.#storeys[0];
      const from = Math.floor(this.#kernelFirst / pagesPerEntry);
      const bytes = new Uint8Array((entries - from) * entryBytes);
      this.#memory.readBytes(this.#kernel.root + from * entryBytes, bytes);
      this.#memory.writeBytes(root + from * entryBytes, bytes);
    }
  }

  destroy(context: TranslationContext): void {
    if (context.isKernel) throw new Error("the kernel's tables are never destroyed");
    if (this.#used[this.#slot(context.root)] !== 0) throw new Error("a root is destroyed while it maps pages");
    this.#roots.delete(context);
    this.freeTable(context.root);
    context.root = NO_ROOT;
  }

  insert(context: TranslationContext, page: number, frame: number, flags: PageFlags): void {
    const index = this.#indexOf(page);
    if (!context.isKernel && this.#isKernels(index)) throw new Error("a user space maps a page of the kernel's half");
    let address = this.#entryOf(context, index);
    if (address < 0) address = this.#reach(context, index);
    if (!this.#isAbsent(address)) throw new Error("the page is mapped already");
    this.#writeEntry(this.#last, address, this.#leaf, frame * this.#memory.frameSize, flags & 63);
    this.#used[this.#cachedSlot] += 1;
    if (this.#events.sink !== null) this.#tellMap(context.id, page, frame);
  }

  #tellMap(space: number, page: number, frame: number): void {
    this.#events.sink?.({ kind: "map", space, page, frame });
  }

  find(context: TranslationContext, page: number): boolean {
    const address = this.#entryOf(context, this.#indexOf(page));
    return address >= 0 && this.#fill(address);
  }

  update(context: TranslationContext, page: number, flags: PageFlags, debt: StaleTranslations): void {
    const address = this.#entryOf(context, this.#indexOf(page));
    if (address < 0 || !this.#fill(address)) throw new Error("an absent page is updated");
    const { frame, rights: before, flags: marks } = this.found;
    this.#writeEntry(this.#last, address, this.#leaf, frame * this.#memory.frameSize, flags & 63);
    this.#mark(address, (marks & PAGE_ACCESSED) !== 0, (marks & PAGE_DIRTY) !== 0);
    this.#fill(address);
    if ((before & ~this.found.rights) !== 0) debt.add();
  }

  widen(context: TranslationContext, page: number, frame: number, flags: PageFlags): boolean {
    const address = this.#entryOf(context, this.#indexOf(page));
    if (address < 0 || !this.#fill(address)) return false;
    const { found } = this;
    if (found.frame !== frame) throw new Error("a page is widened on another frame than it has");
    const before = found.rights;
    const marks = found.flags;
    const leaf = this.#leaf;
    const target = frame * this.#memory.frameSize;
    // Entry and marks in one store.
    let low = leaf.encodeLow(target, flags & 63);
    if ((marks & PAGE_ACCESSED) !== 0) low |= leaf.accessedLow;
    if ((marks & PAGE_DIRTY) !== 0) low |= leaf.dirtyLow;
    let high = 0;
    if (this.#entryBytes === 4) this.#memory.write32(address, low >>> 0);
    else {
      high = leaf.encodeHigh(target, flags & 63);
      if ((marks & PAGE_ACCESSED) !== 0) high |= leaf.accessedHigh;
      if ((marks & PAGE_DIRTY) !== 0) high |= leaf.dirtyHigh;
      this.#memory.write64(address, low >>> 0, high >>> 0);
    }
    if ((before & ~this.#rightsOf(low >>> 0, high >>> 0)) !== 0) throw new Error("widening an entry took rights away");
    return true;
  }

  /** What a present leaf entry permits. */
  #rightsOf(lo: number, hi: number): Rights {
    const isAlike = ((lo ^ this.#judgedLow) & this.#tellingLow) === 0 && ((hi ^ this.#judgedHigh) & this.#tellingHigh) === 0;
    return isAlike ? this.#judgedRights : this.#judge(lo, hi);
  }

  #judge(lo: number, hi: number): Rights {
    const { codec } = this.#last;
    this.#judgedLow = lo | 0;
    this.#judgedHigh = hi | 0;
    this.#judgedRights =
      codec.forms.length === 0 ? rightsIn(codec.meaningOf(lo, hi)) : (codec.leafOf(lo, hi) ?? this.#leaf).rightsOf(lo, hi);
    return this.#judgedRights;
  }

  mark(context: TranslationContext, page: number, dirty: boolean): void {
    const address = this.#entryOf(context, this.#indexOf(page));
    if (address < 0) throw new Error("an absent page is marked");
    this.#mark(address, true, dirty);
  }

  testAndClearAccessed(context: TranslationContext, page: number, debt: StaleTranslations): boolean {
    const address = this.#entryOf(context, this.#indexOf(page));
    if (address < 0 || !this.#fill(address) || (this.found.flags & PAGE_ACCESSED) === 0) return false;
    const { accessedLow, accessedHigh } = this.#leaf;
    if (this.#last.entryBytes === 4) this.#memory.write32(address, (this.#memory.read32(address) & ~accessedLow) >>> 0);
    else
      this.#memory.write64(
        address,
        (this.#memory.readLow(address) & ~accessedLow) >>> 0,
        (this.#memory.readHigh(address) & ~accessedHigh) >>> 0,
      );
    debt.add();
    return true;
  }

  writeProtect(context: TranslationContext, first: number, count: number, debt: StaleTranslations): void {
    const { entries } = this.#last;
    for (let done = 0; done < count;) {
      const index = this.#indexOf(first + done);
      const pages = Math.min(count - done, entries - (index % entries));
      const address = this.#entryOf(context, index);
      if (address >= 0) debt.pages += this.#runs.writeProtect(address, pages);
      done += pages;
    }
  }

  /** True if it could be written. */
  #writeProtectEntry(address: number): boolean {
    if (!this.#fill(address) || (this.found.rights & ANY_WRITE) === 0) return false;
    const { frame, flags } = this.found;
    this.#writeEntry(this.#last, address, this.#leaf, frame * this.#memory.frameSize, flags & 63 & ~WRITE);
    this.#mark(address, (flags & PAGE_ACCESSED) !== 0, (flags & PAGE_DIRTY) !== 0);
    return true;
  }

  framesOf(context: TranslationContext, first: number, count: number, frames: Float64Array): void {
    const { entries } = this.#last;
    for (let done = 0; done < count;) {
      const index = this.#indexOf(first + done);
      const pages = Math.min(count - done, entries - (index % entries));
      const address = this.#entryOf(context, index);
      if (address >= 0) this.#runs.frames(address, pages, frames, done);
      else frames.fill(-1, done, done + pages);
      done += pages;
    }
  }

  /** The entry goes on counting, so that its table stays. */
  suspend(context: TranslationContext, page: number, debt: StaleTranslations): number {
    const address = this.#entryOf(context, this.#indexOf(page));
    if (address < 0 || !this.#fill(address)) throw new Error("an absent page is suspended");
    this.#clear(this.#last, address);
    debt.add();
    return address;
  }

  resume(context: TranslationContext, entry: number, page: number, frame: number, flags: PageFlags): void {
    this.#writeEntry(this.#last, entry, this.#leaf, frame * this.#memory.frameSize, flags & 63);
    if (this.#events.sink !== null) this.#tellMap(context.id, page, frame);
  }

  remove(context: TranslationContext, page: number, debt: StaleTranslations): boolean {
    const index = this.#indexOf(page);
    const address = this.#entryOf(context, index);
    if (address < 0 || !this.#fill(address)) return false;
    this.#clear(this.#last, address);
    debt.add();
    this.#unlinkEmpty(context, index, debt);
    return true;
  }

  freeTable(table: number): void {
    const { owner, depth } = this.#pool.free(table);
    this.#tell(owner, depth, table, "free");
  }

  each(context: TranslationContext, first: number, count: number, visit: (page: number, found: FoundMapping) => boolean): void {
    if (context.root === NO_ROOT) return;
    if (this.#half > 0) {
      const { wordBits, pageShift } = this.#architecture;
      const base = context.isKernel ? 2 ** (wordBits - pageShift) - this.#half : 0;
      const last = Math.min(first + count, base + this.#half);
      this.#eachIn(context.root, 0, base, Math.max(first, base), last, (page) => visit(page, this.found));
      return;
    }
    const limit = context.isKernel ? this.#limit : this.#userRoot.entries * this.#userRoot.pagesPerEntry;
    // What the word can name above the hole of a sign-extended machine is the upper half of the tree.
    const half = this.#architecture.virtualRule === "sign-extended" ? limit / 2 : limit;
    const above = 2 ** (this.#architecture.wordBits - this.#architecture.pageShift) - limit;
    const end = first + count;
    const goesOn = this.#eachIn(context.root, 0, 0, first, Math.min(end, half), (index) => visit(index, this.found));
    if (!goesOn || half === limit) return;
    this.#eachIn(context.root, 0, 0, Math.max(first - above, half), Math.min(end - above, limit), (index) =>
      visit(index + above, this.found),
    );
  }

  walk(context: TranslationContext, address: bigint, access: Access, privilege: Privilege, switches: Switches = this.#switches): Walk {
    const page = Number(address >> BigInt(this.#architecture.pageShift));
    const root = this.#rootFor(context, this.#indexOf(page));
    return explainTree(this.#architecture, this.#memory, root, address, access, privilege, switches);
  }

  bytes(context?: TranslationContext): number {
    return this.#pool.bytes(context?.id);
  }

  eachTableFrame(visit: (frame: number, owner: number) => void): void {
    this.#pool.eachFrame(visit);
  }

  /** Index in the tree of a page of the word: the bits that are translated. */
  #indexOf(page: number): number {
    return page < this.#limit ? page : page % this.#limit;
  }

  /** The root that translates an index for a space; the kernel's space has none for the user's half. */
  #rootFor(context: TranslationContext, index: number): number {
    if (this.#half > 0 && context.isKernel && index < this.#kernelFirst) return NO_ROOT;
    return this.#hasKernelRoot && this.#kernel !== null && index >= this.#kernelFirst ? this.#kernel.root : context.root;
  }

  #isKernels(index: number): boolean {
    return !this.#shadowed && index >= this.#kernelFirst;
  }

  #slot(table: number): number {
    return table / this.#unit - this.#memory.firstFrame * (this.#memory.frameSize / this.#unit);
  }

  #count(table: number, change: number): void {
    this.#used[this.#slot(table)] += change;
  }

  /** A zeroed table. @throws PortolanError ERR_OUT_OF_FRAMES */
  #takeTable(storey: Storey, owner: number, depth: number): number {
    const table = this.#pool.take(storey.tableBytes, owner, depth);
    this.#used[this.#slot(table)] = 0;
    this.#tell(owner, depth, table, "allocate");
    return table;
  }

  #tell(space: number, depth: number, table: number, action: "allocate" | "free"): void {
    const sink = this.#events.sink;
    if (sink !== null) sink({ kind: "table", space, level: depth, frame: Math.floor(table / this.#memory.frameSize), action });
  }

  #kindAt(storey: Storey, address: number): number {
    return storey.entryBytes === 4
      ? storey.codec.kindOf(this.#memory.read32(address), 0)
      : storey.codec.kindOf(this.#memory.readLow(address), this.#memory.readHigh(address));
  }

  /** What is written where an entry goes is zeroes: most absent entries are known by that. */
  #isAbsent(address: number): boolean {
    const isZero = this.#memory.read32(address) === 0 && (this.#entryBytes === 4 || this.#memory.read32(address + 4) === 0);
    return isZero || this.#kindAt(this.#last, address) === ABSENT_ENTRY;
  }

  #writeEntry(storey: Storey, address: number, format: FormatCodec, target: number, flags: PageFlags): void {
    if (storey.entryBytes === 4) this.#memory.write32(address, format.encodeLow(target, flags));
    else this.#memory.write64(address, format.encodeLow(target, flags), format.encodeHigh(target, flags));
  }

  #clear(storey: Storey, address: number): void {
    if (storey.entryBytes === 4) this.#memory.write32(address, 0);
    else this.#memory.write64(address, 0, 0);
  }

  /** Fills `found` from a leaf entry; false if there is none. */
  #fill(address: number): boolean {
    const wide = this.#entryBytes === 8;
    const lo = wide ? this.#memory.readLow(address) : this.#memory.read32(address);
    const hi = wide ? this.#memory.readHigh(address) : 0;
    if (lo === 0 && hi === 0) return false;
    const isAlike = ((lo ^ this.#decodedLow) & this.#tellingLow) === 0 && ((hi ^ this.#decodedHigh) & this.#tellingHigh) === 0;
    if (!(isAlike && this.#hasDecoded === 1) && !this.#decode(lo, hi)) return false;
    const form = this.#decodedForm;
    const frame = integer(form.addressOf(lo, hi) * this.#perFrame);
    const { found } = this;
    found.rights = this.#decodedRights;
    found.flags = this.#decodedFlags;
    found.frame = form.entries > 1 ? frame + ((address / this.#entryBytes) % form.entries) : frame;
    return true;
  }

  /** Decodes an entry that differs from the last one in more than its frame; false if it is no leaf. */
  #decode(lo: number, hi: number): boolean {
    const { codec } = this.#last;
    let form = this.#leaf;
    let rights: Rights;
    let attributes: PageFlags;
    if (codec.forms.length === 0) {
      // One look-up says it all.
      const meaning = codec.meaningOf(lo, hi);
      if (kindIn(meaning) !== LEAF_ENTRY) return false;
      rights = rightsIn(meaning);
      attributes = flagsIn(meaning);
    } else {
      if (codec.kindOf(lo, hi) !== LEAF_ENTRY) return false;
      form = codec.leafOf(lo, hi) ?? form;
      rights = form.rightsOf(lo, hi);
      attributes = form.attributesOf(lo, hi);
    }
    const forUser = rights >>> 3;
    this.#decodedRights = rights;
    this.#decodedFlags =
      (forUser !== 0 ? forUser | PAGE_USER : rights & 7) |
      attributes |
      (form.isAccessed(lo, hi) ? PAGE_ACCESSED : 0) |
      (form.isDirty(lo, hi) ? PAGE_DIRTY : 0);
    this.#hasDecoded = 1;
    this.#decodedLow = lo | 0;
    this.#decodedHigh = hi | 0;
    this.#decodedForm = form;
    return true;
  }

  #mark(address: number, accessed: boolean, dirty: boolean): void {
    const leaf = this.#leaf;
    const low = (accessed ? leaf.accessedLow : 0) | (dirty ? leaf.dirtyLow : 0);
    const high = (accessed ? leaf.accessedHigh : 0) | (dirty ? leaf.dirtyHigh : 0);
    if (this.#last.entryBytes === 4) this.#memory.write32(address, (this.#memory.read32(address) | low) >>> 0);
    else this.#memory.write64(address, (this.#memory.readLow(address) | low) >>> 0, (this.#memory.readHigh(address) | high) >>> 0);
  }

  /** Address of the leaf entry for a page, or −1 if a table on the way is missing. Remembers the leaf table. */
  #entryOf(context: TranslationContext, index: number): number {
    const root = this.#hasKernelRoot ? this.#rootFor(context, index) : context.root;
    const within = index - this.#cachedFirst;
    return within >= 0 && within < this.#entries && root === this.#cachedRoot
      ? this.#cachedTable + within * this.#entryBytes
      : this.#findEntry(root, index);
  }

  /** As `#entryOf`, in another leaf table. */
  #findEntry(root: number, index: number): number {
    const { entries, entryBytes } = this.#last;
    const table = this.#descend(root, index);
    if (table < 0) return -1;
    const within = integer(index % entries);
    this.#cachedRoot = root;
    this.#cachedFirst = integer(index - within);
    this.#cachedTable = table;
    this.#cachedSlot = integer(this.#slot(table));
    return table + within * entryBytes;
  }

  /** The leaf table for a page, or −1; fills the path as far as it goes. */
  #descend(root: number, index: number): number {
    let table = root;
    if (table === NO_ROOT) return -1;
    this.#path[0] = table;
    for (let depth = 0; depth < this.#storeys.length - 1; depth += 1) {
      const storey = this.#storeys[depth];
      const address = table + (Math.floor(index / storey.pagesPerEntry) % storey.entries) * storey.entryBytes;
      if (this.#kindAt(storey, address) !== TABLE_ENTRY) return -1;
      table = this.#target(storey, address);
      this.#path[depth + 1] = table;
    }
    return table;
  }

  #target(storey: Storey, address: number): number {
    const { table } = storey.codec;
    if (table === null) throw new Error("a level without tables leads to one");
    return storey.entryBytes === 4
      ? table.addressOf(this.#memory.read32(address), 0)
      : table.addressOf(this.#memory.readLow(address), this.#memory.readHigh(address));
  }

  /** Makes the leaf table for a page, with everything above it that is missing; all or nothing. @returns address of the page's entry */
  #reach(context: TranslationContext, index: number): number {
    const depths = this.#storeys.length - 1;
    let depth = 0;
    let table = context.root;
    for (; depth < depths; depth += 1) {
      const storey = this.#storeys[depth];
      const address = table + (Math.floor(index / storey.pagesPerEntry) % storey.entries) * storey.entryBytes;
      if (this.#kindAt(storey, address) !== TABLE_ENTRY) break;
      table = this.#target(storey, address);
    }
    const fresh: number[] = [];
    try {
      for (let level = depth + 1; level <= depths; level += 1)
        fresh.push(this.#takeTable(this.#storeys[level], this.#isKernels(index) ? 0 : context.id, level));
    } catch (error) {
      for (const made of fresh) this.freeTable(made);
      throw error;
    }
    for (const made of fresh) {
      this.#link(context, table, depth, index, made);
      table = made;
      depth += 1;
    }
    return this.#entryOf(context, index);
  }

  /** Links a table below another; an entry of the kernel's half of a root goes into every root. */
  #link(context: TranslationContext, table: number, depth: number, index: number, made: number): void {
    const storey = this.#storeys[depth];
    const format = storey.codec.table;
    if (format === null) throw new Error("a level without tables is asked for one");
    const offset = (Math.floor(index / storey.pagesPerEntry) % storey.entries) * storey.entryBytes;
    this.#writeEntry(storey, table + offset, format, made, TABLE_FLAGS);
    if (depth === 0 && this.#isKernels(index) && !this.#hasKernelRoot) {
      for (const other of this.#roots) if (other !== context) this.#writeEntry(storey, other.root + offset, format, made, TABLE_FLAGS);
    } else {
      this.#count(table, 1);
    }
  }

  /** After an entry of the leaf table went: empty tables are unlinked, from the leaf up, and enter the debt. */
  #unlinkEmpty(context: TranslationContext, index: number, debt: StaleTranslations): void {
    const left = this.#used[this.#cachedSlot] - 1;
    this.#used[this.#cachedSlot] = left;
    if (left > 0 || this.#isKernels(index)) return;
    this.#descend(context.root, index);
    this.#cachedFirst = NO_TABLE;
    for (let depth = this.#storeys.length - 1; depth > 0; depth -= 1) {
      const table = this.#path[depth];
      if (this.#used[this.#slot(table)] > 0) return;
      const above = this.#path[depth - 1];
      const storey = this.#storeys[depth - 1];
      this.#clear(storey, above + (Math.floor(index / storey.pagesPerEntry) % storey.entries) * storey.entryBytes);
      this.#count(above, -1);
      debt.freeTableLater(table);
    }
  }

  #eachIn(table: number, depth: number, base: number, first: number, end: number, visit: (index: number) => boolean): boolean {
    const storey = this.#storeys[depth];
    const span = storey.pagesPerEntry;
    const from = Math.max(0, Math.floor((first - base) / span));
    const to = Math.min(storey.entries, Math.ceil((end - base) / span));
    for (let i = from; i < to; i += 1) {
      const address = table + i * storey.entryBytes;
      const kind = this.#kindAt(storey, address);
      if (kind === ABSENT_ENTRY) continue;
      if (storey === this.#last) {
        if (this.#fill(address) && !visit(base + i)) return false;
      } else if (kind === TABLE_ENTRY && !this.#eachIn(this.#target(storey, address), depth + 1, base + i * span, first, end, visit)) {
        return false;
      }
    }
    return true;
  }
}
