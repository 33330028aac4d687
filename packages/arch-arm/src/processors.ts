/** Real processors: which descriptors they read, and what their TLBs look like. Where a micro TLB stands before a main one, the main one is meant. */
import type { TlbGeometry } from "@portolan/core/architecture";
import type { Format } from "./permissions.js";

/** What their manuals say of them. */
export interface Processor {
  readonly title: string;
  readonly manual: string;
  readonly format: Format;
  /** It can be told to read descriptors of ARMv5 (SCTLR.XP clear). */
  readonly readsOldFormat?: boolean;
  /** Bit 4 of descriptors of tables is to be written as one. */
  readonly writesImp: boolean;
  /** Of the format of ARMv5: pages of 4 KiB with one set of permissions and a memory type. */
  readonly extendedSmallPages: boolean;
  /** Bit 18 makes a supersection of a section, in the format of ARMv5 too. */
  readonly supersections: boolean;
  /** A fault status register of their own for prefetch aborts. */
  readonly hasInstructionStatus: boolean;
  readonly instruction?: TlbGeometry;
  readonly data: TlbGeometry;
}

/** Victims are chosen in turn on all of them, as far as their manuals tell. */
const buffer = (entries: number, ways: number | "full", pageShifts: readonly number[]): TlbGeometry => ({
  entries,
  ways,
  replacement: "fifo",
  pageShifts,
  wired: 0,
  lockable: false,
  paired: false,
});
const V5_PAGES = [12, 16, 20];
const V6_PAGES = [12, 16, 20, 24];

/** The processors that `arm` knows by name. */
export const PROCESSORS = {
  arm920t: {
    title: "ARM920T",
    manual: "ARM920T Technical Reference Manual (DDI 0151), chapter 3",
    format: "v5",
    writesImp: true,
    extendedSmallPages: false,
    supersections: false,
    hasInstructionStatus: false,
    instruction: buffer(64, "full", V5_PAGES),
    data: buffer(64, "full", V5_PAGES),
  },
  arm926ejs: {
    title: "ARM926EJ-S",
    manual: "ARM926EJ-S Technical Reference Manual (DDI 0198D), chapter 3; TLB: §3.7",
    format: "v5",
    writesImp: true,
    extendedSmallPages: false,
    supersections: false,
    hasInstructionStatus: true,
    data: buffer(64, 2, V5_PAGES),
  },
  xscale: {
    title: "Intel XScale",
    manual: "Intel XScale Core Developer's Manual (273473), chapter 3",
    format: "v5",
    writesImp: false,
    extendedSmallPages: true,
    supersections: false,
    hasInstructionStatus: false,
    instruction: buffer(32, "full", V5_PAGES),
    data: buffer(32, "full", V5_PAGES),
  },
  arm1136jfs: {
    title: "ARM1136JF-S (r0), SCTLR.XP set",
    manual: "ARM1136JF-S and ARM1136J-S Technical Reference Manual (DDI 0211), chapter 6",
    format: "v6",
    readsOldFormat: true,
    writesImp: false,
    extendedSmallPages: true,
    supersections: true,
    hasInstructionStatus: true,
    data: buffer(64, 2, V6_PAGES),
  },
  arm1176jzfs: {
    title: "ARM1176JZF-S, SCTLR.XP set",
    manual: "ARM1176JZF-S Technical Reference Manual (DDI 0301H), chapter 6; TLB: §6.2.2",
    format: "v7",
    readsOldFormat: true,
    writesImp: false,
    extendedSmallPages: true,
    supersections: true,
    hasInstructionStatus: true,
    data: buffer(64, 2, V6_PAGES),
  },
  cortexa8: {
    title: "Cortex-A8",
    manual: "Cortex-A8 Technical Reference Manual (DDI 0344), chapter 6; TLB: §3.2.56",
    format: "v7",
    writesImp: false,
    extendedSmallPages: false,
    supersections: true,
    hasInstructionStatus: true,
    instruction: buffer(32, "full", V6_PAGES),
    data: buffer(32, "full", V6_PAGES),
  },
  cortexa9: {
    title: "Cortex-A9 with 128 entries",
    manual: "Cortex-A9 Technical Reference Manual (DDI 0388), chapter 6; TLB: §4.3.2",
    format: "v7",
    writesImp: false,
    extendedSmallPages: false,
    supersections: true,
    hasInstructionStatus: true,
    data: buffer(128, 2, V6_PAGES),
  },
} as const satisfies Readonly<Record<string, Processor>>;

/** What `ArmOptions.processor` takes. */
export type ProcessorName = keyof typeof PROCESSORS;
