/**
 * Puts a program into an address space as a kernel's loader does: an area for each segment, shown from the file's own
 * pages, a stack at the machine's place for it and a heap behind the last segment.
 *
 * @see System V ABI, chapter 5; HelenOS kernel/generic/src/lib/elf.c
 */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  image,
  PortolanError,
  type AddressSpace,
  type AreaFlags,
  type Machine,
} from "@portolan/core";
import type { ElfFile, ElfSegment } from "../elf/elf-file.js";

/** Where a program goes, and what it gets besides its segments. Bytes. */
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

/** A program in an address space. Addresses are the machine's, after the slide. */
export interface LoadedProgram {
  readonly elf: ElfFile;
  readonly content: Uint8Array;
  /** What was added to every address of the file. */
  readonly slide: bigint;
  readonly entry: bigint;
  /** In ascending order of their addresses. */
  readonly areas: readonly LoadedArea[];
  /** Segments that the file wants both writable and executable: they are not executable here. */
  readonly writableCode: number;
}

/** Bytes of heap where nothing else is asked for: 1 MiB. */
export const DEFAULT_HEAP = 2 ** 20;
/** Bytes of stack where nothing else is asked for: 256 KiB. */
export const DEFAULT_STACK = 2 ** 18;
/** Where position-independent programs go if nobody says otherwise: clear of page 0 and of small offsets from it. */
const USUAL_BASE = 0x0040_0000n;

/** What the core objects to, of a segment, a heap or a stack. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_AREA_RANGE: "lies outside the user's range",
  ERR_BAD_ADDRESS: "lies outside the user's range",
  ERR_AREA_OVERLAP: "lies where another area is",
  ERR_NO_FREE_RANGE: "finds no free range",
};

/**
 * Loads a program into an empty space.
 *
 * @param content the file that `elf` was read from
 * @throws PortolanError ERR_DOES_NOT_FIT (addresses, or two segments in one page of this machine), ERR_OUT_OF_FRAMES,
 *   ERR_OUT_OF_MEMORY, ERR_MISALIGNED; the space has the areas it had before then
 */
export const loadProgram = (
  machine: Machine,
  space: AddressSpace,
  elf: ElfFile,
  content: Uint8Array,
  options: LoadOptions = {},
): LoadedProgram => {
  const { units } = machine.parts;
  const pageSize = BigInt(units.pageSize);
  const slide = slideOf(elf, options.base, pageSize);
  const planned = elf.segments.map((segment) => planSegment(machine, { ...segment, address: segment.address + slide }));
  planned.forEach((area, i) => {
    const before = planned[i - 1];
    if (before !== undefined && before.base + before.size > area.base) {
      throw new PortolanError("ERR_DOES_NOT_FIT", {
        reason: "two segments share a page: the program was built for smaller ones than this machine has",
        address: area.base,
        pageSize: units.pageSize,
      });
    }
  });
  const areas: LoadedArea[] = [];
  const file = machine.loadImage(content);
  try {
    for (const area of planned) {
      const { address, fileOffset, fileBytes, memoryBytes, isWritable } = area.segment as ElfSegment;
      const shown = {
        lead: Number(address - area.base),
        fileOffset,
        fileSize: fileBytes,
        memorySize: Number(memoryBytes),
        writable: isWritable,
      };
      fitting("a segment", area, () =>
        space.createArea({ base: area.base, size: area.size, flags: area.flags, backend: image(file, shown) }),
      );
      areas.push(area);
    }
    const stack = stackOf(machine, options.stackBytes ?? DEFAULT_STACK);
    if (stack !== null) {
      fitting("the stack", stack, () => space.createArea({ base: stack.base, size: stack.size, flags: stack.flags, backend: anonymous }));
      areas.push(stack);
    }
    const heap = addHeap(space, planned.at(-1) as LoadedArea, options.heapBytes ?? DEFAULT_HEAP, pageSize);
    if (heap !== null) areas.push(heap);
  } catch (error) {
    for (const { base } of areas) space.destroyArea(base);
    throw error;
  } finally {
    file.close();
  }
  areas.sort((one, other) => (one.base < other.base ? -1 : 1));
  const writableCode = elf.segments.filter(({ isWritable, isExecutable }) => isWritable && isExecutable).length;
  return { elf, content, slide, entry: elf.entry + slide, areas, writableCode };
};

const slideOf = (elf: ElfFile, base: bigint | undefined, pageSize: bigint): bigint => {
  const lowest = elf.segments[0].address;
  const first = lowest - (lowest % pageSize);
  if (elf.kind === "executable") {
    if (base !== undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { base, reason: "the program is linked to its addresses" });
    return 0n;
  }
  const alignment = elf.alignment > pageSize ? elf.alignment : pageSize;
  const usual = USUAL_BASE > alignment ? USUAL_BASE : alignment;
  const slide = base === undefined ? (first === 0n ? usual : 0n) : base - first;
  if (slide % alignment !== 0n) throw new PortolanError("ERR_MISALIGNED", { base: first + slide, alignment });
  return slide;
};

/** Whoever may write must not execute: the core refuses areas that may do both. */
const planSegment = (machine: Machine, segment: ElfSegment): LoadedArea => {
  const pageSize = BigInt(machine.parts.units.pageSize);
  const base = segment.address - (segment.address % pageSize);
  const end = segment.address + segment.memoryBytes;
  if (segment.address < 0n || end > 1n << BigInt(machine.architecture.wordBits)) {
    throw new PortolanError("ERR_DOES_NOT_FIT", {
      reason: `a segment ${REASONS["ERR_BAD_ADDRESS"]}`,
      address: segment.address,
      bytes: segment.memoryBytes,
    });
  }
  const flags = AREA_READ | AREA_CACHEABLE | (segment.isWritable ? AREA_WRITE : segment.isExecutable ? AREA_EXECUTE : 0);
  return { what: "segment", base, size: ((end + pageSize - 1n) / pageSize) * pageSize - base, flags, segment };
};

/** Says what has no place, in the words of whoever brought the program. */
const fitting = <T>(what: string, { base, size }: { readonly base?: bigint; readonly size: bigint }, make: () => T): T => {
  try {
    return make();
  } catch (error) {
    const reason = error instanceof PortolanError ? REASONS[error.code] : undefined;
    if (reason === undefined) throw error;
    throw new PortolanError(
      "ERR_DOES_NOT_FIT",
      { reason: `${what} ${reason}`, ...(base === undefined ? {} : { base }), bytes: size },
      error,
    );
  }
};

const READ_WRITE = AREA_READ | AREA_WRITE | AREA_CACHEABLE;

/** Behind the last segment, a page apart, where there is room; anywhere else if there is none. */
const addHeap = (space: AddressSpace, last: LoadedArea, bytes: number, pageSize: bigint): LoadedArea | null => {
  if (bytes === 0) return null;
  const request = { size: bytes, flags: READ_WRITE, backend: anonymous };
  let made: { readonly base: bigint; readonly size: bigint };
  try {
    made = space.createArea({ ...request, lowest: last.base + last.size + pageSize });
  } catch (error) {
    // No room there, or no such place: the last segment is the end of what addresses can name.
    if (!(error instanceof PortolanError) || (error.code !== "ERR_NO_FREE_RANGE" && error.code !== "ERR_BAD_ADDRESS")) throw error;
    made = fitting("the heap", { size: BigInt(bytes) }, () => space.createArea(request));
  }
  return { what: "heap", base: made.base, size: made.size, flags: READ_WRITE, segment: null };
};

/** Ends with the page that the machine's layout names. */
const stackOf = (machine: Machine, bytes: number): LoadedArea | null => {
  if (bytes === 0) return null;
  const { units } = machine.parts;
  const size = units.bytesOf(units.pagesFor(bytes, "stackBytes"));
  const base = machine.architecture.layout.userStack + BigInt(units.pageSize) - size;
  return { what: "stack", base, size, flags: READ_WRITE, segment: null };
};

/** The area of a program that holds an address; null where none does. */
export const areaHolding = (program: LoadedProgram, address: bigint): LoadedArea | null => {
  const { areas } = program;
  let low = 0;
  let high = areas.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (areas[middle].base <= address) low = middle + 1;
    else high = middle;
  }
  const area = areas[low - 1];
  return area !== undefined && address < area.base + area.size ? area : null;
};

/** The bytes a page of the program begins with, as the file says: zero where it says nothing. */
export const fillFromFile = (program: LoadedProgram, page: bigint, bytes: Uint8Array): void => {
  const segment = areaHolding(program, page)?.segment ?? null;
  if (segment === null) return;
  const from = segment.address > page ? segment.address : page;
  const last = segment.address + BigInt(segment.fileBytes);
  const end = last < page + BigInt(bytes.length) ? last : page + BigInt(bytes.length);
  if (from >= end) return;
  const start = segment.fileOffset + Number(from - segment.address);
  bytes.set(program.content.subarray(start, start + Number(end - from)), Number(from - page));
};
