/** What a memory trace is, whatever its format: accesses, one after another, in constant memory. */

/** An instruction is fetched. */
export const FETCH = 0;
/** Bytes are read. */
export const LOAD = 1;
/** Bytes are written. */
export const STORE = 2;
/** One instruction reads bytes and writes them back. */
export const MODIFY = 3;
/** FETCH, LOAD, STORE or MODIFY. */
export type TraceKind = typeof FETCH | typeof LOAD | typeof STORE | typeof MODIFY;

/** No instruction touches more bytes at once (XSAVE areas come closest). */
export const LARGEST_ACCESS = 4096;

/** Whoever wants the accesses, in order. */
export interface TraceVisitor {
  /** `high` and `low` are bits 63:32 and 31:0 of the address; `size` is in bytes, 1 to {@link LARGEST_ACCESS}. */
  access(kind: TraceKind, high: number, low: number, size: number): void;
}

/** Takes a trace's bytes in chunks of any length and visits every access as soon as its last byte is there. */
export interface TraceReader {
  /** Lines or records read so far: all, and those that are not accesses. */
  readonly lines: number;
  readonly otherLines: number;
  /** @throws PortolanError ERR_BAD_TRACE for what is no trace; accesses before it were visited */
  push(chunk: Uint8Array): void;
  /** The trace is over. @throws PortolanError ERR_BAD_TRACE if it is cut off */
  end(): void;
}

/** Bytes of a trace, to be read from the beginning each time it is called. */
export type TraceSource = () => AsyncIterable<Uint8Array>;
