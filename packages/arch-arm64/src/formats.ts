/**
 * Descriptors of VMSAv8-64, stage 1, for EL1 and EL0. All levels have the same ones; what differs is how much of the output
 * address a leaf has, and whether there are blocks.
 *
 * Bits that should be zero are ignored, and a descriptor of a form that the level has not got is as good as none. One thing
 * alone is refused on its own account: an output address beyond the size that TCR_EL1.IPS says.
 *
 * @see Arm ARM (DDI 0487) D5.3.1, D5.3.2 (formats), D5.3.3 (attributes), D5.4 (permissions)
 */
import {
  EXECUTE,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  rightsFor,
  WRITE,
  type CombinedRights,
  type EntryFormat,
  type EntryKind,
  type Field,
  type FieldValues,
  type LeafForm,
  type Level,
  type PageFlags,
  type Rule,
} from "@portolan/core/architecture";

/** Pages of so many KiB. */
export type Granule = 4 | 16 | 64;

/** How the tables of both halves are laid out. */
export interface Layout {
  readonly granule: Granule;
  /** Address bits of each half: 64 less T0SZ, and less T1SZ. */
  readonly bits: number;
  /** Bits of an output address, by TCR_EL1.IPS. */
  readonly physicalBits: number;
}

/** Number of the last level, by the manual's count. */
export const LAST_LEVEL = 3;
/** Bits of an output address that descriptors have room for, without the extensions for 52 of them. */
const OUTPUT_BITS = 48;

/** What the manual says of a granule. */
interface GranuleRules {
  /** Levels that have blocks. */
  readonly blocks: readonly number[];
  /** By level, entries that the contiguous bit makes one. @see D5.3.3, "The Contiguous bit" */
  readonly contiguous: Readonly<Record<number, number>>;
}

const RULES: Readonly<Record<Granule, GranuleRules>> = {
  4: { blocks: [1, 2], contiguous: { 1: 16, 2: 16, 3: 16 } },
  16: { blocks: [2], contiguous: { 2: 32, 3: 128 } },
  64: { blocks: [2], contiguous: { 2: 32, 3: 32 } },
};

export const pageShiftOf = (granule: Granule): number => 10 + Math.log2(granule);
/** A table is as large as a page. */
export const indexBitsOf = (granule: Granule): number => pageShiftOf(granule) - 3;
/** Number of the level where walks begin. */
export const firstLevelOf = ({ granule, bits }: Pick<Layout, "granule" | "bits">): number =>
  LAST_LEVEL + 1 - Math.ceil((bits - pageShiftOf(granule)) / indexBitsOf(granule));

const VALID: Field = { name: "valid", bits: 0, role: "control", says: "there is something" };
const TYPE: Field = { name: "type", bits: 1, role: "control", says: "a table, or at the last level a page; a block where clear" };
const ATTR_INDX: Field = { name: "AttrIndx", bits: [4, 2], role: "attribute", says: "memory type, by number of MAIR_EL1's byte" };
const NS: Field = { name: "NS", bits: 5, role: "ignored", says: "addresses non-secure memory; means nothing in the non-secure state" };
const AP: Field = {
  name: "AP[2:1]",
  bits: [7, 6],
  role: "control",
  says: "data access",
  values: { 0: "kernel", 1: "kernel and user", 2: "kernel, read-only", 3: "kernel and user, read-only" },
};
const SH: Field = {
  name: "SH",
  bits: [9, 8],
  role: "attribute",
  says: "who shares it",
  values: { 0: "nobody", 1: "reserved", 2: "outer shareable", 3: "inner shareable" },
};
const AF: Field = {
  name: "AF",
  bits: 10,
  role: "accessed",
  says: "has been accessed; the first access faults where hardware sets no flags",
};
const NG: Field = { name: "nG", bits: 11, role: "control", says: "belongs to the current ASID only" };
const DBM: Field = { name: "DBM", bits: 51, role: "ignored", says: "dirty bit modifier, where hardware records writes" };
const GP: Field = { name: "GP", bits: 50, role: "ignored", says: "guarded: branch targets are checked, where the processor does" };
const CONTIGUOUS: Field = { name: "Contiguous", bits: 52, role: "control", says: "one of several entries that map one larger page" };
const PXN: Field = { name: "PXN", bits: 53, role: "control", says: "the kernel must not execute it" };
const UXN: Field = { name: "UXN", bits: 54, role: "control", says: "the user must not execute it" };
const SOFTWARE: Field = { name: "software", bits: [58, 55], role: "software", says: "for the operating system" };
const PBHA: Field = { name: "PBHA", bits: [62, 59], role: "ignored", says: "for the hardware around the processor, where it takes them" };

const PXN_TABLE: Field = { name: "PXNTable", bits: 59, role: "control", says: "the kernel must execute nothing below" };
const UXN_TABLE: Field = { name: "UXNTable", bits: 60, role: "control", says: "the user must execute nothing below" };
const AP_TABLE: Field = {
  name: "APTable",
  bits: [62, 61],
  role: "control",
  says: "what is forbidden below",
  values: { 0: "nothing", 1: "data access to the user", 2: "writes", 3: "writes, and reads to the user" },
};
const NS_TABLE: Field = { name: "NSTable", bits: 63, role: "ignored", says: "tables below lie in non-secure memory" };

const idle = (name: string, high: number, low: number, says: string): Field => ({
  name,
  bits: high === low ? low : [high, low],
  role: "ignored",
  says,
});

/** Bits 47:12: the address of 2^`shift` bytes, what of it lies beyond the output size, and what a larger unit does not use. */
const address = (name: string, says: string, shift: number, physicalBits: number): readonly Field[] => [
  ...(physicalBits < OUTPUT_BITS
    ? [
        {
          name: `${name} beyond`,
          bits: [OUTPUT_BITS - 1, physicalBits],
          role: "reserved",
          says: "beyond the output size: an address size fault",
        } as const,
      ]
    : []),
  { name, bits: [Math.min(physicalBits, OUTPUT_BITS) - 1, shift], role: "frame", says },
];

const bit = (flags: PageFlags, flag: number): number => ((flags & flag) === 0 ? 0 : 1);
const DATA = READ | WRITE;

/** What one leaf lets through; a user may execute what it may not read. @see D5.4.1, D5.4.2 */
const rights: Rule<number> = {
  reads: [AP, UXN, PXN],
  tell(values) {
    const ap = values["AP[2:1]"] ?? 0;
    const data = ap >= 2 ? READ : DATA;
    const kernel = data | (values["PXN"] === 1 ? 0 : EXECUTE);
    const user = (ap % 2 === 1 ? data : 0) | (values["UXN"] === 1 ? 0 : EXECUTE);
    return rightsFor(kernel, user);
  },
};

/** What a table lets through to what lies below it. @see D5.4.4, "Hierarchical control of data access permissions" */
const tableRights: Rule<number> = {
  reads: [AP_TABLE, UXN_TABLE, PXN_TABLE],
  tell(values) {
    const ap = values["APTable"] ?? 0;
    const data = ap >= 2 ? READ : DATA;
    const kernel = data | (values["PXNTable"] === 1 ? 0 : EXECUTE);
    const user = (ap % 2 === 1 ? 0 : data) | (values["UXNTable"] === 1 ? 0 : EXECUTE);
    return rightsFor(kernel, user);
  },
};

/** What no level says alone. @see D5.4.2 (execution of what is writable), D5.4.3 (PSTATE.PAN), D13.2 (SCTLR_EL1.WXN) */
export const combined: CombinedRights = {
  tell(given, { PAN, WXN }) {
    let kernel = given & 7;
    let user = given >>> 3;
    if ((user & WRITE) !== 0 || (WXN && (kernel & WRITE) !== 0)) kernel &= ~EXECUTE;
    if (PAN && (user & DATA) !== 0) kernel &= ~DATA;
    if (WXN && (user & WRITE) !== 0) user &= ~EXECUTE;
    return rightsFor(kernel, user);
  },
  says:
    "what the user may write is nothing that the kernel executes; with SCTLR_EL1.WXN nobody executes what is writable, and with " +
    "PSTATE.PAN the kernel does not access what the user may",
};

/** Bytes of MAIR_EL1 by number: 0 and 3 to 7 are devices (nGnRnE), 1 is normal memory, written back, 2 a device (nGnRE). */
const NORMAL = 1;
const DEVICE = 2;
const INNER_SHAREABLE = 3;

const attributes: Rule<PageFlags> = {
  reads: [NG, ATTR_INDX],
  tell: (values) => (values["nG"] === 1 ? 0 : PAGE_GLOBAL) | (values["AttrIndx"] === NORMAL ? PAGE_CACHEABLE : 0),
};

/**
 * What may be accessed can be read. A page that nobody may touch is one that the kernel may read. The user executes nothing
 * of the kernel's; the kernel of the user's what it is asked to, and what the user may write never, whatever PXN says.
 */
const encode = (flags: PageFlags): FieldValues => {
  const isUsers = (flags & PAGE_USER) !== 0 && (flags & (DATA | EXECUTE)) !== 0;
  const isExecutable = (flags & EXECUTE) !== 0;
  const isCached = (flags & PAGE_CACHEABLE) !== 0;
  return {
    valid: 1,
    type: 1,
    AttrIndx: isCached ? NORMAL : DEVICE,
    "AP[2:1]": (1 - bit(flags, WRITE)) * 2 + (isUsers ? 1 : 0),
    SH: isCached ? INNER_SHAREABLE : 0,
    nG: 1 - bit(flags, PAGE_GLOBAL),
    PXN: isExecutable ? 0 : 1,
    UXN: isExecutable && isUsers ? 0 : 1,
  };
};

const tableOf = (shift: number, physicalBits: number): EntryFormat => ({
  name: "table descriptor",
  bytes: 8,
  fields: [
    NS_TABLE,
    AP_TABLE,
    UXN_TABLE,
    PXN_TABLE,
    idle("ignored 58:51", 58, 51, "means nothing in a table's descriptor"),
    idle("RES0 50:48", 50, 48, "should be zero"),
    ...address("table", "physical address of the next table", shift, physicalBits),
    ...(shift > 12 ? [idle(`RES0 ${shift - 1}:12`, shift - 1, 12, "should be zero: tables are as large as pages")] : []),
    idle("ignored 11:2", 11, 2, "means nothing in a table's descriptor"),
    TYPE,
    VALID,
  ],
  rights: tableRights,
  encode: () => ({ valid: 1, type: 1 }),
});

/** A leaf of 2^`shift` bytes, in 2^`log` entries. */
const leafOf = (name: string, shift: number, log: number, physicalBits: number, more: Partial<EntryFormat> = {}): EntryFormat => ({
  name,
  bytes: 8,
  fields: [
    idle("ignored 63", 63, 63, "means nothing"),
    PBHA,
    SOFTWARE,
    UXN,
    PXN,
    CONTIGUOUS,
    DBM,
    GP,
    idle("RES0 49:48", 49, 48, "should be zero"),
    ...address("address", "physical address of the page", shift + log, physicalBits),
    ...(log > 0
      ? [idle("address of the part", shift + log - 1, shift, "this entry's own part of the larger page: software sees to it that it is")]
      : []),
    ...(shift > 12 ? [idle(`RES0 ${shift - 1}:12`, shift - 1, 12, "should be zero")] : []),
    NG,
    AF,
    SH,
    AP,
    NS,
    ATTR_INDX,
    TYPE,
    VALID,
  ],
  rights,
  attributes,
  ...more,
});

const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;
/** 2^`shift` bytes in words. */
const sizeOf = (shift: number): string => {
  const unit = Math.floor(shift / 10);
  return `${2 ** (shift - 10 * unit)} ${UNITS[unit - 1]}`;
};

const contiguous = (what: string, shift: number, entries: number, physicalBits: number): LeafForm => {
  const log = Math.log2(entries);
  return {
    when: { reads: [CONTIGUOUS], tell: (values) => values["Contiguous"] === 1 },
    leaf: leafOf(`${sizeOf(shift + log)} of contiguous ${what}s`, shift, log, physicalBits),
    entries,
  };
};

const KINDS = { last: ["absent", "leaf"], block: ["leaf", "table"], plain: ["absent", "table"] } as const;

/** Type 0 at a level without blocks, and at the last one, is as good as nothing. @see D5.3.1 */
const kindOf = (kinds: (typeof KINDS)[keyof typeof KINDS]): Rule<EntryKind> => ({
  reads: [VALID, TYPE],
  tell: (values) => (values["valid"] === 0 ? "absent" : (kinds[values["type"] ?? 0] ?? "absent")),
});

/** The levels of a half, root first, with the manual's numbers. */
export const levelsOf = ({ granule, bits, physicalBits }: Layout): readonly Level[] => {
  const pageShift = pageShiftOf(granule);
  const whole = indexBitsOf(granule);
  const { blocks, contiguous: together } = RULES[granule];
  const first = firstLevelOf({ granule, bits });
  return Array.from({ length: LAST_LEVEL + 1 - first }, (_, depth): Level => {
    const number = first + depth;
    const shift = pageShift + (LAST_LEVEL - number) * whole;
    const indexBits = depth === 0 ? bits - shift : whole;
    const isLast = number === LAST_LEVEL;
    const hasBlocks = blocks.includes(number);
    const entries = together[number] ?? 1;
    const isWithin = Math.log2(entries) <= indexBits && shift + Math.log2(entries) < physicalBits;
    return {
      name: `level ${number} table`,
      indexBits,
      ...(isLast ? {} : { table: tableOf(pageShift, physicalBits) }),
      ...(isLast ? { leaf: leafOf("page descriptor", shift, 0, physicalBits, { encode }) } : {}),
      ...(hasBlocks ? { leaf: leafOf(`${sizeOf(shift)} block descriptor`, shift, 0, physicalBits) } : {}),
      ...((isLast || hasBlocks) && isWithin ? { forms: [contiguous(isLast ? "page" : "block", shift, entries, physicalBits)] } : {}),
      kind: kindOf(isLast ? KINDS.last : hasBlocks ? KINDS.block : KINDS.plain),
      manual: "Arm ARM (DDI 0487) D5.3",
    };
  });
};

/** Shifts of the pages that a TLB may meet: pages, blocks, and several of them, ascending. */
export const pageShiftsOf = ({ granule, bits, physicalBits }: Layout): readonly number[] => {
  const first = firstLevelOf({ granule, bits });
  const shifts = levelsOf({ granule, bits, physicalBits }).flatMap(({ leaf, forms = [] }, depth) => {
    const shift = pageShiftOf(granule) + (LAST_LEVEL - first - depth) * indexBitsOf(granule);
    return leaf === undefined ? [] : [shift, ...forms.map(({ entries }) => shift + Math.log2(entries))];
  });
  return shifts.toSorted((one, other) => one - other);
};
