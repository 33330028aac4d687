/**
 * The fast codec of entry formats: compiled once from the list of fields, it reads and writes entries as two unsigned
 * 32-bit halves. Rules are evaluated over every combination of the bits they read, once for each setting of the
 * processor's switches; afterwards an answer is a table look-up.
 */
import {
  fieldBits,
  fieldWidth,
  type EntryFormat,
  type EntryKind,
  type Field,
  type FieldRole,
  type FieldValues,
  type Level,
  type Rule,
  type Switches,
} from "../architecture/entry-format.js";
import { ALL_RIGHTS, PAGE_FLAG_SETS, type PageFlags, type Rights } from "../architecture/rights.js";

/** What {@link LevelCodec.kindOf} answers for an entry that maps nothing and leads nowhere. */
export const ABSENT_ENTRY = 0;
/** The entry leads to a table of the next level. */
export const TABLE_ENTRY = 1;
/** The entry maps a page. */
export const LEAF_ENTRY = 2;
/** The entry has a form that the manual forbids. */
export const MALFORMED_ENTRY = 3;
const KINDS: readonly EntryKind[] = ["absent", "table", "leaf", "malformed"];

const TWO_32 = 0x1_0000_0000;

/** The value of a field in a word given as halves; up to 52 bits. */
export const extract = (field: Field, lo: number, hi: number): number => {
  const [high, low] = fieldBits(field);
  if (high < 32) return Math.floor(lo / 2 ** low) % 2 ** (high - low + 1);
  if (low >= 32) return Math.floor(hi / 2 ** (low - 32)) % 2 ** (high - low + 1);
  return Math.floor(lo / 2 ** low) + (hi % 2 ** (high - 31)) * 2 ** (32 - low);
};

/** The halves of a word that has `value` in a field and zeroes elsewhere. */
export const place = (field: Field, value: number): readonly [lo: number, hi: number] => {
  const [, low] = fieldBits(field);
  if (low >= 32) return [0, value * 2 ** (low - 32)];
  // At most 52 bits from bit `low`: split before shifting, so that nothing exceeds 2^53.
  const inLow = 2 ** (32 - low);
  return [(value % inLow) * 2 ** low, Math.floor(value / inLow)];
};

/** Answers of a rule are laid out over windows of this many bits, at most, of both halves together. */
const WIDEST_TABLE = 16;

/** The lowest and the highest bit that fields read in one half of a word. */
const windowOf = (fields: readonly Field[], isHigh: boolean): { readonly shift: number; readonly width: number } => {
  const bits = fields.map(fieldBits).filter(([, low]) => low >= 32 === isHigh);
  if (bits.length === 0) return { shift: 0, width: 0 };
  const low = Math.min(...bits.map(([, bit]) => bit));
  return { shift: low % 32, width: Math.max(...bits.map(([bit]) => bit)) - low + 1 };
};

/** Every bit that some field reads, once. */
const coveredBits = (fields: readonly Field[]): number[] => {
  const all = fields.map(fieldBits).flatMap(([high, low]) => Array.from({ length: high - low + 1 }, (_, bit) => low + bit));
  return [...new Set(all)];
};

/** The half of a word that begins at bit `from` and has these bits set, and no others. */
const sumOfBits = (bits: readonly number[], from: 0 | 32): number =>
  bits.reduce((sum, bit) => (bit >= from && bit < from + 32 ? sum + 2 ** (bit - from) : sum), 0);

/**
 * The answer to every combination of the bits between the lowest and the highest that fields cover, in both halves of a
 * word.
 */
class AnswerTable {
  readonly #lowShift: number = 0;
  readonly #lowMask: number = 0;
  readonly #highShift: number = 0;
  readonly #highMask: number = 0;
  /** Where the bits of the high half begin in an index. */
  readonly #lowWidth: number = 0;
  readonly #answers: Int32Array = new Int32Array(0);

  /** @param tell answers with a small integer for a word that has zeroes outside the windows */
  constructor(fields: readonly Field[], tell: (lo: number, hi: number) => number) {
    const low = windowOf(fields, false);
    const high = windowOf(fields, true);
    this.#lowShift = low.shift;
    this.#lowMask = (1 << low.width) - 1;
    this.#lowWidth = low.width;
    this.#highShift = high.shift;
    this.#highMask = (1 << high.width) - 1;
    // What is asked is fewer bits than the windows show: each combination of those is told once, and then laid out.
    const bits = coveredBits(fields);
    const answers = Int32Array.from({ length: 2 ** bits.length }, (_, combination) => {
      const word = bits.filter((_bit, rank) => ((combination >>> rank) & 1) === 1);
      return tell(sumOfBits(word, 0), sumOfBits(word, 32));
    });
    const combinations = new Int32Array(2 ** (low.width + high.width));
    for (let at = 0; at < low.width + high.width; at += 1) {
      const rank = bits.indexOf(at < low.width ? low.shift + at : 32 + high.shift + at - low.width);
      const adds = rank < 0 ? 0 : 1 << rank;
      for (let below = 0; below < 2 ** at; below += 1) combinations[2 ** at + below] = combinations[below] | adds;
    }
    this.#answers = combinations.map((combination) => answers[combination]);
  }

  /** Do fields lie close enough together for a table, none of them across the middle of a word? */
  static fits(fields: readonly Field[]): boolean {
    const crosses = fields.some((field) => fieldBits(field)[0] >= 32 && fieldBits(field)[1] < 32);
    return !crosses && windowOf(fields, false).width + windowOf(fields, true).width <= WIDEST_TABLE;
  }

  answer(lo: number, hi: number): number {
    return this.#answers[((lo >>> this.#lowShift) & this.#lowMask) | (((hi >>> this.#highShift) & this.#highMask) << this.#lowWidth)];
  }
}

/** A rule compiled to a table. One that reads bits far apart gathers them into an index first. */
class CompiledRule {
  readonly #reads: readonly Field[];
  readonly #table: AnswerTable | null;
  readonly #answers: Int32Array | null = null;

  /** @param rule answers with small integers */
  constructor(rule: Rule<number>, switches: Switches) {
    const { reads } = rule;
    this.#reads = reads;
    this.#table = AnswerTable.fits(reads)
      ? new AnswerTable(reads, (lo, hi) =>
          rule.tell(Object.fromEntries(reads.map((field) => [field.name, extract(field, lo, hi)])), switches),
        )
      : null;
    if (this.#table !== null) return;
    const width = reads.reduce((sum, field) => sum + fieldWidth(field), 0);
    this.#answers = Int32Array.from({ length: 2 ** width }, (_, index) => rule.tell(gatheredValues(reads, index), switches));
  }

  answer(lo: number, hi: number): number {
    if (this.#table !== null) return this.#table.answer(lo, hi);
    return this.#answers === null ? 0 : this.#answers[gather(this.#reads, lo, hi)];
  }
}

/** The values of fields one after the other, the first lowest. */
const gather = (fields: readonly Field[], lo: number, hi: number): number => {
  let index = 0;
  let position = 0;
  for (const field of fields) {
    index += extract(field, lo, hi) * 2 ** position;
    position += fieldWidth(field);
  }
  return index;
};

const gatheredValues = (fields: readonly Field[], index: number): FieldValues => {
  const values: Record<string, number> = {};
  let rest = index;
  for (const field of fields) {
    values[field.name] = rest % 2 ** fieldWidth(field);
    rest = Math.floor(rest / 2 ** fieldWidth(field));
  }
  return values;
};

/** One format, under one setting of the switches. */
export class FormatCodec {
  readonly format: EntryFormat;
  readonly accessedLow: number = 0;
  readonly accessedHigh: number = 0;
  readonly dirtyLow: number = 0;
  readonly dirtyHigh: number = 0;
  readonly reservedLow: number = 0;
  readonly reservedHigh: number = 0;
  readonly #frames: readonly Field[];
  /** Every bit of the address stands in the entry where it stands in the address: masks are all it takes. */
  readonly isInPlace: boolean = false;
  readonly frameLow: number = 0;
  readonly frameHigh: number = 0;
  readonly #rights: CompiledRule | null;
  readonly #attributes: CompiledRule | null;
  /** Entries that one page of this format fills, and the logarithm of that. */
  readonly entries: number;
  readonly entriesLog: number;
  readonly #parts: readonly CompiledRule[];
  /** Where the domain stands, in the low half of an entry; a mask of 0 where none is named. */
  readonly #domainShift: number;
  readonly #domainMask: number;
  readonly #baseLow = new Float64Array(PAGE_FLAG_SETS);
  readonly #baseHigh = new Float64Array(PAGE_FLAG_SETS);

  constructor(format: EntryFormat, switches: Switches, entries = 1) {
    this.format = format;
    this.entries = entries;
    this.entriesLog = Math.log2(entries);
    this.#parts = (format.partRights ?? []).map((rule) => new CompiledRule(rule, switches));
    this.#domainShift = format.domain === undefined ? 0 : fieldBits(format.domain)[1];
    this.#domainMask = format.domain === undefined ? 0 : 2 ** fieldWidth(format.domain) - 1;
    [this.accessedLow, this.accessedHigh] = mask(format, "accessed");
    [this.dirtyLow, this.dirtyHigh] = mask(format, "dirty");
    [this.reservedLow, this.reservedHigh] = mask(format, "reserved");
    this.#frames = format.fields.filter(({ role }) => role === "frame");
    this.isInPlace = this.#frames.every((field) => field.unitShift === undefined || field.unitShift === fieldBits(field)[1]);
    [this.frameLow, this.frameHigh] = mask(format, "frame");
    this.#rights = format.rights === undefined ? null : new CompiledRule(format.rights, switches);
    this.#attributes = format.attributes === undefined ? null : new CompiledRule(format.attributes, switches);
    if (format.encode === undefined) return;
    for (let flags = 0; flags < PAGE_FLAG_SETS; flags += 1) {
      const [lo, hi] = wordOf(format, format.encode(flags, switches));
      this.#baseLow[flags] = lo;
      this.#baseHigh[flags] = hi;
    }
  }

  /** The physical address an entry holds. */
  addressOf(lo: number, hi: number): number {
    const low = (lo & this.frameLow) >>> 0;
    if (this.isInPlace) return this.frameHigh === 0 ? low : ((hi & this.frameHigh) >>> 0) * TWO_32 + low;
    return this.#gathered(lo, hi);
  }

  /** An address whose bits stand elsewhere in the entry. */
  #gathered(lo: number, hi: number): number {
    let address = 0;
    for (const field of this.#frames) address += extract(field, lo, hi) * 2 ** (field.unitShift ?? fieldBits(field)[1]);
    return address;
  }

  /** What an entry lets through, alone; upper levels may permit less. All rights where the format says nothing of them. */
  rightsOf(lo: number, hi: number): Rights {
    return this.#rights === null ? ALL_RIGHTS : this.#rights.answer(lo, hi);
  }

  /** The page flags that an entry stores beside its rights (global, cacheable); 0 where the format stores none. */
  attributesOf(lo: number, hi: number): PageFlags {
    return this.#attributes === null ? 0 : this.#attributes.answer(lo, hi);
  }

  /** What the four parts of a page let through, six bits each, the lowest first; 0 where they have no rights of their own. */
  partRightsOf(lo: number, hi: number): number {
    let rights = 0;
    for (let part = 0; part < this.#parts.length; part += 1) rights |= this.#parts[part].answer(lo, hi) << (6 * part);
    return rights;
  }

  /** The domain that an entry names, or −1. */
  domainOf(lo: number): number {
    return this.#domainMask === 0 ? -1 : (lo >>> this.#domainShift) & this.#domainMask;
  }

  /** Must software mark an entry as accessed before it may be used? Only where `can.recordAccess` is `"fault"`. */
  isUnmarked(lo: number, hi: number): boolean {
    return (this.accessedLow | this.accessedHigh) !== 0 && !this.isAccessed(lo, hi);
  }

  /** Must it mark an entry as written before a write? Only where `can.recordWrite` is `"fault"`. */
  isClean(lo: number, hi: number): boolean {
    return (this.dirtyLow | this.dirtyHigh) !== 0 && !this.isDirty(lo, hi);
  }

  /** Is the accessed mark set? Never, where the format has none. */
  isAccessed(lo: number, hi: number): boolean {
    return (lo & this.accessedLow) !== 0 || (hi & this.accessedHigh) !== 0;
  }

  /** Is the dirty mark set? Never, where the format has none. */
  isDirty(lo: number, hi: number): boolean {
    return (lo & this.dirtyLow) !== 0 || (hi & this.dirtyHigh) !== 0;
  }

  /** Is a bit set that the manual reserves? */
  hasReserved(lo: number, hi: number): boolean {
    return (lo & this.reservedLow) !== 0 || (hi & this.reservedHigh) !== 0;
  }

  /** Bits 31:0 of an entry for a physical address and flags. */
  encodeLow(address: number, flags: PageFlags): number {
    return this.isInPlace ? this.#baseLow[flags] + ((address & this.frameLow) >>> 0) : this.#scatteredLow(address, flags);
  }

  #scatteredLow(address: number, flags: PageFlags): number {
    let word = this.#baseLow[flags];
    for (const field of this.#frames) word += place(field, this.#part(field, address))[0];
    return word;
  }

  /** Bits 63:32 of that entry; 0 in formats of four bytes. */
  encodeHigh(address: number, flags: PageFlags): number {
    if (!this.isInPlace) return this.#scatteredHigh(address, flags);
    return this.#baseHigh[flags] + ((Math.floor(address / TWO_32) & this.frameHigh) >>> 0);
  }

  #scatteredHigh(address: number, flags: PageFlags): number {
    let word = this.#baseHigh[flags];
    for (const field of this.#frames) word += place(field, this.#part(field, address))[1];
    return word;
  }

  #part(field: Field, address: number): number {
    return Math.floor(address / 2 ** (field.unitShift ?? fieldBits(field)[1])) % 2 ** fieldWidth(field);
  }
}

/** What an entry means, in one number: its kind in two bits, then the six bits of its rights, then its page flags. */
const RIGHTS_SHIFT = 2;
const FLAGS_SHIFT = 8;
/** The kind of entry in a meaning: {@link ABSENT_ENTRY}, {@link TABLE_ENTRY}, {@link LEAF_ENTRY} or {@link MALFORMED_ENTRY}. */
export const kindIn = (meaning: number): number => meaning & 3;
/** The rights in a meaning. */
export const rightsIn = (meaning: number): Rights => (meaning >>> RIGHTS_SHIFT) & ALL_RIGHTS;
/** The page flags in a meaning. */
export const flagsIn = (meaning: number): PageFlags => meaning >>> FLAGS_SHIFT;

/** Bytes of an entry of a level. */
export const entryBytesOf = ({ leaf, table }: Level): 4 | 8 => (leaf ?? table)?.bytes ?? 4;

/** One level, under one setting of the switches. */
export class LevelCodec {
  readonly level: Level;
  readonly table: FormatCodec | null;
  readonly leaf: FormatCodec | null;
  /** Leaves of other forms, in the order in which they are tried. */
  readonly forms: readonly FormatCodec[];
  readonly entryBytes: 4 | 8;
  /** The bits that say all but the address: entries that agree in these are of one kind and form, with equal rights, flags and marks. */
  readonly tellingLow: number = 0;
  readonly tellingHigh: number = 0;
  readonly #kind: CompiledRule;
  readonly #when: readonly CompiledRule[];
  /** Null where what an entry means is spread too widely over its bits. */
  readonly #meanings: AnswerTable | null;

  constructor(level: Level, switches: Switches) {
    this.level = level;
    this.table = level.table === undefined ? null : new FormatCodec(level.table, switches);
    this.leaf = level.leaf === undefined ? null : new FormatCodec(level.leaf, switches);
    this.entryBytes = entryBytesOf(level);
    this.#kind = new CompiledRule(
      { reads: level.kind.reads, tell: (values: FieldValues) => KINDS.indexOf(level.kind.tell(values, switches)) },
      switches,
    );
    const forms = level.forms ?? [];
    this.forms = forms.map(({ leaf, entries }) => new FormatCodec(leaf, switches, entries));
    this.#when = forms.map(
      ({ when }) => new CompiledRule({ reads: when.reads, tell: (values) => Number(when.tell(values, switches)) }, switches),
    );
    const fields = [level.kind, ...rulesOf(level.table), ...rulesOf(level.leaf)].flatMap(({ reads }) => reads);
    const ofForms = forms.flatMap(({ leaf, when }) => [when, ...rulesOf(leaf)]).flatMap(({ reads }) => reads);
    const marks = [level.leaf, ...forms.map(({ leaf }) => leaf)].flatMap((format) => format?.fields.filter(isMark) ?? []);
    const telling = coveredBits([...fields, ...ofForms, ...marks]);
    // As signed integers: a mask beyond them would be kept as a double.
    this.tellingLow = sumOfBits(telling, 0) | 0;
    this.tellingHigh = sumOfBits(telling, 32) | 0;
    this.#meanings = forms.length === 0 && AnswerTable.fits(fields) ? new AnswerTable(fields, (lo, hi) => this.#meaning(lo, hi)) : null;
  }

  /** The format of an entry that is a leaf. */
  leafOf(lo: number, hi: number): FormatCodec | null {
    for (let form = 0; form < this.forms.length; form += 1) if (this.#when[form].answer(lo, hi) !== 0) return this.forms[form];
    return this.leaf;
  }

  /** All that an entry of a level without other forms says but its address; see `kindIn`, `rightsIn` and `flagsIn`. */
  meaningOf(lo: number, hi: number): number {
    return this.#meanings === null ? this.#meaning(lo, hi) : this.#meanings.answer(lo, hi);
  }

  #meaning(lo: number, hi: number): number {
    const kind = this.kindOf(lo, hi);
    const format = kind === TABLE_ENTRY ? this.table : kind === LEAF_ENTRY ? this.leaf : null;
    if (format === null) return kind;
    return kind | (format.rightsOf(lo, hi) << RIGHTS_SHIFT) | (format.attributesOf(lo, hi) << FLAGS_SHIFT);
  }

  /** ABSENT_ENTRY, TABLE_ENTRY, LEAF_ENTRY or MALFORMED_ENTRY. */
  kindOf(lo: number, hi: number): number {
    return this.#kind.answer(lo, hi);
  }
}

const rulesOf = (format: EntryFormat | undefined): Rule<number>[] =>
  [format?.rights, format?.attributes].filter((rule) => rule !== undefined);

const isMark = ({ role }: Field): boolean => role === "accessed" || role === "dirty";

/** The word that has these field values. */
const wordOf = (format: EntryFormat, values: FieldValues): readonly [lo: number, hi: number] => {
  let lo = 0;
  let hi = 0;
  for (const field of format.fields) {
    const value = values[field.name];
    if (value === undefined) continue;
    const [low, high] = place(field, value);
    lo += low;
    hi += high;
  }
  return [lo, hi];
};

/** All bits of the fields with a role. */
const mask = (format: EntryFormat, role: FieldRole): readonly [lo: number, hi: number] => {
  let lo = 0;
  let hi = 0;
  for (const field of format.fields) {
    if (field.role !== role) continue;
    const [high, low] = fieldBits(field);
    for (let bit = low; bit <= high; bit += 1) {
      if (bit < 32) lo += 2 ** bit;
      else hi += 2 ** (bit - 32);
    }
  }
  // As signed integers: a mask beyond them would be kept as a double.
  return [lo | 0, hi | 0];
};
