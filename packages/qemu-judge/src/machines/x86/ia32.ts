/**
 * IA-32 under QEMU: two levels, and the switches WP, PGE and PSE as a case has them. With PAE, on request: three levels, the
 * first with four entries, and NXE, SMEP, SMAP and AC besides.
 */
import { ia32 } from "@portolan/arch-ia32";
import { oracle } from "@portolan/arch-ia32/oracle";
import { ia32PaeWith } from "@portolan/arch-ia32/pae";
import type { Architecture } from "@portolan/core";
import type { JudgedCase } from "../../case.js";
import type { Actual } from "../../verdict/actual.js";
import type { Explanation } from "../../verdict/explanation.js";
import type { MachineProfile } from "../profile.js";
import { entriesFor, x86Explanations } from "./deviations.js";
import { CASES, MAILBOX_AT, qemuOf, RAM_BYTES, registersOf, slotOf, STUB_AT, TO_TABLE, trapOf, windowOf, type TreeShape } from "./x86.js";

/** `directory` and `pages` of stubs/ia32.S. */
const STUB_DIRECTORY = STUB_AT + 0x3000;
const STUB_PAGES = STUB_AT + 0x4000;
const PS = 1n << 7n;
const RSVD = 8;
/** Bits 39:32 of the address of a 4 MiB page, with PSE-36: bits 20:13 of its entry; bit 21 stays reserved. */
const PSE36_ADDRESS = 0x001f_e000n;
const PSE36_RESERVED = 0x0020_0000n;
const ACCESSED = 1n << 5n;
const DIRTY = 1n << 6n;

const isLargePage = (entry: bigint, { switches }: JudgedCase): boolean => (entry & PS) !== 0n && (switches["PSE"] ?? false);

const shape: TreeShape = {
  entryBytes: 4,
  indexBits: 10,
  shifts: [22, 12],
  stubEntry: STUB_PAGES + TO_TABLE,
  isTable: (entry, depth, judged) => depth === 0 && !isLargePage(entry, judged),
  frame: 0xffff_f000n,
};

const slot = slotOf(4);

/** Does the word map 4 MiB above 4 GiB, where PSE-36 is known? */
const isAbove4GiB = (entry: bigint, judged: JudgedCase): boolean =>
  isLargePage(entry, judged) && (entry & PSE36_ADDRESS) !== 0n && (entry & PSE36_RESERVED) === 0n;

/** Nothing lies there; or the page's rights are in the way first. */
const isGoneAbove = (actual: Actual): boolean =>
  actual.kind === "trap"
    ? actual.trap.trap === "#PF" && (actual.trap.code & RSVD) === 0
    : actual.kind === "physical" && actual.physical === null;

const pse36: Explanation = {
  id: "ia32.pse-36",
  says: "QEMU's processors have PSE-36, whatever CPUID says: bits 20:13 of an entry that maps 4 MiB are address bits 39:32. Ours has not, and they are reserved.",
  manual: "Intel SDM vol 3A §4.3, table 4-4 (bits M-20:13)",
  follows: "either",
  keepsMemory: true,
  matches: (query, actual, judged) => {
    const [directory] = entriesFor(shape, judged, query.address);
    const isReserved = query.expected.kind === "fault" && query.expected.reason === "reserved";
    return isReserved && directory !== undefined && isAbove4GiB(directory.entry, judged) && isGoneAbove(actual);
  },
  matchesWord: ({ at, found, wanted }, judged) =>
    at - (at % 4096) === judged.root &&
    isAbove4GiB(wanted, judged) &&
    (found === (wanted | ACCESSED) || found === (wanted | ACCESSED | DIRTY)),
};

/** With PAE and without. */
const common = {
  memory: "file",
  ram: { first: 0, bytes: RAM_BYTES },
  cases: CASES,
  mailbox: { at: MAILBOX_AT, wordBytes: 4, order: "little" },
  slot,
  trap: trapOf,
} as const satisfies Partial<MachineProfile>;

export const ia32Profile: MachineProfile = {
  ...common,
  name: "ia32",
  architecture: ia32,
  oracle,
  qemu: qemuOf("max", "x86-64 processor in protected mode without PAE (-cpu max)"),
  stub: "ia32.bin",
  window: windowOf(shape),
  registers: (judged) => registersOf(judged, 0, 0),
  explanations: [...x86Explanations(shape, slot), pse36],
};

const CR4_PAE = 1 << 5;
const EFER_NXE = 1 << 11;

const paeShape: TreeShape = {
  entryBytes: 8,
  indexBits: 9,
  rootIndexBits: 2,
  shifts: [30, 21, 12],
  // Of a page-directory-pointer-table entry of PAE nothing but P may be set. @see Intel SDM vol 3A §4.4, table 4-8
  stubEntry: STUB_DIRECTORY + 1,
  isTable: (entry, depth) => depth === 0 || (entry & PS) === 0n,
  frame: 0xf_ffff_ffff_f000n,
};

const ROOT_BYTES = 32;
/** What must be zero in an entry of the root below its address: bits 8:5 and 2:1. */
const PDPTE_RESERVED = 0b1_1110_0110n;

const pdpteFlags: Explanation = {
  id: "ia32pae.pdpte-flags",
  says: "Bits 8:5 and 2:1 of a page-directory-pointer-table entry must be zero; QEMU looks at none of them, and sets bit 5 as if it were an accessed flag.",
  manual: "Intel SDM vol 3A §4.4.1, table 4-8; §4.8 (entries with an accessed flag)",
  follows: "portolan",
  matches: (query, actual, judged) => {
    const [pointer] = entriesFor(paeShape, judged, query.address);
    const isReserved = query.expected.kind === "fault" && query.expected.reason === "reserved";
    const isTold = actual.kind === "trap" && (actual.trap.code & RSVD) !== 0;
    return isReserved && pointer !== undefined && (pointer.entry & PDPTE_RESERVED) !== 0n && !isTold;
  },
  matchesWord: ({ at, found, wanted }, { root }) =>
    root !== undefined && at >= root && at < root + ROOT_BYTES && found === (wanted | ACCESSED),
};

/** A machine with PAE; its root is four entries of 8 bytes, at a multiple of 32. */
export const ia32PaeProfileWith = (name: string, architecture: Architecture): MachineProfile => ({
  ...common,
  name,
  architecture,
  // Without long mode its physical addresses have 36 bits. @see QEMU target/i386/cpu.c, x86_cpu_realizefn
  qemu: qemuOf("max,lm=off", "x86 processor without long mode, with PAE (-cpu max,lm=off)"),
  stub: "ia32pae.bin",
  window: windowOf(paeShape),
  registers: (judged) => registersOf(judged, CR4_PAE, judged.switches["NXE"] ? EFER_NXE : 0),
  explanations: [...x86Explanations(paeShape, slot), pdpteFlags],
});

/** With what QEMU's processor has: SMEP and SMAP. */
export const ia32paeProfile: MachineProfile = ia32PaeProfileWith("ia32pae", ia32PaeWith({ smep: true, smap: true }));
