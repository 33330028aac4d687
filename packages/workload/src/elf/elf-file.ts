/**
 * What a loader needs to know of an ELF file, ELF32 or ELF64 in either byte order. Nothing in the file is believed: all
 * places are checked against its length, all sums against overflow, and the work is bounded by the number of program
 * headers, which 16 bits bound.
 *
 * @see System V ABI, chapters 4 (Object Files) and 5 (Program Loading and Dynamic Linking)
 */
import { PortolanError, type ErrorValue } from "@portolan/core";
import { ByteReader } from "./byte-reader.js";

/** A stretch of memory that the file asks for (`PT_LOAD`). */
export interface ElfSegment {
  /** Virtual address of its first byte, as linked. */
  readonly address: bigint;
  /** Place in the file, and bytes there. */
  readonly fileOffset: number;
  readonly fileBytes: number;
  /** Bytes in memory; those beyond `fileBytes` are zero. */
  readonly memoryBytes: bigint;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  readonly isExecutable: boolean;
}

/** What was read of a file; copies, nothing of the file's bytes. */
export interface ElfFile {
  readonly bits: 32 | 64;
  readonly byteOrder: "little" | "big";
  /** `e_machine`: 3 is the 386, 43 is SPARC V9. */
  readonly machine: number;
  /** Position-independent files may be put anywhere. */
  readonly kind: "executable" | "position-independent";
  /** Address of the first instruction, as linked. */
  readonly entry: bigint;
  /** Bytes: a position-independent file may be moved by multiples of it. The largest that a segment asks for, at least 1. */
  readonly alignment: bigint;
  /** Loadable segments in ascending order of their addresses, disjoint, none empty. */
  readonly segments: readonly ElfSegment[];
  /** The program that a dynamic executable asks to be loaded by; null for static ones. */
  readonly interpreter: string | null;
}

const MAGIC = 0x7f45_4c46;
const TYPES: Readonly<Record<number, string>> = { 0: "of no type", 1: "a relocatable object", 4: "a core dump" };
const PT_LOAD = 1;
const PT_INTERP = 3;
const PF_EXECUTE = 1;
const PF_WRITE = 2;
const PF_READ = 4;
/** Longer interpreter names are no names. */
const LONGEST_NAME = 4096;

/**
 * Reads the headers of an executable.
 * @throws PortolanError ERR_BAD_ELF with the reason
 */
export const readElf = (bytes: Uint8Array): ElfFile => {
  if (bytes.length < 16 || new ByteReader(bytes, false).u32(0, "the magic number") !== MAGIC) fail("it does not begin with 7f 45 4c 46");
  const [fileClass, data, version] = [bytes[4], bytes[5], bytes[6]];
  if (fileClass !== 1 && fileClass !== 2) fail("its class is neither 32 nor 64 bits", { class: fileClass ?? 0 });
  if (data !== 1 && data !== 2) fail("its byte order is neither little nor big", { data: data ?? 0 });
  if (version !== 1) fail("its version is not 1", { version: version ?? 0 });
  const is64 = fileClass === 2;
  const reader = new ByteReader(bytes, data === 1);
  const type = reader.u16(16, "the ELF header");
  if (type !== 2 && type !== 3) fail(`it is ${TYPES[type] ?? `of type ${type}`}, no executable`);
  const headers = programHeaders(reader, is64);
  const { segments, interpreter, alignment } = segmentsOf(reader, headers, is64);
  return {
    bits: is64 ? 64 : 32,
    byteOrder: data === 1 ? "little" : "big",
    machine: reader.u16(18, "the ELF header"),
    kind: type === 2 ? "executable" : "position-independent",
    entry: reader.word(24, is64, "the ELF header"),
    alignment,
    segments,
    interpreter,
  };
};

interface Headers {
  readonly at: number;
  readonly size: number;
  readonly count: number;
}

const programHeaders = (reader: ByteReader, is64: boolean): Headers => {
  const place = reader.word(is64 ? 32 : 28, is64, "the ELF header");
  const size = reader.u16(is64 ? 54 : 42, "the ELF header");
  const count = reader.u16(is64 ? 56 : 44, "the ELF header");
  if (count === 0) fail("it has no program headers");
  // 0xffff means that section header 0 holds the number; no executable has so many.
  if (count === 0xffff) fail("it has more program headers than a file can have");
  if (size < (is64 ? 56 : 32)) fail("its program headers are too small", { bytes: size });
  const at = Number(place);
  reader.need(at, size * count, "the program header table");
  return { at, size, count };
};

const segmentsOf = (
  reader: ByteReader,
  { at, size, count }: Headers,
  is64: boolean,
): Pick<ElfFile, "segments" | "interpreter" | "alignment"> => {
  const segments: ElfSegment[] = [];
  let alignment = 1n;
  let interpreter: string | null = null;
  for (let i = 0; i < count; i += 1) {
    const header = at + i * size;
    const type = reader.u32(header, "a program header");
    if (type === PT_INTERP) {
      if (interpreter !== null) fail("it names two interpreters");
      interpreter = nameAt(reader, header, is64);
    }
    if (type !== PT_LOAD) continue;
    const segment = segmentAt(reader, header, is64, i);
    if (segment.memoryBytes === 0n) continue;
    const asked = reader.word(header + (is64 ? 48 : 28), is64, "a program header");
    if (asked > alignment) alignment = asked;
    segments.push(segment);
  }
  if (segments.length === 0) fail("it has no loadable segment");
  segments.sort((one, other) => (one.address < other.address ? -1 : 1));
  for (let i = 1; i < segments.length; i += 1) {
    const [before, after] = [segments[i - 1], segments[i]];
    if (before.address + before.memoryBytes > after.address) fail("two segments overlap", { address: after.address });
  }
  return { segments, interpreter, alignment };
};

const segmentAt = (reader: ByteReader, header: number, is64: boolean, index: number): ElfSegment => {
  const what = `program header ${index}`;
  const flags = reader.u32(header + (is64 ? 4 : 24), what);
  const fileOffset = reader.word(header + (is64 ? 8 : 4), is64, what);
  const address = reader.word(header + (is64 ? 16 : 8), is64, what);
  const fileBytes = reader.word(header + (is64 ? 32 : 16), is64, what);
  const memoryBytes = reader.word(header + (is64 ? 40 : 20), is64, what);
  const alignment = reader.word(header + (is64 ? 48 : 28), is64, what);
  if (fileBytes > memoryBytes) fail("a segment has more bytes in the file than in memory", { header: index, fileBytes, memoryBytes });
  if (fileBytes > 0n) reader.need(Number(fileOffset), Number(fileBytes), `segment ${index}`);
  if (address + memoryBytes > 1n << (is64 ? 64n : 32n))
    fail("a segment goes round the end of the address space", { header: index, address, memoryBytes });
  if (alignment > 1n) {
    if ((alignment & (alignment - 1n)) !== 0n) fail("a segment's alignment is no power of two", { header: index, alignment });
    // Where nothing comes from the file its place there means nothing.
    if (fileBytes > 0n && (address - fileOffset) % alignment !== 0n)
      fail("a segment's address and place in the file disagree modulo its alignment", { header: index, address, fileOffset, alignment });
  }
  return {
    address,
    fileOffset: fileBytes === 0n ? 0 : Number(fileOffset),
    fileBytes: Number(fileBytes),
    memoryBytes,
    isReadable: (flags & PF_READ) !== 0,
    isWritable: (flags & PF_WRITE) !== 0,
    isExecutable: (flags & PF_EXECUTE) !== 0,
  };
};

const nameAt = (reader: ByteReader, header: number, is64: boolean): string => {
  const at = Number(reader.word(header + (is64 ? 8 : 4), is64, "the interpreter's name"));
  const bytes = Number(reader.word(header + (is64 ? 32 : 16), is64, "the interpreter's name"));
  if (bytes < 2 || bytes > LONGEST_NAME) fail("the interpreter's name has an impossible length", { bytes });
  reader.need(at, bytes, "the interpreter's name");
  const name = reader.bytes.subarray(at, at + bytes);
  if (name.indexOf(0) !== bytes - 1) fail("the interpreter's name does not end with its only zero");
  return String.fromCharCode(...name.subarray(0, -1));
};

const fail = (reason: string, values: Readonly<Record<string, ErrorValue>> = {}): never => {
  throw new PortolanError("ERR_BAD_ELF", { reason, ...values });
};
