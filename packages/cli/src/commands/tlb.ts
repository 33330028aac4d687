/** `portolan tlb`: a trace through TLBs of any geometry, on any machines. */
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { InvalidArgumentError, Option, type Command } from "commander";
import { PortolanError } from "@portolan/core";
import { chart, csv, designsOf, type Study } from "@portolan/tlb-study";
import { TRACE_FORMATS, type TraceFormat } from "@portolan/workload";
import { Piscina } from "piscina";
import { ARCHITECTURES, architectureNamed } from "../architectures.js";
import { openInputs } from "../inputs.js";
import { sizeOf } from "../options.js";
import { Progress } from "../progress.js";
import { studyLines } from "../render/study.js";
import type { Terminal } from "../terminal.js";
import { joined, performOn, type Job } from "../tlb/job.js";
import type { Result, Task } from "../tlb/worker.js";

const EXAMPLES = `
A TLB is its buffers, and the pages it holds:
  I:64x4,D:64x4,L2:1024x8      64 entries in sets of 4 for code, the same for data, a second level for both
  U:32xfull:random             one fully associative buffer for both
  I:{16,32}x4,D:64x4:plru      two TLBs; replacement is lru, fifo, random, plru or used-bit
  I:32x4,D:32x4,pages=2M       what if all pages were of 2 MiB?
  own                          the one the machine comes with

Examples:
  portolan tlb examples/traces/sort.amd64.trace.gz
  portolan tlb --arch ia32 --arch sparc64 --tlb own --tlb I:64x4,D:64x4,L2:1024x8 examples/traces/words.i686.trace.gz
  portolan tlb --arch ia32 --tlb 'U:{8,16,32,64}xfull' --csv --svg tlb.svg examples/traces/sort.amd64.trace.gz
  xz -dc TRACE.champsimtrace.xz | portolan tlb --arch ia32 --format champsim -

A trace is recorded with: valgrind --tool=lackey --trace-mem=yes PROGRAM 2> FILE`;

interface TlbArguments {
  readonly arch?: readonly string[];
  readonly tlb?: readonly string[];
  readonly format?: TraceFormat;
  readonly memory?: number;
  readonly seed?: number;
  readonly jobs?: number;
  readonly svg?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** Each has machines of its own, and memory for them. */
const MOST_THREADS = 256;

const more = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

const seedOf = (text: string): number => {
  const seed = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(seed)) throw new InvalidArgumentError("A seed is a whole number.");
  return seed;
};

const threadsOf = (text: string): number => {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(count >= 1 && count <= MOST_THREADS)) throw new InvalidArgumentError(`There are 1 to ${MOST_THREADS} threads.`);
  return count;
};

export const addTlb = (program: Command, terminal: Terminal): void => {
  program
    .command("tlb")
    .description("counts what a trace costs with TLBs of any geometry, on the tables of any machine")
    .argument("<trace>", "a lackey, compact or ChampSim trace; gzip is recognised, - is standard input")
    .option("-a, --arch <name>", "a machine; may be repeated; all of them where none is named", more)
    .option("-t, --tlb <design>", "a TLB, or several with braces; may be repeated; own where none is given", more)
    .addOption(new Option("--format <name>", "the trace's, where it is not to be recognised").choices(TRACE_FORMATS))
    .option("-m, --memory <size>", "RAM of each machine: 1G where nothing is said", sizeOf)
    .option("--seed <n>", "of random replacement", seedOf)
    .option("-j, --jobs <n>", "threads; as many as there are processors where nothing is said", threadsOf)
    .option("--svg <file>", "draws a chart as well")
    .addOption(new Option("--csv", "prints comma-separated values").conflicts("json"))
    .option("--json", "prints the result as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async (trace: string, options: TlbArguments) => {
      const began = terminal.now();
      const result = await perform(trace, options, terminal);
      const milliseconds = terminal.now() - began;
      if (options.json === true) terminal.out(`${JSON.stringify({ ...result, milliseconds }, null, 2)}\n`);
      else if (options.csv === true) terminal.out(csv(result.findings));
      else terminal.out(`${studyLines(result, milliseconds).join("\n")}\n`);
      // Last: a picture that cannot be written takes no counts with it.
      if (options.svg !== undefined) await writeFile(options.svg, chart(result.findings, trace === "-" ? "standard input" : trace));
    });
};

const perform = async (trace: string, options: TlbArguments, terminal: Terminal): Promise<Study> => {
  const subjects: { arch: string; design: string }[] = [];
  for (const arch of options.arch ?? ARCHITECTURES) {
    const architecture = await architectureNamed(arch);
    for (const text of options.tlb ?? ["own"]) for (const { name } of designsOf(text, architecture)) subjects.push({ arch, design: name });
  }
  const inputs = await openInputs(undefined, trace);
  const progress = new Progress(terminal, 2 * inputs.traceBytes);
  try {
    const given = {
      ...(options.format === undefined ? {} : { format: options.format }),
      ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    };
    const path = inputs.tracePath;
    const count = path === null ? 1 : Math.min(options.jobs ?? availableParallelism(), subjects.length);
    if (path === null || count === 1) {
      const draw = (pass: "looking" | "running", bytes: number): void =>
        progress.draw(pass, pass === "looking" ? bytes : inputs.traceBytes + bytes);
      return await performOn(inputs, { ...given, subjects }, draw);
    }
    const jobs = Array.from({ length: count }, (_, index): Job => ({
      ...given,
      path,
      subjects: subjects.filter((_subject, at) => at % count === index),
    }));
    return joined(await onThreads(jobs, inputs.traceBytes, progress));
  } finally {
    progress.clear();
    await inputs.close();
  }
};

/** Milliseconds between looks at how far the threads are. */
const LOOK = 100;

/** @throws PortolanError what the first thread that failed has thrown */
const onThreads = async (jobs: readonly Job[], traceBytes: number, bar: Progress): Promise<Study[]> => {
  const progress = new Float64Array(new SharedArrayBuffer(jobs.length * Float64Array.BYTES_PER_ELEMENT));
  const pool = new Piscina<Task, Result>({ filename: new URL("../tlb/worker.js", import.meta.url).href, maxThreads: jobs.length });
  const looking = setInterval(() => bar.draw("counting", progress.reduce((sum, bytes) => sum + bytes, 0) / jobs.length), LOOK);
  try {
    const results = await Promise.all(jobs.map(async (job, index) => pool.run({ job, progress, index, traceBytes })));
    return results.map((result) => {
      if ("study" in result) return result.study;
      throw new PortolanError(result.code, result.values);
    });
  } finally {
    clearInterval(looking);
    await pool.destroy();
  }
};
