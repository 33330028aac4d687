/** A log, performed on a machine: every expectation compared, every invariant checked after every operation. */
import { buildMachine, MemorySwap, PortolanError, violations, type Architecture, type Machine, type ObjectGraph } from "@portolan/core";
import type { Expectation, Log, Operation } from "../log/operation.js";
import type { Names } from "../picture/graph.js";
import { Counts } from "./counts.js";
import { Stage } from "./stage.js";

/** What was otherwise than the log says. */
export interface Difference {
  /** Line of the log, from 1. */
  readonly line: number;
  readonly operation: Operation;
  readonly expected: Expectation;
  readonly actual: Expectation;
}

/** How a log went. */
export interface Performance {
  readonly architecture: string;
  readonly title: string;
  readonly operations: number;
  /** Null if all was as the log says. */
  readonly difference: Difference | null;
  /** Invariants of the machine that an operation broke; empty, unless the machine is wrong. */
  readonly violations: readonly string[];
  readonly counts: Readonly<Omit<Counts, "take">>;
  /** Frames in use when most were, beside the machine's own, and at the end. */
  readonly mostFrames: number;
  readonly frames: number;
  readonly deepestChain: number;
  /** Objects, areas and pages as the log left them. */
  readonly graph: ObjectGraph;
  readonly names: Names;
}

/** What may be asked of a performance. */
export interface PerformOptions {
  /** RAM in bytes; the machine's usual where absent. */
  readonly memoryBytes?: number;
  readonly switches?: Readonly<Record<string, boolean>>;
  /** Told every operation with how it ended, before the next one. */
  readonly onOperation?: (operation: Operation, line: number, actual: Expectation, machine: Machine) => void;
}

/**
 * Performs a log up to its end, or to the first operation that ends otherwise than it says.
 * @throws PortolanError ERR_BAD_LOG for names that nobody has, and for pages that the machine has not got
 */
export const performLog = (architecture: Architecture, log: Log, name: string, options: PerformOptions = {}): Performance => {
  const { header, operations, lines } = log;
  const counts = new Counts();
  const machine = buildMachine(architecture, {
    cpus: header.cpus ?? 1,
    onEvent: counts.take,
    ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
    ...(options.switches === undefined ? {} : { switches: options.switches }),
    ...(header.swap === undefined ? {} : { swap: new MemorySwap(header.swap) }),
  });
  const stage = new Stage(machine, header.free ?? null);
  let difference: Difference | null = null;
  let broken: readonly string[] = [];
  let mostFrames = 0;
  let deepest = 0;
  let performed = 0;
  for (const [i, operation] of operations.entries()) {
    const line = lines[i] ?? 0;
    const actual = attempt(stage, operation, name, line);
    performed += 1;
    mostFrames = Math.max(mostFrames, stage.frames);
    deepest = Math.max(deepest, stage.deepestChain());
    options.onOperation?.(operation, line, actual, machine);
    const expected = operation.expect ?? (isQuestion(operation) ? actual : "done");
    if (actual !== expected) difference = { line, operation, expected, actual };
    broken = violations(machine, { held: stage.held });
    if (difference !== null || broken.length > 0) break;
  }
  const { take: _, ...counted } = counts;
  return {
    architecture: architecture.name,
    title: header.title,
    operations: performed,
    difference,
    violations: broken,
    counts: counted,
    mostFrames,
    frames: stage.frames,
    deepestChain: deepest,
    graph: stage.graph(),
    names: stage.names(),
  };
};

/** A read without an expectation asks for no particular word, but it must be let through. */
const isQuestion = ({ op }: Operation): boolean => op === "read" || op === "fetch";

const attempt = (stage: Stage, operation: Operation, log: string, line: number): Expectation => {
  try {
    return stage.perform(operation);
  } catch (error) {
    if (error instanceof PortolanError) throw new PortolanError("ERR_BAD_LOG", { log, line, reason: error.message }, error);
    throw error;
  }
};
