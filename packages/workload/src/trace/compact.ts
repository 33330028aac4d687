/**
 * Our compact form of a trace: a byte or two an access where text needs fifteen.
 *
 * Eight bytes `PORTRACE`, one byte version (1), then accesses, then the end. An access is
 *
 * | bits of its first byte | |
 * |---|---|
 * | 1:0 | kind: 0 fetch, 1 load, 2 store, 3 modify |
 * | 4:2 | size: 2^n bytes for n from 0 to 6; 7: the size follows as a number |
 * | 5 | the address is the one that follows the last access of its class (fetches, or all others); else the distance from there follows |
 * | 7:6 | 0; both set: this is no access but the end, and the count of all accesses follows |
 *
 * Numbers are in groups of seven bits, lowest first, bit 7 set in all but the last; of two spellings the shorter one. A
 * distance is modulo 2^64, signed, with its sign in bit 0 (0, −1, 1, −2, …). Before the first access of a class the last
 * one ended at 0.
 */
import { PortolanError } from "@portolan/core";
import { FETCH, LARGEST_ACCESS, type TraceKind, type TraceReader, type TraceVisitor } from "./trace.js";

/** What a file of this form begins with. */
export const COMPACT_MAGIC = Uint8Array.from("PORTRACE", (letter) => letter.charCodeAt(0));
const VERSION = 1;
const SIZE_FOLLOWS = 7;
const IN_LINE = 0x20;
const END = 0xc0;
const MORE = 0x80;
const GROUP = 0x7f;
const GROUP_BITS = 7;
/** 64 bits in groups of seven. */
const MOST_GROUPS = 10;
/** First byte, size, distance. */
const LONGEST = 1 + 2 + MOST_GROUPS;
const TWO_32 = 0x1_0000_0000;

/** Where the next access of each class is expected. */
class Expectation {
  readonly high = new Uint32Array(2);
  readonly low = new Uint32Array(2);

  /** An access of `size` bytes at an address has been seen. */
  saw(code: number, high: number, low: number, size: number): void {
    this.low[code] = low + size;
    this.high[code] = high + (low + size >= TWO_32 ? 1 : 0);
  }
}

const classOf = (kind: TraceKind): number => (kind === FETCH ? 0 : 1);

/** Writes the compact form: visit it, and take the bytes now and then. */
export class CompactWriter implements TraceVisitor {
  /** Accesses written. */
  count = 0;
  readonly #expected = new Expectation();
  #bytes = new Uint8Array(2 ** 16);
  #length = 0;

  constructor() {
    this.#bytes.set(COMPACT_MAGIC);
    this.#bytes[COMPACT_MAGIC.length] = VERSION;
    this.#length = COMPACT_MAGIC.length + 1;
  }

  access(kind: TraceKind, high: number, low: number, size: number): void {
    if (this.#length + LONGEST > this.#bytes.length) this.#grow();
    this.count += 1;
    const code = classOf(kind);
    const power = 31 - Math.clz32(size);
    const isPower = size === 1 << power && power < SIZE_FOLLOWS;
    const distanceLow = (low - this.#expected.low[code]) >>> 0;
    const distanceHigh = (high - this.#expected.high[code] - (low < this.#expected.low[code] ? 1 : 0)) >>> 0;
    const isInLine = (distanceLow | distanceHigh) === 0;
    this.#bytes[this.#length] = kind | ((isPower ? power : SIZE_FOLLOWS) << 2) | (isInLine ? IN_LINE : 0);
    this.#length += 1;
    if (!isPower) this.#number(0, size);
    if (!isInLine) {
      const sign = -(distanceHigh >>> 31);
      this.#number((((distanceHigh << 1) | (distanceLow >>> 31)) ^ sign) >>> 0, ((distanceLow << 1) ^ sign) >>> 0);
    }
    this.#expected.saw(code, high, low, size);
  }

  /** The bytes since the last call; valid until the next access. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  /** No access will follow. */
  end(): void {
    if (this.#length + LONGEST > this.#bytes.length) this.#grow();
    this.#bytes[this.#length] = END;
    this.#length += 1;
    this.#number(Math.floor(this.count / TWO_32), this.count >>> 0);
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  #number(high: number, low: number): void {
    let up = high;
    let down = low;
    while (up !== 0 || down > GROUP) {
      this.#bytes[this.#length] = (down & GROUP) | MORE;
      this.#length += 1;
      down = ((down >>> GROUP_BITS) | (up << (32 - GROUP_BITS))) >>> 0;
      up >>>= GROUP_BITS;
    }
    this.#bytes[this.#length] = down;
    this.#length += 1;
  }
}

/** Reads the compact form. */
export class CompactReader implements TraceReader {
  lines = 0;
  readonly otherLines = 0;
  readonly #visitor: TraceVisitor;
  readonly #expected = new Expectation();
  /** Bytes of a record whose end is in the next chunk. */
  #held = new Uint8Array(0);
  #hasBegun = false;
  #hasEnded = false;
  /** The number read last, and where the bytes after it begin. */
  #high = 0;
  #low = 0;
  #at = 0;

  constructor(visitor: TraceVisitor) {
    this.#visitor = visitor;
  }

  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#held.length > 0) {
      bytes = new Uint8Array(this.#held.length + chunk.length);
      bytes.set(this.#held);
      bytes.set(chunk, this.#held.length);
    }
    this.#at = 0;
    if (!this.#hasBegun) this.#begin(bytes);
    let whole = this.#at;
    while (this.#hasBegun && !this.#hasEnded && this.#record(bytes)) whole = this.#at;
    if (this.#hasEnded && whole < bytes.length) this.#refuse("something follows the end");
    this.#held = bytes.slice(whole);
  }

  end(): void {
    if (!this.#hasEnded) this.#refuse("the trace is cut off");
  }

  #begin(bytes: Uint8Array): void {
    if (bytes.length <= COMPACT_MAGIC.length) return;
    if (COMPACT_MAGIC.some((byte, at) => bytes[at] !== byte)) this.#refuse("it does not begin with PORTRACE");
    if (bytes[COMPACT_MAGIC.length] !== VERSION)
      this.#refuse(`its version is ${bytes[COMPACT_MAGIC.length]}; this reader knows ${VERSION}`);
    this.#hasBegun = true;
    this.#at = COMPACT_MAGIC.length + 1;
  }

  /** Visits the access at #at. False if it is not all there. */
  #record(bytes: Uint8Array): boolean {
    if (this.#at >= bytes.length) return false;
    const first = bytes[this.#at];
    this.#at += 1;
    if ((first & END) !== 0) return this.#finish(bytes, first);
    const kind = (first & 3) as TraceKind;
    const power = (first >>> 2) & 7;
    let size = 1 << power;
    if (power === SIZE_FOLLOWS) {
      if (!this.#number(bytes)) return false;
      if (this.#high !== 0 || this.#low < 1 || this.#low > LARGEST_ACCESS) this.#refuse("an access has an impossible size");
      size = this.#low;
    }
    const code = classOf(kind);
    let low = this.#expected.low[code];
    let high = this.#expected.high[code];
    if ((first & IN_LINE) === 0) {
      if (!this.#number(bytes)) return false;
      const sign = -(this.#low & 1);
      const distanceLow = (((this.#low >>> 1) | (this.#high << 31)) ^ sign) >>> 0;
      const sum = low + distanceLow;
      high = (high + (((this.#high >>> 1) ^ sign) >>> 0) + (sum >= TWO_32 ? 1 : 0)) >>> 0;
      low = sum >>> 0;
    }
    this.lines += 1;
    this.#expected.saw(code, high, low, size);
    this.#visitor.access(kind, high, low, size);
    return true;
  }

  #finish(bytes: Uint8Array, first: number): boolean {
    if (first !== END) this.#refuse("bits are set that mean nothing");
    if (!this.#number(bytes)) return false;
    const count = this.#high * TWO_32 + this.#low;
    if (count !== this.lines) this.#refuse(`it says that it has ${count} accesses`);
    this.#hasEnded = true;
    return true;
  }

  /** Reads a number. False if it is not all there. */
  #number(bytes: Uint8Array): boolean {
    this.#high = 0;
    this.#low = 0;
    for (let group = 0; group < MOST_GROUPS; group += 1) {
      if (this.#at >= bytes.length) return false;
      const byte = bytes[this.#at];
      this.#at += 1;
      const value = byte & GROUP;
      const bit = group * GROUP_BITS;
      if (bit < 32) this.#low = (this.#low | (value << bit)) >>> 0;
      if (bit >= 32) this.#high = (this.#high | (value << (bit - 32))) >>> 0;
      else if (bit + GROUP_BITS > 32) this.#high = value >>> (32 - bit);
      if ((byte & MORE) !== 0) continue;
      if (value === 0 && group > 0) this.#refuse("a number is longer than it needs to be");
      if (group === MOST_GROUPS - 1 && value > 1) break;
      return true;
    }
    return this.#refuse("a number has more than 64 bits");
  }

  #refuse(reason: string): never {
    throw new PortolanError("ERR_BAD_TRACE", { reason, access: this.lines + 1 });
  }
}
