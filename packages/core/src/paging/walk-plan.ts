/**
 * What a table walker knows before it walks: the levels of a tree under one setting of a processor's switches, laid out
 * as integers.
 *
 * Nearly every word that a walk meets can be judged by its low bits: a table or a page, already marked as accessed, no
 * reserved bit set. The answers for those are in a table; every other word is {@link UNUSUAL}, and the walker asks the codec.
 */
import type { Architecture, HierarchicalTranslation } from "../architecture/architecture.js";
import { fieldBits, type Field, type Switches } from "../architecture/entry-format.js";
import { ALL_RIGHTS, PAGE_GLOBAL, WRITE, rightsFor, type Rights } from "../architecture/rights.js";
import type { TlbGeometry } from "../architecture/tlb-organisation.js";
import { NO_BITS, type NearLevel, type NearTables } from "../tlb/near-walk.js";
import { integer } from "../machine/physical-memory.js";
import {
  ABSENT_ENTRY,
  LEAF_ENTRY,
  MALFORMED_ENTRY,
  TABLE_ENTRY,
  flagsIn,
  kindIn,
  rightsIn,
  type FormatCodec,
  type LevelCodec,
} from "./entry-codec.js";
import { storeysOf, type Storey } from "./tree-shape.js";

/** Indices of a tree travel as two integers of this many bits, so that shifts can take them apart. */
export const HALF_BITS = 26;

/** A word's low bits that answers are looked up by. */
const WINDOW_BITS = 12;
/** The mask of those bits. By a shift: a power is kept as a double. */
export const WINDOW = (1 << WINDOW_BITS) - 1;

/**
 * An answer: the kind of the entry in the two lowest bits, then the six bits of what may be entered into a TLB with
 * nothing recorded, then whether a leaf is global.
 */
export const ANSWER_RIGHTS = 2;
/** The bit of an answer that says global. */
export const ANSWER_GLOBAL = 256;
/** The kind of words that the walker has to look into; those that the manual forbids are among them. */
export const UNUSUAL = MALFORMED_ENTRY;
/** What stands for an answer that nobody has asked for yet. Its kind is that of unusual words. */
const UNASKED = -1;

const ALL_BUT_WRITE = ~rightsFor(WRITE, WRITE);

/** Which marks a walker makes or misses, and what stops it. */
export interface WalkRules {
  readonly faultsOnReserved: boolean;
  readonly recordsAccess: boolean;
  readonly recordsWrite: boolean;
  /** A page that is not marked as accessed faults, and one that is written and not marked so. */
  readonly faultsUnmarked: boolean;
  readonly faultsClean: boolean;
  /** Entries say which domain they belong to, or have parts. */
  readonly hasNotes: boolean;
}

/** What a walker reads where it lies, and for which pages. */
export type NearMemory = Pick<NearTables, "words" | "wordsStart" | "pages">;

/** Where an entry has its address, and which bits outside the window make its word unusual. */
interface Place {
  readonly frameLow: number;
  readonly frameHigh: number;
  readonly oddLow: number;
  readonly oddHigh: number;
}

// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_ANSWERS = new Int32Array(0);
const NO_WORDS = new Uint32Array(0);
const NO_RIGHTS = new Uint8Array(0);

const NOWHERE: Place = { frameLow: 0, frameHigh: 0, oddLow: 0, oddHigh: 0 };

/** The bits of fields in each half of a word. */
const bitsOf = (fields: readonly Field[]): readonly [lo: number, hi: number] => {
  let lo = 0;
  let hi = 0;
  for (const [high, low] of fields.map(fieldBits)) {
    for (let bit = low; bit <= high; bit += 1) {
      if (bit < 32) lo |= 1 << bit;
      else hi |= 1 << (bit - 32);
    }
  }
  return [lo, hi];
};

/** Bits that say what a word is or lets through, or that are reserved, are odd where they are set outside the window. */
const placeOf = (codec: LevelCodec, format: FormatCodec | null, { faultsOnReserved }: WalkRules): Place => {
  if (format === null) return NOWHERE;
  const { rights, attributes } = format.format;
  const [low, high] = bitsOf([codec.level.kind, rights, attributes].flatMap((rule) => rule?.reads ?? []));
  const [reservedLow, reservedHigh] = faultsOnReserved ? [format.reservedLow, format.reservedHigh] : [0, 0];
  return {
    frameLow: format.frameLow,
    frameHigh: format.frameHigh,
    oddLow: (low | reservedLow) & ~WINDOW,
    oddHigh: high | reservedHigh,
  };
};

/** The answer for words that have nothing outside the window but an address. */
const answerFor = (codec: LevelCodec, lo: number, rules: WalkRules, isLast: boolean): number => {
  if (rules.hasNotes || codec.forms.length > 0) return UNUSUAL;
  const meaning = codec.meaningOf(lo, 0);
  const kind = kindIn(meaning);
  if (kind === TABLE_ENTRY && isLast) return UNUSUAL;
  if (kind === ABSENT_ENTRY) return codec.level.kind.reads.every((field) => fieldBits(field)[0] < WINDOW_BITS) ? ABSENT_ENTRY : UNUSUAL;
  const format = kind === TABLE_ENTRY ? codec.table : kind === LEAF_ENTRY ? codec.leaf : null;
  if (format === null || !format.isInPlace || (rules.faultsOnReserved && format.hasReserved(lo, 0))) return UNUSUAL;
  if (((format.dirtyLow & ~WINDOW) | format.dirtyHigh) !== 0) return UNUSUAL;
  const isMarked = (format.accessedLow | format.accessedHigh) === 0 || format.isAccessed(lo, 0);
  if (rules.recordsAccess && !isMarked) return UNUSUAL;
  if (kind === LEAF_ENTRY && rules.faultsUnmarked && !isMarked) return UNUSUAL;
  const isClean = rules.recordsWrite ? !format.isDirty(lo, 0) : rules.faultsClean && format.isClean(lo, 0);
  const withholdsWrite = kind === LEAF_ENTRY && isClean;
  const rights = rightsIn(meaning) & (withholdsWrite ? ALL_BUT_WRITE : ~0);
  const isGlobal = kind === LEAF_ENTRY && (flagsIn(meaning) & PAGE_GLOBAL) !== 0;
  return kind | (rights << ANSWER_RIGHTS) | (isGlobal ? ANSWER_GLOBAL : 0);
};

/**
 * A level as the walker needs it: everything that a switch or a TLB decides is decided. Integers throughout, and in the
 * object itself: a walk reads each of them at once.
 */
export class Step implements NearLevel {
  readonly codec: LevelCodec;
  /** The level below. At the last one a word that leads to a table is unusual, so that no walk goes on from there. */
  next: Step = this;
  /** Leaves of other forms are to be told apart. */
  readonly hasForms: boolean;
  /** 1 where entries have eight bytes, 0 where four: a boolean would be asked whether it is one. */
  readonly wide: number = 0;
  /** Bytes of an entry, and words of four bytes, as shifts. */
  readonly entryShift: number = 0;
  readonly wordShift: number = 0;
  readonly pagesPerEntry: number = 0;
  /** Bit of the index where this level's begins, and the level's mask. */
  readonly bit: number = 0;
  /** The same bit, as far as it is one of an integer: no index that is one has those above. */
  readonly lowBit: number = 0;
  readonly mask: number = 0;
  /** Entries that a walk has read when it has read this level's. */
  readonly reads: number = 0;
  /** Hardware pages that an entry of each TLB maps: a size that it has no entries for is entered in pieces. */
  readonly dataSpan: number = 0;
  readonly instructionSpan: number = 0;
  /** The same by the logarithm of how many entries of the table hold the page. */
  readonly dataSpans: readonly number[];
  readonly instructionSpans: readonly number[];
  /** What the last words that the near walk can go by were like. */
  readonly tableDecides: number = WINDOW;
  tableBits = NO_BITS;
  tableRights: Rights = 0;
  readonly leafDecides: number = WINDOW;
  leafBits = NO_BITS;
  leafRights: Rights = 0;
  leafFlags = 0;
  readonly oddHigh: number = 0;
  /** By a word's low bits; each is found out when a walk first meets those. */
  readonly answers: Int32Array = NO_ANSWERS;
  readonly #rules: WalkRules;
  /** Where an entry that leads to a table has its address, and which bits outside the window make its word unusual. */
  readonly tableLow: number = 0;
  readonly tableHigh: number = 0;
  readonly tableOddLow: number = 0;
  readonly tableOddHigh: number = 0;
  /** The same, or where the table lies at 4 GiB or above. */
  readonly tableFarHigh: number = 0;
  /** The same of an entry that maps a page. */
  readonly leafLow: number = 0;
  readonly leafHigh: number = 0;
  readonly leafOddLow: number = 0;
  readonly leafOddHigh: number = 0;

  constructor({ codec, entries, entryBytes, pagesPerEntry }: Storey, depth: number, architecture: Architecture, rules: WalkRules) {
    const { data, instruction } = architecture.tlb;
    const most = Math.max(1, ...codec.forms.map((form) => form.entries));
    const sizes = Array.from({ length: Math.log2(most) + 1 }, (_, log) => integer(pagesPerEntry * 2 ** log));
    const spansIn = ({ pageShifts }: TlbGeometry): readonly number[] =>
      sizes.map((pages) => (pageShifts.includes(architecture.hardwarePageShift + Math.log2(pages)) ? pages : 1));
    this.codec = codec;
    this.hasForms = codec.forms.length > 0;
    this.wide = entryBytes === 8 ? 1 : 0;
    this.entryShift = entryBytes === 8 ? 3 : 2;
    this.wordShift = this.entryShift - 2;
    this.pagesPerEntry = integer(pagesPerEntry);
    this.bit = Math.log2(pagesPerEntry) | 0;
    this.lowBit = Math.min(this.bit, 31);
    this.mask = (entries - 1) | 0;
    this.reads = depth + 1;
    this.dataSpans = spansIn(data);
    this.instructionSpans = spansIn(instruction ?? data);
    this.dataSpan = this.dataSpans[0];
    this.instructionSpan = this.instructionSpans[0];
    this.answers = new Int32Array(WINDOW + 1).fill(UNASKED);
    this.#rules = rules;
    const table = placeOf(codec, codec.table, rules);
    this.tableLow = table.frameLow;
    this.tableHigh = table.frameHigh;
    this.tableOddLow = table.oddLow;
    this.tableOddHigh = table.oddHigh;
    this.tableDecides = WINDOW | table.oddLow;
    this.tableFarHigh = table.oddHigh | table.frameHigh;
    const leaf = placeOf(codec, codec.leaf, rules);
    this.leafLow = leaf.frameLow;
    this.leafHigh = leaf.frameHigh;
    this.leafOddLow = leaf.oddLow;
    this.leafDecides = WINDOW | leaf.oddLow;
    this.oddHigh = table.oddHigh | table.frameHigh | leaf.oddHigh | leaf.frameHigh;
    this.leafOddHigh = leaf.oddHigh;
  }

  /** Finds out the answer for words like this one, unless it is known. */
  judge(lo: number): void {
    const bits = lo & WINDOW;
    if (this.answers[bits] === UNASKED) this.answers[bits] = answerFor(this.codec, bits, this.#rules, this.pagesPerEntry === 1);
  }

  /** A usual word that has led to a table: the near walk goes by it from now on. */
  learnTable(lo: number, answer: number): void {
    // A word that is not there reads as nothing, and must be like none.
    this.tableBits = lo & this.tableDecides || NO_BITS;
    this.tableRights = answer >>> ANSWER_RIGHTS;
  }

  /** The same of one that has mapped a page. */
  learnLeaf(lo: number, answer: number, flags: number): void {
    if (this.pagesPerEntry !== 1) return;
    this.leafBits = lo & this.leafDecides || NO_BITS;
    this.leafRights = answer >>> ANSWER_RIGHTS;
    this.leafFlags = flags;
  }
}

/** What a walker makes of one setting of a processor's switches. */
export class WalkPlan implements NearTables {
  readonly steps: readonly Step[];
  readonly first: Step;
  /** What remains of the rights that every level lets through; 1 where that can be fewer than those. */
  readonly combined: Uint8Array = NO_RIGHTS;
  readonly combines: number = 0;
  readonly words: Uint32Array = NO_WORDS;
  readonly wordsStart: number = 0;
  readonly pages: number = 0;
  readonly pageShift: number = 0;

  constructor(architecture: Architecture, translation: HierarchicalTranslation, switches: Switches, rules: WalkRules, near: NearMemory) {
    this.words = near.words;
    this.wordsStart = near.wordsStart;
    this.pages = near.pages;
    this.pageShift = architecture.hardwarePageShift;
    this.steps = storeysOf(architecture, translation, switches).map((storey, depth) => new Step(storey, depth, architecture, rules));
    this.steps.forEach((step, depth) => (step.next = this.steps[depth + 1] ?? step));
    this.first = this.steps[0];
    const rule = translation.combined;
    this.combines = rule === undefined ? 0 : 1;
    this.combined = Uint8Array.from({ length: ALL_RIGHTS + 1 }, (_, rights) =>
      rule === undefined ? rights : rights & rule.tell(rights, switches),
    );
  }
}
