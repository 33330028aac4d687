/** Real processors by name: their granules, how wide their physical addresses and tags are, and their TLBs. */
import type { TlbGeometry } from "@portolan/core/architecture";
import type { Granule } from "./formats.js";

/** A buffer without the sizes of its pages, which follow from the granule. */
export type Buffer = Pick<TlbGeometry, "entries" | "ways" | "replacement">;

/** The buffers of one storey: fetches have one of their own, or share that for data. */
export interface Buffers {
  readonly instruction?: Buffer;
  readonly data: Buffer;
}

/** What differs between processors. */
export interface Processor {
  readonly title: string;
  readonly manual: string;
  /** The granules that it has, the usual one first. */
  readonly granules: readonly Granule[];
  /** Bits of a physical address. */
  readonly physicalBits: number;
  readonly asidBits: 8 | 16;
  /** The buffers next to the core. */
  readonly first: Buffers;
  /** The one that is asked when the first miss. */
  readonly second?: Buffers;
}

const buffer = (entries: number, ways: number | "full" = "full"): Buffer => ({ entries, ways, replacement: "used-bit" });

/** The processors that have a name here. */
export const PROCESSORS = {
  generic: {
    title: "generic processor",
    manual: "Arm ARM (DDI 0487), chapter D5",
    granules: [4, 16, 64],
    physicalBits: 48,
    asidBits: 16,
    first: { instruction: buffer(64), data: buffer(64) },
  },
  cortexa53: {
    title: "Cortex-A53",
    manual: "Arm Cortex-A53 MPCore Technical Reference Manual (DDI 0500) §5.2",
    granules: [4, 64],
    physicalBits: 40,
    asidBits: 16,
    first: { instruction: buffer(10), data: buffer(10) },
    second: { data: buffer(512, 4) },
  },
  cortexa57: {
    title: "Cortex-A57",
    manual: "Arm Cortex-A57 MPCore Technical Reference Manual (DDI 0488) §5.2",
    granules: [4, 64],
    physicalBits: 44,
    asidBits: 16,
    first: { instruction: buffer(48), data: buffer(32) },
    second: { data: buffer(1024, 4) },
  },
  cortexa72: {
    title: "Cortex-A72",
    manual: "Arm Cortex-A72 MPCore Technical Reference Manual (100095) §5.2",
    granules: [4, 64],
    physicalBits: 44,
    asidBits: 16,
    first: { instruction: buffer(48), data: buffer(32) },
    second: { data: buffer(1024, 4) },
  },
  neoversen1: {
    title: "Neoverse N1",
    manual: "Arm Neoverse N1 Core Technical Reference Manual (100616), chapter A5",
    granules: [4, 16, 64],
    physicalBits: 48,
    asidBits: 16,
    first: { instruction: buffer(48), data: buffer(48) },
    second: { data: buffer(1280, 5) },
  },
  applem1: {
    title: "Apple M1, performance core",
    // No manual of Apple's says it; the sizes were measured by others, and nobody knows how the sets are made.
    manual: "Arm ARM (DDI 0487), chapter D5; buffers as measured, all ways assumed",
    granules: [16, 4],
    physicalBits: 36,
    asidBits: 16,
    first: { instruction: buffer(192), data: buffer(160) },
    second: { data: buffer(3072, 12) },
  },
} as const satisfies Readonly<Record<string, Processor>>;

/** One of {@link PROCESSORS}. */
export type ProcessorName = keyof typeof PROCESSORS;
