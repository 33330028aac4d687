/**
 * Operations of several processors in every order in which one can come inside another. At each preemption point a schedule says
 * which idle processor begins its next operation there, or none; a schedule is the list of these choices, and its text replays it.
 *
 * Work is simulated on one stack, so what begins inside an operation ends inside it, unless a lock turns it away: it is begun
 * again at a point that follows. Locks make what lies between them one step for whoever takes the same ones, so orders that this
 * leaves out end as one of those that it runs.
 */
import { LockOrder, PortolanError, WouldWait, type Machine, type PreemptionPoint } from "@portolan/core";

/** What one processor does, in order. */
export interface Program {
  readonly cpu: number;
  readonly operations: readonly (() => unknown)[];
}

/** Of `count` possibilities, which one: 0 = nobody begins here, n = the n-th idle processor. At the top level 0 is a processor. */
export interface Choose {
  (count: number): number;
  /** A lock turned away who was chosen last: nothing has happened, as if nobody had been. */
  turnedAway?(): void;
}

export interface Played {
  /** How each operation ended: value or error code, by program. */
  readonly endings: readonly (readonly unknown[])[];
  /** Begun inside another operation, and not turned away. */
  readonly nested: number;
}

/**
 * @param observe called at every point, for each processor that is free to access memory there
 * @throws whatever an operation or an observer asserts
 */
export const play = (
  machine: Machine,
  programs: readonly Program[],
  choose: Choose,
  observe: (cpu: number, point: PreemptionPoint) => void,
): Played => {
  const { preemption, locks } = machine.parts;
  const order = locks.discipline;
  if (!(order instanceof LockOrder)) throw new Error("operations are interleaved under a LockOrder");
  const next = programs.map(() => 0);
  const endings: unknown[][] = programs.map(() => []);
  const busy = new Set<number>();
  let isObserving = false;
  let nested = 0;

  const idle = (): number[] =>
    programs.flatMap(({ cpu, operations }, i) => {
      const isFree = !busy.has(cpu) && machine.cpu(cpu).tlbActive && (next[i] ?? 0) < operations.length;
      return isFree ? [i] : [];
    });

  /** @returns false if a lock turned it away */
  const begin = (index: number): boolean => {
    const program = programs[index];
    const operation = program?.operations[next[index] ?? 0];
    if (program === undefined || operation === undefined) throw new Error(`program ${index} has ended`);
    busy.add(program.cpu);
    try {
      const ending = machine.on(program.cpu, () => endingOf(operation));
      machine.on(program.cpu, () => order.assertNoneHeld());
      endings[index]?.push(ending);
      next[index] = (next[index] ?? 0) + 1;
      return true;
    } catch (error) {
      if (!(error instanceof WouldWait) || error.cpu !== program.cpu) throw error;
      order.restart(program.cpu);
      return false;
    } finally {
      busy.delete(program.cpu);
    }
  };

  const looking = (work: (cpu: number) => void): void => {
    isObserving = true;
    for (const { id, tlbActive } of machine.cpus) {
      if (busy.has(id) || !tlbActive) continue;
      try {
        machine.on(id, () => work(id));
      } catch (error) {
        if (!(error instanceof WouldWait) || error.cpu !== id) throw error;
        order.restart(id);
      }
    }
    isObserving = false;
  };

  const before = preemption.scheduler;
  preemption.scheduler = {
    at(point) {
      if (isObserving) return;
      looking((cpu) => observe(cpu, point));
      const free = idle();
      if (free.length === 0) return;
      const chosen = choose(free.length + 1);
      const index = free[chosen - 1];
      if (index === undefined) return;
      if (begin(index)) nested += 1;
      else choose.turnedAway?.();
    },
  };
  try {
    for (let free = idle(); free.length > 0; free = idle()) {
      const index = free[choose(free.length)] ?? free[0] ?? 0;
      if (!begin(index)) throw new Error("an operation is turned away though nobody else is at work");
    }
  } finally {
    preemption.scheduler = before;
  }
  return { endings, nested };
};

const endingOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    if (error instanceof PortolanError) return error.code;
    throw error;
  }
};

/** Choices as text: runs of equal ones are written once, `0x12 1 0x3`. */
export const scheduleText = (choices: readonly number[]): string => {
  const parts: string[] = [];
  for (let i = 0; i < choices.length;) {
    let end = i;
    while (end < choices.length && choices[end] === choices[i]) end += 1;
    parts.push(end - i === 1 ? String(choices[i]) : `${choices[i]}x${end - i}`);
    i = end;
  }
  return parts.join(" ");
};

export const choicesOf = (text: string): number[] =>
  text
    .split(" ")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [, choice, times] = /^(\d+)(?:x(\d+))?$/.exec(part) ?? [];
      if (choice === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { schedule: text, part });
      return Array.from({ length: Math.min(Number(times ?? 1), 100_000) }, () => Number(choice));
    });

/** Replays choices; beyond them nobody begins inside anybody. */
export const replayed = (choices: readonly number[]): Choose => {
  let at = 0;
  return (count) => Math.min(choices[at++] ?? 0, count - 1);
};

/**
 * Runs every schedule, or every one with at most `bound` operations begun inside others.
 * @param run plays one; its choices are recorded
 * @param most schedules at most; @returns how many were run, and whether those are all
 */
export const everySchedule = (
  run: (choose: Choose, sofar: () => readonly number[]) => void,
  bound: number,
  most: number,
): { readonly schedules: number; readonly isAll: boolean } => {
  let prefix: number[] = [];
  for (let schedules = 1; ; schedules += 1) {
    const choices: number[] = [];
    const counts: number[] = [];
    let isRedundant = false;
    const choose: Choose = (count) => {
      const chosen = Math.min(prefix[choices.length] ?? 0, count - 1);
      choices.push(chosen);
      // What follows a beginning that came to nothing is tried where nobody began.
      counts.push(isRedundant ? 1 : count);
      return chosen;
    };
    choose.turnedAway = () => {
      isRedundant = true;
    };
    run(choose, () => choices);
    // The last choice that has another possibility takes the next one.
    let last = choices.length - 1;
    const spent = (upTo: number): number => choices.slice(0, upTo).filter((choice) => choice > 0).length;
    while (last >= 0 && ((choices[last] ?? 0) + 1 >= (counts[last] ?? 0) || ((choices[last] ?? 0) === 0 && spent(last) >= bound)))
      last -= 1;
    if (last < 0) return { schedules, isAll: true };
    if (schedules >= most) return { schedules, isAll: false };
    prefix = [...choices.slice(0, last), (choices[last] ?? 0) + 1];
  }
};
