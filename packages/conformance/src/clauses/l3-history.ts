/** L3: long lives. Random histories against the naive model, shrunk to the smallest that shows a difference. */
import fc from "fast-check";
import type { Clause } from "../clause.js";
import { Failure } from "../failure.js";
import { historyLog, operation, perform, type Operation } from "../histories/history.js";
import type { Rig } from "../rig/rig.js";

const RUNS = 12;
const LONG_RUNS = 1500;
const OPERATIONS = 60;

const against = (rig: Rig): void => {
  const result = fc.check(
    fc.property(fc.array(operation, { minLength: 1, maxLength: OPERATIONS, size: "max" }), (history) => perform(rig, history)),
    { seed: rig.options.seed | 0, numRuns: rig.options.isLong ? LONG_RUNS : RUNS },
  );
  if (!result.failed) return;
  const [history] = result.counterexample ?? [[] as Operation[]];
  const cause = result.errorInstance;
  throw new Failure(
    `${cause instanceof Error ? cause.message : String(cause)} (shrunk ${result.numShrinks} times to ${history.length} operations)`,
    historyLog(history),
  );
};

export const historyClauses: readonly Clause[] = [
  {
    id: "L3.history.as-the-model",
    rule: "After any operations on several spaces and processors, every word, every refusal and every invariant is the naive model's",
    source: "contract C-16.3, C-5.9, C-9.2",
    since: "1.0.0",
    traits: ["warm", "recycled"],
    check: against,
  },
];
