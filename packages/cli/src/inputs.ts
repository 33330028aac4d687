/** Programs and traces from files, compressed or not, from pipes, and from standard input. */
import { createReadStream, existsSync, statSync, type Stats } from "node:fs";
import { mkdtemp, open, readFile, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { PortolanError } from "@portolan/core";
import { AnyTraceReader, PATIENCE, type TraceSource, type Workload } from "@portolan/workload";

/** What was opened: the workload, and how far its trace has been read. Whoever opened it closes it. */
export interface Inputs {
  readonly workload: Workload;
  /** Where other threads of this process find the trace as long as the inputs are open; null where only this one does. */
  readonly tracePath: string | null;
  /** Bytes of the trace file as it lies there; 0 without one. */
  readonly traceBytes: number;
  /** Bytes of it read so far, in the current pass. */
  readonly traceRead: () => number;
  readonly close: () => Promise<void>;
}

/** Bytes. No program is larger, and a pipe or a file made to hurt must not take all memory. */
const LARGEST_PROGRAM = 2 ** 30;
/** Bytes at once. */
const CHUNK = 2 ** 18;

/**
 * @throws Error with a system's code if a file cannot be read; PortolanError ERR_BAD_ELF and ERR_BAD_TRACE for what can be no
 *   program and no trace. Reading a trace throws ERR_BAD_TRACE if it is compressed and damaged
 */
export const openInputs = async (program: string | undefined, trace: string | undefined): Promise<Inputs> => {
  const content = program === undefined ? undefined : await programAt(program);
  const ofProgram: Workload = content === undefined ? {} : { program: content };
  if (trace === undefined) return { workload: ofProgram, tracePath: null, traceBytes: 0, traceRead: () => 0, close: async () => {} };
  const file = await traceAt(trace);
  const { size, isCompressed } = await looked(file);
  let read = 0;
  const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for (read = 0; ;) {
      const { buffer, bytesRead } = await file.read(new Uint8Array(CHUNK), 0, CHUNK, read);
      if (bytesRead === 0) return;
      read += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  };
  const source: TraceSource = () => (isCompressed ? unpack(chunks(), trace) : chunks());
  return {
    workload: { ...ofProgram, trace: source },
    tracePath: pathOf(file, trace),
    traceBytes: size,
    traceRead: () => read,
    close: async () => file.close(),
  };
};

/** @throws PortolanError ERR_BAD_ELF */
const programAt = async (path: string): Promise<Uint8Array> => {
  const found = await stat(path);
  if (isDevice(found)) throw new PortolanError("ERR_BAD_ELF", { reason: "it is a device", file: path });
  if (found.isDirectory()) throw new PortolanError("ERR_BAD_ELF", { reason: "it is a directory", file: path });
  if (found.size > LARGEST_PROGRAM) throw tooLarge(path);
  if (!found.isFIFO()) return readFile(path);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > LARGEST_PROGRAM) throw tooLarge(path);
  }
  return Buffer.concat(chunks);
};

const tooLarge = (file: string): PortolanError =>
  new PortolanError("ERR_BAD_ELF", { reason: "it is larger than any program", file, most: LARGEST_PROGRAM });

/** A trace is read twice: what can be read only once, standard input and pipes, is put aside first. */
const traceAt = async (path: string): Promise<FileHandle> => {
  if (path === "-") return putAside(process.stdin, "standard input");
  const found = await stat(path);
  if (isDevice(found)) throw new PortolanError("ERR_BAD_TRACE", { reason: "it is a device", file: path });
  if (found.isDirectory()) throw new PortolanError("ERR_BAD_TRACE", { reason: "it is a directory", file: path });
  return found.isFIFO() ? putAside(createReadStream(path), path) : open(path);
};

/** A file without a name has one among the open files of the process, where the system shows them. */
const pathOf = (file: FileHandle, trace: string): string | null => {
  if (trace !== "-" && !statSync(trace).isFIFO()) return trace;
  const open_ = `/proc/self/fd/${file.fd}`;
  return existsSync(open_) ? open_ : null;
};

/** Devices may have no end. */
const isDevice = (found: Stats): boolean => found.isCharacterDevice() || found.isBlockDevice();

/** Into a file without a name: however the command ends, interrupted or killed, nothing is left behind. */
const putAside = async (from: Readable, name: string): Promise<FileHandle> => {
  const directory = await mkdtemp(join(tmpdir(), "portolan-"));
  let file: FileHandle | null = null;
  try {
    file = await open(join(directory, "trace"), "wx+");
    await rm(directory, { recursive: true });
    await writeFile(file, sensible(from as AsyncIterable<Uint8Array>, name));
    return file;
  } catch (error) {
    await file?.close();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
};

/** What never ends must not fill the disk. @throws PortolanError ERR_BAD_TRACE */
const sensible = async function* (chunks: AsyncIterable<Uint8Array>, name: string): AsyncIterable<Uint8Array> {
  let isTrace = false;
  let bytes = 0;
  const reader = new AnyTraceReader({ access: () => void (isTrace = true) });
  for await (const chunk of chunks) {
    if (bytes === 0 && isGzip(chunk)) isTrace = true;
    if (!isTrace) reader.push(chunk);
    bytes += chunk.length;
    if (!isTrace && bytes > PATIENCE) throw new PortolanError("ERR_BAD_TRACE", { reason: "no line is an access", file: name, bytes });
    yield chunk;
  }
};

/** What can be opened cannot always be read. Then it is closed again. */
const looked = async (file: FileHandle): Promise<{ readonly size: number; readonly isCompressed: boolean }> => {
  try {
    const { size } = await file.stat();
    return { size, isCompressed: isGzip(await beginningOf(file)) };
  } catch (error) {
    await file.close();
    throw error;
  }
};

const beginningOf = async (file: FileHandle): Promise<Uint8Array> => {
  const bytes = new Uint8Array(2);
  await file.read(bytes, 0, 2, 0);
  return bytes;
};

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** @throws PortolanError ERR_BAD_TRACE */
const unpack = async function* (chunks: AsyncIterable<Uint8Array>, name: string): AsyncIterable<Uint8Array> {
  const packed = Readable.from(chunks, { objectMode: false });
  const unpacked = createGunzip({ chunkSize: CHUNK });
  // An error of the file ends the reading of what it fills.
  packed.on("error", (error) => unpacked.destroy(error));
  try {
    yield* packed.pipe(unpacked) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))) throw error;
    throw new PortolanError("ERR_BAD_TRACE", { reason: `the compressed file is damaged or cut off: ${error.message}`, file: name }, error);
  } finally {
    packed.destroy();
  }
};
