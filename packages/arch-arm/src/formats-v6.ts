/**
 * Descriptors of ARMv6 (with SCTLR.XP set) and ARMv7: no quarters, execution can be forbidden, translations can belong to
 * one address space, and 16 sections can make a supersection.
 *
 * @see ARM ARM (DDI 0100) §B4.7; ARMv7-A ARM (DDI 0406C) §B3.5.1, figures B3-4 and B3-5
 */
import {
  EXECUTE,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  WRITE,
  type EntryFormat,
  type EntryKind,
  type Field,
  type FieldValues,
  type Level,
  type PageFlags,
  type Rule,
} from "@portolan/core/architecture";
import { rightsOfAp21, rightsOfApx, type Format } from "./permissions.js";

export interface NewFormatOptions {
  readonly format: Exclude<Format, "v5">;
  /** AP[0] is an access flag (SCTLR.AFE). */
  readonly accessFlag: boolean;
}

const TYPE: Field = {
  name: "type",
  bits: [1, 0],
  role: "control",
  says: "what the descriptor is",
  values: { 0: "fault", 1: "second-level table", 2: "section or supersection", 3: "reserved" },
};
const B: Field = { name: "B", bits: 2, role: "attribute", says: "bufferable" };
const C: Field = { name: "C", bits: 3, role: "attribute", says: "cacheable" };
const DOMAIN: Field = { name: "domain", bits: [8, 5], role: "control", says: "protection domain" };
const IMP: Field = { name: "IMP", bits: 9, role: "ignored", says: "implementation defined" };
const NS: Field = { name: "NS", bits: 19, role: "attribute", says: "addresses non-secure memory" };
const SUPER: Field = { name: "super", bits: 18, role: "control", says: "a supersection, repeated in 16 places" };

const at = (name: string, low: number, high: number, says: string, role: Field["role"]): Field => ({
  name,
  bits: high === low ? low : [high, low],
  role,
  says,
});
/** Fields that sections have higher up than pages. */
const executeNever = (bit: number): Field => at("XN", bit, bit, "must not be executed", "control");
const typeExtension = (low: number): Field => at("TEX", low, low + 2, "memory type, with C and B", "attribute");
const permissionExtension = (bit: number): Field => at("APX", bit, bit, "read-only", "control");
const shareable = (bit: number): Field => at("S", bit, bit, "shareable", "attribute");
const notGlobal = (bit: number): Field => at("nG", bit, bit, "belongs to the current ASID only", "control");

/** AP[1:0], or AP[1] and the access flag. */
const permissions = (low: number, accessFlag: boolean): readonly Field[] =>
  accessFlag
    ? [
        at("AP[1]", low + 1, low + 1, "the user may access it", "control"),
        at("AF", low, low, "has been accessed; the first access faults", "accessed"),
      ]
    : [
        {
          ...at("AP", low, low + 1, "access permissions, with APX", "control"),
          values: { 0: "nobody", 1: "kernel", 2: "kernel, user RO", 3: "kernel and user" },
        },
      ];

const rightsRule = ({ format, accessFlag }: NewFormatOptions, fields: readonly Field[]): Rule<number> => ({
  reads: fields.filter(({ name }) => ["APX", "AP", "AP[1]", "XN"].includes(name)),
  tell: (values, switches) => {
    const { APX: apx = 0, XN: xn = 0 } = values;
    return accessFlag ? rightsOfAp21(apx, values["AP[1]"] ?? 0, xn) : rightsOfApx(apx, values["AP"] ?? 0, xn, format, switches);
  },
});

/** TEX, C, B = 1xx: cached outside by TEX[1:0], inside by C and B; 0xx: only C means a cache. @see ARMv7-A ARM table B3-10 */
const attributesRule = (fields: readonly Field[]): Rule<PageFlags> => ({
  reads: fields.filter(({ name }) => ["TEX", "C", "B", "nG"].includes(name)),
  tell(values) {
    const tex = values["TEX"] ?? 0;
    const isCached = tex >= 4 ? tex > 4 || values["C"] === 1 || values["B"] === 1 : values["C"] === 1;
    return (isCached ? PAGE_CACHEABLE : 0) | (values["nG"] === 0 ? PAGE_GLOBAL : 0);
  },
});

const leafFormat = (name: string, options: NewFormatOptions, fields: readonly Field[], more: Partial<EntryFormat> = {}): EntryFormat => ({
  name,
  bytes: 4,
  fields,
  rights: rightsRule(options, fields),
  attributes: attributesRule(fields),
  ...more,
});

const tableDescriptor: EntryFormat = {
  name: "page table descriptor",
  bytes: 4,
  fields: [
    { name: "base", bits: [31, 10], role: "frame", says: "physical address of the second-level table" },
    IMP,
    DOMAIN,
    { name: "SBZ4", bits: 4, role: "ignored", says: "should be zero" },
    { name: "NS", bits: 3, role: "attribute", says: "addresses non-secure memory" },
    { name: "SBZ2", bits: 2, role: "ignored", says: "should be zero" },
    TYPE,
  ],
  domain: DOMAIN,
  encode: () => ({ type: 1 }),
};

/** Bits 17:0 of sections and supersections, but bits 8:5. */
const sectionFields = (accessFlag: boolean): readonly Field[] => [
  NS,
  SUPER,
  notGlobal(17),
  shareable(16),
  permissionExtension(15),
  typeExtension(12),
  ...permissions(10, accessFlag),
  IMP,
  executeNever(4),
  C,
  B,
  TYPE,
];

const section = (options: NewFormatOptions): EntryFormat =>
  leafFormat(
    "section descriptor",
    options,
    [
      { name: "base", bits: [31, 20], role: "frame", says: "physical address of the section" },
      ...sectionFields(options.accessFlag),
      DOMAIN,
    ],
    { domain: DOMAIN },
  );

/** It belongs to domain 0. */
const supersection = (options: NewFormatOptions): EntryFormat =>
  leafFormat("supersection descriptor", options, [
    { name: "base", bits: [31, 24], role: "frame", says: "physical address of the supersection" },
    { name: "base[35:32]", bits: [23, 20], role: "ignored", says: "address bits that this processor does not have" },
    ...sectionFields(options.accessFlag),
    { name: "base[39:36]", bits: [8, 5], role: "ignored", says: "address bits that this processor does not have" },
  ]);

/** Bits 11:0 of pages but TEX, XN and the type. */
const pageFields = (accessFlag: boolean): readonly Field[] => [
  notGlobal(11),
  shareable(10),
  permissionExtension(9),
  ...permissions(4, accessFlag),
  C,
  B,
];
const SMALL: Field = { name: "small", bits: 1, role: "control", says: "a small page; bit 0 is XN" };
/** In a descriptor that is not a small page's, bit 0 says that it is a large page's. */
const SMALL_XN = executeNever(0);
const LARGE: Field = { name: "large", bits: 0, role: "control", says: "a large page, repeated in 16 places" };

const smallPage = (options: NewFormatOptions): EntryFormat =>
  leafFormat(
    "small page descriptor",
    options,
    [
      { name: "base", bits: [31, 12], role: "frame", says: "physical address of the page" },
      ...pageFields(options.accessFlag),
      typeExtension(6),
      SMALL,
      SMALL_XN,
    ],
    { encode: (flags) => encodePage(flags, options) },
  );

const largePage = (options: NewFormatOptions): EntryFormat =>
  leafFormat("large page descriptor", options, [
    { name: "base", bits: [31, 16], role: "frame", says: "physical address of the large page" },
    executeNever(15),
    typeExtension(12),
    ...pageFields(options.accessFlag),
    { name: "SBZ", bits: [8, 6], role: "ignored", says: "should be zero" },
    SMALL,
    LARGE,
  ]);

/**
 * Cacheable pages are write-back and write-allocate, inside and outside; others are shareable devices. Memory is not marked
 * as shareable. (The values of HelenOS.)
 */
const encodePage = (flags: PageFlags, { format, accessFlag }: NewFormatOptions): FieldValues => {
  const isReadOnly = (flags & WRITE) === 0 ? 1 : 0;
  const isUsers = (flags & PAGE_USER) !== 0 && (flags & (READ | WRITE | EXECUTE)) !== 0;
  // Until ARMv6K the only read-only permission for both was APX = 1, AP = 10.
  const forBoth = isReadOnly === 1 && format === "v6" ? 2 : 3;
  return {
    small: 1,
    XN: (flags & EXECUTE) === 0 ? 1 : 0,
    B: 1,
    C: 0,
    TEX: (flags & PAGE_CACHEABLE) === 0 ? 0 : 5,
    APX: isReadOnly,
    nG: (flags & PAGE_GLOBAL) === 0 ? 1 : 0,
    ...(accessFlag ? { "AP[1]": isUsers ? 1 : 0 } : { AP: isUsers ? forBoth : 1 }),
  };
};

const FIRST: readonly EntryKind[] = ["absent", "table", "leaf", "malformed"];

export const levelsV6 = (options: NewFormatOptions): readonly Level[] => [
  {
    name: "first-level table",
    indexBits: 12,
    table: tableDescriptor,
    leaf: section(options),
    forms: [{ entries: 16, leaf: supersection(options), when: { reads: [SUPER], tell: (values) => values["super"] === 1 } }],
    manual: "ARMv7-A ARM §B3.5.1, figure B3-4",
    kind: { reads: [TYPE], tell: (values) => FIRST[values["type"] ?? 0] ?? "malformed" },
  },
  {
    name: "second-level table",
    indexBits: 8,
    leaf: smallPage(options),
    forms: [{ entries: 16, leaf: largePage(options), when: { reads: [SMALL], tell: (values) => values["small"] === 0 } }],
    manual: "ARMv7-A ARM §B3.5.1, figure B3-5",
    kind: {
      reads: [SMALL, SMALL_XN],
      tell: (values) => (values["small"] === 1 || values["XN"] === 1 ? "leaf" : "absent"),
    },
  },
];
