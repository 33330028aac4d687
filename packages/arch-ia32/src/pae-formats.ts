/**
 * Entries of the three levels of PAE paging. A processor's width of physical addresses decides which bits of an entry are
 * address; all above it are reserved, up to XD.
 *
 * @see Intel SDM vol 3A §4.4, tables 4-8 to 4-11
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
  type Level,
  type PageFlags,
  type Rule,
  type Switches,
} from "@portolan/core/architecture";

const P: Field = { name: "P", bits: 0, role: "control", says: "present" };
const RW: Field = { name: "R/W", bits: 1, role: "control", says: "may be written" };
const US: Field = { name: "U/S", bits: 2, role: "control", says: "the user may access it" };
const PWT: Field = { name: "PWT", bits: 3, role: "attribute", says: "write-through" };
const PCD: Field = { name: "PCD", bits: 4, role: "attribute", says: "not cached" };
const A: Field = { name: "A", bits: 5, role: "accessed", says: "accessed" };
const D: Field = { name: "D", bits: 6, role: "dirty", says: "written" };
const PS: Field = { name: "PS", bits: 7, role: "control", says: "maps a 2 MiB page, whatever CR4.PSE" };
const G: Field = { name: "G", bits: 8, role: "global", says: "global" };
/** As without PAE: every entry that was ever set is marked, so that a not-present mapping differs from nothing. */
const VALID: Field = { name: "AVL0", bits: 9, role: "software", says: "a mapping, present or not" };
const AVL: Field = { name: "AVL", bits: [11, 10], role: "software", says: "for the operating system" };
const XD: Field = { name: "XD", bits: 63, role: "control", says: "must not be executed (with EFER.NXE; reserved without)" };

const ignored = (bit: number): Field => ({ name: `ignored ${bit}`, bits: bit, role: "ignored", says: "ignored" });
const pat = (bit: number): Field => ({ name: "PAT", bits: bit, role: "attribute", says: "memory type, with PCD and PWT" });
const reserved = (high: number, low: number, says: string): Field => ({
  name: `reserved ${high}:${low}`,
  bits: [high, low],
  role: "reserved",
  says,
});

/** Bits `high`:`low`: zeroes, and below them the address as far as the processor has it. */
const addressFields = (high: number, low: number, says: string, physicalBits: number): readonly Field[] => [
  reserved(high, physicalBits, `must be zero: physical addresses have ${physicalBits} bits`),
  { name: "address", bits: [physicalBits - 1, low], role: "frame", says },
];

const bit = (flags: PageFlags, flag: number): number => ((flags & flag) === 0 ? 0 : 1);

/** Supervisor writes ignore R/W while CR0.WP is clear; nothing that is present forbids reading. @see SDM vol 3A §4.6.1 */
const rights: Rule<number> = {
  reads: [RW, US, XD],
  tell(values, switches) {
    const isWritable = values["R/W"] === 1;
    const common = READ | (values["XD"] === 1 && switches["NXE"] ? 0 : EXECUTE);
    const kernel = common | (isWritable || !switches["WP"] ? WRITE : 0);
    return rightsFor(kernel, values["U/S"] === 1 ? common | (isWritable ? WRITE : 0) : 0);
  },
};

const attributes: Rule<number> = {
  reads: [PCD, G],
  tell: (values) => (values["PCD"] === 1 ? 0 : PAGE_CACHEABLE) | (values["G"] === 1 ? PAGE_GLOBAL : 0),
};

/** One of the four entries of the root: it has neither rights nor an accessed flag. @see table 4-8 */
const directoryPointer = (physicalBits: number): EntryFormat => ({
  name: "PDPTE",
  bytes: 8,
  fields: [
    ...addressFields(63, 12, "physical address of the page directory", physicalBits),
    { name: "AVL", bits: [11, 9], role: "software", says: "for the operating system" },
    reserved(8, 5, "must be zero: no rights, no marks, no page of 1 GiB"),
    PCD,
    PWT,
    reserved(2, 1, "must be zero: rights are said further down"),
    P,
  ],
  encode: () => ({ P: 1 }),
});

/** @see table 4-10 */
const tablePointer = (physicalBits: number): EntryFormat => ({
  name: "PDE",
  bytes: 8,
  fields: [
    XD,
    ...addressFields(62, 12, "physical address of the page table", physicalBits),
    AVL,
    VALID,
    ignored(8),
    PS,
    ignored(6),
    A,
    PCD,
    PWT,
    US,
    RW,
    P,
  ],
  rights,
  encode: () => ({ P: 1, "R/W": 1, "U/S": 1, AVL0: 1 }),
});

/** An entry that maps 2 MiB. The core never writes one; boot code does. @see table 4-9 */
const largePage = (physicalBits: number): EntryFormat => ({
  name: "PDE (2 MiB page)",
  bytes: 8,
  fields: [
    XD,
    ...addressFields(62, 21, "physical address of the 2 MiB page", physicalBits),
    reserved(20, 13, "must be zero: a page of 2 MiB begins at a multiple of that"),
    pat(12),
    AVL,
    VALID,
    G,
    PS,
    D,
    A,
    PCD,
    PWT,
    US,
    RW,
    P,
  ],
  rights,
  attributes,
});

/** @see table 4-11 */
const page = (physicalBits: number): EntryFormat => ({
  name: "PTE",
  bytes: 8,
  fields: [
    XD,
    ...addressFields(62, 12, "physical address of the 4 KiB page", physicalBits),
    AVL,
    VALID,
    G,
    pat(7),
    D,
    A,
    PCD,
    PWT,
    US,
    RW,
    P,
  ],
  rights,
  attributes,
  encode: encodePage,
});

/** While EFER.NXE is clear XD is a reserved bit: a page that must not be executed is one that may. */
const encodePage = (flags: PageFlags, switches: Switches = { NXE: true }): FieldValues => ({
  P: 1,
  "R/W": bit(flags, WRITE),
  "U/S": bit(flags, PAGE_USER),
  PCD: 1 - bit(flags, PAGE_CACHEABLE),
  G: bit(flags, PAGE_GLOBAL),
  AVL0: 1,
  XD: switches["NXE"] ? 1 - bit(flags, EXECUTE) : 0,
});

/** Present, and no reserved XD: then it is what `what` says. */
const kindOf = (reads: readonly Field[], what: (values: FieldValues) => EntryKind): Rule<EntryKind> => ({
  reads: [P, XD, ...reads],
  tell(values, switches) {
    if (values["P"] !== 1) return "absent";
    return values["XD"] === 1 && !switches["NXE"] ? "malformed" : what(values);
  },
});

/**
 * Page-directory-pointer table of four entries, page directory, page table.
 * @param physicalBits MAXPHYADDR
 */
export const paeLevels = (physicalBits: number): readonly Level[] => [
  {
    name: "page-directory-pointer table",
    indexBits: 2,
    table: directoryPointer(physicalBits),
    manual: "Intel SDM vol 3A §4.4.1, table 4-8",
    kind: { reads: [P], tell: (values) => (values["P"] === 1 ? "table" : "absent") },
  },
  {
    name: "page directory",
    indexBits: 9,
    table: tablePointer(physicalBits),
    leaf: largePage(physicalBits),
    manual: "Intel SDM vol 3A §4.4.2, tables 4-9 and 4-10",
    kind: kindOf([PS], (values) => (values["PS"] === 1 ? "leaf" : "table")),
  },
  {
    name: "page table",
    indexBits: 9,
    leaf: page(physicalBits),
    manual: "Intel SDM vol 3A §4.4.2, table 4-11",
    kind: kindOf([], () => "leaf"),
  },
];
