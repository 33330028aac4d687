/** A look into a TLB: which entry answers, and which ones nearly do. */
import { explainFields, fieldBits, type Architecture, type Field, type SoftwareTlb, type TlbRow } from "@portolan/core/architecture";
import type { Culprit } from "../culprit.js";
import { hexadecimal } from "../in-words.js";
import type { ImageStep } from "../walk-address.js";

/** What a TLB says to one access. */
export interface TlbAnswer {
  /** The entry that decides; the lowest where several match. */
  readonly row: TlbRow | null;
  /** Further entries that match. */
  readonly others: readonly TlbRow[];
  /** Entries for the address that do not match. */
  readonly near: readonly NearMatch[];
  /** Entries that were compared. */
  readonly compared: number;
}

/** An entry for the address that does not match: why, and what would have to be different. */
export interface NearMatch {
  readonly row: TlbRow;
  readonly why: string;
  readonly culprit: Culprit;
}

const covers = ({ virtual, bytes }: TlbRow, address: bigint): boolean => address >= virtual && address < virtual + BigInt(bytes);

/** The buffer that an access goes to: fetches have one of their own on some machines. */
export const unitFor = ({ tlb }: Pick<Architecture, "tlb">, isFetch: boolean): TlbRow["unit"] =>
  isFetch && tlb.instruction !== undefined ? "instruction" : "data";

/** Asks a TLB as hardware would, with a tag, or without one: only global entries match then. */
export const lookUp = (
  rows: readonly TlbRow[],
  { matchesInvalid, tagName }: SoftwareTlb,
  unit: TlbRow["unit"],
  address: bigint,
  asid: number | null,
): TlbAnswer => {
  const found: TlbRow[] = [];
  const near: NearMatch[] = [];
  const compared = new Set<number>();
  for (const row of rows) {
    if (row.unit !== unit) continue;
    compared.add(row.index);
    if (!covers(row, address)) continue;
    if (row.valid === false && !matchesInvalid)
      near.push({ row, why: "V is clear", culprit: { kind: "field", name: "V", is: 0, wouldBe: 1 } });
    else if (row.global || row.asid === asid) found.push(row);
    else {
      const why = `it is of ${tagName} ${row.asid}${asid === null ? "" : `, not ${asid}`}`;
      near.push({ row, why, culprit: { kind: "field", name: tagName, is: row.asid, wouldBe: asid ?? row.asid } });
    }
  }
  found.sort((one, other) => one.index - other.index);
  const [row = null, ...others] = found;
  return { row, others, near, compared: compared.size };
};

/** A field of a word that stands higher in a larger number, under a longer name. */
export const raised = (field: Field, by: number, prefix = ""): Field => {
  const [high, low] = fieldBits(field);
  return { ...field, name: `${prefix}${field.name}`, bits: high === low ? high + by : [high + by, low + by] };
};

/** The words of an entry as one number, with the fields of each; nothing where the source has told none. */
const wordsOf = (row: TlbRow, view: SoftwareTlb, address: bigint): { raw: bigint; bytes: 4 | 8 | 16; fields: readonly Field[] } => {
  let raw = 0n;
  let fields: Field[] = [];
  let bits = 0;
  const words = row.words === undefined ? [] : view.words(row, address);
  for (const [at, word] of words.entries()) {
    const value = row.words?.[word.name];
    if (value === undefined) return { raw: 0n, bytes: 4, fields: [] };
    raw = (raw << BigInt(word.bits)) | BigInt.asUintN(word.bits, value);
    // The last word's fields keep their names: they are those of the entry's format.
    const prefix = at === words.length - 1 ? "" : `${word.name}.`;
    fields = [...fields.map((field) => raised(field, word.bits)), ...word.fields.map((field) => raised(field, 0, prefix))];
    bits += word.bits;
  }
  return { raw, bytes: bits > 64 ? 16 : bits > 32 ? 8 : 4, fields };
};

/** What an entry is, whether it matches or not. */
export const rowInWords = (row: TlbRow, { tagName }: SoftwareTlb): string => {
  const last = row.virtual + BigInt(row.bytes) - 1n;
  const marks = `${row.global ? "global" : `${tagName} ${row.asid}`}${row.locked === true ? ", locked" : ""}${row.uncached === true ? ", uncached" : ""}`;
  return `${hexadecimal(row.virtual)}-${hexadecimal(last)} -> ${hexadecimal(row.physical)}, ${marks}`;
};

/** An entry as a step of a walk. */
export const stepOf = (
  row: TlbRow,
  view: SoftwareTlb,
  address: bigint,
  says: string,
  culprit: Culprit | null = null,
  isPassedOver = false,
): ImageStep => {
  const { raw, bytes, fields } = wordsOf(row, view, address);
  return {
    source: "tlb",
    isPassedOver,
    culprit,
    depth: 0,
    table: `${row.unit} TLB`,
    tableAddress: null,
    index: row.index,
    entryAddress: null,
    bytes,
    raw,
    fields: explainFields(fields, raw),
    rights: row.kernel | (row.user << 3),
    format: fields.length === 0 ? null : { ...view.entryOf(row), fields },
    says: `${rowInWords(row, view)}: ${says}`,
    manual: view.manual,
    beside: null,
    memoryType: null,
    marks: null,
  };
};
