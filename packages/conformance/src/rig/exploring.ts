/** Plans of several processors, in every order in which their operations can come inside one another. */
import { violations, type Machine, type PreemptionPoint } from "@portolan/core";
import { Failure, holds } from "../failure.js";
import { everySchedule, play, scheduleText, type Choose, type Program } from "./schedules.js";
import type { Rig } from "./rig.js";

/** Where a plan is carried out: built anew for every schedule. */
export interface Stage {
  readonly machine: Machine;
  /** What a processor that is free reaches at a point. @throws Failure if that is not its own */
  readonly observe: (cpu: number, point: PreemptionPoint) => void;
  /** What is left that a program can see, in words. */
  portrait(): string;
}

/** How a stage is built, and for how many processors. */
export interface Scene<S extends Stage> {
  readonly cpus: number;
  readonly make: (rig: Rig, cpus: number) => S;
}

/** What the processors do. */
export type Plan<S extends Stage> = (stage: S) => readonly Program[];

/** One processor's part. */
export const by = (cpu: number, ...operations: (() => unknown)[]): Program => ({ cpu, operations });

/** Plays one schedule and looks at everything. @returns how it ended, in words */
export const playOnce = <S extends Stage>(
  rig: Rig,
  scene: Scene<S>,
  plan: Plan<S>,
  choose: Choose,
  choices: () => readonly number[],
  name: string,
): string => {
  const { cpus } = scene;
  const stage = scene.make(rig, cpus);
  try {
    const { endings } = play(stage.machine, plan(stage), choose, stage.observe);
    const [first] = violations(stage.machine);
    if (first !== undefined) throw new Failure(first);
    return `${JSON.stringify(endings)}\n${stage.portrait()}`;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const text = scheduleText(choices());
    throw new Failure(`${name}: ${message} (schedule "${text}")`, JSON.stringify({ interleaving: name, cpus, schedule: text }));
  }
};

/** Endings of the schedules in which nothing begins inside anything. */
const sequential = <S extends Stage>(rig: Rig, { cpus, make }: Scene<S>, plan: Plan<S>, name: string): ReadonlySet<string> => {
  const endings = new Set<string>();
  everySchedule(
    (choose, choices) => {
      // Inside operations nobody begins: only the order at the top level is chosen.
      const stage = make(rig, cpus);
      const programs = plan(stage);
      const next = programs.map(() => 0);
      const results: unknown[][] = programs.map(() => []);
      for (;;) {
        const free = programs.flatMap(({ operations }, i) => ((next[i] ?? 0) < operations.length ? [i] : []));
        if (free.length === 0) break;
        const index = free[choose(free.length)] ?? 0;
        const program = programs[index];
        const operation = program?.operations[next[index] ?? 0];
        if (program === undefined || operation === undefined) break;
        const [[ending]] = play(
          stage.machine,
          [by(program.cpu, operation)],
          () => 0,
          () => {},
        ).endings as [[unknown]];
        results[index]?.push(ending);
        next[index] = (next[index] ?? 0) + 1;
      }
      endings.add(`${JSON.stringify(results)}\n${stage.portrait()}`);
      void choices;
    },
    Infinity,
    5000,
  );
  if (endings.size === 0) throw new Failure(`${name}: no order at all`);
  return endings;
};

/**
 * Runs every plan in every order, or in a sample of them, and holds each ending against those of orders without overlap.
 * @param bound operations begun inside others, at most
 * @param most schedules at most
 */
export const explore = <S extends Stage>(
  rig: Rig,
  scene: Scene<S>,
  plans: Readonly<Record<string, Plan<S>>>,
  bound: number,
  most: number,
): void => {
  for (const [name, plan] of Object.entries(plans)) {
    const allowed = sequential(rig, scene, plan, name);
    const run = (choose: Choose, choices: () => readonly number[]): void => {
      const ending = playOnce(rig, scene, plan, choose, choices, name);
      if (allowed.has(ending)) return;
      const text = scheduleText(choices());
      throw new Failure(
        `${name}: ends as no order of the operations does (schedule "${text}"): ${ending}`,
        JSON.stringify({ interleaving: name, cpus: scene.cpus, schedule: text }),
      );
    };
    const { schedules, isAll } = everySchedule(run, bound, rig.options.isLong || most === Infinity ? most : most / 2);
    holds(schedules > 1, `${name}: there is nothing to interleave`);
    for (let round = isAll || rig.options.isLong ? most : 0; round < most / 2; round += 1) {
      const choices: number[] = [];
      let begun = 0;
      run(
        (count) => {
          const chosen = begun < bound && rig.random.below(5) === 0 ? rig.random.below(count) : 0;
          if (chosen > 0) begun += 1;
          choices.push(chosen);
          return chosen;
        },
        () => choices,
      );
    }
  }
};

/**
 * Is this ending one of an order without overlap?
 */
export const isAnOrder = <S extends Stage>(rig: Rig, scene: Scene<S>, plan: Plan<S>, name: string, ending: string): boolean =>
  sequential(rig, scene, plan, name).has(ending);

/** Schedules of a plan, at most, unless the run is a long one: half of them systematic, half random. */
const SAMPLE = 100;

/** The same in a short run. */
const SMALL_SAMPLE = 16;

export const sampleOf = ({ options }: Rig): number => (options.isShort === true ? SMALL_SAMPLE : SAMPLE);

/** All of them under the machine's own policy, unless the run is a short one; of the others a sample, unless it is a long one. */
export const mostOf = (rig: Rig): number => {
  const { isLong, isShort, policy } = rig.options;
  return isLong || (policy === "described" && isShort !== true) ? Infinity : sampleOf(rig);
};
