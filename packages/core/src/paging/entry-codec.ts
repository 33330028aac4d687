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

export const ABSENT_ENTRY = 0;
export const TABLE_ENTRY = 1;
export const LEAF_ENTRY = 2;
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
const WIDEST_TABLE = 13;

/** The lowest and the highest bit that fields read in one half of a word. */
const windowOf = (fields: readonly Field[], isHigh: boolean): { readonly shift: number; readonly width: number } => {
  const bits = fields.map(fieldBits).filter(([, low]) => low >= 32 === isHigh);
  if (bits.length === 0) return { shift: 0, width: 0 };
  const low = Math.min(...bits.map(([, bit]) => bit));
  return { shift: low % 32, width: Math.max(...bits.map(([bit]) => bit)) - low + 1 };
};

/**
 * A rule compiled: the answer to every combination of the bits between the lowest and the highest that it reads, in both
 * halves. A rule that reads bits far apart gathers them into an index first.
 */
class CompiledRule {
  readonly #rule: Rule<number>;
  readonly #lowShift: number;
  readonly #lowMask: number;
  readonly #highShift: number;
  readonly #highMask: number;
  /** Where the bits of the high half begin in an index. */
  readonly #lowWidth: number;
  readonly #isTable: boolean;
  readonly #answers: Int32Array;

  /** @param rule answers with small integers */
  constructor(rule: Rule<number>, switches: Switches) {
    const low = windowOf(rule.reads, false);
    const high = windowOf(rule.reads, true);
    const crosses = rule.reads.some((field) => fieldBits(field)[0] >= 32 && fieldBits(field)[1] < 32);
    this.#rule = rule;
    this.#lowShift = low.shift;
    this.#lowMask = 2 ** low.width - 1;
    this.#lowWidth = low.width;
    this.#highShift = high.shift;
    this.#highMask = 2 ** high.width - 1;
    this.#isTable = !crosses && low.width + high.width <= WIDEST_TABLE;
    const width = rule.reads.reduce((sum, field) => sum + fieldWidth(field), 0);
    const answers = Int32Array.from({ length: 2 ** width }, (_, index) => rule.tell(gatheredValues(rule.reads, index), switches));
    this.#answers = this.#isTable ? this.#laidOut(answers, low.width + high.width) : answers;
  }

  answer(lo: number, hi: number): number {
    if (!this.#isTable) return this.#answers[gather(this.#rule.reads, lo, hi)];
    return this.#answers[((lo >>> this.#lowShift) & this.#lowMask) | (((hi >>> this.#highShift) & this.#highMask) << this.#lowWidth)];
  }

  /** Answers to the combinations of what is read, for every value that the windows of `width` bits can show. */
  #laidOut(answers: Int32Array, width: number): Int32Array {
    const combinations = new Int32Array(2 ** width);
    for (let bit = 0; bit < width; bit += 1) {
      const lo = bit < this.#lowWidth ? 2 ** (bit + this.#lowShift) : 0;
      const hi = bit < this.#lowWidth ? 0 : 2 ** (bit - this.#lowWidth + this.#highShift);
      // What a bit contributes is added to all that is known of the bits below it.
      const contributes = gather(this.#rule.reads, lo, hi);
      for (let below = 0; below < 2 ** bit; below += 1) combinations[2 ** bit + below] = combinations[below] | contributes;
    }
    return combinations.map((combination) => answers[combination]);
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
  readonly accessedLow: number;
  readonly accessedHigh: number;
  readonly dirtyLow: number;
  readonly dirtyHigh: number;
  readonly reservedLow: number;
  readonly reservedHigh: number;
  readonly #frames: readonly Field[];
  /** Every bit of the address stands in the entry where it stands in the address: masks are all it takes. */
  readonly #isInPlace: boolean;
  readonly #frameLow: number;
  readonly #frameHigh: number;
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
    this.#isInPlace = this.#frames.every((field) => field.unitShift === undefined || field.unitShift === fieldBits(field)[1]);
    [this.#frameLow, this.#frameHigh] = mask(format, "frame");
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
    if (this.#isInPlace) return ((hi & this.#frameHigh) >>> 0) * TWO_32 + ((lo & this.#frameLow) >>> 0);
    let address = 0;
    for (const field of this.#frames) address += extract(field, lo, hi) * 2 ** (field.unitShift ?? fieldBits(field)[1]);
    return address;
  }

  rightsOf(lo: number, hi: number): Rights {
    return this.#rights === null ? ALL_RIGHTS : this.#rights.answer(lo, hi);
  }

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
    return (this.accessedLow !== 0 || this.accessedHigh !== 0) && !this.isAccessed(lo, hi);
  }

  /** Must it mark an entry as written before a write? Only where `can.recordWrite` is `"fault"`. */
  isClean(lo: number, hi: number): boolean {
    return (this.dirtyLow !== 0 || this.dirtyHigh !== 0) && !this.isDirty(lo, hi);
  }

  isAccessed(lo: number, hi: number): boolean {
    return (lo & this.accessedLow) !== 0 || (hi & this.accessedHigh) !== 0;
  }

  isDirty(lo: number, hi: number): boolean {
    return (lo & this.dirtyLow) !== 0 || (hi & this.dirtyHigh) !== 0;
  }

  hasReserved(lo: number, hi: number): boolean {
    return (lo & this.reservedLow) !== 0 || (hi & this.reservedHigh) !== 0;
  }

  /** Bits 31:0 of an entry for a physical address and flags. */
  encodeLow(address: number, flags: PageFlags): number {
    let word = this.#baseLow[flags];
    if (this.#isInPlace) return word + ((address & this.#frameLow) >>> 0);
    for (const field of this.#frames) word += place(field, this.#part(field, address))[0];
    return word;
  }

  encodeHigh(address: number, flags: PageFlags): number {
    let word = this.#baseHigh[flags];
    if (this.#isInPlace) return word + ((Math.floor(address / TWO_32) & this.#frameHigh) >>> 0);
    for (const field of this.#frames) word += place(field, this.#part(field, address))[1];
    return word;
  }

  #part(field: Field, address: number): number {
    return Math.floor(address / 2 ** (field.unitShift ?? fieldBits(field)[1])) % 2 ** fieldWidth(field);
  }
}

/** One level, under one setting of the switches. */
export class LevelCodec {
  readonly level: Level;
  readonly table: FormatCodec | null;
  readonly leaf: FormatCodec | null;
  /** Leaves of other forms, in the order in which they are tried. */
  readonly forms: readonly FormatCodec[];
  readonly entryBytes: 4 | 8;
  readonly #kind: CompiledRule;
  readonly #when: readonly CompiledRule[];

  constructor(level: Level, switches: Switches) {
    this.level = level;
    this.table = level.table === undefined ? null : new FormatCodec(level.table, switches);
    this.leaf = level.leaf === undefined ? null : new FormatCodec(level.leaf, switches);
    const forms = level.forms ?? [];
    this.forms = forms.map(({ leaf, entries }) => new FormatCodec(leaf, switches, entries));
    this.#when = forms.map(
      ({ when }) => new CompiledRule({ reads: when.reads, tell: (values) => Number(when.tell(values, switches)) }, switches),
    );
    this.entryBytes = (level.leaf ?? level.table)?.bytes ?? 4;
    this.#kind = new CompiledRule(
      { reads: level.kind.reads, tell: (values: FieldValues) => KINDS.indexOf(level.kind.tell(values, switches)) },
      switches,
    );
  }

  /** The format of an entry that is a leaf. */
  leafOf(lo: number, hi: number): FormatCodec | null {
    for (let form = 0; form < this.forms.length; form += 1) if (this.#when[form].answer(lo, hi) !== 0) return this.forms[form];
    return this.leaf;
  }

  /** ABSENT_ENTRY, TABLE_ENTRY, LEAF_ENTRY or MALFORMED_ENTRY. */
  kindOf(lo: number, hi: number): number {
    return this.#kind.answer(lo, hi);
  }
}

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
  return [lo % TWO_32, hi % TWO_32];
};
