/**
 * Real processors by name: their mode, how wide their physical addresses and tags are, who sets A and D, and their TLBs.
 */
import type { TlbGeometry } from "@portolan/core/architecture";
import type { EntryOptions } from "./formats.js";

/** The buffers of one storey: fetches have one of their own, or share that for data. */
export interface Buffers {
  readonly instruction?: TlbGeometry;
  readonly data: TlbGeometry;
}

/** What differs between processors. */
export interface Processor extends EntryOptions {
  readonly title: string;
  readonly manual: string;
  /** Bits of a physical address, as far as the core has them: 52 stands for the manual's 56. */
  readonly physicalBits: number;
  /** Bits of satp.ASID that are there. */
  readonly asidBits: number;
  /** Who sets A and D: hardware (Svadu), or a handler after a page fault (Svade). */
  readonly marks: "hardware" | "fault";
  /** Writing another value to satp drops every TLB entry, and an entry's tag and G mean nothing to it. */
  readonly forgetsOnSatp: boolean;
  /** The buffers next to the core. */
  readonly first: Buffers;
  /** Those that are asked when the first miss, where they are known. */
  readonly second?: Buffers;
}

const buffer = (
  entries: number,
  ways: number | "full",
  pageShifts: readonly number[],
  replacement: TlbGeometry["replacement"],
): TlbGeometry => ({
  entries,
  ways,
  replacement,
  pageShifts,
  wired: 0,
  lockable: false,
  paired: false,
});

const SMALL = [12];
/** The page, megapages and gigapages of Sv39. */
const SV39_SIZES = [12, 21, 30];
/** With the 64 KiB of Svnapot, and what Sv48 and Sv57 add. */
const ALL_SIZES = [12, 16, 21, 30, 39, 48];

const PLAIN = { mode: "sv39", svnapot: false, svpbmt: false, forgetsOnSatp: false } as const;

/** The processors that have a name here. */
export const PROCESSORS = {
  generic: {
    ...PLAIN,
    title: "no processor in particular",
    manual: "RISC-V Privileged Architecture, chapter 4",
    physicalBits: 52,
    asidBits: 16,
    marks: "hardware",
    first: { instruction: buffer(64, "full", ALL_SIZES, "used-bit"), data: buffer(64, "full", ALL_SIZES, "used-bit") },
  },
  u54: {
    ...PLAIN,
    title: "SiFive U54",
    manual: "SiFive FU540-C000 Manual (v1p0) §4.7",
    physicalBits: 38,
    asidBits: 0,
    marks: "fault",
    first: { instruction: buffer(32, "full", SV39_SIZES, "used-bit"), data: buffer(32, "full", SV39_SIZES, "used-bit") },
    // The manual tells the number of entries alone; Rocket Chip's, from which this comes, is direct-mapped and holds 4 KiB pages.
    second: { data: buffer(128, 1, SMALL, "used-bit") },
  },
  u74: {
    ...PLAIN,
    title: "SiFive U74",
    manual: "SiFive U74 Core Complex Manual (21G1); buffers as in Linux, arch/riscv/boot/dts/sifive/fu740-c000.dtsi",
    physicalBits: 38,
    asidBits: 0,
    marks: "fault",
    first: { instruction: buffer(40, "full", SV39_SIZES, "used-bit"), data: buffer(40, "full", SV39_SIZES, "used-bit") },
  },
  qemu: {
    ...PLAIN,
    title: "QEMU 7.2, machine virt",
    manual: "QEMU target/riscv/cpu_helper.c, target/riscv/csr.c, accel/tcg/cputlb.c",
    physicalBits: 52,
    asidBits: 16,
    marks: "hardware",
    forgetsOnSatp: true,
    // What it starts with; it grows with use, and superpages are entered in pieces.
    first: { data: buffer(256, 1, SMALL, "used-bit") },
  },
} as const satisfies Readonly<Record<string, Processor>>;

/** One of {@link PROCESSORS}. */
export type ProcessorName = keyof typeof PROCESSORS;
