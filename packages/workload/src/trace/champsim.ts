/**
 * Traces of ChampSim: records of 64 bytes without a header, one an instruction, little-endian.
 *
 * | byte | |
 * |---|---|
 * | 0 | address of the instruction, 8 bytes |
 * | 8, 9 | is it a branch, was it taken: 0 or 1 |
 * | 10 | registers: two written, four read |
 * | 16 | addresses of what it stores to, twice 8 bytes; 0 for none |
 * | 32 | addresses of what it loads from, four times 8 bytes; 0 for none |
 *
 * The format tells no sizes: every access counts as one byte. Loads come before stores.
 *
 * @see ChampSim inc/trace_instruction.h, struct input_instr
 */
import { PortolanError } from "@portolan/core";
import { FETCH, LOAD, STORE, type TraceKind, type TraceReader, type TraceVisitor } from "./trace.js";

const RECORD = 64;
const BRANCH = 8;
const TAKEN = 9;
const STORES = 16;
const LOADS = 32;
const ADDRESS = 8;

/** Reads ChampSim's records. */
export class ChampSimReader implements TraceReader {
  lines = 0;
  readonly otherLines = 0;
  readonly #visitor: TraceVisitor;
  /** The beginning of a record whose end is in the next chunk. */
  readonly #held = new Uint8Array(RECORD);
  #heldBytes = 0;

  constructor(visitor: TraceVisitor) {
    this.#visitor = visitor;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    if (this.#heldBytes > 0) {
      at = Math.min(RECORD - this.#heldBytes, chunk.length);
      this.#held.set(chunk.subarray(0, at), this.#heldBytes);
      this.#heldBytes += at;
      if (this.#heldBytes < RECORD) return;
      this.#heldBytes = 0;
      this.#record(this.#held, 0);
    }
    for (; at + RECORD <= chunk.length; at += RECORD) this.#record(chunk, at);
    this.#held.set(chunk.subarray(at));
    this.#heldBytes = chunk.length - at;
  }

  end(): void {
    if (this.#heldBytes > 0) {
      throw new PortolanError("ERR_BAD_TRACE", { reason: "the last record is cut off", record: this.lines + 1, bytes: this.#heldBytes });
    }
  }

  #record(bytes: Uint8Array, at: number): void {
    this.lines += 1;
    if (bytes[at + BRANCH] > 1 || bytes[at + TAKEN] > 1) {
      throw new PortolanError("ERR_BAD_TRACE", {
        reason: "a flag of a ChampSim record is neither 0 nor 1",
        record: this.lines,
        isBranch: bytes[at + BRANCH],
        branchTaken: bytes[at + TAKEN],
      });
    }
    this.#visit(FETCH, bytes, at);
    for (let load = at + LOADS; load < at + RECORD; load += ADDRESS) this.#visit(LOAD, bytes, load);
    for (let store = at + STORES; store < at + LOADS; store += ADDRESS) this.#visit(STORE, bytes, store);
  }

  #visit(kind: TraceKind, bytes: Uint8Array, at: number): void {
    const low = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
    const high = (bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)) >>> 0;
    if (kind === FETCH || (low | high) !== 0) this.#visitor.access(kind, high, low, 1);
  }
}
