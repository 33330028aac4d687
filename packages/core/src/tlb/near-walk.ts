/**
 * The walk that nearly every miss needs: through tables that lie near, by words like those that came before, to one small
 * page. A hardware walker spends its time there, so this is written to be one piece of machine code.
 *
 * It decides nothing. What a word means the table walker has found out; here a word is only seen to be like another, and
 * whatever is not is the walker's.
 */
import type { Rights } from "../architecture/rights.js";
import { ALL_RIGHTS } from "../architecture/rights.js";
import type { Tlb } from "./tlb.js";

/** Bits that no word has where it decides: some are always its address. What a level says that has met no word yet. */
export const NO_BITS = -1;

/** A level of tables, in integers, and what was found out about it. */
export interface NearLevel {
  /** The level below; at the last one itself. */
  readonly next: NearLevel;
  /** Bit of a page's number where this level's part begins, the mask of it, and words of an entry, as a shift. */
  readonly lowBit: number;
  readonly mask: number;
  readonly wordShift: number;
  /** 1 where entries have eight bytes, 0 where four: a boolean would be asked whether it is one. */
  readonly wide: number;
  /** Entries that a walk has read when it has read this level's. */
  readonly reads: number;
  /** Where entries have their addresses. */
  readonly tableLow: number;
  readonly leafLow: number;
  /** Bits of the high half of which the walker wants to know. */
  readonly oddHigh: number;
  /** Which bits of the low half decide about entries that lead to a table, what they were in the last one, and what it let through. */
  readonly tableDecides: number;
  readonly tableBits: number;
  readonly tableRights: Rights;
  /** The same of entries that map one page; and what a TLB notes of it, `ENTRY_GLOBAL` or 0. */
  readonly leafDecides: number;
  readonly leafBits: number;
  readonly leafRights: Rights;
  readonly leafFlags: number;
}

/** Tables as a processor with its switches reads them. */
export interface NearTables {
  readonly first: NearLevel;
  /** Words of memory that are read where they lie, and the address of the first one. */
  readonly words: Uint32Array;
  readonly wordsStart: number;
  /** Pages below this one are indices as they are of the root that a privilege has. */
  readonly pages: number;
  readonly pageShift: number;
  /** What remains of the rights that every level lets through; `combines` is 1 where that can be fewer than those. */
  readonly combined: Uint8Array;
  readonly combines: number;
}

const TWO_32 = 0x1_0000_0000;
/** What is imported is looked up at every use; this is a constant to a compiler. */
const ALL = ALL_RIGHTS;

/**
 * Walks for a page that the TLB lacks, and enters it for an access that is served at once.
 *
 * @param root physical address of the first table
 * @param front the access, as the TLB's fronts are numbered
 * @returns the entries that were read; 0, and nothing has changed, where this is not for here
 */
export const refillNearby = (tlb: Tlb, tables: NearTables, root: number, front: number, page: number, asid: number): number => {
  // Addresses below 4 GiB are carried as integers, which may be negative.
  let table = root | 0;
  if (page >= tables.pages || (table !== root && root >= TWO_32)) return 0;
  const { words, wordsStart } = tables;
  let rights = ALL;
  for (let { first: level } = tables; ; level = level.next) {
    const at = ((table - wordsStart) >>> 2) + (((page >>> level.lowBit) & level.mask) << level.wordShift);
    // A word that is not near reads as undefined, and `| 0` makes that nothing, which is like no other.
    const word = words[at] | 0;
    if (level.wide === 1 && (words[at + 1] & level.oddHigh) !== 0) return 0;
    if ((word & level.tableDecides) === level.tableBits) {
      rights &= level.tableRights;
      table = word & level.tableLow;
      continue;
    }
    if ((word & level.leafDecides) !== level.leafBits) return 0;
    rights &= level.leafRights;
    if (tables.combines === 1) rights = tables.combined[rights];
    // Rights have a bit for each front.
    if (((rights >>> front) & 1) === 0) return 0;
    tlb.serve(front, page, (word & level.leafLow) >>> tables.pageShift, asid, rights, level.leafFlags);
    return level.reads;
  }
};
