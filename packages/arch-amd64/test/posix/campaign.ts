/** Many worlds compared, and a failing one made as small as it can be. */
import { lineOf, scriptOf, type Call } from "./calls.js";
import { compareWorld, type Difference } from "./compare.js";
import { type Kernel } from "./linux.js";

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
  options: { readonly mostFailures?: number; readonly shrinks?: boolean; readonly progress?: (seed: number) => void } = {},
): CampaignResult => {
  const { mostFailures = 3, shrinks = true, progress } = options;
  const failures: Failure[] = [];
  const excused = new Map<string, number>();
  let calls = 0;
  for (let from = first; from < first + count; from += AT_ONCE) {
    const seeds = Array.from({ length: Math.min(AT_ONCE, first + count - from) }, (_, index) => from + index);
    const scripts = seeds.map((seed) => scriptOf(seed, length));
    const { features, worlds } = kernel.ask(scripts);
    for (const [index, seed] of seeds.entries()) {
      const script = scripts[index] ?? [];
      const comparison = compareWorld(script, worlds[index] ?? [], features);
      calls += comparison.compared;
      for (const [name, times] of comparison.excused) excused.set(name, (excused.get(name) ?? 0) + times);
      if (comparison.difference !== null) {
        failures.push(shrinks ? shrunk(kernel, seed, script, comparison.difference) : { seed, difference: comparison.difference, log: [] });
        if (failures.length >= mostFailures) return { seeds: seed - first + 1, calls, failures, excused };
      }
    }
    progress?.(from + seeds.length - first);
  }
  return { seeds: count, calls, failures, excused };
};

/** Leaves out what is not needed for the last call to differ: halves first, then single calls, as long as something goes. */
const shrunk = (kernel: Asked, seed: number, script: readonly Call[], met: Difference): Failure => {
  let log = script.slice(0, met.at + 1);
  let difference = met;
  const kind = script[met.at]?.name;
  for (let size = Math.ceil(log.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let again = true; again;) {
      again = false;
      // All ways to leave out `size` calls in a row, in one go.
      const tries: Call[][] = [];
      for (let at = 0; at + size <= log.length; at += size) tries.push([...log.slice(0, at), ...log.slice(at + size)]);
      if (tries.length === 0) break;
      const { features, worlds } = kernel.ask(tries);
      for (const [index, calls] of tries.entries()) {
        const found = compareWorld(calls, worlds[index] ?? [], features).difference;
        if (found === null || calls[found.at]?.name !== kind || found.at + 1 >= log.length) continue;
        log = calls.slice(0, found.at + 1);
        difference = found;
        again = true;
        break;
      }
    }
  }
  return { seed, difference, log: log.map(lineOf) };
};

/** A failure for people. */
export const failureInWords = ({ seed, difference, log }: Failure): string =>
  [`seed ${seed}: at "${difference.call}"`, `  Portolan: ${difference.ours}`, `  Linux:    ${difference.kernel}`, "  the smallest log:", ...log.map((line) => `    ${line}`)].join("\n");
