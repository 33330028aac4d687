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
  let found = format;
  let reader = found === undefined ? null : new READERS[found](visitor);
  let held = new Uint8Array(0);
  let bytes = 0;
  const begin = (): TraceReader => {
    found ??= traceFormatOf(held);
    const begun = new READERS[found](visitor);
    begun.push(held);
    return begun;
  };
  for await (const chunk of source()) {
    if (reader !== null) reader.push(chunk);
    else {
      const joined = new Uint8Array(held.length + chunk.length);
      joined.set(held);
      joined.set(chunk, held.length);
      held = joined;
      if (held.length >= ENOUGH) reader = begin();
    }
    bytes += chunk.length;
    onBytes?.(bytes);
  }
  reader ??= begin();
  reader.end();
  if (reader.lines === reader.otherLines) {
    throw new PortolanError("ERR_BAD_TRACE", { reason: "no line is an access", lines: reader.lines });
  }
  return { format: found as TraceFormat, lines: reader.lines, otherLines: reader.otherLines };
};
