/**
 * Real processors by name: how wide their physical addresses are, which pages and protections they have, and what their
 * TLBs look like.
 *
 * Buffers are those for 4 KiB pages. Where larger pages have arrays of their own, as on Intel's, they share these here; a
 * size that a buffer has no entries for is entered in pieces of one that it has. Vendors do not tell how they choose
 * victims; the clock is taken for all.
 *
 * @see Intel 64 and IA-32 Architectures Optimization Reference Manual, sections on each microarchitecture's TLBs
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
  /** CR4.SMEP: the kernel can be kept from executing the user's pages. */
  readonly smep: boolean;
  /** CR4.SMAP and RFLAGS.AC: it can be kept from touching them. */
  readonly smap: boolean;
  /** The buffers next to the core. */
  readonly first: Buffers;
  /** Those that are asked when the first miss, where there are any. */
  readonly second?: Buffers;
}

const SMALL = [12];
const SMALL_LARGE = [12, 21];
const ALL_SIZES = [12, 21, 30];

const buffer = (entries: number, ways: number | "full", pageShifts: readonly number[]): TlbGeometry => ({
  entries,
  ways,
  replacement: "used-bit",
  pageShifts,
  wired: 0,
  lockable: false,
  paired: false,
});

const INTEL = "Intel 64 and IA-32 Architectures Optimization Reference Manual (248966)";

/** The processors that have a name here. */
export const PROCESSORS = {
  opteron: {
    title: "AMD Opteron (family 0Fh)",
    manual: "Software Optimization Guide for AMD64 Processors (25112), appendix A",
    physicalBits: 40,
    gigabytePages: false,
    reservesPml4Bit8: true,
    smep: false,
    smap: false,
    first: { instruction: buffer(32, "full", SMALL_LARGE), data: buffer(32, "full", SMALL_LARGE) },
    second: { instruction: buffer(512, 4, SMALL), data: buffer(512, 4, SMALL) },
  },
  phenom: {
    title: "AMD Phenom (family 10h)",
    manual: "Software Optimization Guide for AMD Family 10h Processors (40546), appendix A",
    physicalBits: 48,
    gigabytePages: true,
    reservesPml4Bit8: true,
    smep: false,
    smap: false,
    first: { instruction: buffer(32, "full", SMALL_LARGE), data: buffer(48, "full", ALL_SIZES) },
    second: { instruction: buffer(512, 4, SMALL), data: buffer(512, 4, SMALL) },
  },
  zen: {
    title: "AMD Zen (family 17h)",
    manual: "Software Optimization Guide for AMD Family 17h Processors (55723) §2.7",
    physicalBits: 48,
    gigabytePages: true,
    reservesPml4Bit8: true,
    smep: true,
    smap: true,
    first: { instruction: buffer(64, "full", ALL_SIZES), data: buffer(64, "full", ALL_SIZES) },
    second: { instruction: buffer(512, 8, SMALL_LARGE), data: buffer(1536, 12, SMALL_LARGE) },
  },
  zen4: {
    title: "AMD Zen 4 (family 19h)",
    manual: "Software Optimization Guide for the AMD Zen4 Microarchitecture (57647) §2.7",
    physicalBits: 52,
    gigabytePages: true,
    reservesPml4Bit8: true,
    smep: true,
    smap: true,
    first: { instruction: buffer(64, "full", ALL_SIZES), data: buffer(72, "full", ALL_SIZES) },
    second: { instruction: buffer(512, 8, SMALL_LARGE), data: buffer(3072, 24, SMALL_LARGE) },
  },
  core2: {
    title: "Intel Core 2",
    manual: INTEL,
    physicalBits: 36,
    gigabytePages: false,
    reservesPml4Bit8: false,
    smep: false,
    smap: false,
    // DTLB1; the 16 entries of DTLB0 before it serve loads alone.
    first: { instruction: buffer(128, 4, SMALL_LARGE), data: buffer(256, 4, SMALL_LARGE) },
  },
  nehalem: {
    title: "Intel Core i7-900 (Nehalem)",
    manual: INTEL,
    physicalBits: 36,
    gigabytePages: false,
    reservesPml4Bit8: false,
    smep: false,
    smap: false,
    first: { instruction: buffer(128, 4, SMALL_LARGE), data: buffer(64, 4, SMALL_LARGE) },
    second: { data: buffer(512, 4, SMALL) },
  },
  sandybridge: {
    title: "Intel Core i7-2600 (Sandy Bridge)",
    manual: INTEL,
    physicalBits: 36,
    gigabytePages: false,
    reservesPml4Bit8: false,
    smep: false,
    smap: false,
    first: { instruction: buffer(128, 4, SMALL_LARGE), data: buffer(64, 4, SMALL_LARGE) },
    second: { data: buffer(512, 4, SMALL) },
  },
  haswell: {
    title: "Intel Core i7-4770 (Haswell)",
    manual: INTEL,
    physicalBits: 39,
    gigabytePages: true,
    reservesPml4Bit8: false,
    smep: true,
    smap: false,
    first: { instruction: buffer(128, 4, SMALL_LARGE), data: buffer(64, 4, ALL_SIZES) },
    second: { data: buffer(1024, 8, SMALL_LARGE) },
  },
  skylake: {
    title: "Intel Core i7-6700 (Skylake)",
    manual: INTEL,
    physicalBits: 39,
    gigabytePages: true,
    reservesPml4Bit8: false,
    smep: true,
    smap: true,
    first: { instruction: buffer(128, 8, SMALL_LARGE), data: buffer(64, 4, ALL_SIZES) },
    second: { data: buffer(1536, 12, SMALL_LARGE) },
  },
  skylakesp: {
    title: "Intel Xeon Scalable (Skylake-SP)",
    manual: INTEL,
    physicalBits: 46,
    gigabytePages: true,
    reservesPml4Bit8: false,
    smep: true,
    smap: true,
    first: { instruction: buffer(128, 8, SMALL_LARGE), data: buffer(64, 4, ALL_SIZES) },
    second: { data: buffer(1536, 12, SMALL_LARGE) },
  },
  qemu: {
    title: "QEMU 7.2, -cpu max without KVM",
    manual: "QEMU target/i386/tcg/sysemu/excp_helper.c, accel/tcg/cputlb.c",
    physicalBits: 40,
    gigabytePages: true,
    reservesPml4Bit8: false,
    smep: true,
    smap: true,
    // What it starts with; it grows with use, and large pages are entered in pieces.
    first: { data: buffer(256, 1, SMALL) },
  },
} as const satisfies Readonly<Record<string, Processor>>;

/** One of {@link PROCESSORS}. */
export type ProcessorName = keyof typeof PROCESSORS;
