/**
 * Page-table entries of Sv39, Sv48 and Sv57. All three have the same entry; what differs between levels is how much of
 * the physical page number a leaf has. Everything a leaf above the last level does not use of it must be zero (a
 * misaligned superpage), and pointers use neither U, A nor D.
 *
 * @see RISC-V Privileged Architecture (20211203) §4.3.1, §4.4.1, §4.5.1, §4.6.1; chapters 5 (Svnapot) and 6 (Svpbmt)
 */
import {
  EXECUTE,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  WRITE,
  rightsFor,
  type EntryFormat,
  type EntryKind,
  type Field,
  type FieldValues,
  type LeafForm,
  type Level,
  type PageFlags,
  type Rule,
} from "@portolan/core/architecture";

/** Levels of tables by mode. */
export const MODES = { sv39: 3, sv48: 4, sv57: 5 } as const;
/** How many levels: the MODE field of satp, by name. */
export type Mode = keyof typeof MODES;

/** What differs between processors. */
export interface EntryOptions {
  readonly mode: Mode;
  /** Svnapot: bit 63 of a last-level leaf says that sixteen entries map one page of 64 KiB. Reserved without. */
  readonly svnapot: boolean;
  /** Svpbmt: bits 62:61 of a leaf are a memory type. Reserved without. */
  readonly svpbmt: boolean;
}

const V: Field = { name: "V", bits: 0, role: "control", says: "valid" };
const R: Field = { name: "R", bits: 1, role: "control", says: "may be read" };
const W: Field = { name: "W", bits: 2, role: "control", says: "may be written" };
const X: Field = { name: "X", bits: 3, role: "control", says: "may be executed" };
const U: Field = {
  name: "U",
  bits: 4,
  role: "control",
  says: "the user may access it; the kernel by sstatus.SUM only, and never execute it",
};
const G: Field = { name: "G", bits: 5, role: "global", says: "belongs to every address space" };
const A: Field = { name: "A", bits: 6, role: "accessed", says: "accessed" };
const D: Field = { name: "D", bits: 7, role: "dirty", says: "written" };
const RSW: Field = { name: "RSW", bits: [9, 8], role: "software", says: "for the operating system" };
const RESERVED_HIGH: Field = { name: "reserved 60:54", bits: [60, 54], role: "reserved", says: "must be zero" };
const PBMT: Field = {
  name: "PBMT",
  bits: [62, 61],
  role: "attribute",
  says: "memory type",
  values: { 0: "as the physical memory attributes say", 1: "not cached, main memory", 2: "not cached, input and output", 3: "reserved" },
};
const N: Field = { name: "N", bits: 63, role: "control", says: "one of sixteen entries that map a page of 64 KiB" };
/** PPN[0] of a leaf of the last level in two parts: of a 64 KiB page the lower one is a size. */
const PPN_LOW: Field = { name: "PPN[0] 3:0", bits: [13, 10], role: "frame", unitShift: 12, says: "physical page number, low bits" };
const NAPOT_SIZE: Field = { ...PPN_LOW, role: "control", says: "size: 1000 is 64 KiB, the others are reserved" };
/** Those bits of an entry that say 64 KiB. */
const NAPOT_64K = 0b1000;

/** Bits that must be zero. */
export const zero = (name: string, high: number, low: number, says = "must be zero"): Field => ({
  name,
  bits: high === low ? low : [high, low],
  role: "reserved",
  says,
});

/** Bit 10 of an entry is bit 12 of the address. */
export const ppn = (name: string, low: number, says: string, high = 53): Field => ({
  name,
  bits: [high, low],
  role: "frame",
  unitShift: low + 2,
  says,
});

const bit = (flags: PageFlags, flag: number): number => ((flags & flag) === 0 ? 0 : 1);

/** What of the options decides how leaves are read. */
export type Extensions = Pick<EntryOptions, "svnapot" | "svpbmt">;

/** @see §3.1.6.3 (MXR, SUM), §4.3.1 (U) */
export const rights: Rule<number> = {
  reads: [R, W, X, U],
  tell(values, { MXR, SUM }) {
    const isExecutable = values["X"] === 1;
    const data = (values["R"] === 1 || (MXR && isExecutable) ? READ : 0) | (values["W"] === 1 ? WRITE : 0);
    const fetch = isExecutable ? EXECUTE : 0;
    if (values["U"] === 1) return rightsFor(SUM ? data : 0, data | fetch);
    return rightsFor(data | fetch, 0);
  },
};

/** Without Svpbmt it is not the entry that says what is cached: memory is. */
export const attributesWith = ({ svpbmt }: Pick<Extensions, "svpbmt">): Rule<number> => ({
  reads: svpbmt ? [G, PBMT] : [G],
  tell: (values) => (values["G"] === 1 ? PAGE_GLOBAL : 0) | ((values["PBMT"] ?? 0) === 0 ? PAGE_CACHEABLE : 0),
});

/**
 * A page that is written can be read; one that nobody may touch is the kernel's to read, as R = W = X = 0 is a pointer.
 */
export const encodeWith =
  ({ svpbmt }: Pick<Extensions, "svpbmt">) =>
  (flags: PageFlags): FieldValues => {
    const access = flags & (READ | WRITE | EXECUTE);
    return {
      V: 1,
      R: access === 0 ? 1 : bit(flags, READ | WRITE),
      W: bit(flags, WRITE),
      X: bit(flags, EXECUTE),
      U: access === 0 ? 0 : bit(flags, PAGE_USER),
      G: bit(flags, PAGE_GLOBAL),
      ...(svpbmt ? { PBMT: 1 - bit(flags, PAGE_CACHEABLE) } : {}),
    };
  };

/** Bits 9:0 of a pointer. */
export const flagsOfPointers: readonly Field[] = [
  RSW,
  zero("D", 7, 7, "must be zero: pointers are not marked"),
  zero("A", 6, 6, "must be zero: pointers are not marked"),
  G,
  zero("U", 4, 4, "must be zero: rights are the leaf's"),
  X,
  W,
  R,
  V,
];

const pointer: EntryFormat = {
  name: "pointer",
  bytes: 8,
  fields: [
    zero("N", 63, 63, "must be zero: pointers have no size"),
    zero("PBMT", 62, 61, "must be zero: pointers have no memory type"),
    RESERVED_HIGH,
    ppn("PPN", 10, "physical page number of the next table"),
    ...flagsOfPointers,
  ],
  encode: () => ({ V: 1 }),
};

/** Bits 9:0 of a leaf. */
export const flagsOfLeaves: readonly Field[] = [RSW, D, A, G, U, X, W, R, V];

const highOf = ({ svpbmt }: EntryOptions, n: Field): readonly Field[] => [
  n,
  svpbmt ? PBMT : zero("PBMT", 62, 61, "must be zero without Svpbmt"),
  RESERVED_HIGH,
];

/** A leaf that maps 2^`shift` bytes. */
const leaf = (name: string, shift: number, options: EntryOptions): EntryFormat => {
  const low = shift - 2;
  const isLast = shift === 12;
  const number =
    isLast && options.svnapot ? [ppn("PPN", 14, "physical page number, high bits"), PPN_LOW] : [ppn("PPN", low, "physical page number")];
  return {
    name,
    bytes: 8,
    fields: [
      ...highOf(
        options,
        isLast && options.svnapot
          ? N
          : zero("N", 63, 63, options.svnapot ? "must be zero above the last level" : "must be zero without Svnapot"),
      ),
      ...number,
      ...(isLast ? [] : [zero("low PPN", low - 1, 10, "must be zero: a superpage begins at a multiple of its size")]),
      ...flagsOfLeaves,
    ],
    rights,
    attributes: attributesWith(options),
    ...(isLast ? { encode: encodeWith(options) } : {}),
  };
};

/** A page of 64 KiB, in sixteen entries that are the same. */
const napot = (options: EntryOptions): LeafForm => ({
  when: { reads: [N], tell: (values) => values["N"] === 1 },
  leaf: {
    name: "64 KiB page",
    bytes: 8,
    fields: [...highOf(options, N), ppn("PPN", 14, "physical page number, high bits"), NAPOT_SIZE, ...flagsOfLeaves],
    rights,
    attributes: attributesWith(options),
  },
  entries: 16,
});

/** What an entry is: a pointer has none of R, W and X, and W without R is reserved. */
export const kindWith = ({ svnapot, svpbmt }: Extensions, isLast: boolean): Level["kind"] => {
  const hasSize = svnapot && isLast;
  return {
    reads: [V, R, W, X, ...(hasSize ? [N, PPN_LOW] : []), ...(svpbmt ? [PBMT] : [])],
    tell(values): EntryKind {
      if (values["V"] === 0) return "absent";
      if (values["W"] === 1 && values["R"] === 0) return "malformed";
      if (values["R"] === 0 && values["X"] === 0) return isLast ? "malformed" : "table";
      if (hasSize && values["N"] === 1 && values[PPN_LOW.name] !== NAPOT_64K) return "malformed";
      return svpbmt && values["PBMT"] === 3 ? "malformed" : "leaf";
    },
  };
};

const NAMES = ["page", "2 MiB page", "1 GiB page", "512 GiB page", "256 TiB page"];

/** The levels of a mode, root first. */
export const levelsOf = (options: EntryOptions): readonly Level[] => {
  const count = MODES[options.mode];
  return Array.from({ length: count }, (_, depth): Level => {
    const i = count - 1 - depth;
    return {
      name: i === count - 1 ? "root table" : `level ${i} table`,
      indexBits: 9,
      ...(i > 0 ? { table: pointer } : {}),
      leaf: leaf(NAMES[i], 12 + 9 * i, options),
      ...(i === 0 && options.svnapot ? { forms: [napot(options)] } : {}),
      kind: kindWith(options, i === 0),
      manual: `RISC-V Privileged §${{ sv39: "4.4", sv48: "4.5", sv57: "4.6" }[options.mode]}.1`,
    };
  });
};
