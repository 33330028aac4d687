/**
 * The words once more: read as text, bit 31 first, as the manual draws EntryLo and as a compiler lays HelenOS's structure
 * out, without the lists of fields.
 *
 * @see MIPS32 PRA vol III, EntryLo0 and EntryLo1; HelenOS kernel/arch/mips32/include/types.h (pte_t)
 */
import { EXECUTE, READ, rightsFor, WRITE, type DecodedEntry, type Oracle } from "@portolan/core/architecture";
import { entryLoFormat, type ByteOrder } from "./formats.js";

const drawn = (word: bigint): string => word.toString(2).padStart(32, "0");
const numberIn = (bits: string): bigint => BigInt(`0b${bits}`);
/** Bits high:low of a drawn word. */
const slice = (bits: string, high: number, low = high): string => bits.slice(31 - high, 32 - low);
const backwards = (bits: string): string => bits.split("").toReversed().join("");
/** Addresses alone decide who may: what a page lets through it lets through for both. */
const forBoth = (may: number): number => rightsFor(may, may);

/** The structure's members in the order in which it declares them, with their widths. */
const MEMBERS = [
  ["g", 1],
  ["p", 1],
  ["d", 1],
  ["cacheable", 1],
  ["unused", 1],
  ["soft_valid", 1],
  ["pfn", 24],
  ["w", 1],
  ["a", 1],
] as const;

/** The first member lies at the low end of a word on a little-endian machine, at the high end on a big-endian one. */
const membersOf = (word: bigint, byteOrder: ByteOrder): Readonly<Record<string, bigint>> => {
  const isBig = byteOrder === "big";
  const fromFirst = isBig ? drawn(word) : backwards(drawn(word));
  const members: Record<string, bigint> = {};
  let at = 0;
  for (const [name, width] of MEMBERS) {
    const bits = fromFirst.slice(at, at + width);
    members[name] = numberIn(isBig ? bits : backwards(bits));
    at += width;
  }
  return members;
};

const entryLo = (word: bigint): DecodedEntry => {
  const bits = drawn(word);
  const [isValid, isWritable] = [slice(bits, 1) === "1", slice(bits, 2) === "1"];
  return {
    kind: "leaf",
    physical: numberIn(slice(bits, 29, 6)) * 4096n,
    rights: forBoth(isValid ? READ + EXECUTE + (isWritable ? WRITE : 0) : 0),
    isGlobal: slice(bits, 0) === "1",
    isCacheable: slice(bits, 5, 3) !== "010",
    hasReserved: slice(bits, 31, 30) !== "00",
  };
};

/** The second decoder of a machine of one byte order. */
export const oracleOf = (byteOrder: ByteOrder): Oracle => ({
  manual: "MIPS32 PRA vol III, EntryLo0 and EntryLo1; HelenOS kernel/arch/mips32/include/types.h",
  levels: [
    (word) => {
      const { p, pfn = 0n } = membersOf(word, byteOrder);
      return p === 1n ? { kind: "table", physical: pfn * 4096n, hasReserved: false } : { kind: "absent" };
    },
    (word) => {
      const { p, pfn = 0n, w, a, d, g, cacheable } = membersOf(word, byteOrder);
      if (p !== 1n) return { kind: "absent" };
      return {
        kind: "leaf",
        physical: pfn * 4096n,
        rights: forBoth(READ + EXECUTE + (w === 1n ? WRITE : 0)),
        isGlobal: g === 1n,
        isCacheable: cacheable === 1n,
        isAccessed: a === 1n,
        isDirty: d === 1n,
        hasReserved: false,
      };
    },
  ],
  others: [{ format: entryLoFormat, decode: entryLo }],
});

/** Of the little-endian machine. */
export const oracle: Oracle = oracleOf("little");
