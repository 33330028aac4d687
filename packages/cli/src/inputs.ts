/** Programs and traces from files, compressed or not, and from standard input. */
import { createReadStream, createWriteStream, type ReadStream } from "node:fs";
import { mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { PortolanError } from "@portolan/core";
import type { TraceSource, Workload } from "@portolan/workload";

export interface Inputs {
  readonly workload: Workload;
  /** Where the trace lies as long as the inputs are open: a file that may be read by others too. */
  readonly tracePath: string | null;
  /** Bytes of the trace file as it lies there; 0 without one. */
  readonly traceBytes: number;
  /** Bytes of it read so far, in the current pass. */
  readonly traceRead: () => number;
  /** Takes away what was put aside. */
  readonly close: () => Promise<void>;
}

/**
 * @throws Error with a system's code if a file cannot be read; reading a trace throws PortolanError ERR_BAD_TRACE if it
 *   is compressed and damaged
 */
export const openInputs = async (program: string | undefined, trace: string | undefined): Promise<Inputs> => {
  const content = program === undefined ? undefined : await readFile(program);
  const once = trace === undefined ? null : await readableOnce(trace);
  const aside = once === null ? null : await putAside(once);
  const path = aside?.path ?? trace;
  let read = 0;
  const shared = { tracePath: path ?? null, traceRead: () => read, close: async () => await aside?.remove() };
  const ofProgram: Workload = content === undefined ? {} : { program: content };
  if (path === undefined) return { workload: ofProgram, traceBytes: 0, ...shared };
  const { size, isCompressed } = await lookAt(path);
  const source: TraceSource = async function* () {
    read = 0;
    const file = createReadStream(path, { highWaterMark: 2 ** 18 });
    file.on("data", (chunk) => (read += chunk.length));
    try {
      yield* isCompressed ? unpack(file, trace ?? path) : (file as AsyncIterable<Uint8Array>);
    } finally {
      file.destroy();
    }
  };
  return { workload: { ...ofProgram, trace: source }, traceBytes: size, ...shared };
};

const lookAt = async (path: string): Promise<{ size: number; isCompressed: boolean }> => {
  const file = await open(path);
  try {
    const magic = new Uint8Array(2);
    await file.read(magic, 0, 2, 0);
    return { size: (await file.stat()).size, isCompressed: magic[0] === 0x1f && magic[1] === 0x8b };
  } finally {
    await file.close();
  }
};

/** @throws PortolanError ERR_BAD_TRACE */
const unpack = async function* (file: ReadStream, name: string): AsyncIterable<Uint8Array> {
  const unpacked = createGunzip({ chunkSize: 2 ** 18 });
  // An error of the file ends the reading of what it fills.
  file.on("error", (error) => unpacked.destroy(error));
  try {
    yield* file.pipe(unpacked) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))) throw error;
    throw new PortolanError("ERR_BAD_TRACE", { reason: `the compressed file is damaged or cut off: ${error.message}`, file: name }, error);
  }
};

/** A trace is read twice: what can be read only once, standard input and pipes, is put aside first. */
const readableOnce = async (path: string): Promise<Readable | null> => {
  if (path === "-") return process.stdin;
  return (await stat(path)).isFIFO() ? createReadStream(path) : null;
};

const putAside = async (from: Readable): Promise<{ path: string; remove: () => Promise<void> }> => {
  const directory = await mkdtemp(join(tmpdir(), "portolan-"));
  const path = join(directory, "trace");
  const remove = async (): Promise<void> => rm(directory, { recursive: true });
  try {
    await pipeline(from, createWriteStream(path));
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, remove };
};
