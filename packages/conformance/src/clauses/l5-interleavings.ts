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
  WRITE,
  type AddressSpace,
  type Machine,
} from "@portolan/core";
import type { Clause } from "../clause.js";
import { Failure } from "../failure.js";
import { by, explore, isAnOrder, mostOf, playOnce, sampleOf, type Plan, type Scene, type Stage } from "../rig/exploring.js";
import type { Rig } from "../rig/rig.js";
import { choicesOf, replayed, scheduleText, type Choose } from "../rig/schedules.js";
import { OBJECT_PLANS, onFamily } from "./l5-families.js";

const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
/** The upper half of every word that is written here: what shows anything else shows somebody else's memory. */
const MARK = 0x5a00_0000;

/** Of RAM, besides the one before. */
const FRAMES = 64;

/** Space a on every processor, with an area of four pages, two of them in and known to all; space b beside it. */
class SpaceStage implements Stage {
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

const on = (cpus: number): Scene<SpaceStage> => ({ cpus, make: (rig, count) => new SpaceStage(rig, count) });
type Plans = Readonly<Record<string, Plan<SpaceStage>>>;

const TWO_BY_TWO: Plans = {
  "a write and a shrinking; a read and the end of the area": (s) => [by(0, s.write(2)(0), s.shrink()), by(1, s.read(1)(1), s.destroy())],
  "the end of the area and a new one; two accesses": (s) => [by(0, s.destroy(), s.create()), by(1, s.write(1)(1), s.read(1)(1))],
  "rights that go and come; two writes": (s) => [by(0, s.protect(), s.unprotect()), by(1, s.write(0)(1), s.write(2)(1))],
  "switches; shrinking and growing": (s) => [by(0, s.away(0), s.back(0)), by(1, s.shrink(), s.grow())],
  "sharing and a write; rights and the end": (s) => [by(0, s.share(), s.write(3)(0)), by(1, s.protect(), s.destroy())],
  "two faults each for the same pages": (s) => [by(0, s.write(2)(0), s.write(3)(0)), by(1, s.write(3)(1), s.write(2)(1))],
};
const THREE_BY_ONE: Plans = {
  "the end of the area, a fault, a switch": (s) => [by(0, s.destroy()), by(1, s.write(2)(1)), by(2, s.away(2))],
  "sharing, shrinking, a fault": (s) => [by(0, s.share()), by(1, s.shrink()), by(2, s.write(3)(2))],
};
const FOUR: Plans = {
  "shrinking, a fault, rights, a switch": (s) => [by(0, s.shrink()), by(1, s.write(2)(1)), by(2, s.protect()), by(3, s.away(3), s.back(3))],
};
const RANDOM: Plan<SpaceStage> = (s) => [
  by(0, s.write(2)(0), s.shrink(), s.grow(), s.write(3)(0)),
  by(1, s.read(1)(1), s.destroy(), s.create(), s.write(1)(1)),
  by(2, s.away(2), s.back(2), s.protect(), s.write(0)(2)),
  by(3, s.share(), s.write(1)(3), s.unprotect()),
];

export const interleavingClauses: readonly Clause[] = [
  {
    id: "L5.interleave.two-by-two",
    rule: "Two processors with two operations each end, in every order, as some order without overlap does, and nobody sees stale, free or foreign memory",
    source: "contract C-17.3, C-8.1; RelaxedVM-Arm litmus tests",
    since: "1.0.0",
    traits: ["other"],
    check: (rig) => explore(rig, on(2), TWO_BY_TWO, Infinity, mostOf(rig)),
  },
  {
    id: "L5.interleave.three-by-one",
    rule: "The same of three processors with one operation each",
    source: "contract C-17.3, C-8.1",
    since: "1.0.0",
    traits: ["other"],
    check: (rig) => explore(rig, on(3), THREE_BY_ONE, Infinity, mostOf(rig)),
  },
  {
    id: "L5.interleave.four-bounded",
    rule: "The same of four processors, with at most three operations begun inside others",
    source: "contract C-17.3, C-8.1",
    since: "1.0.0",
    traits: ["other"],
    check: (rig) => explore(rig, on(4), FOUR, 3, rig.options.isLong ? Infinity : sampleOf(rig)),
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
        const ending = playOnce(rig, on(4), RANDOM, choose, () => choices, "random programs");
        if (round % 10 !== 0) continue;
        const again = playOnce(rig, on(4), RANDOM, replayed(choicesOf(scheduleText(choices))), () => choices, "random programs");
        if (again !== ending) throw new Failure(`schedule "${scheduleText(choices)}" ends differently when it is replayed`);
      }
    },
  },
];

const PLANS: Plans = {
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
  if (!(cpus >= 2 && cpus <= 4)) throw new PortolanError("ERR_BAD_ARGUMENT", { interleaving: name, cpus });
  if (Object.hasOwn(OBJECT_PLANS, name)) return replay(rig, onFamily(cpus), OBJECT_PLANS[name], name, schedule);
  const plan = Object.hasOwn(PLANS, name) ? PLANS[name] : undefined;
  replay(rig, on(cpus), plan, name, schedule, plan === RANDOM);
};

const replay = <S extends Stage>(
  rig: Rig,
  scene: Scene<S>,
  plan: Plan<S> | undefined,
  name: string,
  schedule: string,
  anyEnd = false,
): void => {
  if (plan === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { interleaving: name, cpus: scene.cpus });
  const choices = choicesOf(schedule);
  const ending = playOnce(rig, scene, plan, replayed(choices), () => choices, name);
  if (anyEnd || isAnOrder(rig, scene, plan, name, ending)) return;
  throw new Failure(`${name}: ends as no order of the operations does (schedule "${schedule}"): ${ending}`);
};
