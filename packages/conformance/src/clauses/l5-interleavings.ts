/** L5: what several processors do at once, in every order, while the others go on using what is in their TLBs. */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  EXECUTE,
  PortolanError,
  READ,
  USER,
  violations,
  WRITE,
  type AddressSpace,
  type Machine,
} from "@portolan/core";
import type { Clause } from "../clause.js";
import { Failure, holds } from "../failure.js";
import { choicesOf, everySchedule, play, replayed, scheduleText, type Choose, type Program } from "../rig/schedules.js";
import type { Rig } from "../rig/rig.js";

const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
/** The upper half of every word that is written here: what shows anything else shows somebody else's memory. */
const MARK = 0x5a00_0000;

/** Of RAM, besides the one before. */
const FRAMES = 64;

/** Space a on every processor, with an area of four pages, two of them in and known to all; space b beside it. */
class Stage {
  readonly machine: Machine;
  readonly a: AddressSpace;
  readonly b: AddressSpace;
  readonly first: number;
  readonly #perPage: number;

  constructor(rig: Rig, cpus: number) {
    // One frame of RAM as near before the next chunk of memory as the machine lets it begin, and the rest in that chunk: such
    // machines are cheaper to make.
    const lead = rig.ramAlignment;
    const memoryBytes = FRAMES * rig.pageSize + lead;
    const memoryBase = 2 ** Math.max(20, Math.ceil(Math.log2(memoryBytes))) - lead;
    const memoryHoles = lead === rig.pageSize ? [] : [{ base: memoryBase + rig.pageSize, bytes: lead - rig.pageSize }];
    this.machine = rig.build({ cpus, memoryBytes, memoryBase, memoryHoles });
    this.#perPage = rig.perPage;
    this.first = this.machine.parts.units.pageOf(rig.architecture.layout.user.first) + 16;
    this.a = this.machine.spaces.create();
    this.b = this.machine.spaces.create();
    this.machine.switchTo(this.b, 0);
    this.b.createArea({ base: this.at(0), size: this.bytes(4), flags: RW, backend: anonymous });
    for (const page of [0, 1]) this.machine.write32(this.at(page), MARK + 0x100 + page, 0);
    for (const { id } of this.machine.cpus) this.machine.switchTo(this.a, id);
    this.a.createArea({ base: this.at(0), size: this.bytes(4), flags: RW, backend: anonymous });
    for (const page of [0, 1])
      for (const { id } of this.machine.cpus) {
        this.machine.write32(this.at(page), MARK + page, id);
        this.machine.read32(this.at(page), id);
      }
  }

  at(page: number): bigint {
    return this.machine.parts.units.addressOf(this.first + page);
  }

  bytes(pages: number): bigint {
    return this.machine.parts.units.bytesOf(pages);
  }

  write = (page: number) => (cpu: number) => () => this.machine.write32(this.at(page), MARK + page, cpu);
  read = (page: number) => (cpu: number) => () => this.machine.read32(this.at(page), cpu);
  destroy = () => () => this.a.destroyArea(this.at(0));
  create = () => () => this.a.createArea({ base: this.at(0), size: this.bytes(4), flags: RW, backend: anonymous }).pages;
  shrink = () => () => this.a.resizeArea(this.at(0), this.bytes(1));
  grow = () => () => this.a.resizeArea(this.at(0), this.bytes(6));
  protect = () => () => this.a.changeAreaFlags(this.at(0), AREA_READ);
  unprotect = () => () => this.a.changeAreaFlags(this.at(0), AREA_READ | AREA_WRITE);
  share = () => () => this.a.shareArea(this.at(0), this.bytes(4), this.b, this.at(40), AREA_READ | AREA_CACHEABLE).pages;
  away = (cpu: number) => () => this.machine.switchTo(this.b, cpu);
  back = (cpu: number) => () => this.machine.switchTo(this.a, cpu);

  /** What a processor reaches through its TLB now must be memory of its space, in use, with that page's contents. */
  observe = (id: number): void => {
    const cpu = this.machine.cpu(id);
    const installed = this.machine.installed(id);
    const own = installed === this.b ? 0x100 : 0;
    for (let page = 0; page < 4; page += 1) {
      for (const access of [READ, WRITE, EXECUTE] as const) {
        const frame = cpu.translate((this.first + page) * this.#perPage, access, USER);
        if (frame < 0) continue;
        const machineFrame = Math.floor(frame / this.#perPage);
        if (this.machine.parts.frames.references(machineFrame) === 0)
          throw new Failure(`processor ${id} reaches frame 0x${machineFrame.toString(16)}, which is free, through page ${page}`);
        const word = this.machine.parts.memory.read32(machineFrame * this.machine.parts.memory.frameSize);
        if (word !== 0 && word !== MARK + own + page)
          throw new Failure(`processor ${id} sees 0x${word.toString(16)} in page ${page}, which is not that page's`);
      }
    }
  };

  /** What is left that a program can see, in words. A page that came in and was never written is as good as none. */
  portrait(): string {
    const lines = [this.a, this.b].map((space) => {
      const areas = [...space.areas()].map(({ base, pages, flags, isShared }) => `${base}+${pages} ${flags}${isShared ? " shared" : ""}`);
      const words: string[] = [];
      this.machine.parts.tables.each(space.context, 0, this.first + 64, (page, { frame }) => {
        const word = this.machine.parts.memory.read32(frame * this.machine.parts.memory.frameSize);
        if (word !== 0) words.push(`${page}:${word}`);
        return true;
      });
      return `${areas.join(", ")} with ${words.join(" ")}`;
    });
    return lines.join("\n");
  }
}

type Plan = (stage: Stage) => readonly Program[];
const by = (cpu: number, ...operations: (() => unknown)[]): Program => ({ cpu, operations });

const TWO_BY_TWO: Readonly<Record<string, Plan>> = {
  "a write and a shrinking; a read and the end of the area": (s) => [by(0, s.write(2)(0), s.shrink()), by(1, s.read(1)(1), s.destroy())],
  "the end of the area and a new one; two accesses": (s) => [by(0, s.destroy(), s.create()), by(1, s.write(1)(1), s.read(1)(1))],
  "rights that go and come; two writes": (s) => [by(0, s.protect(), s.unprotect()), by(1, s.write(0)(1), s.write(2)(1))],
  "switches; shrinking and growing": (s) => [by(0, s.away(0), s.back(0)), by(1, s.shrink(), s.grow())],
  "sharing and a write; rights and the end": (s) => [by(0, s.share(), s.write(3)(0)), by(1, s.protect(), s.destroy())],
  "two faults each for the same pages": (s) => [by(0, s.write(2)(0), s.write(3)(0)), by(1, s.write(3)(1), s.write(2)(1))],
};
const THREE_BY_ONE: Readonly<Record<string, Plan>> = {
  "the end of the area, a fault, a switch": (s) => [by(0, s.destroy()), by(1, s.write(2)(1)), by(2, s.away(2))],
  "sharing, shrinking, a fault": (s) => [by(0, s.share()), by(1, s.shrink()), by(2, s.write(3)(2))],
};
const FOUR: Readonly<Record<string, Plan>> = {
  "shrinking, a fault, rights, a switch": (s) => [by(0, s.shrink()), by(1, s.write(2)(1)), by(2, s.protect()), by(3, s.away(3), s.back(3))],
};
const RANDOM: Plan = (s) => [
  by(0, s.write(2)(0), s.shrink(), s.grow(), s.write(3)(0)),
  by(1, s.read(1)(1), s.destroy(), s.create(), s.write(1)(1)),
  by(2, s.away(2), s.back(2), s.protect(), s.write(0)(2)),
  by(3, s.share(), s.write(1)(3), s.unprotect()),
];

/** Plays one schedule and looks at everything. @returns how it ended, in words */
const once = (rig: Rig, cpus: number, plan: Plan, choose: Choose, choices: () => readonly number[], name: string): string => {
  const stage = new Stage(rig, cpus);
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
const sequential = (rig: Rig, cpus: number, plan: Plan, name: string): ReadonlySet<string> => {
  const endings = new Set<string>();
  everySchedule(
    (choose, choices) => {
      // Inside operations nobody begins: only the order at the top level is chosen.
      const stage = new Stage(rig, cpus);
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

const explore = (rig: Rig, cpus: number, plans: Readonly<Record<string, Plan>>, bound: number, most: number): void => {
  for (const [name, plan] of Object.entries(plans)) {
    const allowed = sequential(rig, cpus, plan, name);
    const run = (choose: Choose, choices: () => readonly number[]): void => {
      const ending = once(rig, cpus, plan, choose, choices, name);
      if (allowed.has(ending)) return;
      const text = scheduleText(choices());
      throw new Failure(
        `${name}: ends as no order of the operations does (schedule "${text}"): ${ending}`,
        JSON.stringify({ interleaving: name, cpus, schedule: text }),
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

/** Schedules of a plan, at most, unless the run is a long one: half of them systematic, half random. */
const SAMPLE = 100;

/** The same in a short run. */
const SMALL_SAMPLE = 16;

const sampleOf = ({ options }: Rig): number => (options.isShort === true ? SMALL_SAMPLE : SAMPLE);

/** All of them under the machine's own policy, unless the run is a short one; of the others a sample, unless it is a long one. */
const mostOf = (rig: Rig): number => {
  const { isLong, isShort, policy } = rig.options;
  return isLong || (policy === "described" && isShort !== true) ? Infinity : sampleOf(rig);
};

export const interleavingClauses: readonly Clause[] = [
  {
    id: "L5.interleave.two-by-two",
    rule: "Two processors with two operations each end, in every order, as some order without overlap does, and nobody sees stale, free or foreign memory",
    source: "contract C-17.3, C-8.1; RelaxedVM-Arm litmus tests",
    since: "1.0.0",
    traits: ["other"],
    check: (rig) => explore(rig, 2, TWO_BY_TWO, Infinity, mostOf(rig)),
  },
  {
    id: "L5.interleave.three-by-one",
    rule: "The same of three processors with one operation each",
    source: "contract C-17.3, C-8.1",
    since: "1.0.0",
    traits: ["other"],
    check: (rig) => explore(rig, 3, THREE_BY_ONE, Infinity, mostOf(rig)),
  },
  {
    id: "L5.interleave.four-bounded",
    rule: "The same of four processors, with at most three operations begun inside others",
    source: "contract C-17.3, C-8.1",
    since: "1.0.0",
    traits: ["other"],
    check: (rig) => explore(rig, 4, FOUR, 3, rig.options.isLong ? Infinity : sampleOf(rig)),
  },
  {
    id: "L5.interleave.random-schedules",
    rule: "Random schedules of longer programs on four processors keep every invariant, and a schedule replays exactly",
    source: "contract C-17.3, C-16.3",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      for (let round = 0; round < (rig.options.isLong ? 20_000 : sampleOf(rig) / 5); round += 1) {
        const choices: number[] = [];
        const choose: Choose = (count) => {
          const chosen = rig.random.below(6) === 0 ? rig.random.below(count) : 0;
          choices.push(chosen);
          return chosen;
        };
        const ending = once(rig, 4, RANDOM, choose, () => choices, "random programs");
        if (round % 10 !== 0) continue;
        const again = once(rig, 4, RANDOM, replayed(choicesOf(scheduleText(choices))), () => choices, "random programs");
        if (again !== ending) throw new Failure(`schedule "${scheduleText(choices)}" ends differently when it is replayed`);
      }
    },
  },
];

const PLANS: Readonly<Record<string, Plan>> = {
  ...TWO_BY_TWO,
  ...THREE_BY_ONE,
  ...FOUR,
  "random programs": RANDOM,
};

/**
 * Plays one schedule of a plan again, as a failure has printed it.
 * @throws Failure if anything is wrong in it; PortolanError ERR_BAD_ARGUMENT where there is no such plan
 */
export const replayInterleaving = (rig: Rig, name: string, cpus: number, schedule: string): void => {
  const plan = Object.hasOwn(PLANS, name) ? PLANS[name] : undefined;
  if (plan === undefined || !(cpus >= 2 && cpus <= 4)) throw new PortolanError("ERR_BAD_ARGUMENT", { interleaving: name, cpus });
  const choices = choicesOf(schedule);
  const ending = once(rig, cpus, plan, replayed(choices), () => choices, name);
  if (plan === RANDOM || sequential(rig, cpus, plan, name).has(ending)) return;
  throw new Failure(`${name}: ends as no order of the operations does (schedule "${schedule}"): ${ending}`);
};
