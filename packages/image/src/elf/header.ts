import type { CachedSource } from "../cache.js";
import type { ElfIdentity } from "../image.js";
import { badImage, unsupported } from "../trouble.js";

/** Most program headers that are read; the memory they take is bounded by it. A machine with more pieces of memory is not known. */
export const MOST_SEGMENTS = 2 ** 18;

export const PT_LOAD = 1;
export const PT_NOTE = 4;
/** Where `e_phnum` is too narrow, the number is in section 0's `sh_info`. @see System V ABI, ELF header, PN_XNUM */
export const PN_XNUM = 0xffff;
export const ET_CORE = 4;

/** A program header. Addresses, offsets and sizes are bigint until somebody has looked at them. */
export interface Segment {
  /** Its number in the file. */
  readonly number: number;
  /** Where its header stands. */
  readonly at: number;
  readonly type: number;
  readonly offset: bigint;
  readonly virtual: bigint;
  readonly physical: bigint;
  readonly fileBytes: bigint;
  readonly memoryBytes: bigint;
  readonly align: bigint;
}

export interface ElfHeader {
  readonly identity: ElfIdentity;
  readonly isLittle: boolean;
  readonly segments: readonly Segment[];
}

/** Reads `count` bytes that a header says are there. */
export const piece = async (source: CachedSource, at: number, count: number, what: string): Promise<DataView> => {
  if (at + count > source.size) throw badImage(at, `${what} would end at byte ${at + count}; the file has ${source.size}`);
  const bytes = new Uint8Array(count);
  await source.read(at, bytes);
  return new DataView(bytes.buffer);
};

/**
 * The header of an ELF core and its program headers. `e_ehsize`, `e_version` and `e_flags` are not asked: dumpers write what
 * they like there (QEMU 8 for the first).
 *
 * @throws PortolanError `ERR_BAD_IMAGE`, `ERR_IMAGE_UNSUPPORTED`
 */
export const readElfHeader = async (source: CachedSource): Promise<ElfHeader> => {
  const ident = await piece(source, 0, 16, "the ELF identification");
  if (ident.getUint32(0) !== 0x7f454c46) throw badImage(0, "no ELF file starts like this");
  const fileClass = ident.getUint8(4);
  const encoding = ident.getUint8(5);
  if (fileClass !== 1 && fileClass !== 2) throw badImage(4, `EI_CLASS is ${fileClass}, neither 1 (32 bits) nor 2 (64)`);
  if (encoding !== 1 && encoding !== 2) throw badImage(5, `EI_DATA is ${encoding}, neither 1 (little-endian) nor 2 (big-endian)`);
  const is64 = fileClass === 2;
  const isLittle = encoding === 1;
  const header = await piece(source, 0, is64 ? 64 : 52, "the ELF header");
  const type = header.getUint16(16, isLittle);
  if (type !== ET_CORE) throw unsupported(`ELF file of type ${type}, which is not a core (${ET_CORE})`);
  const identity: ElfIdentity = {
    bits: is64 ? 64 : 32,
    byteOrder: isLittle ? "little" : "big",
    machine: header.getUint16(18, isLittle),
  };
  const place = (at: number): bigint => (is64 ? header.getBigUint64(at, isLittle) : BigInt(header.getUint32(at, isLittle)));
  const tables = place(is64 ? 32 : 28);
  const sections = place(is64 ? 40 : 32);
  const entryBytes = header.getUint16(is64 ? 54 : 42, isLittle);
  const told = header.getUint16(is64 ? 56 : 44, isLittle);
  const count = told === PN_XNUM ? await extendedCount(source, sections, is64, isLittle) : told;
  if (count === 0) throw unsupported("ELF core without program headers, as Xen's dump-core writes it");
  if (count > MOST_SEGMENTS) throw badImage(is64 ? 56 : 44, `${count} program headers are told of; at most ${MOST_SEGMENTS} are read`);
  const wanted = is64 ? 56 : 32;
  if (entryBytes !== wanted) throw badImage(is64 ? 54 : 42, `e_phentsize is ${entryBytes}, not ${wanted}`);
  if (tables > BigInt(source.size))
    throw badImage(is64 ? 32 : 28, `the program headers would start at byte ${tables}; the file has ${source.size}`);
  const start = Number(tables);
  const view = await piece(source, start, count * wanted, "the table of program headers");
  const segments = Array.from({ length: count }, (_, i) => segmentAt(view, i, start, is64, isLittle));
  return { identity, isLittle, segments };
};

const extendedCount = async (source: CachedSource, sections: bigint, is64: boolean, isLittle: boolean): Promise<number> => {
  if (sections === 0n) return PN_XNUM;
  if (sections > BigInt(source.size))
    throw badImage(is64 ? 40 : 32, `the section headers would start at byte ${sections}; the file has ${source.size}`);
  const section = await piece(source, Number(sections), is64 ? 64 : 40, "section header 0, which counts the program headers,");
  return section.getUint32(is64 ? 44 : 28, isLittle);
};

const segmentAt = (view: DataView, number: number, start: number, is64: boolean, isLittle: boolean): Segment => {
  const at = number * (is64 ? 56 : 32);
  const word = (wide: number, narrow: number): bigint =>
    is64 ? view.getBigUint64(at + wide, isLittle) : BigInt(view.getUint32(at + narrow, isLittle));
  return {
    number,
    at: start + at,
    type: view.getUint32(at, isLittle),
    offset: word(8, 4),
    virtual: word(16, 8),
    physical: word(24, 12),
    fileBytes: word(32, 16),
    memoryBytes: word(40, 20),
    align: word(48, 28),
  };
};
