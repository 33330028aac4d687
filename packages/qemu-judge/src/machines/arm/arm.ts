/**
 * 32-bit ARM with short descriptors, on QEMU's VersatilePB: the board takes every 32-bit processor and has RAM from address 0 on.
 * One stub serves all of them; it lies in the section at 32 MiB, which each case's first level maps while it is judged.
 *
 * The processors differ in the format of the descriptors and in what they report: ARM926EJ-S (ARMv5), ARM1136 before ARMv6K,
 * Cortex-A8 (ARMv7), and their variants by bits of SCTLR and TTBCR.
 */
import {
  arm as armOf,
  arm32,
  DATA_ABORT,
  oracle as oracleOfV5,
  oracleOf,
  PREFETCH_ABORT,
  ttbr0,
  WNR,
  type ArmOptions,
  type Format,
} from "@portolan/arch-arm";
import { armv7 as cortexA9 } from "@portolan/arch-arm/v7";
import type { Architecture, Oracle } from "@portolan/core";
import type { JudgedCase } from "../../case.js";
import { Words, type RawResult } from "../../mailbox.js";
import type { Explanation } from "../../verdict/explanation.js";
import {
  domainFirst,
  domainFirstOfV5,
  fineTable,
  fineTableOfV6,
  narrowed,
  supersectionOfOldFormat,
  unmarkedAndClosed,
  unmarkedAndManaged,
  unmarkedAndNever,
  wideSupersection,
} from "./deviations.js";
import { windowOf } from "./window.js";
import { stampOf, type MachineProfile, type SlotKind, type Trap } from "../profile.js";

/** Where the stub lies, and the mailbox behind it; as in stubs/arm.S. */
const STUB = 0x200_0000;
const MAILBOX = STUB + 0x1_0000;
const MIB = 1 << 20;

/** SCTLR.S and R by the port's names of switches, XP and AFE by its options. */
const S = 1 << 8;
const R = 1 << 9;
const XP = 1 << 23;
const AFE = 1 << 29;

/** `mov r1, #` and three `orr r1, r1, #`: a byte of the stamp each. A fetch needs no right to read for them. */
const STAMP_CODE = [0xe3a0_1000, 0xe381_1c00, 0xe381_1800, 0xe381_1400];
const SVC = 0xef00_0000;
const DATA_OFFSET = 20;

/** Five instructions, the data word, and two more calls for who comes from behind. */
const slot: SlotKind = {
  bytes: 32,
  dataOffset: DATA_OFFSET,
  dataBytes: 4,
  make(physical) {
    const stamp = stampOf(physical);
    const code = STAMP_CODE.map((instruction, i) => instruction + ((stamp >>> (8 * i)) & 0xff));
    const words = new Words(new Uint8Array(32), 4, "little");
    [...code, SVC, stamp, SVC, SVC].forEach((word, i) => words.set(i, word));
    return words.bytes;
  },
};

/** Vectors that are neither abort, by their numbers; the timer of the stub is the interrupt. */
const VECTORS: Readonly<Record<number, string>> = {
  1: "undefined instruction",
  2: "supervisor call at another address",
  5: "an exception that cannot be",
  6: "an interrupt of the stub's timer: no end in sight",
};
const PREFETCH = 3;
const DATA = 4;

/** Section translation faults, and aborts on the walk before the first level was read. */
const NO_DOMAIN_YET = [0b0101, 0b1100];

/**
 * What a result says, in bits that the manuals define: status and domain; from ARMv6 on FS[4], WnR and ExT too, and in IFSR no
 * domain. A fault that comes before the domain is known leaves no valid one.
 *
 * @see ARM ARM (DDI 0100I) §B4.6, table B4-1; ARMv7-A ARM (DDI 0406C) §B3.13, table B3-23; ARM926EJ-S TRM (DDI 0198D) table 3-9
 */
const trapOf =
  (isOld: boolean) =>
  (raw: RawResult): Trap => {
    const vector = Number(raw.trap);
    const code = Number(raw.code);
    const address = raw.address;
    if (vector === PREFETCH) {
      // From ARMv6 on IFAR says the same as the return address.
      const [ifar] = raw.extra;
      const isSame = isOld || ifar === address;
      return {
        trap: isSame ? PREFETCH_ABORT : `${PREFETCH_ABORT}, with IFAR 0x${ifar.toString(16)}`,
        code: valid(code, isOld ? 0xff : 0x140f),
        address,
      };
    }
    if (vector === DATA) return { trap: DATA_ABORT, code: valid(code, isOld ? 0xff : 0x14ff | WNR), address };
    return { trap: VECTORS[vector] ?? `vector ${vector}`, code: 0, address };
  };

const valid = (code: number, mask: number): number => code & mask & (NO_DOMAIN_YET.includes(code & 0xf) ? ~0xf0 : ~0);

/** RAM, devices, flash, and the configuration space of PCI: what the board has, by first and last address. */
const PLACES = [
  [0, 64 * MIB - 1],
  [0x1000_0000, 0x101f_ffff],
  [0x3400_0000, 0x37ff_ffff],
  [0x4100_0000, 0x42ff_ffff],
] as const;

/** Walks that lead to nothing end in an external abort. Accesses do not: this board reads 0 there, and forgets what is written. */
const isEmpty = (physical: number): boolean => PLACES.every(([first, last]) => physical < first || physical > last);

/** One processor, told how to read its descriptors. */
interface Variant {
  readonly name: string;
  readonly architecture: Architecture;
  readonly format: Format;
  /** What `-cpu` takes, and what that is. */
  readonly cpu: string;
  readonly title: string;
  /** The fault registers are those of ARMv5. */
  readonly hasOldRegisters?: boolean;
  readonly options?: Pick<ArmOptions, "ttbcrN" | "accessFlag" | "extendedSmallPages" | "supersections">;
  readonly explanations: (ttbcrN: number) => readonly Explanation[];
}

const oracleFor = (format: Format, options: NonNullable<Variant["options"]>): Oracle =>
  format === "v5" && Object.keys(options).length === 0 ? oracleOfV5 : oracleOf({ format, ...options });

const profileOf = ({
  name,
  architecture,
  format,
  cpu,
  title,
  hasOldRegisters = false,
  options = {},
  explanations,
}: Variant): MachineProfile => {
  const { ttbcrN = 0, accessFlag = false } = options;
  const control = (format === "v5" ? 0 : XP) + (accessFlag ? AFE : 0);
  const loader = `loader,file={stub},addr=0x${STUB.toString(16)},force-raw=on,cpu-num=0`;
  return {
    name,
    architecture,
    oracle: oracleFor(format, options),
    qemu: {
      program: "qemu-system-arm",
      package: "qemu-system-arm",
      title,
      args: ["-M", "versatilepb,memory-backend=ram", "-cpu", cpu, "-m", "64", "-device", loader],
    },
    memory: "file",
    ram: { first: 0, bytes: 64 * MIB },
    cases: { first: MIB, bytes: 8 * MIB },
    stub: "arm.bin",
    mailbox: { at: MAILBOX, wordBytes: 4, order: "little" },
    slot,
    window: (judged, queries) => windowOf(judged, queries, ttbcrN, STUB),
    registers: ({ switches, root = 0, kernelRoot = root, asid }: JudgedCase) => [
      control + (switches["S"] ? S : 0) + (switches["R"] ? R : 0),
      ttbcrN,
      ttbr0(root, ttbcrN),
      kernelRoot,
      asid,
    ],
    trap: trapOf(hasOldRegisters),
    // Where a case brings no root for the kernel, both are one.
    amend: (blank, random) => {
      const amended = format === "v5" ? blank : narrowed(blank, random);
      return ttbcrN > 0 && blank.root !== undefined ? { kernelRoot: blank.root, ...amended } : amended;
    },
    judgesBus: (physical, isTable) => isTable && isEmpty(Number(physical)),
    explanations: explanations(ttbcrN),
  };
};

const ofNewFormat = (ttbcrN: number): readonly Explanation[] => [domainFirst(ttbcrN), wideSupersection(ttbcrN)];

/** ARMv5: subpages, no XN, S and R. */
export const arm = profileOf({
  name: "arm",
  architecture: arm32,
  format: "v5",
  cpu: "arm926",
  title: "ARM926EJ-S",
  hasOldRegisters: true,
  explanations: () => [domainFirstOfV5, fineTable],
});

/** ARMv6 before ARMv6K: XN, supersections, S and R; APX = 1 with AP = 11 is reserved. */
export const armv6 = profileOf({
  name: "armv6",
  architecture: armOf({ processor: "arm1136jfs" }),
  format: "v6",
  cpu: "arm1136-r2",
  title: "ARM1136JF-S r0, SCTLR.XP set",
  explanations: ofNewFormat,
});

/** The old format on an ARMv6, with extended small pages and supersections. */
export const armv6Old = profileOf({
  name: "armv6-xp0",
  architecture: armOf({ processor: "arm1136jfs", format: "v5" }),
  format: "v5",
  cpu: "arm1136-r2",
  title: "ARM1136JF-S r0, SCTLR.XP clear",
  options: { extendedSmallPages: true, supersections: true },
  explanations: (ttbcrN) => [domainFirst(ttbcrN), fineTableOfV6, supersectionOfOldFormat],
});

/** ARMv6K: the format of ARMv7. */
export const armv6k = profileOf({
  name: "armv6k",
  architecture: armOf({ processor: "arm1176jzfs" }),
  format: "v7",
  cpu: "arm1176",
  title: "ARM1176JZF-S, SCTLR.XP set",
  explanations: ofNewFormat,
});

/** ARMv7. The port is a Cortex-A9, which reads the same descriptors; QEMU's starts in another mode. */
export const armv7 = profileOf({
  name: "armv7",
  architecture: cortexA9,
  format: "v7",
  cpu: "cortex-a8",
  title: "Cortex-A8",
  explanations: ofNewFormat,
});

/** AP[0] is an access flag. */
export const armv7AccessFlag = profileOf({
  name: "armv7-afe",
  architecture: armOf({ processor: "cortexa8", accessFlag: true }),
  format: "v7",
  cpu: "cortex-a8",
  title: "Cortex-A8, SCTLR.AFE set",
  options: { accessFlag: true },
  explanations: (ttbcrN) => [...ofNewFormat(ttbcrN), unmarkedAndClosed(ttbcrN), unmarkedAndManaged(ttbcrN), unmarkedAndNever],
});

/** Two roots: what lies below 256 MiB is the user's. */
export const armv7TwoRoots = profileOf({
  name: "armv7-ttbr1",
  architecture: armOf({ processor: "cortexa8", ttbcrN: 4 }),
  format: "v7",
  cpu: "cortex-a8",
  title: "Cortex-A8, TTBCR.N = 4",
  options: { ttbcrN: 4 },
  explanations: ofNewFormat,
});
