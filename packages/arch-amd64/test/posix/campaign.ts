/** Many worlds compared, and a failing one made as small as it can be. */
import { lineOf, scriptOf, type Call } from "./calls.js";
import { compareWorld, type ComparisonOptions, type Difference } from "./compare.js";
import type { Kernel } from "./linux.js";

/** What came of a campaign. */
export interface CampaignResult {
  readonly seeds: number;
  readonly calls: number;
  readonly failures: readonly Failure[];
  readonly excused: ReadonlyMap<string, number>;
}

/** A seed whose world differs, with the smallest log that shows it. */
export interface Failure {
  readonly seed: number;
  readonly difference: Difference;
  readonly log: readonly string[];
}

type Asked = Extract<Kernel, { ask: unknown }>;

/** Worlds that the kernel performs in one go. */
const AT_ONCE = 200;

/** Compares the worlds of seeds `first` to `first + count` − 1. @param length calls of each */
export const campaign = (
  kernel: Asked,
  first: number,
  count: number,
  length: number,
  options: {
    readonly mostFailures?: number;
    readonly shrinks?: boolean;
    readonly progress?: (seed: number) => void;
    readonly comparison?: ComparisonOptions;
  } = {},
): CampaignResult => {
  const { mostFailures = 3, shrinks = true, progress, comparison: how = {} } = options;
  const failures: Failure[] = [];
  const excused = new Map<string, number>();
  let calls = 0;
  for (let from = first; from < first + count; from += AT_ONCE) {
    const seeds = Array.from({ length: Math.min(AT_ONCE, first + count - from) }, (_, index) => from + index);
    const scripts = seeds.map((seed) => scriptOf(seed, length));
    const { features, worlds } = kernel.ask(scripts);
    for (const [index, seed] of seeds.entries()) {
      const script = scripts[index] ?? [];
      const comparison = compareWorld(script, worlds[index] ?? [], features, how);
      calls += comparison.compared;
      for (const [name, times] of comparison.excused) excused.set(name, (excused.get(name) ?? 0) + times);
      if (comparison.difference !== null) {
        failures.push(
          shrinks ? shrunk(kernel, seed, script, comparison.difference, how) : { seed, difference: comparison.difference, log: [] },
        );
        if (failures.length >= mostFailures) return { seeds: seed - first + 1, calls, failures, excused };
      }
    }
    progress?.(from + seeds.length - first);
  }
  return { seeds: count, calls, failures, excused };
};

/** The smallest log found that ends with a call of the same name and differs there. */
const shrunk = (kernel: Asked, seed: number, script: readonly Call[], met: Difference, how: ComparisonOptions): Failure => {
  const kind = script[met.at]?.name;
  let difference = met;
  const differing = (tries: readonly (readonly Call[])[]): number[] => {
    const { features, worlds } = kernel.ask(tries);
    return tries.map((calls, index) => {
      const found = compareWorld(calls, worlds[index] ?? [], features, how).difference;
      return found !== null && calls[found.at]?.name === kind ? found.at : -1;
    });
  };
  const log = shrunkLog(script.slice(0, met.at + 1), differing);
  const { features, worlds } = kernel.ask([log]);
  difference = compareWorld(log, worlds[0] ?? [], features, how).difference ?? met;
  return { seed, difference, log: log.map(lineOf) };
};

/**
 * Leaves out what is not needed: halves first, then less, down to single calls, for as long as something goes.
 *
 * @param log differs at its last call
 * @param differing for each of several logs, the call where it differs, or −1
 */
export const shrunkLog = (log: readonly Call[], differing: (tries: readonly (readonly Call[])[]) => readonly number[]): readonly Call[] => {
  let least = log;
  for (let size = Math.ceil(log.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let again = true; again;) {
      const tries: Call[][] = [];
      for (let at = 0; at + size <= least.length; at += size) tries.push([...least.slice(0, at), ...least.slice(at + size)]);
      // All ways at once: whoever answers has a process to start.
      const ends = tries.length === 0 ? [] : differing(tries);
      const found = ends.findIndex((end) => end >= 0);
      const calls = tries[found];
      const end = ends[found];
      again = calls !== undefined && end !== undefined;
      if (calls !== undefined && end !== undefined) least = calls.slice(0, end + 1);
    }
  }
  return least;
};

/** A failure for people. */
export const failureInWords = ({ seed, difference, log }: Failure): string =>
  [
    `seed ${seed}: at "${difference.call}"`,
    `  Portolan: ${difference.ours}`,
    `  Linux:    ${difference.kernel}`,
    "  the smallest log:",
    ...log.map((line) => `    ${line}`),
  ].join("\n");
