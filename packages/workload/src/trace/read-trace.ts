/** Reads a whole trace of any of the formats, which it recognises by the first bytes. */
import { PortolanError } from "@portolan/core";
import { ChampSimReader } from "./champsim.js";
import { COMPACT_MAGIC, CompactReader } from "./compact.js";
import { LackeyReader } from "./lackey.js";
import type { TraceReader, TraceSource, TraceVisitor } from "./trace.js";

/** The formats of traces: valgrind's text, our own, and ChampSim's records. */
export const TRACE_FORMATS = ["lackey", "compact", "champsim"] as const;
/** One of {@link TRACE_FORMATS}. */
export type TraceFormat = (typeof TRACE_FORMATS)[number];

const READERS: Readonly<Record<TraceFormat, new (visitor: TraceVisitor) => TraceReader>> = {
  lackey: LackeyReader,
  compact: CompactReader,
  champsim: ChampSimReader,
};

/** What a trace was. */
export interface TraceRead {
  readonly format: TraceFormat;
  /** Lines or records, and those among them that are no accesses. */
  readonly lines: number;
  readonly otherLines: number;
}

/** Bytes that decide: a ChampSim record, in which text would have no byte of zeroes. */
const ENOUGH = 64;

/** The format of a trace that begins with these bytes. */
export const traceFormatOf = (bytes: Uint8Array): TraceFormat => {
  if (bytes.length >= COMPACT_MAGIC.length && COMPACT_MAGIC.every((byte, at) => bytes[at] === byte)) return "compact";
  return bytes.subarray(0, ENOUGH).includes(0) ? "champsim" : "lackey";
};

/** Reads a trace of any of the formats: it waits until the first bytes tell which. */
export class AnyTraceReader implements TraceReader {
  readonly #visitor: TraceVisitor;
  #format: TraceFormat | null;
  #reader: TraceReader | null = null;
  /** The first bytes, until they are enough. */
  #held = new Uint8Array(0);

  /** @param format recognised where null */
  constructor(visitor: TraceVisitor, format: TraceFormat | null = null) {
    this.#visitor = visitor;
    this.#format = format;
    if (format !== null) this.#reader = new READERS[format](visitor);
  }

  get lines(): number {
    return this.#reader?.lines ?? 0;
  }

  get otherLines(): number {
    return this.#reader?.otherLines ?? 0;
  }

  /** Known from the first 64 bytes on, or from the end. */
  get format(): TraceFormat | null {
    return this.#format;
  }

  push(chunk: Uint8Array): void {
    if (this.#reader !== null) {
      this.#reader.push(chunk);
      return;
    }
    const joined = new Uint8Array(this.#held.length + chunk.length);
    joined.set(this.#held);
    joined.set(chunk, this.#held.length);
    this.#held = joined;
    if (joined.length >= ENOUGH) this.#begin();
  }

  end(): void {
    (this.#reader ?? this.#begin()).end();
  }

  #begin(): TraceReader {
    this.#format = traceFormatOf(this.#held);
    this.#reader = new READERS[this.#format](this.#visitor);
    this.#reader.push(this.#held);
    return this.#reader;
  }
}

/** Bytes without any access after which a text is no trace: what has no end, or unpacks to a world of nothing, ends here. */
export const PATIENCE = 2 ** 24;

/** @throws PortolanError ERR_BAD_TRACE */
const needsAccess = ({ lines, otherLines }: TraceReader): void => {
  if (lines === otherLines) throw new PortolanError("ERR_BAD_TRACE", { reason: "no line is an access", lines });
};

/**
 * Reads a whole trace.
 * @param onBytes told the bytes read so far
 * @param format recognised where absent
 * @throws PortolanError ERR_BAD_TRACE for one that is malformed or cut off, and for one without any access
 */
export const readTrace = async (
  source: TraceSource,
  visitor: TraceVisitor,
  onBytes?: (bytes: number) => void,
  format?: TraceFormat,
): Promise<TraceRead> => {
  const reader = new AnyTraceReader(visitor, format ?? null);
  let bytes = 0;
  for await (const chunk of source()) {
    reader.push(chunk);
    bytes += chunk.length;
    if (bytes > PATIENCE) needsAccess(reader);
    onBytes?.(bytes);
  }
  reader.end();
  needsAccess(reader);
  return { format: reader.format as TraceFormat, lines: reader.lines, otherLines: reader.otherLines };
};
