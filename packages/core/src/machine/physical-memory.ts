/**
 * Physical memory: real bytes in the machine's byte order. It is sparse: chunks of a power of two come into being when
 * they are first touched, and the operating system underneath commits their pages when they are first written. An
 * ordinary machine has one chunk, so its hot paths see one array.
 *
 * Addresses are plain numbers in bytes; every physical address fits 52 bits. A 64-bit word travels as two unsigned
 * halves, `low` being bits 31:0 of the value whatever the byte order.
 */
import { PortolanError } from "../errors.js";
import { token } from "../token.js";

/** Physical addresses, in bytes. */
export interface MemoryRange {
  readonly base: number;
  readonly bytes: number;
}

/** What makes a memory: how much of it, where, and in which byte order. */
export interface PhysicalMemoryOptions {
  /** RAM in bytes, a multiple of the frame size. */
  readonly bytes: number;
  /** Physical address of the first byte of RAM, a multiple of the frame size; 0 where absent. */
  readonly base?: number;
  /** Width of a physical address, 20 to 52. */
  readonly physicalBits: number;
  readonly byteOrder: "little" | "big";
  readonly frameShift: number;
  /** Stretches within it where there is no RAM, frame aligned: a PC has one from 640 KiB to 1 MiB. */
  readonly holes?: readonly MemoryRange[];
  /** The caller's own memory, exactly `bytes` long. */
  readonly buffer?: ArrayBuffer | SharedArrayBuffer;
}

const LARGEST_CHUNK_SHIFT = 30;
const SMALLEST_CHUNK_SHIFT = 16;

/** Physical addresses from `first` to below `end`. */
export interface Region {
  readonly first: number;
  readonly end: number;
}

// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Uint32Array(0);

/** The four bytes of a word the other way round; unsigned. Two rotations: bytes at odd places go one way, the others the other. */
const swapped = (word: number): number =>
  ((((word << 8) | (word >>> 24)) & 0x00ff00ff) | (((word >>> 8) | (word << 24)) & 0xff00ff00)) >>> 0;

const LITTLE = 0;
const BIG = 1;

/**
 * The bytes of a machine. Untouched memory reads as zero.
 *
 * The doors check nothing: whether there is memory at an address is {@link PhysicalMemory.isBacked}'s to say, and the
 * caller's to ask. Addresses are physical and in bytes; 16- and 32-bit words may lie at any alignment, 64-bit words at
 * multiples of four.
 */
export class PhysicalMemory {
  readonly byteOrder: "little" | "big";
  readonly physicalBits: number;
  readonly frameShift: number;
  /** Bytes in a frame. */
  readonly frameSize: number;
  /** First frame of RAM, and how many there are up to its end, holes included. */
  readonly firstFrame: number;
  readonly frameCount: number;
  /** Bytes in a chunk, a power of two. Hot paths may keep `words(chunkOf(address))`. */
  readonly chunkSize: number;
  /** LITTLE or BIG: a comparison of integers, where a boolean would be asked whether it is one. */
  readonly #order: number = LITTLE;
  readonly #base: number = 0;
  /** RAM between the holes, in ascending order. */
  readonly ram: readonly Region[];
  readonly #regions: Region[];
  /** Chunk number → slot in `#bytes` and `#words`. Looked into only when the last chunk was another one. */
  readonly #slots = new Map<number, number>();
  readonly #bytes: Uint8Array[] = [];
  readonly #words: Uint32Array[] = [];
  /** Where the chunk begins that holds the start of RAM, usually all of it: most accesses need ask no further. */
  readonly mainStart: number = 0;
  readonly #mainBytes: Uint8Array = NO_BYTES;
  readonly mainWords: Uint32Array = NO_WORDS;
  /** RAM up to the first hole, as far as the chunk goes that it begins in: most addresses lie there. */
  readonly ramStart: number = 0;
  readonly ramEnd: number = 0;
  /** One over the bytes of a chunk, exactly: the remainder of doubles is a call. */
  readonly #perChunk: number = 0;
  #lastChunk = -1;
  #lastSlot = 0;

  /** @throws PortolanError ERR_BAD_ARGUMENT for sizes that make no memory */
  constructor(options: PhysicalMemoryOptions) {
    const { bytes, physicalBits, frameShift, buffer } = options;
    const base = options.base ?? 0;
    // Powers leave doubles: shifts and `integer` keep what is counted with every day out of them.
    const frameSize = 1 << frameShift;
    if (!Number.isInteger(physicalBits) || physicalBits < 20 || physicalBits > 52)
      throw new PortolanError("ERR_BAD_ARGUMENT", { physicalBits });
    if (!Number.isSafeInteger(bytes) || bytes < frameSize || bytes % frameSize !== 0)
      throw new PortolanError("ERR_BAD_ARGUMENT", { bytes, frameSize });
    if (!Number.isSafeInteger(base) || base < 0 || base % frameSize !== 0) throw new PortolanError("ERR_BAD_ARGUMENT", { base, frameSize });
    if (base + bytes > 2 ** physicalBits) throw new PortolanError("ERR_BAD_ARGUMENT", { base, bytes, physicalBits });
    if (buffer !== undefined && buffer.byteLength !== bytes)
      throw new PortolanError("ERR_BAD_ARGUMENT", { bytes, bufferBytes: buffer.byteLength });
    this.byteOrder = options.byteOrder;
    this.physicalBits = physicalBits;
    this.frameShift = frameShift;
    this.frameSize = frameSize;
    this.firstFrame = base / frameSize;
    this.frameCount = bytes / frameSize;
    this.ram = without(options.holes ?? [], { first: base, end: base + bytes }, frameSize);
    this.#regions = [...this.ram];
    this.#order = options.byteOrder === "big" ? BIG : LITTLE;
    if (buffer === undefined) {
      let shift = SMALLEST_CHUNK_SHIFT;
      while (shift < LARGEST_CHUNK_SHIFT && 2 ** shift < bytes) shift += 1;
      this.chunkSize = integer(2 ** shift);
      this.#base = 0;
    } else {
      // The caller's memory is one chunk, whatever its size; chunk numbers count from its base.
      this.chunkSize = integer(2 ** Math.ceil(Math.log2(bytes)));
      this.#base = base;
      this.#adopt(0, buffer);
    }
    this.#perChunk = 1 / this.chunkSize;
    const main = this.chunkOf(base);
    this.mainStart = integer(base - this.offsetInChunk(base));
    this.ramStart = integer(this.ram[0].first);
    this.ramEnd = integer(Math.min(this.ram[0].end, this.mainStart + this.chunkSize));
    this.#mainBytes = this.bytes(main);
    this.mainWords = this.words(main);
  }

  /** Makes a range outside RAM accessible: device memory, a frame buffer, a ROM. Bytes; frame aligned. */
  addRegion(base: number, bytes: number): void {
    if (base % this.frameSize !== 0 || bytes % this.frameSize !== 0 || bytes < 1 || base < 0 || base + bytes > 2 ** this.physicalBits) {
      throw new PortolanError("ERR_BAD_ARGUMENT", { base, bytes });
    }
    if (this.#regions.some((region) => base < region.end && region.first < base + bytes)) {
      throw new PortolanError("ERR_BAD_ARGUMENT", { base, bytes, region: "overlaps another" });
    }
    this.#regions.push({ first: base, end: base + bytes });
  }

  /** Is there memory at this address? */
  isBacked(address: number): boolean {
    return (address >= this.ramStart && address < this.ramEnd) || this.#isElsewhere(address);
  }

  #isElsewhere(address: number): boolean {
    for (const region of this.#regions) if (address >= region.first && address < region.end) return true;
    return false;
  }

  /** The slot of the chunk that holds an address; the chunk comes into being. */
  chunkOf(address: number): number {
    const chunk = Math.floor((address - this.#base) * this.#perChunk);
    return chunk === this.#lastChunk ? this.#lastSlot : this.#findChunk(chunk);
  }

  /** Offset of an address in the chunk that holds the start of RAM, in bytes; −1 if it lies in another one. */
  offsetInMain(address: number): number {
    const offset = address - this.mainStart;
    return offset >= 0 && offset < this.#mainBytes.length ? offset : -1;
  }

  /** Offset of an address in its chunk, in bytes. */
  offsetInChunk(address: number): number {
    const from = address - this.#base;
    return from - Math.floor(from * this.#perChunk) * this.chunkSize;
  }

  /** The chunk in slot `slot` as host-order words; a big-endian machine's words are swapped by the reader. */
  words(slot: number): Uint32Array {
    return this.#words[slot];
  }

  /** The chunk in slot `slot` as bytes, in the machine's order. A live view. */
  bytes(slot: number): Uint8Array {
    return this.#bytes[slot];
  }

  /** Bytes of chunks that exist. */
  get committed(): number {
    return this.#bytes.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** The byte at an address. */
  read8(address: number): number {
    const main = address - this.mainStart;
    if (main >= 0 && main < this.#mainBytes.length) return this.#mainBytes[main];
    return this.bytes(this.chunkOf(address))[this.offsetInChunk(address)];
  }

  /** Writes the low 8 bits of `value`. */
  write8(address: number, value: number): void {
    this.bytes(this.chunkOf(address))[this.offsetInChunk(address)] = value;
  }

  /** A 16-bit word, unsigned, in the machine's byte order. */
  read16(address: number): number {
    const one = this.read8(address);
    const two = this.read8(address + 1);
    return this.#order === BIG ? one * 256 + two : two * 256 + one;
  }

  /** Writes the low 16 bits of `value` in the machine's byte order. */
  write16(address: number, value: number): void {
    this.write8(address + (this.#order === BIG ? 1 : 0), value & 0xff);
    this.write8(address + (this.#order === BIG ? 0 : 1), (value >>> 8) & 0xff);
  }

  /** A 32-bit word, unsigned. */
  read32(address: number): number {
    const offset = address - this.mainStart;
    if (address >= this.ramStart && address < this.ramEnd && (offset & 3) === 0) {
      const main = this.mainWords[offset >>> 2];
      return this.#order === BIG ? swapped(main) : main;
    }
    return this.#readAnywhere(address);
  }

  #readAnywhere(address: number): number {
    if (address % 4 !== 0) {
      return this.#order === BIG
        ? this.read16(address) * 65536 + this.read16(address + 2)
        : this.read16(address + 2) * 65536 + this.read16(address);
    }
    const word = this.words(this.chunkOf(address))[this.offsetInChunk(address) >>> 2];
    return this.#order === BIG ? swapped(word) : word;
  }

  /** Writes the low 32 bits of `value` in the machine's byte order. */
  write32(address: number, value: number): void {
    const offset = address - this.mainStart;
    if (offset >= 0 && offset < this.#mainBytes.length && (offset & 3) === 0) {
      this.mainWords[offset >>> 2] = this.#order === BIG ? swapped(value) : value;
      return;
    }
    this.#writeAnywhere(address, value);
  }

  #writeAnywhere(address: number, value: number): void {
    if (address % 4 !== 0) {
      this.write16(address + (this.#order === BIG ? 2 : 0), value & 0xffff);
      this.write16(address + (this.#order === BIG ? 0 : 2), value >>> 16);
      return;
    }
    this.words(this.chunkOf(address))[this.offsetInChunk(address) >>> 2] = this.#order === BIG ? swapped(value) : value;
  }

  /** Bits 31:0 of the 64-bit word at an address. */
  readLow(address: number): number {
    return this.read32(this.#order === BIG ? address + 4 : address);
  }

  /** Bits 63:32 of the 64-bit word at an address. */
  readHigh(address: number): number {
    return this.read32(this.#order === BIG ? address : address + 4);
  }

  /** Writes a 64-bit word given as bits 31:0 and bits 63:32. */
  write64(address: number, low: number, high: number): void {
    this.write32(address, this.#order === BIG ? high : low);
    this.write32(address + 4, this.#order === BIG ? low : high);
  }

  /** Fills a frame, given by its number, with zero bytes. */
  zeroFrame(frame: number): void {
    const address = frame * this.frameSize;
    const main = address - this.mainStart;
    if (main >= 0 && main < this.#mainBytes.length) {
      // Whole frames lie in one chunk. Filling by bounds is a third faster than filling a view of the frame.
      this.#mainBytes.fill(0, main, main + this.frameSize);
      return;
    }
    const offset = this.offsetInChunk(address);
    this.bytes(this.chunkOf(address)).fill(0, offset, offset + this.frameSize);
  }

  /** Copies the bytes of frame `from` over those of frame `to`; both are frame numbers. */
  copyFrame(from: number, to: number): void {
    const size = this.frameSize;
    const first = from * size - this.mainStart;
    const second = to * size - this.mainStart;
    const main = this.#mainBytes;
    if (first >= 0 && first < main.length && second >= 0 && second < main.length) {
      main.copyWithin(second, first, first + size);
      return;
    }
    this.#copyElsewhere(from, to);
  }

  #copyElsewhere(from: number, to: number): void {
    const source = this.bytes(this.chunkOf(from * this.frameSize));
    const target = this.bytes(this.chunkOf(to * this.frameSize));
    const start = this.offsetInChunk(from * this.frameSize);
    const at = this.offsetInChunk(to * this.frameSize);
    if (source === target) target.copyWithin(at, start, start + this.frameSize);
    else target.set(source.subarray(start, start + this.frameSize), at);
  }

  /** Fills `target` with the bytes from `address` on. */
  readBytes(address: number, target: Uint8Array): void {
    this.#eachPart(address, target.length, (chunk, offset, from, count) => target.set(chunk.subarray(offset, offset + count), from));
  }

  /** Writes all bytes of `source` from `address` on. */
  writeBytes(address: number, source: Uint8Array): void {
    this.#eachPart(address, source.length, (chunk, offset, from, count) => chunk.set(source.subarray(from, from + count), offset));
  }

  /** A number that differs when any byte of the frames does (FNV-1a over words). For tests. */
  digest(firstFrame: number, count: number): number {
    let hash = 0x811c9dc5;
    for (let address = firstFrame * this.frameSize; address < (firstFrame + count) * this.frameSize; address += 4) {
      hash = Math.imul(hash ^ this.read32(address), 0x01000193);
    }
    return hash >>> 0;
  }

  #eachPart(address: number, length: number, each: (chunk: Uint8Array, offset: number, from: number, count: number) => void): void {
    let done = 0;
    while (done < length) {
      const chunk = this.bytes(this.chunkOf(address + done));
      const offset = this.offsetInChunk(address + done);
      const count = Math.min(length - done, this.chunkSize - offset);
      each(chunk, offset, done, count);
      done += count;
    }
  }

  #findChunk(chunk: number): number {
    let slot = this.#slots.get(chunk);
    if (slot === undefined) slot = this.#adopt(chunk, this.#fresh());
    this.#lastChunk = chunk;
    this.#lastSlot = slot;
    return slot;
  }

  #fresh(): ArrayBuffer {
    try {
      return new ArrayBuffer(this.chunkSize);
    } catch (error) {
      throw new PortolanError("ERR_OUT_OF_MEMORY", { allocation: "physical memory", bytes: this.chunkSize }, error);
    }
  }

  #adopt(chunk: number, buffer: ArrayBuffer | SharedArrayBuffer): number {
    const slot = this.#bytes.length;
    this.#bytes.push(new Uint8Array(buffer));
    this.#words.push(new Uint32Array(buffer));
    this.#slots.set(chunk, slot);
    return slot;
  }
}

/** The same number; as an integer, where the host has integers of that size and arithmetic would have left a double. */
export const integer = (value: number): number => (value === (value | 0) ? value | 0 : value);

/** What remains of a region. @throws PortolanError ERR_BAD_ARGUMENT if nothing does, or a hole is not frame aligned, or not within */
const without = (holes: readonly MemoryRange[], region: Region, frameSize: number): Region[] => {
  const remaining: Region[] = [];
  let from = region.first;
  for (const { base, bytes } of holes.toSorted((one, other) => one.base - other.base)) {
    if (base % frameSize !== 0 || bytes % frameSize !== 0 || !(bytes > 0) || base < from || base + bytes > region.end) {
      throw new PortolanError("ERR_BAD_ARGUMENT", { hole: base, bytes, frameSize });
    }
    if (base > from) remaining.push({ first: from, end: base });
    from = base + bytes;
  }
  if (from < region.end) remaining.push({ first: from, end: region.end });
  if (remaining.length === 0)
    throw new PortolanError("ERR_BAD_ARGUMENT", { base: region.first, bytes: region.end - region.first, holes: "leave nothing" });
  return remaining;
};

/** Swaps the four bytes of a word; unsigned. */
export const swap32 = swapped;

/** The machine's memory, for parts that read or write it themselves: walkers, refill code, TSBs. */
export const PHYSICAL_MEMORY = token<PhysicalMemory>("physical memory");
