/** Rows of vectors: which of them are one entry, which a machine's TLBs have room for, and which its hardware can hold. */
import {
  EXECUTE,
  READ,
  rightsFor,
  WRITE,
  type Architecture,
  type FieldValues,
  type Rights,
  type SoftwareTlb,
  type TlbRow,
} from "@portolan/core";
import type { VectorEntry, VectorSet } from "./format.js";

const maskOf = (text: string): number =>
  (text.includes("r") ? READ : 0) | (text.includes("w") ? WRITE : 0) | (text.includes("x") ? EXECUTE : 0);
export const rightsText = (mask: number): string =>
  `${(mask & READ) === 0 ? "" : "r"}${(mask & WRITE) === 0 ? "" : "w"}${(mask & EXECUTE) === 0 ? "" : "x"}`;
/** What a row lets through. */
export const rightsOf = ({ kernel, user }: Pick<VectorEntry, "kernel" | "user">): Rights => rightsFor(maskOf(kernel), maskOf(user));

/** The rows of one entry, in ascending order. */
export type Entry = readonly [only: VectorEntry] | readonly [even: VectorEntry, odd: VectorEntry];

const nameOf = ({ unit, index }: VectorEntry): string => `${unit} ${index}`;

/** Rows of one `unit` and `index` are halves of one entry; where entries are not paired, the last one is what the entry holds. */
export const entriesOf = (rows: readonly VectorEntry[], { tlb }: Pick<Architecture, "tlb">): readonly Entry[] => {
  const entries = new Map<string, Entry>();
  for (const row of rows) {
    const before = entries.get(nameOf(row))?.[0];
    if (before === undefined || !tlb.data.paired) entries.set(nameOf(row), [row]);
    else entries.set(nameOf(row), BigInt(before.virtual) < BigInt(row.virtual) ? [before, row] : [row, before]);
  }
  return [...entries.values()];
};

/** Something wrong with a row, by its number in the list. */
export type RowTrouble = readonly [row: number, reason: string];

/** What is wrong with rows on any machine: an entry has one row, or two that are its halves. */
export const troubleInRows = (rows: readonly VectorEntry[]): readonly RowTrouble[] => {
  const seen = new Map<string, VectorEntry[]>();
  return rows.flatMap((row, i): readonly RowTrouble[] => {
    const before = seen.get(nameOf(row)) ?? [];
    seen.set(nameOf(row), [...before, row]);
    if (row.valid === false && row.kernel + row.user !== "") return [[i, "is not valid and has rights"]];
    const [other, ...more] = before;
    if (other === undefined) return [];
    return more.length === 0 && areHalves(row, other) ? [] : [[i, `is no other half of the entry ${nameOf(row)}`]];
  });
};

const areHalves = (one: VectorEntry, other: VectorEntry): boolean => {
  const bytes = BigInt(one.bytes);
  const [first, second] = [BigInt(one.virtual), BigInt(other.virtual)];
  return (
    BigInt(other.bytes) === bytes && one.asid === other.asid && bytes > 0n && first / bytes / 2n === second / bytes / 2n && first !== second
  );
};

/** Rights that an entry of a unit can say, and the fields that say so; the first words for each. */
export const rightsHeld = (software: SoftwareTlb, unit: VectorEntry["unit"]): ReadonlyMap<Rights, FieldValues> => {
  const blank: TlbRow = { unit, index: 0, virtual: 0n, bytes: 2 ** 12, physical: 0n, asid: 0, global: false, kernel: 0, user: 0 };
  const { rights } = software.entryOf(blank);
  const held = new Map<Rights, FieldValues>();
  if (rights === undefined) return held;
  let settings: readonly FieldValues[] = [{}];
  for (const { name, bits } of rights.reads) {
    const width = typeof bits === "number" ? 1 : bits[0] - bits[1] + 1;
    settings = settings.flatMap((values) => Array.from({ length: 2 ** width }, (_, value) => ({ ...values, [name]: value })));
  }
  for (const values of settings) {
    const told = rights.tell(values, {});
    if (!held.has(told)) held.set(told, values);
  }
  return held;
};

/** What is wrong with the rows of a set on this machine, by place and reason: rows that its TLBs have no room for, or cannot hold. */
export const strangersInRows = (
  { vectors, rows = "any" }: VectorSet,
  { tlb, asids }: Architecture,
): readonly (readonly [place: string, reason: string])[] => {
  const { software } = tlb;
  return vectors.flatMap(({ tlb: given = [] }, i) => {
    const entries = entriesOf(given, { tlb });
    const loaded = new Set(entries.flatMap((entry): readonly VectorEntry[] => entry));
    const halves = new Set(entries.flatMap((entry) => (entry.length === 2 ? entry : [])));
    const reasonFor = (row: VectorEntry): string | null => {
      const buffer = row.unit === "instruction" ? tlb.instruction : tlb.data;
      if (buffer === undefined) return "is of a TLB that the machine does not have";
      if (!loaded.has(row)) return "is of an entry that another row is of, and entries are not paired";
      if (row.index >= buffer.entries) return `is none of ${buffer.entries} entries`;
      const bytes = BigInt(row.bytes);
      const page = halves.has(row) || !buffer.paired ? bytes : bytes / 2n;
      if (!buffer.pageShifts.some((shift) => 2n ** BigInt(shift) === page)) return "maps as many bytes as no entry does";
      if (BigInt(row.virtual) % bytes !== 0n || BigInt(row.physical) % page !== 0n) return "does not begin where a page of its size can";
      if (row.asid >= 2 ** asids.bits) return `has a tag of more than ${asids.bits} bits`;
      if (row.valid === false && software?.matchesInvalid !== true) return "is not valid, and matches nothing then";
      return rows === "hardware" && !isHeld(row, software) ? "has rights that no entry can have" : null;
    };
    return given.flatMap((row, j) => {
      const reason = reasonFor(row);
      return reason === null ? [] : [[`vectors[${i}].tlb[${j}]`, reason] as const];
    });
  });
};

/** Does some entry of the hardware say these rights, as far as the port tells? One that is not valid says none, one that is valid some. */
const isHeld = (row: VectorEntry, software: SoftwareTlb | undefined): boolean => {
  if (software === undefined) return true;
  const rights = rightsOf(row);
  return rightsHeld(software, row.unit).has(rights) && (!software.matchesInvalid || (rights === 0) === (row.valid === false));
};
