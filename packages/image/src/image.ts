/** What an image of memory is to those who read it, whatever its format. */
import type { TranslationState } from "@portolan/core/architecture";

/** Bytes that somebody else holds: a file, a Blob. */
export interface ByteSource {
  /** In bytes; it does not change. */
  readonly size: number;
  /** Fills `target` from `offset`; the caller never asks beyond `size`. */
  read(offset: number, target: Uint8Array): Promise<void>;
}

/** A stretch of physical memory that the image has. Physical addresses are numbers (below 2^52), in bytes. */
export interface ImageRegion {
  /** Physical address of the first byte. */
  readonly first: number;
  readonly bytes: number;
  /** Where its bytes start in the source. */
  readonly offset: number;
}

/** Registers of one processor as a note tells them, by the manual's names: CR0, CR3, CR4, RIP, X0, PSTATE… */
export interface ImageProcessor {
  readonly registers: Readonly<Record<string, bigint>>;
}

/** What the kernel says of itself in a VMCOREINFO note. @see Linux Documentation/admin-guide/kdump/vmcoreinfo.rst */
export interface VmcoreInfo {
  /** Every line `KEY=VALUE`, in the note's order. */
  readonly lines: ReadonlyMap<string, string>;
  /** `SYMBOL(name)`: virtual addresses. */
  readonly symbols: ReadonlyMap<string, bigint>;
  /** `NUMBER(name)`: phys_base, VA_BITS, … */
  readonly numbers: ReadonlyMap<string, bigint>;
  /** `PAGESIZE`, in bytes. */
  readonly pageSize?: number;
  /** `KERNELOFFSET`: how far the kernel was moved from the address it was linked for. */
  readonly kernelOffset?: bigint;
  /** `OSRELEASE`. */
  readonly release?: string;
}

/** What the header of an ELF file says of the machine. It may be wrong: QEMU writes what mode the processor was in. */
export interface ElfIdentity {
  readonly bits: 32 | 64;
  readonly byteOrder: "little" | "big";
  /** `e_machine`: 3 is EM_386, 62 EM_X86_64, 183 EM_AARCH64… */
  readonly machine: number;
}

export type ImageFormat = "raw" | "elf-core" | "lime";

/** An image that was opened. Nothing of its contents is held but a bounded number of pages. */
export interface MemoryImage {
  readonly format: ImageFormat;
  /** Ascending, disjoint. */
  readonly regions: readonly ImageRegion[];
  readonly processors: readonly ImageProcessor[];
  /**
   * What processors hold beside the tables in memory, where an ELF core has notes of ours: the contents of their TLBs, their registers
   * and switches. In the order of the processors; empty where there are none.
   */
  readonly states: readonly TranslationState[];
  /** Oddities that were met and passed over, in words. */
  readonly remarks: readonly string[];
  /** The note, where an ELF core has one. */
  readonly vmcoreinfo?: VmcoreInfo;
  /** The header, where the image is an ELF core. */
  readonly elf?: ElfIdentity;
  /**
   * Fills as much of `target` as is there without a gap, from `physical` on. Through a cache of a bounded number of pages.
   *
   * @param physical an address, in bytes
   * @returns the number of bytes that were filled: 0 where the image has nothing at `physical`
   * @throws PortolanError `ERR_BAD_ARGUMENT` if `physical` is no address; whatever the source throws
   */
  read(physical: number, target: Uint8Array): Promise<number>;
}

/** Memory that a raw image does not have. */
export interface Hole {
  /** Physical address of the first byte that is not memory. */
  readonly first: number;
  readonly bytes: number;
  /** Whether the file has bytes in the hole's place, as a flat copy has; if not, what lies behind follows at once. True where nothing is said. */
  readonly stored?: boolean;
}

/** How to take an image. */
export interface OpenOptions {
  /** The format; recognised by its first bytes where nothing is said, and raw where they say nothing. */
  readonly format?: ImageFormat;
  /** Physical address of a raw image's first byte; 0 where nothing is said. */
  readonly base?: number;
  /** Of a raw image: ascending, disjoint. */
  readonly holes?: readonly Hole[];
  /** Takes what is there of a file that ends early, with a remark, instead of refusing it. */
  readonly truncated?: boolean;
  /** How many blocks of 4 KiB the cache may hold; 4096 (16 MiB) where nothing is said. */
  readonly cachedBlocks?: number;
}
