/** `portolan pack`: a trace of any format in the compact form. */
import { open, rm } from "node:fs/promises";
import { createGzip, type Gzip } from "node:zlib";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { Option, type Command } from "commander";
import { CompactWriter, readTrace, TRACE_FORMATS, type TraceFormat } from "@portolan/workload";
import { openInputs, type Inputs } from "../inputs.js";
import { Progress } from "../progress.js";
import { bytesIn } from "../render/table.js";
import type { Terminal } from "../terminal.js";

const EXAMPLES = `
The result is read wherever a trace is, three to eight times faster than text. A name that ends in .gz is compressed.

Examples:
  portolan pack examples/traces/sort.amd64.trace.gz sort.ptrace
  valgrind --tool=lackey --trace-mem=yes PROGRAM 2>&1 | portolan pack - program.ptrace.gz`;

export const addPack = (program: Command, terminal: Terminal): void => {
  program
    .command("pack")
    .description("writes a trace in the compact form")
    .argument("<trace>", "a lackey, compact or ChampSim trace; gzip is recognised, - is standard input")
    .argument("<file>", "where to; must not be there yet")
    .addOption(new Option("--format <name>", "the trace's, where it is not to be recognised").choices(TRACE_FORMATS))
    .option("--json", "prints the result as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async (trace: string, file: string, options: { format?: TraceFormat; json?: boolean }) => {
      const result = await pack(trace, file, options.format, terminal);
      terminal.out(
        options.json === true
          ? `${JSON.stringify(result, null, 2)}\n`
          : `${result.accesses.toLocaleString("en")} accesses of a ${result.format} trace in ${bytesIn(result.bytes)}: ${(result.bytes / result.accesses).toFixed(2)} bytes an access\n`,
      );
    });
};

interface Packed {
  readonly format: TraceFormat;
  readonly accesses: number;
  readonly bytes: number;
}

const pack = async (trace: string, file: string, format: TraceFormat | undefined, terminal: Terminal): Promise<Packed> => {
  const inputs = await openInputs(undefined, trace);
  const progress = new Progress(terminal, inputs.traceBytes);
  try {
    // Nothing that is there is lost, and what is begun and fails does not stay.
    await (await open(file, "wx")).close();
    try {
      return await packInto(file, inputs, format, (bytes) => progress.draw("packing", bytes));
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  } finally {
    progress.clear();
    await inputs.close();
  }
};

const packInto = async (
  file: string,
  { workload: { trace }, traceRead }: Inputs,
  format: TraceFormat | undefined,
  onProgress: (bytes: number) => void,
): Promise<Packed> => {
  if (trace === undefined) throw new Error("a trace was named");
  const output = new Output(file);
  const writer = new CompactWriter();
  const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of trace()) {
      yield chunk;
      await output.write(writer.take());
      onProgress(traceRead());
    }
  };
  const read = await readTrace(chunks, writer, undefined, format);
  writer.end();
  await output.write(writer.take());
  return { format: read.format, accesses: writer.count, bytes: await output.end() };
};

/** A file that waits for the disk, compressed if its name says so. */
class Output {
  readonly #file: ReturnType<typeof createWriteStream>;
  readonly #gzip: Gzip | null;
  readonly #failed: Promise<never>;

  constructor(path: string) {
    this.#file = createWriteStream(path);
    this.#gzip = path.endsWith(".gz") ? createGzip() : null;
    this.#gzip?.pipe(this.#file);
    this.#failed = new Promise((_, reject) => {
      this.#file.once("error", reject);
    });
    this.#failed.catch(() => {});
  }

  async write(bytes: Uint8Array): Promise<void> {
    const into = this.#gzip ?? this.#file;
    // The bytes are the writer's, who will write over them.
    if (bytes.length > 0 && !into.write(bytes.slice())) await Promise.race([once(into, "drain"), this.#failed]);
  }

  /** @returns bytes of the file */
  async end(): Promise<number> {
    (this.#gzip ?? this.#file).end();
    await Promise.race([once(this.#file, "close"), this.#failed]);
    return this.#file.bytesWritten;
  }
}
