/**
 * Puts a program into an address space as a kernel's loader does: an area for each segment, shown from the file's own
 * pages, then a heap behind the last one and a stack at the machine's place for it.
 *
 * @see System V ABI, chapter 5; HelenOS kernel/generic/src/lib/elf.c
 */
import {
  anonymous, AREA_CACHEABLE, AREA_EXECUTE, AREA_READ, AREA_WRITE, image, PortolanError, type AddressSpace, type AreaFlags, type Machine,
} from "@portolan/core";
import type { ElfFile, ElfSegment } from "../elf/elf-file.js";

export interface LoadOptions {
  /** Where the lowest segment of a position-independent program goes, page aligned; a place is chosen where absent. */
  readonly base?: bigint;
  /** Bytes; 0 for none. */
  readonly heapBytes?: number;
  readonly stackBytes?: number;
}

/** A stretch of the address space that the loader made. */
export interface LoadedArea {
  readonly what: "segment" | "heap" | "stack";
  /** First address of the area, and its bytes: whole pages. */
  readonly base: bigint;
  readonly size: bigint;
  readonly flags: AreaFlags;
  /** The segment as it lies now; its address is where it was put. */
  readonly segment: ElfSegment | null;
}

export interface LoadedProgram {
  readonly elf: ElfFile;
  readonly content: Uint8Array;
  /** What was added to every address of the file. */
  readonly slide: bigint;
  readonly entry: bigint;
  readonly areas: readonly LoadedArea[];
  /** Segments that the file wants both writable and executable: they are not executable here. */
  readonly writableCode: number;
}

export const DEFAULT_HEAP = 2 ** 20;
export const DEFAULT_STACK = 2 ** 18;
/** Where position-independent programs go if nobody says otherwise: clear of page 0 and of small offsets from it. */
const USUAL_BASE = 0x0040_0000n;

/**
 * Loads a program into an empty space.
 *
 * @param content the file that `elf` was read from
 * @throws PortolanError ERR_DOES_NOT_FIT (addresses, or two segments in one page of this machine), ERR_OUT_OF_FRAMES,
 *   ERR_OUT_OF_MEMORY, ERR_MISALIGNED; the space has the areas it had before then
 */
export const loadProgram = (machine: Machine, space: AddressSpace, elf: ElfFile, content: Uint8Array, options: LoadOptions = {}): LoadedProgram => {
  const { units } = machine.parts;
  const pageSize = BigInt(units.pageSize);
  const slide = slideOf(elf, options.base, pageSize);
  const planned = elf.segments.map((segment) => planSegment({ ...segment, address: segment.address + slide }, pageSize));
  planned.forEach((area, i) => {
    const before = planned[i - 1];
    if (before !== undefined && before.base + before.size > area.base) {
      throw new PortolanError("ERR_DOES_NOT_FIT", { reason: "two segments share a page of this machine", address: area.base, pageSize: units.pageSize });
    }
  });
  const areas: LoadedArea[] = [];
  const file = machine.loadImage(content);
  try {
    for (const area of planned) {
      const { address, fileOffset, fileBytes, memoryBytes, isWritable } = area.segment as ElfSegment;
      const shown = { lead: Number(address - area.base), fileOffset, fileSize: fileBytes, memorySize: Number(memoryBytes), writable: isWritable };
      create(area, areas, () => space.createArea({ base: area.base, size: area.size, flags: area.flags, backend: image(file, shown) }));
    }
    const heap = addHeap(space, areas, options.heapBytes ?? DEFAULT_HEAP, pageSize);
    if (heap !== null) areas.push(heap);
    const stack = addStack(machine, space, options.stackBytes ?? DEFAULT_STACK, pageSize);
    if (stack !== null) areas.push(stack);
  } catch (error) {
    for (const { base } of areas) space.destroyArea(base);
    throw error;
  } finally {
    file.close();
  }
  const writableCode = elf.segments.filter(({ isWritable, isExecutable }) => isWritable && isExecutable).length;
  return { elf, content, slide, entry: elf.entry + slide, areas, writableCode };
};

const slideOf = (elf: ElfFile, base: bigint | undefined, pageSize: bigint): bigint => {
  const lowest = (elf.segments[0] as ElfSegment).address;
  const first = lowest - (lowest % pageSize);
  if (elf.kind === "executable") {
    if (base !== undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { base, reason: "the program is linked to its addresses" });
    return 0n;
  }
  const wanted = base ?? (first === 0n ? USUAL_BASE : first);
  if (wanted % pageSize !== 0n) throw new PortolanError("ERR_MISALIGNED", { base: wanted, alignment: Number(pageSize) });
  return wanted - first;
};

/** Whoever may write must not execute: the core refuses areas that may do both. */
const planSegment = (segment: ElfSegment, pageSize: bigint): LoadedArea => {
  const base = segment.address - (segment.address % pageSize);
  const end = segment.address + segment.memoryBytes;
  const flags = AREA_READ | AREA_CACHEABLE | (segment.isWritable ? AREA_WRITE : segment.isExecutable ? AREA_EXECUTE : 0);
  return { what: "segment", base, size: ((end + pageSize - 1n) / pageSize) * pageSize - base, flags, segment };
};

const create = (area: LoadedArea, areas: LoadedArea[], make: () => unknown): void => {
  try {
    make();
  } catch (error) {
    if (error instanceof PortolanError && (error.code === "ERR_AREA_RANGE" || error.code === "ERR_AREA_OVERLAP" || error.code === "ERR_BAD_ADDRESS")) {
      throw new PortolanError("ERR_DOES_NOT_FIT", { reason: "a segment lies outside the user's range", base: area.base, bytes: area.size }, error);
    }
    throw error;
  }
  areas.push(area);
};

const READ_WRITE = AREA_READ | AREA_WRITE | AREA_CACHEABLE;

/** Behind the last segment, a page apart, where there is room; anywhere else if there is none. */
const addHeap = (space: AddressSpace, areas: readonly LoadedArea[], bytes: number, pageSize: bigint): LoadedArea | null => {
  if (bytes === 0) return null;
  const last = areas.at(-1) as LoadedArea;
  const { base, size } = space.createArea({ size: bytes, flags: READ_WRITE, backend: anonymous, lowest: last.base + last.size + pageSize });
  return { what: "heap", base, size, flags: READ_WRITE, segment: null };
};

/** Ends with the page that the machine's layout names. */
const addStack = (machine: Machine, space: AddressSpace, bytes: number, pageSize: bigint): LoadedArea | null => {
  if (bytes === 0) return null;
  const pages = BigInt(machine.parts.units.pagesFor(bytes, "stackBytes"));
  const base = machine.architecture.layout.userStack - (pages - 1n) * pageSize;
  space.createArea({ base, size: pages * pageSize, flags: READ_WRITE, backend: anonymous });
  return { what: "stack", base, size: pages * pageSize, flags: READ_WRITE, segment: null };
};

/** The bytes a page of the program begins with, as the file says: zero where it says nothing. */
export const fillFromFile = (program: LoadedProgram, page: bigint, bytes: Uint8Array): void => {
  for (const { segment } of program.areas) {
    if (segment === null) continue;
    const from = segment.address > page ? segment.address : page;
    const last = segment.address + BigInt(segment.fileBytes);
    const end = last < page + BigInt(bytes.length) ? last : page + BigInt(bytes.length);
    if (from >= end) continue;
    const start = segment.fileOffset + Number(from - segment.address);
    bytes.set(program.content.subarray(start, start + Number(end - from)), Number(from - page));
  }
};
