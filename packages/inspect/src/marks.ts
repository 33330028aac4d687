/**
 * Marks that emulators leave in entries where a processor wants zeroes. Whoever looks into an emulator's memory wants to see what it
 * mapped; a processor would have faulted. They are passed over where that is asked for, one by one and never silently.
 */
import { fieldBits, type Level } from "@portolan/core/architecture";

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
