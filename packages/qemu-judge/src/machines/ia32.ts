/** IA-32 without PAE under QEMU: two levels, and the switches WP, PGE and PSE as a case has them. */
import { ia32 } from "@portolan/arch-ia32";
import { oracle } from "@portolan/arch-ia32/oracle";
import type { JudgedCase } from "../case.js";
import type { Actual } from "../verdict/actual.js";
import type { Explanation } from "../verdict/explanation.js";
import type { MachineProfile } from "./profile.js";
import { entriesFor, x86Explanations } from "./x86-deviations.js";
import { CASES, MAILBOX_AT, qemuOf, RAM_BYTES, registersOf, slotOf, STUB_AT, trapOf, windowOf, type TreeShape } from "./x86.js";

/** `pages` of stubs/ia32.S. */
const STUB_TABLE = STUB_AT + 0x4000;
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
  stubTable: STUB_TABLE,
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

export const ia32Profile: MachineProfile = {
  name: "ia32",
  architecture: ia32,
  oracle,
  qemu: qemuOf("max", "QEMU's x86-64 processor in protected mode without PAE (-cpu max)"),
  memory: "file",
  ram: { first: 0, bytes: RAM_BYTES },
  cases: CASES,
  stub: "ia32.bin",
  mailbox: { at: MAILBOX_AT, wordBytes: 4, order: "little" },
  slot,
  window: windowOf(shape),
  registers: (judged) => registersOf(judged, 0, 0),
  trap: trapOf,
  explanations: [...x86Explanations(shape, slot), pse36],
};
