/** Page-directory and page-table entries of IA-32 without PAE. @see Intel SDM vol 3A, tables 4-4, 4-5 and 4-6 */
import {
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  EXECUTE,
  WRITE,
  rightsFor,
  type EntryFormat,
  type Field,
  type Level,
  type PageFlags,
  type Rule,
} from "@portolan/core/architecture";

const P: Field = { name: "P", bits: 0, role: "control", says: "present" };
const RW: Field = { name: "R/W", bits: 1, role: "control", says: "may be written" };
const US: Field = { name: "U/S", bits: 2, role: "control", says: "the user may access it" };
const PWT: Field = { name: "PWT", bits: 3, role: "attribute", says: "write-through" };
const PCD: Field = { name: "PCD", bits: 4, role: "attribute", says: "not cached" };
const A: Field = { name: "A", bits: 5, role: "accessed", says: "accessed" };
const D: Field = { name: "D", bits: 6, role: "dirty", says: "written" };
const PS: Field = { name: "PS", bits: 7, role: "control", says: "maps a 4 MiB page" };
const G: Field = { name: "G", bits: 8, role: "global", says: "global" };
/** HelenOS marks every entry it has ever set, so that a not-present mapping differs from nothing. */
const VALID: Field = { name: "AVL0", bits: 9, role: "software", says: "a mapping, present or not" };
const AVL: Field = { name: "AVL", bits: [11, 10], role: "software", says: "for the operating system" };

const bit = (flags: PageFlags, flag: number): number => ((flags & flag) === 0 ? 0 : 1);

/** Supervisor writes ignore R/W while CR0.WP is clear; nothing forbids reading or fetching. @see SDM vol 3A §4.6.1 */
const rights: Rule<number> = {
  reads: [RW, US],
  tell(values, switches) {
    const writable = values["R/W"] === 1;
    const kernel = READ | EXECUTE | (writable || !switches["WP"] ? WRITE : 0);
    return rightsFor(kernel, values["U/S"] === 1 ? READ | EXECUTE | (writable ? WRITE : 0) : 0);
  },
};

const attributes: Rule<number> = {
  reads: [PCD, G],
  tell: (values) => (values["PCD"] === 1 ? 0 : PAGE_CACHEABLE) | (values["G"] === 1 ? PAGE_GLOBAL : 0),
};

/** A page-directory entry that points to a page table. */
export const directoryPointer: EntryFormat = {
  name: "PDE",
  bytes: 4,
  fields: [
    { name: "page table", bits: [31, 12], role: "frame", says: "physical address of the page table" },
    AVL,
    VALID,
    { name: "ignored", bits: 8, role: "ignored", says: "ignored" },
    { ...PS, says: "maps a 4 MiB page (with CR4.PSE)" },
    { name: "ignored6", bits: 6, role: "ignored", says: "ignored" },
    A,
    PCD,
    PWT,
    US,
    RW,
    P,
  ],
  rights,
  encode: () => ({ P: 1, "R/W": 1, "U/S": 1, AVL0: 1 }),
};

/** A page-directory entry that maps 4 MiB. The core never writes one; boot code does. */
export const directoryPage: EntryFormat = {
  name: "PDE (4 MiB page)",
  bytes: 4,
  fields: [
    { name: "page frame", bits: [31, 22], role: "frame", says: "physical address of the 4 MiB page" },
    { name: "reserved", bits: [21, 13], role: "reserved", says: "must be zero without PSE-36" },
    { name: "PAT", bits: 12, role: "attribute", says: "memory type" },
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
};

/** A page-table entry. */
export const tableEntry: EntryFormat = {
  name: "PTE",
  bytes: 4,
  fields: [
    { name: "page frame", bits: [31, 12], role: "frame", says: "physical address of the page" },
    AVL,
    VALID,
    G,
    { name: "PAT", bits: 7, role: "attribute", says: "memory type" },
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
  encode: (flags) => ({
    P: 1,
    "R/W": bit(flags, WRITE),
    "U/S": bit(flags, PAGE_USER),
    PCD: 1 - bit(flags, PAGE_CACHEABLE),
    G: bit(flags, PAGE_GLOBAL),
    AVL0: 1,
  }),
};

/** Page directory, page table: ten index bits each. @see Intel SDM vol 3A §4.3 */
export const levels: readonly Level[] = [
  {
    name: "page directory",
    indexBits: 10,
    table: directoryPointer,
    leaf: directoryPage,
    manual: "Intel SDM vol 3A §4.3, tables 4-4 and 4-5",
    kind: {
      reads: [P, PS],
      tell: (values, switches) => (values["P"] !== 1 ? "absent" : values["PS"] === 1 && switches["PSE"] ? "leaf" : "table"),
    },
  },
  {
    name: "page table",
    indexBits: 10,
    leaf: tableEntry,
    manual: "Intel SDM vol 3A §4.3, table 4-6",
    kind: { reads: [P], tell: (values) => (values["P"] === 1 ? "leaf" : "absent") },
  },
];
