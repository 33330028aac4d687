/**
 * Page tables as one hash for all address spaces, keyed by space and page. Hardware never reads it: refill code does, and
 * what it enters into TLBs is the port's business. The contract is the same as for trees: inserting a page that is there
 * is an error of ours on every machine (HelenOS ignores it here and overwrites there, HD-45), marks start clear.
 *
 * @see HelenOS kernel/genarch/src/mm/page_ht.c and as_ht.c
 */
import type { Architecture } from "../architecture/architecture.js";
import { PAGE_ACCESSED, PAGE_DIRTY, WRITE, type Access, type PageFlags, type Privilege } from "../architecture/rights.js";
import type { Events } from "../events.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { TranslationContext } from "../machine/translation-context.js";
import { explainHash } from "./explain-hash.js";
import { HASH_ENTRY_BYTES, hashEntryRights } from "./page-hash-format.js";
import { NO_ENTRY, PageHash } from "./page-hash.js";
import type { FoundMapping, PageTables } from "./page-tables.js";
import type { StaleTranslations } from "./stale.js";
import type { Walk } from "../architecture/walk.js";

const MARKS = PAGE_ACCESSED | PAGE_DIRTY;
const ASKED = 63;
/** Owner of frames that belong to no space alone. */
const EVERYBODY = -1;

/** The strategy `"hashed"`: every mapping of every space in one {@link PageHash}. */
export class HashedTables implements PageTables {
  readonly kind = "hashed";
  readonly found: FoundMapping = { frame: 0, rights: 0, flags: 0 };
  /** The table itself; for explanations and measurements. */
  readonly hash: PageHash;
  readonly #architecture: Architecture;
  readonly #memory: PhysicalMemory;
  readonly #events: Events;
  /** What an entry with these flags lets through on this machine. */
  readonly #rights: Uint8Array;

  /** @throws PortolanError ERR_OUT_OF_FRAMES */
  constructor(architecture: Architecture, memory: PhysicalMemory, frames: FrameAllocator, events: Events) {
    this.#architecture = architecture;
    this.#memory = memory;
    this.#events = events;
    this.#rights = Uint8Array.from({ length: 256 }, (_, flags) => hashEntryRights(architecture, flags));
    this.hash = new PageHash(memory, frames, architecture.pageShift);
  }

  get registers(): Readonly<Record<string, bigint>> {
    return { hash: BigInt(this.hash.directory), chains: BigInt(this.hash.chains) };
  }

  get reads(): number {
    return this.hash.reads;
  }

  create(_context: TranslationContext): void {
    // a space owns nothing before it maps something
  }

  destroy(context: TranslationContext): void {
    if (context.mappedPages !== 0) throw new Error("a space is destroyed while it maps pages");
  }

  insert(context: TranslationContext, page: number, frame: number, flags: PageFlags): void {
    if (this.hash.find(context.id, page) !== NO_ENTRY) throw new Error("the page is mapped already");
    this.hash.insert(context.id, page, frame * this.#memory.frameSize, flags & ASKED);
    context.mappedPages += 1;
    const sink = this.#events.sink;
    if (sink !== null) sink({ kind: "map", space: context.id, page, frame });
  }

  find(context: TranslationContext, page: number): boolean {
    const entry = this.hash.find(context.id, page);
    if (entry === NO_ENTRY) return false;
    this.#fill(entry);
    return true;
  }

  update(context: TranslationContext, page: number, flags: PageFlags, debt: StaleTranslations): void {
    const entry = this.#needed(context, page);
    this.#fill(entry);
    const before = this.found.rights;
    this.hash.setFlags(entry, (flags & ASKED) | (this.found.flags & MARKS));
    this.#fill(entry);
    if ((before & ~this.found.rights) !== 0) debt.add();
  }

  widen(context: TranslationContext, page: number, frame: number, flags: PageFlags): boolean {
    const entry = this.hash.find(context.id, page);
    if (entry === NO_ENTRY) return false;
    if (this.hash.frameOf(entry) !== frame * this.#memory.frameSize) throw new Error("a page is widened on another frame than it has");
    const before = this.hash.flagsOf(entry);
    const after = (flags & ASKED) | (before & MARKS);
    this.hash.setFlags(entry, after);
    if ((this.#rights[before] & ~this.#rights[after]) !== 0) throw new Error("widening an entry took rights away");
    return true;
  }

  mark(context: TranslationContext, page: number, dirty: boolean): void {
    const entry = this.#needed(context, page);
    this.hash.setFlags(entry, this.hash.flagsOf(entry) | (dirty ? MARKS : PAGE_ACCESSED));
  }

  testAndClearAccessed(context: TranslationContext, page: number, debt: StaleTranslations): boolean {
    const entry = this.hash.find(context.id, page);
    if (entry === NO_ENTRY) return false;
    const flags = this.hash.flagsOf(entry);
    if ((flags & PAGE_ACCESSED) === 0) return false;
    this.hash.setFlags(entry, flags & ~PAGE_ACCESSED);
    debt.add();
    return true;
  }

  writeProtect(context: TranslationContext, first: number, count: number, debt: StaleTranslations): void {
    for (let page = first; page < first + count; page += 1) {
      const entry = this.hash.find(context.id, page);
      if (entry === NO_ENTRY) continue;
      const flags = this.hash.flagsOf(entry);
      if ((flags & WRITE) === 0) continue;
      this.hash.setFlags(entry, flags & ~WRITE);
      debt.add();
    }
  }

  framesOf(context: TranslationContext, first: number, count: number, frames: Float64Array): void {
    for (let i = 0; i < count; i += 1) {
      const entry = this.hash.find(context.id, first + i);
      frames[i] = entry === NO_ENTRY ? -1 : this.hash.frameOf(entry) / this.#memory.frameSize;
    }
  }

  suspend(context: TranslationContext, page: number, debt: StaleTranslations): number {
    const entry = this.#needed(context, page);
    this.#fill(entry);
    this.hash.detach(entry);
    debt.add();
    return entry;
  }

  resume(context: TranslationContext, entry: number, page: number, frame: number, flags: PageFlags): void {
    this.hash.attach(entry, context.id, page, frame * this.#memory.frameSize, flags & ASKED);
    const sink = this.#events.sink;
    if (sink !== null) sink({ kind: "map", space: context.id, page, frame });
  }

  remove(context: TranslationContext, page: number, debt: StaleTranslations): boolean {
    const entry = this.hash.find(context.id, page);
    if (entry === NO_ENTRY) return false;
    this.#fill(entry);
    this.hash.remove(entry);
    context.mappedPages -= 1;
    debt.add();
    return true;
  }

  /** Frames of the hash are read by nobody but its owner, under its lock: they never wait for a settlement. */
  freeTable(_unit: number): void {
    throw new Error("a hash owes no tables");
  }

  /** A range with fewer pages than the table has entries is probed page by page; else the table is gone through and sorted. */
  each(context: TranslationContext, first: number, count: number, visit: (page: number, found: FoundMapping) => boolean): void {
    if (context.mappedPages === 0) return;
    if (count <= this.hash.entries) {
      for (let page = first; page < first + count; page += 1) if (this.find(context, page) && !visit(page, this.found)) return;
      return;
    }
    const pages: number[] = [];
    this.hash.each((entry) => {
      const page = this.hash.pageOf(entry);
      if (this.hash.spaceOf(entry) === context.id && page >= first && page < first + count) pages.push(page);
    });
    pages.sort((one, other) => one - other);
    for (const page of pages) if (this.find(context, page) && !visit(page, this.found)) return;
  }

  walk(context: TranslationContext, address: bigint, access: Access, privilege: Privilege): Walk {
    return explainHash(
      { architecture: this.#architecture, memory: this.#memory, hash: this.hash, context, rights: this.#rights },
      address,
      access,
      privilege,
    );
  }

  /** Of one space: its entries. Of all: everything the table occupies. */
  bytes(context?: TranslationContext): number {
    return context === undefined ? this.hash.bytes : context.mappedPages * HASH_ENTRY_BYTES;
  }

  eachTableFrame(visit: (frame: number, owner: number) => void): void {
    this.hash.eachFrame((frame) => visit(frame, EVERYBODY));
  }

  #needed(context: TranslationContext, page: number): number {
    const entry = this.hash.find(context.id, page);
    if (entry === NO_ENTRY) throw new Error("an absent page is changed");
    return entry;
  }

  #fill(entry: number): void {
    const { found } = this;
    const flags = this.hash.flagsOf(entry);
    found.frame = this.hash.frameOf(entry) / this.#memory.frameSize;
    found.rights = this.#rights[flags];
    // Like a tree's entry it says what the machine can say: rights it cannot forbid are there.
    found.flags = flags | (found.rights & 7 & ~WRITE);
  }
}
