/**
 * Two operations on two processors, in every order in which one can come inside the other: at each point where the
 * first can be interrupted, the second runs to its end, or until a lock turns it away; then it is tried again at the
 * points that follow, and at last after the first is done.
 *
 * Locks make what lies between them one step for whoever takes the same ones; so this finds the orders in which a
 * result can differ as long as an operation that has begun to change things is never turned away, which is what
 * {@link WouldWait} demands of every operation.
 */
import type { Machine } from "../compose/machine.js";
import { PortolanError } from "../errors.js";
import type { PreemptionPoint, Scheduler } from "../machine/scheduler.js";
import { LockOrder, WouldWait } from "./lock-order.js";

/** How an operation ended: its value, or the code of the error that refused it. */
export type Ending = unknown;

/** What came of one interleaving. */
export interface Interleaving {
  /** Points that the outer operation passed. */
  readonly points: number;
  /** Where the inner operation was let in at last; −1 = only after the outer one had returned. */
  readonly enteredAt: number;
  readonly point: PreemptionPoint | null;
  readonly outer: Ending;
  readonly inner: Ending;
}

/**
 * Runs `outer` on one processor and lets `inner` run on another at the `at`-th point or as soon after it as locks and
 * shootdowns allow. Equal arguments on equal machines do the same thing again.
 *
 * @param at number of the preemption point, from 0; beyond the last one `inner` runs afterwards
 * @throws whatever assertion either operation throws
 */
export const interleave = (
  machine: Machine,
  outer: { readonly cpu: number; readonly run: () => unknown },
  inner: { readonly cpu: number; readonly run: () => unknown },
  at: number,
): Interleaving => {
  const { preemption, locks } = machine.parts;
  const order = locks.discipline;
  if (!(order instanceof LockOrder)) throw new Error("operations are interleaved under a LockOrder");
  const cpu = machine.cpu(inner.cpu);
  let points = 0;
  let enteredAt = -1;
  let entered: PreemptionPoint | null = null;
  let isInside = false;
  let innerEnding: Ending;
  let isDone = false;

  const attempt = (): void => {
    // A processor that waits in a shootdown does nothing, and nothing is done for it.
    if (!cpu.tlbActive) return;
    isInside = true;
    try {
      innerEnding = machine.on(inner.cpu, () => endingOf(inner.run));
      isDone = true;
      machine.on(inner.cpu, () => order.assertNoneHeld());
    } catch (error) {
      if (!(error instanceof WouldWait) || error.cpu !== inner.cpu) throw error;
      order.restart(inner.cpu);
    } finally {
      isInside = false;
    }
  };

  const scheduler: Scheduler = {
    at(point) {
      if (isInside) return;
      const number = points;
      points += 1;
      if (isDone || number < at) return;
      attempt();
      if (!isDone) return;
      enteredAt = number;
      entered = point;
    },
  };
  const before = preemption.scheduler;
  preemption.scheduler = scheduler;
  let outerEnding: Ending;
  try {
    outerEnding = machine.on(outer.cpu, () => endingOf(outer.run));
    machine.on(outer.cpu, () => order.assertNoneHeld());
  } finally {
    preemption.scheduler = before;
  }
  if (!isDone) attempt();
  if (!isDone) throw new Error("the inner operation is turned away though nobody else is at work");
  return { points, enteredAt, point: entered, outer: outerEnding, inner: innerEnding };
};

const endingOf = (run: () => unknown): Ending => {
  try {
    return run();
  } catch (error) {
    if (error instanceof PortolanError) return error.code;
    throw error;
  }
};
