/**
 * Marks that emulators leave in entries where a processor wants zeroes. Whoever looks into an emulator's memory wants to see what it
 * mapped; a processor would have faulted. They are passed over where that is asked for, one by one and never silently.
 */
import { fieldBits, TABLE_ENTRY, type Level } from "@portolan/core/architecture";
import type { Memory } from "./memory.js";
import type { Roots, Tree } from "./tree.js";
import { TableWords } from "./words.js";

/** A mark that is known. */
interface Mark {
  /** Of which entries. */
  readonly format: string;
  readonly bytes: 4 | 8;
  /** Index bits of the table that has them. */
  readonly indexBits: number;
  readonly bit: number;
  readonly says: string;
}

const KNOWN: readonly Mark[] = [
  {
    format: "PDPTE",
    bytes: 8,
    indexBits: 2,
    bit: 5,
    // Processors hold the four pointers of PAE in registers, and fault on this bit when they load them: Intel SDM vol 3A §4.4.1.
    says: "bit 5, which must be zero, is set: QEMU marks here what it has used, and a processor would fault",
  },
];

/** Bits of a level's entries that lead on, in their lower half, that are passed over where that is asked for; 0 where there are none. */
export const marksOf = (level: Level): number => {
  const mark = knownAt(level);
  const isReserved =
    mark !== undefined &&
    level.table?.fields.some((field) => {
      const [high, low] = fieldBits(field);
      return field.role === "reserved" && low <= mark.bit && mark.bit <= high;
    }) === true;
  return isReserved ? 1 << mark.bit : 0;
};

/** What the marks of a level are, in words. */
export const marksInWords = (level: Level): string => knownAt(level)?.says ?? "";

const knownAt = ({ table, indexBits }: Level): Mark | undefined =>
  KNOWN.find((mark) => mark.format === table?.name && mark.bytes === table.bytes && mark.indexBits === indexBits);

/** What is passed over in the tables at the roots, a sentence for each root: for whoever prints a list that tells of no entries. */
export const passedOver = async (memory: Memory, tree: Tree, roots: Roots): Promise<readonly string[]> => {
  const [top] = tree.levels;
  if (top.marks === 0) return [];
  const told: string[] = [];
  const words = new TableWords(top, tree.architecture.byteOrder);
  for (const { base, firstIndex, entries } of tree.spansOf(roots)) {
    await words.read(memory, base, firstIndex, entries);
    let marked = 0;
    for (let index = firstIndex; index < words.count; index += 1) {
      const lo = words.low[index];
      if (top.codec.kindOf(lo, words.high[index]) === TABLE_ENTRY && (lo & top.marks) !== 0) marked += 1;
    }
    if (marked > 0) told.push(`${top.level.name}: in ${marked} of ${entries} entries ${marksInWords(top.level)}; passed over`);
  }
  return told;
};
