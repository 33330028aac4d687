/**
 * Memory traces as valgrind's lackey prints them with `--trace-mem=yes`: one access a line,
 *
 * ```
 * I  004014f0,2      an instruction of two bytes is fetched
 *  L 1fff0006a0,8    eight bytes are loaded
 *  S 1fff000698,8    stored
 *  M 0424e0a8,4      loaded and stored by one instruction
 * ```
 *
 * between lines of other kinds (valgrind's own begin with `==`, the program's may be anything). Read from chunks of
 * bytes, in constant memory; an address is two halves of 32 bits, because it may have 64.
 *
 * @see Valgrind User Manual, chapter 15 (Lackey)
 */
import { PortolanError } from "@portolan/core";
import { FETCH, LARGEST_ACCESS, LOAD, MODIFY, STORE, type TraceKind, type TraceReader, type TraceVisitor } from "./trace.js";

/** A line of the program's may be long; a line of a trace is not. */
const LONGEST_LINE = 64;
const TWO_32 = 0x1_0000_0000;

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const COMMA = 44;
const KINDS = new Int8Array(256).fill(-1);
KINDS["L".charCodeAt(0)] = LOAD;
KINDS["S".charCodeAt(0)] = STORE;
KINDS["M".charCodeAt(0)] = MODIFY;
const LETTER_I = "I".charCodeAt(0);

/** Values of hexadecimal digits; 255 elsewhere. */
const DIGITS = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit += 1) {
  const shown = digit.toString(16);
  DIGITS[shown.charCodeAt(0)] = digit;
  DIGITS[shown.toUpperCase().charCodeAt(0)] = digit;
}

/** Reads a trace that comes in chunks, cut anywhere. It keeps at most one line, and less than that of a long one. */
export class LackeyReader implements TraceReader {
  /** Lines read so far: all, and those that are not accesses. */
  lines = 0;
  otherLines = 0;
  readonly #visitor: TraceVisitor;
  /** The beginning of a line whose end is in the next chunk. */
  readonly #held = new Uint8Array(LONGEST_LINE);
  #heldBytes = 0;
  /** The line that is being held is longer than a line of a trace: not one. */
  #isLong = false;

  constructor(visitor: TraceVisitor) {
    this.#visitor = visitor;
  }

  /**
   * Takes the next bytes; every line that ends in them is visited.
   * @throws PortolanError ERR_BAD_TRACE for a line that begins like an access and is none; lines before it were visited
   */
  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#heldBytes > 0 || this.#isLong) this.#finishHeld(chunk, start, end);
      else this.#line(chunk, start, end);
      start = end + 1;
    }
    this.#hold(chunk, start);
  }

  /** The trace is over: a last line without an end counts as well. @throws PortolanError ERR_BAD_TRACE */
  end(): void {
    if (this.#heldBytes > 0 || this.#isLong) this.#finishHeld(this.#held, 0, 0);
  }

  #hold(chunk: Uint8Array, start: number): void {
    const bytes = chunk.length - start;
    if (this.#heldBytes + bytes > LONGEST_LINE) {
      this.#isLong = true;
      return;
    }
    this.#held.set(chunk.subarray(start), this.#heldBytes);
    this.#heldBytes += bytes;
  }

  #finishHeld(chunk: Uint8Array, start: number, end: number): void {
    this.#hold(chunk.subarray(0, end), start);
    const bytes = this.#heldBytes;
    const isLong = this.#isLong;
    this.#heldBytes = 0;
    this.#isLong = false;
    if (!isLong) {
      this.#line(this.#held, 0, bytes);
      return;
    }
    this.lines += 1;
    this.otherLines += 1;
  }

  /** One line, [start, end) without its newline. */
  #line(bytes: Uint8Array, start: number, end: number): void {
    this.lines += 1;
    let at = start;
    let kind: number;
    if (bytes[at] === LETTER_I && bytes[at + 1] === SPACE && bytes[at + 2] === SPACE) kind = FETCH;
    else if (bytes[at] === SPACE && bytes[at + 2] === SPACE) kind = KINDS[bytes[at + 1]];
    else kind = -1;
    if (kind < 0 || end - start < 4) {
      this.otherLines += 1;
      return;
    }
    at += 3;
    let low = 0;
    let high = 0;
    let digits = 0;
    for (; at < end; at += 1) {
      const digit = DIGITS[bytes[at]];
      if (digit === 255) break;
      high = digits < 8 ? 0 : (high * 16 + (low >>> 28)) % TWO_32;
      low = ((low << 4) | digit) >>> 0;
      digits += 1;
    }
    if (digits === 0 || digits > 16 || bytes[at] !== COMMA || at >= end) this.#refuse(bytes, start, end);
    at += 1;
    let size = 0;
    const sizeAt = at;
    for (; at < end; at += 1) {
      const digit = bytes[at] - 48;
      if (!(digit >= 0 && digit <= 9) || size > LARGEST_ACCESS) break;
      size = size * 10 + digit;
    }
    if (at < end && bytes[at] === RETURN) at += 1;
    if (at !== end || at === sizeAt || size < 1 || size > LARGEST_ACCESS) this.#refuse(bytes, start, end);
    this.#visitor.access(kind as TraceKind, high, low, size);
  }

  #refuse(bytes: Uint8Array, start: number, end: number): never {
    const shown = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + LONGEST_LINE)));
    throw new PortolanError("ERR_BAD_TRACE", {
      reason: "a line begins like an access and is none",
      line: this.lines,
      shown: JSON.stringify(shown),
    });
  }
}
