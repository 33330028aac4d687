/** What the core asks of page tables, whatever their shape. */
import type { Switches } from "../architecture/entry-format.js";
import type { Access, PageFlags, Privilege, Rights } from "../architecture/rights.js";
import type { TranslationContext } from "../machine/translation-context.js";
import { token } from "../token.js";
import type { StaleTranslations } from "./stale.js";
import type { Walk } from "../architecture/walk.js";

/** A copy of one mapping, never a view of live tables. Filled by `find`, valid until the next call. */
export interface FoundMapping {
  /** Frame number (of the machine's frames). */
  frame: number;
  /** What the entry lets through. */
  rights: Rights;
  /** As far as the format stores them: READ, WRITE, EXECUTE, USER, GLOBAL, CACHEABLE, ACCESSED, DIRTY. */
  flags: PageFlags;
}

/**
 * One strategy per machine: a tree per address space, or one hash table for all. Pages and frames are the machine's.
 * The page-table lock of the space is held around every call; a memory barrier is implied after each change, and a new
 * table is zeroed before it is linked, and linked before its entry becomes present.
 */
export interface PageTables {
  readonly kind: "hierarchical" | "hashed";
  /** Where a table of all spaces lies, as `TranslationState.registers` has it. For dumps. Absent: each space has its own. */
  readonly registers?: Readonly<Record<string, bigint>>;

  /**
   * Gives `context` an empty set of tables, with the kernel's part in step where spaces share it.
   * @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then
   */
  create(context: TranslationContext): void;
  /** Takes the tables away. Every mapping of the context (the shared kernel part excepted) is gone already. */
  destroy(context: TranslationContext): void;

  /**
   * Maps an absent page. A present one is an error of ours on every machine alike.
   * @throws PortolanError ERR_OUT_OF_FRAMES or ERR_OUT_OF_MEMORY; nothing has changed then
   */
  insert(context: TranslationContext, page: number, frame: number, flags: PageFlags): void;
  /** Looks. True if the page is mapped; `found` then holds a copy. */
  find(context: TranslationContext, page: number): boolean;
  readonly found: FoundMapping;
  /** Heads and entries that the last `find` read. Absent for trees, whose levels are known. */
  readonly reads?: number;
  /**
   * Rewrites rights and attributes of a present mapping, keeping its frame and, unless the page changes hands, its
   * accessed and dirty marks. What was permitted and no longer is becomes part of `debt`.
   */
  update(context: TranslationContext, page: number, flags: PageFlags, debt: StaleTranslations): void;
  /**
   * As `update`, where nothing that is permitted stops being so: nothing is stale then.
   * @param frame the one that the page is known to have if it is mapped; another one is an error of ours
   * @returns false if the page is absent; nothing has changed then
   */
  widen(context: TranslationContext, page: number, frame: number, flags: PageFlags): boolean;
  /** Sets accessed (and dirty) marks, as refill code does where hardware does not. */
  mark(context: TranslationContext, page: number, dirty: boolean): void;
  /**
   * Was the page accessed since this was last asked? Its accessed mark is cleared, and the translation joins `debt`: a TLB
   * that went on using it would not set the mark again. False for an absent page, and where the format has no such mark.
   */
  testAndClearAccessed(context: TranslationContext, page: number, debt: StaleTranslations): boolean;
  /** Takes the right to write from every present page of [first, first + count); what changes becomes part of `debt`. */
  writeProtect(context: TranslationContext, first: number, count: number, debt: StaleTranslations): void;
  /** Fills `frames` with the frames of pages first, first + 1, …, `count` of them; −1 where a page is absent. */
  framesOf(context: TranslationContext, first: number, count: number, frames: Float64Array): void;
  /**
   * Makes a present page absent for a moment, to be given another frame: machines want the old translation to be gone
   * everywhere before there is a new one. What the entry takes up is kept, so that `resume` cannot fail; `found` then holds
   * what it was.
   * @returns where the entry is, for `resume`
   */
  suspend(context: TranslationContext, page: number, debt: StaleTranslations): number;
  /** Maps a suspended page to a frame. Never fails. */
  resume(context: TranslationContext, entry: number, page: number, frame: number, flags: PageFlags): void;
  /**
   * Unmaps. True if there was a mapping; `found` then holds what it was. The translation, and tables that became
   * empty, join `debt`: they may be used until it is settled.
   */
  remove(context: TranslationContext, page: number, debt: StaleTranslations): boolean;
  /** Frees a table that a settled debt has let go. */
  freeTable(unit: number): void;
  /** Visits mapped pages of [first, first + count) in ascending order; stops when `visit` returns false. */
  each(context: TranslationContext, first: number, count: number, visit: (page: number, found: FoundMapping) => boolean): void;

  /**
   * Every word that translates an address, with the rule that decides under these switches (those the machine was built with where absent).
   * Slow and obvious; changes nothing.
   */
  walk(context: TranslationContext, address: bigint, access: Access, privilege: Privilege, switches?: Switches): Walk;
  /** Physical memory that tables of this context occupy, in bytes; of all of them without an argument. */
  bytes(context?: TranslationContext): number;
  /** Calls `visit` for every frame that holds tables, with its owner's id (0 for the kernel, −1 for all spaces' hash table). For the checker. */
  eachTableFrame(visit: (frame: number, owner: number) => void): void;
}

/** The strategy of page tables: a tree per space or one hash table, as the architecture's `translation.kind` says. */
export const PAGE_TABLES = token<PageTables>("page tables");
