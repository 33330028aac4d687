/** Programs and traces from files, compressed or not, and from standard input. */
import { createReadStream } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createWriteStream } from "node:fs";
import { createGunzip } from "node:zlib";
import type { TraceSource, Workload } from "@portolan/workload";

export interface Inputs {
  readonly workload: Workload;
  /** Bytes of the trace file as it lies there; 0 without one. */
  readonly traceBytes: number;
  /** Bytes of it read so far, in the current pass. */
  readonly traceRead: () => number;
  /** Takes away what was put aside. */
  readonly close: () => Promise<void>;
}

/** @throws Error with a system's code if a file cannot be read */
export const openInputs = async (program: string | undefined, trace: string | undefined): Promise<Inputs> => {
  const content = program === undefined ? undefined : await readFile(program);
  const aside = trace === "-" ? await putAside() : null;
  const path = aside?.path ?? trace;
  let read = 0;
  const shared = { traceRead: () => read, close: async () => void (await aside?.remove()) };
  const ofProgram: Workload = content === undefined ? {} : { program: content };
  if (path === undefined) return { workload: ofProgram, traceBytes: 0, ...shared };
  const { size, isCompressed } = await lookAt(path);
  const source: TraceSource = async function* () {
    read = 0;
    const file = createReadStream(path, { highWaterMark: 2 ** 18 });
    file.on("data", (chunk) => (read += chunk.length));
    if (!isCompressed) {
      yield* file as AsyncIterable<Uint8Array>;
      return;
    }
    const unpacked = createGunzip({ chunkSize: 2 ** 18 });
    // An error of the file ends the reading of what it fills.
    file.on("error", (error) => unpacked.destroy(error));
    yield* file.pipe(unpacked) as AsyncIterable<Uint8Array>;
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

/** A trace is read twice, standard input cannot be. */
const putAside = async (): Promise<{ path: string; remove: () => Promise<void> }> => {
  const directory = await mkdtemp(join(tmpdir(), "portolan-"));
  const path = join(directory, "trace");
  const remove = async (): Promise<void> => rm(directory, { recursive: true });
  try {
    await pipeline(process.stdin, createWriteStream(path));
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, remove };
};
