/**
 * 64-bit ARM inside QEMU, at EL1: what a judge of a port with VMSAv8-64 tables needs to know but for the port itself.
 *
 * The board is QEMU's empty one, as for RISC-V: a processor without EL2 and EL3, RAM from address 0 on, and nothing else. Each
 * half of the address space is judged from the other one, so that no room is needed in the tables.
 *
 * @see Arm ARM (DDI 0487) D5.2, D5.3 (VMSAv8-64), D13.2 (ESR_EL1, SCTLR_EL1, TCR_EL1)
 */
import type { Architecture, Oracle } from "@portolan/core";
import type { JudgedCase } from "../../case.js";
import type { RawResult } from "../../mailbox.js";
import type { Explanation } from "../../verdict/explanation.js";
import { blocksEverywhere } from "./deviations.js";
import { stampOf, type MachineProfile, type SlotKind, type Trap } from "../profile.js";

const MIB = 2 ** 20;
/** The reset vector, where the stub was linked to; and the next block of 2 MiB. */
const STUB = 0x200_0000;
const MAILBOX = 0x220_0000;
/** Where boards have RAM for programs. */
const DRAM = 0x4000_0000;
const CASES = 8 * MIB;
const RAM_END = DRAM + CASES;

/** `movz w0; movk w0; svc`, and the word that reads read. */
const slot: SlotKind = {
  bytes: 16,
  dataOffset: 12,
  dataBytes: 4,
  make(physical) {
    const stamp = stampOf(physical);
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, (0x5280_0000 | ((stamp & 0xffff) << 5)) >>> 0, true);
    view.setUint32(4, (0x72a0_0000 | ((stamp >>> 16) << 5)) >>> 0, true);
    view.setUint32(8, 0xd400_0001, true);
    view.setUint32(12, stamp, true);
    return bytes;
  },
};

/** How a half's tables are laid out: the granule, and how many bits of address they translate. */
export interface Half {
  readonly granuleKiB: 4 | 16 | 64;
  readonly bits: number;
}

/** TG0 and TG1 name the same granules by other numbers. */
const TG0 = { 4: 0n, 16: 2n, 64: 1n } as const;
const TG1 = { 4: 2n, 16: 1n, 64: 3n } as const;

/** Bits of a physical address by TCR.IPS. */
const IPS = [32, 36, 40, 42, 44, 48, 52] as const;

/** What differs between the machines that are judged. */
export interface Arm64Options {
  readonly architecture: Architecture;
  readonly oracle?: Oracle;
  /** QEMU's name of the processor: `"cortex-a57"`; one that has the granule, as `"max"` has 16 KiB. */
  readonly processor: string;
  /** TTBR0's; TTBR1's is laid out in the same way where nothing is said of it. */
  readonly low: Half;
  readonly high?: Half;
  /** TCR.IPS: output addresses beyond are refused. */
  readonly physicalBits: (typeof IPS)[number];
  /** Further bits of TCR and SCTLR that switches or the port stand for; no big-endian tables. */
  readonly tcr?: (judged: JudgedCase) => bigint;
  readonly sctlr?: (judged: JudgedCase) => bigint;
  readonly explanations?: readonly Explanation[];
}

/** Bits of SCTLR_EL1 that are always 1 in ARMv8.0, and M. */
const SCTLR = 0x30d0_0801n;
/** Attribute 0 is normal memory that is cached. */
const MAIR = 0xffn;

const tcrOf = ({ low, high = low, physicalBits }: Pick<Arm64Options, "low" | "high" | "physicalBits">): bigint =>
  BigInt(64 - low.bits) |
  (TG0[low.granuleKiB] << 14n) |
  (BigInt(64 - high.bits) << 16n) |
  (TG1[high.granuleKiB] << 30n) |
  (BigInt(IPS.indexOf(physicalBits)) << 32n);

const INSTRUCTION_ABORTS = [0x20n, 0x21n];
const DATA_ABORTS = [0x24n, 0x25n];
const EC_SHIFT = 26n;
const EC = 0x3fn;
/** ISS: fault status code, WnR. */
const STATUS = 0x3fn;
const WNR = 0x40n;

/** The manual's name of the exception; of ESR_EL1 the fault status code, and WnR where data was accessed. */
const trap = ({ code: esr, address }: RawResult): Trap => {
  const cause = (esr >> EC_SHIFT) & EC;
  if (INSTRUCTION_ABORTS.includes(cause)) return { trap: "Instruction Abort", code: Number(esr & STATUS), address };
  if (DATA_ABORTS.includes(cause)) return { trap: "Data Abort", code: Number(esr & (STATUS | WNR)), address };
  return { trap: `exception class 0x${cause.toString(16)}`, code: Number(esr & STATUS), address };
};

/** The judge of a port. TTBR0 is a case's root, TTBR1 the kernel's root. */
export const arm64On = (options: Arm64Options): MachineProfile => {
  const { architecture, oracle, processor, low, high = low, explanations = [], tcr = () => 0n, sctlr = () => 0n } = options;
  return {
    name: architecture.name,
    architecture,
    ...(oracle === undefined ? {} : { oracle }),
    qemu: {
      program: "qemu-system-aarch64",
      package: "qemu-system-arm",
      title: `${processor}, at EL1`,
      args: [
        "-M",
        "none,memory-backend=ram",
        "-m",
        `${RAM_END / MIB}M`,
        "-cpu",
        `${processor},has_el3=off,has_el2=off,rvbar=${STUB}`,
        "-device",
        `loader,file={stub},addr=${STUB},force-raw=on`,
      ],
    },
    memory: "file",
    ram: { first: 0, bytes: RAM_END },
    cases: { first: DRAM, bytes: CASES },
    stub: "arm64.bin",
    mailbox: { at: MAILBOX, wordBytes: 8, order: "little" },
    slot,
    registers: (judged) => {
      const tag = BigInt(judged.asid) << 48n;
      return [
        BigInt(judged.root ?? 0) | tag,
        BigInt(judged.kernelRoot ?? 0) | tag,
        tcrOf(options) | tcr(judged),
        MAIR,
        SCTLR | sctlr(judged),
      ];
    },
    trap,
    judgesBus: (physical) => physical >= BigInt(RAM_END),
    explanations: [blocksEverywhere(low, high), ...explanations],
  };
};
