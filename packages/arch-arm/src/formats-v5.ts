/**
 * Descriptors of ARMv4 and ARMv5, and of ARMv6 while SCTLR.XP is clear: each quarter of a small or large page has
 * permissions of its own, and nothing forbids execution.
 *
 * Fine tables and their 1 KiB tiny pages are told to be malformed: their pages are smaller than the core's.
 *
 * @see ARM926EJ-S Technical Reference Manual (DDI 0198D) §3.2.3 to §3.2.8, figures 3-4 and 3-9
 */
import {
  EXECUTE,
  PAGE_CACHEABLE,
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
import { rightsOfAp } from "./permissions.js";

const TYPE: Field = {
  name: "type",
  bits: [1, 0],
  role: "control",
  says: "what the descriptor is",
  values: { 0: "fault", 1: "coarse second-level table", 2: "section", 3: "fine second-level table" },
};
const PAGE_TYPE: Field = { ...TYPE, values: { 0: "fault", 1: "large page", 2: "small page", 3: "extended small page" } };
const B: Field = { name: "B", bits: 2, role: "attribute", says: "bufferable" };
const C: Field = { name: "C", bits: 3, role: "attribute", says: "cacheable" };
const IMP: Field = { name: "IMP", bits: 4, role: "ignored", says: "to be written as one on the ARM926EJ-S" };
const DOMAIN: Field = { name: "domain", bits: [8, 5], role: "control", says: "protection domain" };
const AP_VALUES = { 0: "as S and R say", 1: "kernel RW", 2: "kernel RW, user RO", 3: "kernel RW, user RW" };
const ap = (name: string, low: number, says: string): Field => ({
  name,
  bits: [low + 1, low],
  role: "control",
  says,
  values: AP_VALUES,
});
const AP: Field = ap("AP", 10, "access permissions");
const PAGE_AP: Field = ap("AP", 4, "access permissions");
const QUARTERS: readonly Field[] = [0, 1, 2, 3].map((i) => ap(`AP${i}`, 4 + 2 * i, `access permissions of quarter ${i}`));

const cacheable: Rule<PageFlags> = { reads: [C], tell: (values) => (values["C"] === 1 ? PAGE_CACHEABLE : 0) };

/** What every quarter has in common. */
const commonRights: Rule<number> = {
  reads: QUARTERS,
  tell: (values, switches) => QUARTERS.reduce((rights, { name }) => rights & rightsOfAp(values[name] ?? 0, switches), 0o77),
};
const partRights: readonly Rule<number>[] = QUARTERS.map((field) => ({
  reads: [field],
  tell: (values, switches) => rightsOfAp(values[field.name] ?? 0, switches),
}));

/** The kernel may always write; what the user may do at all, he may read. */
const permissionFor = (flags: PageFlags): number => {
  if ((flags & PAGE_USER) === 0) return 1;
  if ((flags & WRITE) !== 0) return 3;
  return (flags & (READ | EXECUTE)) === 0 ? 1 : 2;
};

const encodePage = (flags: PageFlags): FieldValues => {
  const permission = permissionFor(flags);
  const isCacheable = (flags & PAGE_CACHEABLE) === 0 ? 0 : 1;
  return { type: 2, B: isCacheable, C: isCacheable, AP0: permission, AP1: permission, AP2: permission, AP3: permission };
};

const SUPER: Field = { name: "super", bits: 18, role: "control", says: "a supersection, repeated in 16 places" };
const SECTION_SBZ: readonly Field[] = [{ name: "SBZ", bits: [19, 12], role: "ignored", says: "should be zero" }];
/** The same on a processor that has supersections. */
const AROUND_SUPER: readonly Field[] = [
  { name: "NS", bits: 19, role: "ignored", says: "addresses non-secure memory" },
  SUPER,
  { name: "SBZ", bits: [17, 15], role: "ignored", says: "should be zero" },
  { name: "TEX", bits: [14, 12], role: "attribute", says: "memory type, with C and B" },
];
const SBZ9: Field = { name: "SBZ9", bits: 9, role: "ignored", says: "should be zero" };
const sectionRights: Rule<number> = { reads: [AP], tell: (values, switches) => rightsOfAp(values["AP"] ?? 0, switches) };

const section = (middle: readonly Field[]): EntryFormat => ({
  name: "section descriptor",
  bytes: 4,
  fields: [
    { name: "base", bits: [31, 20], role: "frame", says: "physical address of the section" },
    ...middle,
    AP,
    SBZ9,
    DOMAIN,
    IMP,
    C,
    B,
    TYPE,
  ],
  rights: sectionRights,
  attributes: cacheable,
  domain: DOMAIN,
});

/** It belongs to domain 0. */
const supersection: EntryFormat = {
  name: "supersection descriptor",
  bytes: 4,
  fields: [
    { name: "base", bits: [31, 24], role: "frame", says: "physical address of the supersection" },
    { name: "SBZ20", bits: [23, 20], role: "ignored", says: "should be zero" },
    ...AROUND_SUPER,
    AP,
    SBZ9,
    { name: "SBZ5", bits: [8, 5], role: "ignored", says: "no domain: it is domain 0" },
    IMP,
    C,
    B,
    TYPE,
  ],
  rights: sectionRights,
  attributes: cacheable,
};

const coarse = (writesImp: boolean): EntryFormat => ({
  name: "coarse table descriptor",
  bytes: 4,
  fields: [
    { name: "base", bits: [31, 10], role: "frame", says: "physical address of the second-level table" },
    { name: "mark", bits: 9, role: "software", says: "should be zero; the mark of HelenOS for a table that is there but not present" },
    DOMAIN,
    IMP,
    { name: "SBZ", bits: [3, 2], role: "ignored", says: "should be zero" },
    TYPE,
  ],
  domain: DOMAIN,
  encode: () => ({ type: 1, IMP: writesImp ? 1 : 0 }),
});

const smallPage: EntryFormat = {
  name: "small page descriptor",
  bytes: 4,
  fields: [
    { name: "base", bits: [31, 12], role: "frame", says: "physical address of the page" },
    ...QUARTERS.toReversed(),
    C,
    B,
    PAGE_TYPE,
  ],
  rights: commonRights,
  partRights,
  attributes: cacheable,
  encode: encodePage,
};

const largePage: EntryFormat = {
  name: "large page descriptor",
  bytes: 4,
  fields: [
    { name: "base", bits: [31, 16], role: "frame", says: "physical address of the large page" },
    { name: "SBZ", bits: [15, 12], role: "ignored", says: "should be zero" },
    ...QUARTERS.toReversed(),
    C,
    B,
    PAGE_TYPE,
  ],
  rights: commonRights,
  partRights,
  attributes: cacheable,
};

/** XScale, and ARMv6 in its old way: one set of permissions, and a memory type. Where a tiny page would be in a fine table. */
const extendedSmallPage: EntryFormat = {
  name: "extended small page descriptor",
  bytes: 4,
  fields: [
    { name: "base", bits: [31, 12], role: "frame", says: "physical address of the page" },
    { name: "SBZ", bits: [11, 9], role: "ignored", says: "should be zero" },
    { name: "TEX", bits: [8, 6], role: "attribute", says: "memory type, with C and B" },
    PAGE_AP,
    C,
    B,
    PAGE_TYPE,
  ],
  rights: { reads: [PAGE_AP], tell: (values, switches) => rightsOfAp(values["AP"] ?? 0, switches) },
  attributes: cacheable,
};

const FIRST: readonly EntryKind[] = ["absent", "table", "leaf", "malformed"];

export interface OldFormatOptions {
  /** Sets bit 4 of descriptors of tables, as the ARM926EJ-S asks; HelenOS leaves it clear, and hardware ignores it. */
  readonly writesImp: boolean;
  /** Type 3 of the second level is an extended small page. Without, such a descriptor is malformed. */
  readonly extendedSmallPages: boolean;
  /** Sections with bit 18 set are supersections: ARMv6. @see ARM1176JZF-S TRM (DDI 0301H) §6.11.1, figure 6-6 */
  readonly supersections: boolean;
}

export const levelsV5 = ({ writesImp, extendedSmallPages, supersections }: OldFormatOptions): readonly Level[] => [
  {
    name: "first-level table",
    indexBits: 12,
    table: coarse(writesImp),
    leaf: section(supersections ? AROUND_SUPER : SECTION_SBZ),
    ...(supersections
      ? { forms: [{ entries: 16, leaf: supersection, when: { reads: [SUPER], tell: (values: FieldValues) => values["super"] === 1 } }] }
      : {}),
    manual: supersections ? "ARM1176JZF-S TRM §6.11.1, figures 6-4 and 6-6" : "ARM926EJ-S TRM §3.2.3 and §3.2.4",
    kind: { reads: [TYPE], tell: (values) => FIRST[values["type"] ?? 0] ?? "malformed" },
  },
  {
    name: "coarse second-level table",
    indexBits: 8,
    leaf: smallPage,
    forms: [
      { entries: 16, leaf: largePage, when: { reads: [PAGE_TYPE], tell: (values) => values["type"] === 1 } },
      { entries: 1, leaf: extendedSmallPage, when: { reads: [PAGE_TYPE], tell: (values) => values["type"] === 3 } },
    ],
    manual: "ARM926EJ-S TRM §3.2.7 and §3.2.8",
    kind: {
      reads: [PAGE_TYPE],
      tell: ({ type }) => (type === 0 ? "absent" : type === 3 && !extendedSmallPages ? "malformed" : "leaf"),
    },
  },
];
