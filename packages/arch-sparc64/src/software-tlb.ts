/**
 * TLBs and TSBs as somebody sees them who has their words: what matches, what is raised, and where a handler looks then.
 *
 * @see UltraSPARC I/II User's Manual §6.2, §6.3, §6.4 and §6.9
 */
import {
  ABSENT,
  EXECUTE,
  FormatCodec,
  KERNEL,
  permits,
  PRIVILEGED,
  PROTECTION,
  READ,
  RESERVED,
  rightsFor,
  type Access,
  type EntryFormat,
  type FaultReason,
  type Field,
  type Privilege,
  type SoftwareTlb,
  type StorageBuffer,
  type TlbException,
} from "@portolan/core/architecture";
import { faults } from "./faults.js";
import { dataTte, instructionTte, tsbTagFields } from "./formats.js";
import { tagTarget, tsbPointer } from "./registers.js";

const HARDWARE_PAGE_SHIFT = 13n;
const VALID = 1n << 63n;
const WORD = (1n << 64n) - 1n;
/** Both buffers' data: bits that caches alone ask for differ between operating systems and say nothing of translations. */
const data = dataTte(false);

const tagFields: readonly Field[] = [
  { name: "VA", bits: [63, 13], role: "tag", says: "virtual address of the page" },
  { name: "context", bits: [12, 0], role: "tag", says: "context number" },
];

const formatOf = (unit: "data" | "instruction"): EntryFormat => (unit === "data" ? data : instructionTte);

const exceptionFor = (reason: FaultReason, access: Access, privilege: Privilege, asks: TlbException["asks"]): TlbException => ({
  reason,
  trap: faults.report(reason, access, privilege).trap,
  asks,
});

/** The fields that refuse. */
const P = { name: "P", is: 1, wouldBe: 0 };
const NFO = { name: "NFO", is: 1, wouldBe: 0 };
const W = { name: "W", is: 0, wouldBe: 1 };

/** Size, split and base as the TSB register has them. @see USUM §6.9.6 */
const parse = (value: bigint): ReturnType<StorageBuffer["parse"]> => ({
  base: value & ~0x1fffn & WORD,
  slots: 512 * 2 ** Number(value & 7n),
  isSplit: (value & 0x1000n) !== 0n,
});

const buffer = (unit: "data" | "instruction"): StorageBuffer => {
  const format = formatOf(unit);
  const codec = new FormatCodec(format, {});
  return {
    register: unit === "data" ? "TSB_D" : "TSB_I",
    unit,
    parse,
    pointer(value, address) {
      const { base, isSplit } = parse(value);
      return tsbPointer({ base, size: Number(value & 7n), split: isSplit }, address, 13);
    },
    tagOf: tagTarget,
    tagFields: tsbTagFields,
    data: format,
    rowOf(tag, word, slot) {
      if ((tag & VALID) !== 0n || (word & VALID) === 0n) return null;
      const [lo, hi] = [Number(word & 0xffff_ffffn), Number(word >> 32n)];
      const bytes = 0x2000 * 8 ** Number((word >> 61n) & 3n);
      // The slot tells VA[21:13], which the tag has not.
      const page = (tag & 0x3ff_ffff_ffffn) * 512n + BigInt(slot % 512);
      const virtual = (page << HARDWARE_PAGE_SHIFT) & ~BigInt(bytes - 1) & WORD;
      const rights = codec.rightsOf(lo, hi);
      return {
        unit,
        index: slot,
        virtual,
        bytes,
        physical: BigInt(codec.addressOf(lo, hi)) & ~BigInt(bytes - 1),
        asid: Number((tag >> 48n) & 0x1fffn),
        global: (word & 1n) !== 0n,
        kernel: rights & 7,
        user: rights >>> 3,
        uncached: (word & 0x20n) === 0n,
        words: { TAG: tag, DATA: word },
      };
    },
    manual: "UltraSPARC I/II User's Manual §6.3 and §6.9.6",
  };
};

/** What the port tells of its TLBs. */
export const softwareTlb: SoftwareTlb = {
  tagName: "context",
  asidOf: ({ PRIMARY_CONTEXT }) => (PRIMARY_CONTEXT === undefined ? undefined : PRIMARY_CONTEXT & 0x1fffn),
  matchesInvalid: false,
  words: ({ unit }) => [
    { name: "TAG", bits: 64, fields: tagFields },
    { name: "DATA", bits: 64, fields: formatOf(unit).fields },
  ],
  entryOf: ({ unit }) => formatOf(unit),
  miss: (access) => exceptionFor(ABSENT, access, KERNEL, "all"),
  // Privilege is checked before W; what not even the kernel may load from is a page for loads that must not fault.
  refusal({ kernel, user }, access, privilege) {
    const rights = rightsFor(kernel, user);
    if (access === EXECUTE) return { ...exceptionFor(PRIVILEGED, access, privilege, "nothing"), field: P };
    if (!permits(rights, KERNEL, READ)) return { ...exceptionFor(RESERVED, access, privilege, "nothing"), field: NFO };
    if (!permits(rights, privilege, READ)) return { ...exceptionFor(PRIVILEGED, access, privilege, "nothing"), field: P };
    return { ...exceptionFor(PROTECTION, access, privilege, "tables"), field: W };
  },
  overlap: "the manual leaves open what happens",
  // The kernel's space shows RAM from its first byte on, but for page 0; fetches are looked up.
  fixedFor(address, access, { first, bytes }) {
    if (access === EXECUTE || address < 0x2000n || address >= BigInt(bytes)) return null;
    return address + BigInt(first);
  },
  buffers: [buffer("instruction"), buffer("data")],
  manual: "UltraSPARC I/II User's Manual §6.2 and §6.11",
};
