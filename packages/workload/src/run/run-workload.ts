/**
 * Runs a program, a trace, or a trace over a program, on a machine that it builds: loads it, performs the accesses,
 * takes everything down again, and reports.
 */
import {
  buildMachine,
  EXECUTE,
  PortolanError,
  type Access,
  type AddressSpace,
  type Architecture,
  type EventSink,
  type Machine,
  type SwapDevice,
} from "@portolan/core";
import { readElf } from "../elf/elf-file.js";
import { areaHolding, fillFromFile, loadProgram, type LoadedProgram } from "../load/load-program.js";
import { Footprint } from "../trace/footprint.js";
import { readTrace, type TraceFormat } from "../trace/read-trace.js";
import type { TraceSource } from "../trace/trace.js";
import { settle, type Homes } from "../trace/settle.js";
import { AccessEngine, type Places } from "./access-engine.js";
import { EventCounts } from "./event-counts.js";
import { memoryOf, reportOf, type RunReport } from "./report.js";
import { sweep } from "./sweep.js";

/** What is run: a program, a trace, or a trace over the program it was recorded from. One of them at least. */
export interface Workload {
  /** An ELF executable's bytes. */
  readonly program?: Uint8Array;
  /** A memory trace; read twice. */
  readonly trace?: TraceSource;
}

/** How a workload is run. Everything has a default. */
export interface RunOptions {
  /** 1 to 64; 1 where absent. All have the address space installed and take turns. */
  readonly processors?: number;
  /** RAM in bytes. */
  readonly memoryBytes?: number;
  /** Where pages go when RAM is short. */
  readonly swap?: SwapDevice;
  /** Of the trace; recognised by its first bytes where absent. */
  readonly traceFormat?: TraceFormat;
  /** May regions of the trace be moved into the machine's user range? */
  readonly rebase?: boolean;
  /** Where a position-independent program goes. */
  readonly base?: bigint;
  readonly switches?: Readonly<Record<string, boolean>>;
  readonly seed?: number;
  /** Accesses of a processor's turn; 1000 where absent. */
  readonly slice?: number;
  /** Told bytes of the trace read so far, in both passes. */
  readonly onProgress?: (pass: "looking" | "running", bytes: number) => void;
  /** Told everything the core tells. */
  readonly onEvent?: EventSink;
  /**
   * Called when all accesses are done, before the address space goes: a look at what is there. `where` gives the machine's
   * address for one of the trace's, which may have been moved: code and data of a page that was written and executed lie in two
   * places, and `access` says which is meant.
   */
  readonly inspect?: (machine: Machine, space: AddressSpace, where: (address: bigint, access: Access) => bigint) => void;
}

const USUAL_SLICE = 1000;

/**
 * @throws PortolanError ERR_BAD_ARGUMENT if there is neither program nor trace; ERR_BAD_ELF, ERR_BAD_TRACE,
 *   ERR_DOES_NOT_FIT, ERR_OUT_OF_FRAMES; what the machine refuses to an access is in the report instead
 */
export const runWorkload = async (architecture: Architecture, workload: Workload, options: RunOptions = {}): Promise<RunReport> => {
  if (workload.program === undefined && workload.trace === undefined)
    throw new PortolanError("ERR_BAD_ARGUMENT", { workload: "neither program nor trace" });
  const slice = options.slice ?? USUAL_SLICE;
  if (!Number.isSafeInteger(slice) || slice < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { slice, lowest: 1 });
  const events = new EventCounts(options.processors ?? 1);
  const { onEvent } = options;
  const machine = buildMachine(architecture, {
    cpus: options.processors ?? 1,
    onEvent:
      onEvent === undefined
        ? events.sink
        : (event) => {
            events.sink(event);
            onEvent(event);
          },
    ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
    ...(options.swap === undefined ? {} : { swap: options.swap }),
    ...(options.switches === undefined ? {} : { switches: options.switches }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  });
  const freeBefore = machine.parts.frames.free;
  const space = machine.spaces.create();
  const program = workload.program === undefined ? null : load(machine, space, workload.program, options, workload.trace !== undefined);
  let looked: { lines: number; otherLines: number; homes: Homes } | null = null;
  if (workload.trace !== undefined) {
    const footprint = new Footprint(architecture.pageShift);
    const { lines, otherLines } = await readTrace(
      workload.trace,
      footprint,
      (bytes) => options.onProgress?.("looking", bytes),
      options.traceFormat,
    );
    looked = { lines, otherLines, homes: settle(machine, space, footprint, isTakenBy(machine, program), options.rebase === true) };
  }
  for (const cpu of machine.cpus) machine.switchTo(space, cpu.id);
  const engine = new AccessEngine(machine, placesOf(machine, program, looked?.homes ?? null), slice);
  let isComplete = true;
  if (workload.trace !== undefined)
    await readTrace(workload.trace, engine, (bytes) => options.onProgress?.("running", bytes), options.traceFormat);
  else if (program !== null) isComplete = sweep(program, engine);
  engine.finish();
  options.inspect?.(machine, space, whereIn(machine, looked?.homes ?? null));
  const memory = memoryOf(machine, freeBefore);
  for (const base of Array.from(space.areas(), (area) => area.base)) space.destroyArea(base);
  for (const cpu of machine.cpus) machine.switchToKernel(cpu.id);
  space.release();
  return reportOf({
    machine,
    engine,
    events,
    program,
    trace: looked,
    memory,
    isComplete,
    leakedFrames: freeBefore - machine.parts.frames.free,
  });
};

/** A trace brings the heap and the stack it used. */
const load = (machine: Machine, space: AddressSpace, content: Uint8Array, options: RunOptions, hasTrace: boolean): LoadedProgram =>
  loadProgram(machine, space, readElf(content), content, {
    ...(options.base === undefined ? {} : { base: options.base }),
    ...(hasTrace ? { heapBytes: 0, stackBytes: 0 } : {}),
  });

const isTakenBy = (machine: Machine, program: LoadedProgram | null): ((page: number) => boolean) => {
  const { units } = machine.parts;
  return (page) => program !== null && areaHolding(program, units.addressOf(page)) !== null;
};

const placesOf = (machine: Machine, program: LoadedProgram | null, homes: Homes | null): Places => ({
  dataHome: (page) => homes?.data.get(page) ?? page,
  codeHome: (page) => homes?.code.get(page) ?? page,
  fill(home, bytes) {
    if (program !== null) fillFromFile(program, machine.parts.units.addressOf(home), bytes);
  },
});

const whereIn =
  (machine: Machine, homes: Homes | null) =>
  (address: bigint, access: Access): bigint => {
    const { units } = machine.parts;
    const page = Number(address >> BigInt(units.pageShift));
    const home = access === EXECUTE ? homes?.code.get(page) : homes?.data.get(page);
    return home === undefined ? address : units.addressOf(home) + (address % BigInt(units.pageSize));
  };
