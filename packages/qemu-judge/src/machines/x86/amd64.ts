/** AMD64 under QEMU: four levels or five, and the switches WP, PGE, NXE, SMEP, SMAP and AC as a case has them. */
import { amd64With, PF_RSVD } from "@portolan/arch-amd64";
import type { Architecture } from "@portolan/core";
import type { JudgedQuery } from "../../case.js";
import type { Actual } from "../../verdict/actual.js";
import type { Explanation } from "../../verdict/explanation.js";
import type { MachineProfile } from "../profile.js";
import { CASES, MAILBOX_AT, qemuOf, RAM_BYTES, registersOf, slotOf, STUB_AT, TO_TABLE, trapOf, windowOf, type TreeShape } from "./x86.js";
import { accessedGigabytePage, entriesFor, x86Explanations } from "./deviations.js";

const CR4_PAE = 1 << 5;
const CR4_LA57 = 1 << 12;
const EFER_LME_LMA = (1 << 8) | (1 << 10);
const EFER_NXE = 1 << 11;

/** Below what root entry the stub lies: tables of stubs/amd64.S by the number of levels. */
const STUB_TABLES = { 4: STUB_AT + 0x4000, 5: STUB_AT + 0x3000 } as const;
const SHIFTS = [48, 39, 30, 21, 12];

/** QEMU's physical addresses without KVM. @see QEMU target/i386/cpu.h, TCG_PHYS_ADDR_BITS */
const PHYSICAL_BITS = 40;
const PS = 1n << 7n;
const PML4E_8 = 1n << 8n;
/** Bits 51:40. */
const BEYOND_40 = 0xf_ff00_0000_0000n;

const shapeOf = (levels: 4 | 5): TreeShape => ({
  entryBytes: 8,
  indexBits: 9,
  shifts: SHIFTS.slice(-levels),
  stubEntry: STUB_TABLES[levels] + TO_TABLE,
  // PS is reserved in the root (and below a root of five levels); in the two levels below it maps a page.
  isTable: (entry, depth) => depth < levels - 3 || (entry & PS) === 0n,
  frame: 0xf_ffff_ffff_f000n,
});

const slot = slotOf(8);

const isReserved = ({ expected }: JudgedQuery): boolean => expected.kind === "fault" && expected.reason === "reserved";
const hasRsvd = (actual: Actual): boolean => actual.kind === "trap" && actual.trap.trap === "#PF" && (actual.trap.code & PF_RSVD) !== 0;

/** They matter to golden vectors and to machines that somebody brings: our own cases are made for a processor like QEMU's. */
const explanationsFor = (shape: TreeShape): readonly Explanation[] => [
  {
    id: "amd64.pml4e-bit-8",
    says: "Bit 8 of a PML4 or PML5 entry is reserved by AMD and ignored by Intel; QEMU ignores it, whatever the processor.",
    manual: "AMD64 APM vol 2 §5.3.3 (figure of the PML4E, bit 8 MBZ); Intel SDM vol 3A §4.5.4, table 4-15",
    follows: "either",
    matches: (query, actual, judged) => {
      const upper = entriesFor(shape, judged, query.address).slice(0, shape.shifts.length - 3);
      return isReserved(query) && upper.some(({ entry }) => (entry & PML4E_8) !== 0n) && !hasRsvd(actual);
    },
  },
  {
    id: "amd64.frame-above-40-bits",
    says: "QEMU's processor has 40 bits of physical address, and what is above is reserved; ours has as many as its description says.",
    manual: "Intel SDM vol 3A §4.1.4 (MAXPHYADDR), §4.5.4; AMD64 APM vol 2 §5.3.3",
    follows: "either",
    matches: (query, actual, judged) =>
      hasRsvd(actual) &&
      query.expected.kind === "fault" &&
      query.expected.reason === "protection" &&
      entriesFor(shape, judged, query.address).some(({ entry }) => (entry & BEYOND_40) !== 0n),
  },
];

/** What differs between the variants of 64-bit mode. */
export interface Amd64Variant {
  readonly name: string;
  readonly architecture: Architecture;
  /** Five: the processor has CR4.LA57, and the stub runs with it. */
  readonly levels: 4 | 5;
}

export const amd64ProfileWith = ({ name, architecture, levels }: Amd64Variant): MachineProfile => ({
  name,
  architecture,
  qemu: qemuOf(`max,la57=${levels === 5 ? "on" : "off"}`, "x86-64 processor with all that it knows (-cpu max)"),
  memory: "file",
  ram: { first: 0, bytes: RAM_BYTES },
  cases: CASES,
  stub: "amd64.bin",
  mailbox: { at: MAILBOX_AT, wordBytes: 8, order: "little" },
  slot,
  window: windowOf(shapeOf(levels)),
  registers: (judged) =>
    registersOf(judged, CR4_PAE + (levels === 5 ? CR4_LA57 : 0), EFER_LME_LMA + (judged.switches["NXE"] ? EFER_NXE : 0)),
  trap: trapOf,
  explanations: [...x86Explanations(shapeOf(levels), slot), accessedGigabytePage(shapeOf(levels)), ...explanationsFor(shapeOf(levels))],
});

/** Our machine with QEMU's width of physical addresses, so that every reserved bit is judged; as Intel has it, PML4E bit 8 is ignored. */
export const amd64Profile: MachineProfile = amd64ProfileWith({
  name: "amd64",
  architecture: amd64With({ processor: "qemu", physicalBits: PHYSICAL_BITS }),
  levels: 4,
});

/** The same with five levels. */
export const amd64la57Profile: MachineProfile = amd64ProfileWith({
  name: "amd64la57",
  architecture: amd64With({ processor: "qemu", physicalBits: PHYSICAL_BITS, levels: 5 }),
  levels: 5,
});
