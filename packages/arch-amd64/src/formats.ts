/**
 * Entries of the levels of 4-level and 5-level paging, which have all formats but the root's in common. A processor's width of physical addresses decides which bits of an entry
 * are address and which are reserved; whether it has 1 GiB pages decides what bit 7 of a page-directory-pointer entry is.
 *
 * @see Intel SDM vol 3A §4.5.4, tables 4-14 to 4-20; AMD64 APM vol 2 §5.3.3, §5.3.4
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

/** What differs between processors. */
export interface EntryOptions {
  /** MAXPHYADDR: bits of a physical address, 32 to 52. */
  readonly physicalBits: number;
  /** May an entry of a page-directory-pointer table map 1 GiB? */
  readonly gigabytePages: boolean;
  /** Is bit 8 of an entry of a PML4 or PML5 table reserved, as AMD has it, or ignored, as Intel has it? */
  readonly reservesPml4Bit8: boolean;
}

const P: Field = { name: "P", bits: 0, role: "control", says: "present" };
const RW: Field = { name: "R/W", bits: 1, role: "control", says: "may be written" };
const US: Field = { name: "U/S", bits: 2, role: "control", says: "the user may access it" };
const PWT: Field = { name: "PWT", bits: 3, role: "attribute", says: "write-through" };
const PCD: Field = { name: "PCD", bits: 4, role: "attribute", says: "not cached" };
const A: Field = { name: "A", bits: 5, role: "accessed", says: "accessed" };
const D: Field = { name: "D", bits: 6, role: "dirty", says: "written" };
const PS: Field = { name: "PS", bits: 7, role: "control", says: "maps a page, and leads no further" };
const G: Field = { name: "G", bits: 8, role: "global", says: "global" };
/** HelenOS marks every entry it has ever set, so that a not-present mapping differs from nothing. */
const VALID: Field = { name: "AVL0", bits: 9, role: "software", says: "a mapping, present or not" };
const AVL: Field = { name: "AVL", bits: [11, 10], role: "software", says: "for the operating system" };
const KEY: Field = { name: "PK", bits: [62, 59], role: "ignored", says: "protection key; ignored while CR4.PKE is clear" };
const XD: Field = { name: "XD", bits: 63, role: "control", says: "must not be executed (with EFER.NXE; reserved without)" };

const ignored = (high: number, low = high): Field => ({
  name: high === low ? `ignored ${high}` : `ignored ${high}:${low}`,
  bits: high === low ? high : [high, low],
  role: "ignored",
  says: "ignored",
});
const reserved = (high: number, low: number, says: string): Field => ({
  name: high === low ? `reserved ${high}` : `reserved ${high}:${low}`,
  bits: high === low ? high : [high, low],
  role: "reserved",
  says,
});

/** Bits 51:`low`: the address as far as the processor has it, and zeroes. */
const addressFields = (low: number, says: string, { physicalBits }: EntryOptions): readonly Field[] => [
  ...(physicalBits === 52 ? [] : [reserved(51, physicalBits, `must be zero: physical addresses have ${physicalBits} bits`)]),
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

/** An entry that leads to a table of the next level. Whatever a page forbids, its tables allow. */
const pointer = (name: string, target: string, bits8And7: readonly [Field, Field], options: EntryOptions): EntryFormat => ({
  name,
  bytes: 8,
  fields: [
    XD,
    ignored(62, 52),
    ...addressFields(12, `physical address of the ${target}`, options),
    AVL,
    VALID,
    ...bits8And7,
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

/** An entry that maps a page of 2^`shift` bytes. Those above the last level are never written by the core, only read. */
const page = (name: string, size: string, shift: number, options: EntryOptions, more: Pick<EntryFormat, "encode"> = {}): EntryFormat => {
  const isLarge = shift > 12;
  const pat = (at: number): Field => ({ name: "PAT", bits: at, role: "attribute", says: "memory type, with PCD and PWT" });
  return {
    name,
    bytes: 8,
    fields: [
      XD,
      KEY,
      ignored(58, 52),
      ...addressFields(shift, `physical address of the ${size} page`, options),
      ...(isLarge ? [reserved(shift - 1, 13, `must be zero: a page of ${size} begins at a multiple of that`), pat(12)] : []),
      AVL,
      VALID,
      G,
      isLarge ? PS : pat(7),
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
    ...more,
  };
};

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
const bySize = kindOf([PS], (values) => (values["PS"] === 1 ? "leaf" : "table"));

/** The levels from the root down: four, or five with CR4.LA57. */
export const levels = (options: EntryOptions, count: 4 | 5 = 4): readonly Level[] => {
  const { gigabytePages, reservesPml4Bit8 } = options;
  const zero7 = reserved(7, 7, "must be zero: no page has this size");
  const bits8And7 = [reservesPml4Bit8 ? reserved(8, 8, "must be zero") : ignored(8), zero7] as const;
  const pml5: Level = {
    name: "PML5",
    indexBits: 9,
    table: pointer("PML5E", "PML4 table", bits8And7, options),
    manual: "Intel SDM vol 3A §4.5.4, table 4-14",
    kind: kindOf([], () => "table"),
  };
  return [
    ...(count === 5 ? [pml5] : []),
    {
      name: "PML4",
      indexBits: 9,
      table: pointer("PML4E", "page-directory-pointer table", bits8And7, options),
      manual: "Intel SDM vol 3A §4.5.4, table 4-15",
      kind: kindOf([], () => "table"),
    },
    {
      name: "page-directory-pointer table",
      indexBits: 9,
      table: pointer("PDPTE", "page directory", [ignored(8), gigabytePages ? PS : zero7], options),
      ...(gigabytePages ? { leaf: page("PDPTE (1 GiB page)", "1 GiB", 30, options) } : {}),
      manual: "Intel SDM vol 3A §4.5.4, tables 4-16 and 4-17",
      kind: gigabytePages ? bySize : kindOf([], () => "table"),
    },
    {
      name: "page directory",
      indexBits: 9,
      table: pointer("PDE", "page table", [ignored(8), PS], options),
      leaf: page("PDE (2 MiB page)", "2 MiB", 21, options),
      manual: "Intel SDM vol 3A §4.5.4, tables 4-18 and 4-19",
      kind: bySize,
    },
    {
      name: "page table",
      indexBits: 9,
      leaf: page("PTE", "4 KiB", 12, options, { encode: encodePage }),
      manual: "Intel SDM vol 3A §4.5.4, table 4-20",
      kind: kindOf([], () => "leaf"),
    },
  ];
};
