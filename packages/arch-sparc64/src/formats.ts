/**
 * The words of the UltraSPARC MMU: TTE data as it stands in TLBs and TSBs, the tag of a TSB entry and the tag of an
 * access. Fields are listed from bit 63 down, as the manual draws them.
 *
 * @see UltraSPARC I/II User's Manual §6.2 (figure 6-1) and §6.9 (figure 6-12)
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
  type Field,
  type PageFlags,
  type Rule,
} from "@portolan/core/architecture";

const P: Field = { name: "P", bits: 2, role: "control", says: "for the kernel only" };
const W: Field = { name: "W", bits: 1, role: "control", says: "may be written" };
const NFO: Field = { name: "NFO", bits: 60, role: "control", says: "only for loads that must not fault" };
const CP: Field = { name: "CP", bits: 5, role: "attribute", says: "cacheable in the physically indexed caches" };
const G: Field = { name: "G", bits: 0, role: "global", says: "for every context" };

const common: readonly Field[] = [
  { name: "V", bits: 63, role: "control", says: "valid" },
  { name: "Size", bits: [62, 61], role: "control", says: "page size", values: { 0: "8 KiB", 1: "64 KiB", 2: "512 KiB", 3: "4 MiB" } },
  NFO,
  { name: "IE", bits: 59, role: "attribute", says: "the other byte order" },
  { name: "Soft2", bits: [58, 50], role: "software", says: "for software; a TLB forgets it" },
  { name: "Diag", bits: [49, 41], role: "ignored", says: "for diagnostics, the Used bit among them" },
  { name: "PA", bits: [40, 13], role: "frame", says: "physical address of the page" },
  { name: "Soft", bits: [12, 7], role: "software", says: "for software; a TLB forgets it" },
  { name: "L", bits: 6, role: "control", says: "locked in the TLB" },
  CP,
];

const bit = (flags: PageFlags, flag: number): number => ((flags & flag) === 0 ? 0 : 1);

/** Reading is always allowed; NFO pages are for loads that nobody here makes. */
const dataRights: Rule<number> = {
  reads: [NFO, P, W],
  tell(values) {
    if (values["NFO"] === 1) return 0;
    const may = READ | (values["W"] === 1 ? WRITE : 0);
    return rightsFor(may, values["P"] === 1 ? 0 : may);
  },
};

/** An entry in the instruction TLB may be fetched from: what may not is never put there. */
const instructionRights: Rule<number> = {
  reads: [P],
  tell: (values) => rightsFor(EXECUTE, values["P"] === 1 ? 0 : EXECUTE),
};

const attributes: Rule<number> = {
  reads: [CP, G],
  tell: (values) => (values["CP"] === 1 ? PAGE_CACHEABLE : 0) | (values["G"] === 1 ? PAGE_GLOBAL : 0),
};

/**
 * TTE data for the data MMU.
 * @param cachesVirtually does the operating system cache pages in the virtually indexed data cache (CV)?
 */
export const dataTte = (cachesVirtually: boolean): EntryFormat => ({
  name: "TTE data (D)",
  bytes: 8,
  fields: [
    ...common,
    { name: "CV", bits: 4, role: "attribute", says: "cacheable in the virtually indexed data cache" },
    { name: "E", bits: 3, role: "attribute", says: "accesses have side effects" },
    P,
    W,
    G,
  ],
  rights: dataRights,
  attributes,
  encode: (flags) => ({
    V: 1,
    CP: bit(flags, PAGE_CACHEABLE),
    CV: cachesVirtually ? bit(flags, PAGE_CACHEABLE) : 0,
    P: 1 - bit(flags, PAGE_USER),
    W: bit(flags, WRITE),
    G: bit(flags, PAGE_GLOBAL),
  }),
});

/** TTE data for the instruction MMU, which has neither CV nor W. */
export const instructionTte: EntryFormat = {
  name: "TTE data (I)",
  bytes: 8,
  fields: [
    ...common,
    { name: "CV", bits: 4, role: "ignored", says: "reads as zero in the instruction MMU" },
    { name: "E", bits: 3, role: "attribute", says: "accesses have side effects" },
    P,
    { name: "W", bits: 1, role: "ignored", says: "without a meaning for fetches" },
    G,
  ],
  rights: instructionRights,
  attributes,
  encode: (flags) => ({ V: 1, CP: bit(flags, PAGE_CACHEABLE), P: 1 - bit(flags, PAGE_USER), G: bit(flags, PAGE_GLOBAL) }),
};

/** The tag of a TSB entry, and what the Tag Target register shows after a miss. @see USUM §6.2, §6.9.2 */
export const tsbTagFields: readonly Field[] = [
  { name: "G", bits: 63, role: "tag", says: "being written, or invalid: a mark of software's, never looked for" },
  { name: "zero", bits: [62, 61], role: "reserved", says: "zero" },
  { name: "context", bits: [60, 48], role: "tag", says: "context number" },
  { name: "zero47", bits: [47, 42], role: "reserved", says: "zero" },
  { name: "VA[63:22]", bits: [41, 0], role: "tag", says: "virtual address without the bits that the slot implies" },
];

/** TSB entry as one 128-bit number: the tag above, the data below. */
export const tsbEntryFields = (data: EntryFormat): readonly Field[] => [...tsbTagFields.map((field) => raised(field, 64)), ...data.fields];

const raised = (field: Field, by: number): Field => ({
  ...field,
  name: `tag.${field.name}`,
  bits: typeof field.bits === "number" ? field.bits + by : [field.bits[0] + by, field.bits[1] + by],
});
