/**
 * The manual's figures of a descriptor, read once more: cut from a binary word as it is drawn, bit 63 first, without the
 * list of fields.
 *
 * @see Arm ARM (DDI 0487) D5.3 (figures of descriptors), D5.4 (tables of permissions)
 */
import type { DecodedEntry, Oracle } from "@portolan/core/architecture";

/** What of a machine decides how descriptors are read. */
export interface OracleOptions {
  /** KiB of a page. */
  readonly granule: 4 | 16 | 64;
  /** Address bits of each half. */
  readonly bits: number;
  /** Bits of an output address. 48 where absent. */
  readonly physicalBits?: number;
}

/** By granule: bits of the offset in a page; the size of a block by level, and of what is contiguous, as shifts. */
const FIGURES = {
  4: { page: 12, leaf: { 1: 30, 2: 21, 3: 12 }, contiguous: { 1: 34, 2: 25, 3: 16 }, index: 9 },
  16: { page: 14, leaf: { 2: 25, 3: 14 }, contiguous: { 2: 30, 3: 21 }, index: 11 },
  64: { page: 16, leaf: { 2: 29, 3: 16 }, contiguous: { 2: 34, 3: 21 }, index: 13 },
} as const;

/** "rw" as a mask. */
const mask = (text: string): number => (text.includes("r") ? 1 : 0) + (text.includes("w") ? 2 : 0) + (text.includes("x") ? 4 : 0);

/** Table "data access permissions", AP[2:1] from 00 to 11: EL1, EL0. */
const DATA: Readonly<Record<string, readonly [kernel: string, user: string]>> = {
  "00": ["rw", ""],
  "01": ["rw", "rw"],
  "10": ["r", ""],
  "11": ["r", "r"],
};
/** Table "effect of APTable": what remains possible below. */
const BELOW: Readonly<Record<string, readonly [kernel: string, user: string]>> = {
  "00": ["rw", "rw"],
  "01": ["rw", ""],
  "10": ["r", "r"],
  "11": ["r", ""],
};

const at = <T>(table: Readonly<Record<number, T>>, level: number): T | undefined => table[level];

const descriptorAt =
  (level: number, width: number, { granule, physicalBits = 48 }: OracleOptions) =>
  (word: bigint): DecodedEntry => {
    const drawn = word.toString(2).padStart(64, "0");
    /** As the figures name bits: from `high` down to `low`. */
    const cut = (high: number, low = high): string => drawn.slice(63 - high, 64 - low);
    const { page, leaf, contiguous } = FIGURES[granule];
    const hasReserved = physicalBits < 48 && cut(47, physicalBits).includes("1");
    /** The output address, from bit `shift` on. */
    const output = (shift: number): bigint => BigInt(`0b${cut(physicalBits - 1, shift)}`) << BigInt(shift);
    const block = at(leaf, level);
    const isPage = level === 3;
    if (cut(0) === "0") return { kind: "absent" };
    if (cut(1) === "1" && !isPage) {
      const [kernel, user] = BELOW[cut(62, 61)] ?? ["", ""];
      return {
        kind: "table",
        physical: output(page),
        rights: mask(kernel + (cut(59) === "1" ? "" : "x")) + 8 * mask(user + (cut(60) === "1" ? "" : "x")),
        hasReserved,
      };
    }
    if (cut(1) === "0" && (isPage || block === undefined)) return { kind: "absent" };
    const single = block ?? page;
    const many = at(contiguous, level) ?? single;
    // A run longer than the table, or than the output address, is none.
    const isMany = cut(52) === "1" && many - single <= width && many < physicalBits;
    const [kernel, user] = DATA[cut(7, 6)] ?? ["", ""];
    return {
      kind: "leaf",
      ...(isMany ? { entries: 2 ** (many - single) } : {}),
      physical: output(isMany ? many : single),
      rights: mask(kernel + (cut(53) === "1" ? "" : "x")) + 8 * mask(user + (cut(54) === "1" ? "" : "x")),
      isGlobal: cut(11) === "0",
      isCacheable: cut(4, 2) === "001",
      isAccessed: cut(10) === "1",
      isDirty: false,
      hasReserved,
    };
  };

/** A second decoder for the formats that `arm64With` makes. */
export const oracleOf = (options: OracleOptions): Oracle => {
  const { page, index } = FIGURES[options.granule];
  const widths: number[] = [];
  for (let left = options.bits - page; left > 0; left -= index) widths.unshift(Math.min(left, index));
  return {
    manual: "Arm ARM (DDI 0487) D5.3, D5.4",
    levels: widths.map((width, depth) => descriptorAt(4 - widths.length + depth, width, options)),
  };
};

/** For `arm64`. */
export const oracle: Oracle = oracleOf({ granule: 4, bits: 48 });
