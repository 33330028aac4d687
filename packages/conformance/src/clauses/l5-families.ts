/** L5: forks, copies, pages that leave memory, and ranges that are unmapped, by several processors at once. */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  EXECUTE,
  MemorySwap,
  READ,
  USER,
  WRITE,
  type AddressSpace,
  type Machine,
} from "@portolan/core";
import type { Clause } from "../clause.js";
import { Failure } from "../failure.js";
import { by, explore, mostOf, type Plan, type Scene, type Stage } from "../rig/exploring.js";
import type { Rig } from "../rig/rig.js";

const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
/** The upper half of every word that is written here: what shows anything else shows somebody else's memory. */
const MARK = 0x5a00_0000;
/** What the child adds to its words, and what the parent adds to those that it writes after the beginning. */
const CHILDS = 0x200;
const LATER = 0x400;
const PAGES = 4;
/** Of RAM. */
const FRAMES = 80;
/** Schedules of a plan, unless the run is a long one: they are many, and each has pages that leave and come back. */
const SAMPLE = 30;

/** A parent on every processor, with three of four pages written, and a child that sees them; both may be written. */
class FamilyStage implements Stage {
  readonly machine: Machine;
  readonly parent: AddressSpace;
  readonly child: AddressSpace;
  #born: AddressSpace | null = null;
  readonly #first: number;
  readonly #perPage: number;
  #isChildGone = false;

  constructor(rig: Rig, cpus: number) {
    this.machine = rig.build({ cpus, memoryBytes: FRAMES * rig.pageSize, swap: new MemorySwap(64) });
    this.#perPage = rig.perPage;
    this.#first = this.machine.parts.units.pageOf(rig.architecture.layout.user.first) + 16;
    this.parent = this.machine.spaces.create();
    for (const { id } of this.machine.cpus) this.machine.switchTo(this.parent, id);
    this.parent.createArea({ base: this.#at(0), size: this.#bytes(PAGES), flags: RW, backend: anonymous });
    for (const page of [0, 1, 2]) this.machine.write32(this.#at(page), MARK + page, 0);
    this.child = this.machine.spaces.fork(this.parent);
    // Everybody knows the pages as they are now: to be read only.
    for (const { id } of this.machine.cpus) for (const page of [0, 1]) this.machine.read32(this.#at(page), id);
  }

  readonly write = (page: number) => (cpu: number) => () => this.machine.write32(this.#at(page), MARK + LATER + page, cpu);
  readonly read = (page: number) => (cpu: number) => () => this.machine.read32(this.#at(page), cpu);
  readonly fork = () => () => {
    this.#born = this.machine.spaces.fork(this.parent);
    return 1;
  };
  readonly end = () => () => {
    this.child.destroy();
    this.#isChildGone = true;
    return 1;
  };
  readonly unmap = () => () => this.parent.unmap(this.#at(1), this.#bytes(1));
  readonly discard = () => () => this.parent.discard(this.#at(0), this.#bytes(1));
  readonly protect = () => () => this.parent.protect(this.#at(0), this.#bytes(PAGES), AREA_READ);
  readonly unprotect = () => () => this.parent.protect(this.#at(0), this.#bytes(PAGES), AREA_READ | AREA_WRITE);
  /** How much could go depends on when; that something was tried does not. */
  readonly pushOut = () => () => {
    this.machine.parts.reclaimer.reclaim(16);
    return 1;
  };
  readonly toChild = (cpu: number) => () => this.machine.switchTo(this.child, cpu);
  readonly childWrites = (page: number) => (cpu: number) => () => this.machine.write32(this.#at(page), MARK + CHILDS + page, cpu);

  /** What a processor reaches through its TLB now must be memory of its space, in use, with what that space may see in that page. */
  readonly observe = (id: number): void => {
    const cpu = this.machine.cpu(id);
    const own = this.machine.installed(id) === this.child ? CHILDS : LATER;
    const { frames, memory } = this.machine.parts;
    for (let page = 0; page < PAGES; page += 1) {
      for (const access of [READ, WRITE, EXECUTE] as const) {
        const hardware = cpu.translate((this.#first + page) * this.#perPage, access, USER);
        if (hardware < 0) continue;
        const frame = Math.floor(hardware / this.#perPage);
        if (frames.references(frame) === 0)
          throw new Failure(`processor ${id} reaches frame 0x${frame.toString(16)}, which is free, through page ${page}`);
        const word = memory.read32(frame * memory.frameSize);
        if (word !== 0 && word !== MARK + page && word !== MARK + own + page)
          throw new Failure(`processor ${id} sees 0x${word.toString(16)} in page ${page}, which is not that page's`);
        if (access === WRITE && frames.references(frame) > 2)
          throw new Failure(`processor ${id} may write frame 0x${frame.toString(16)} of page ${page}, which others see`);
      }
    }
  };

  /** What every space reads in every page, and its areas. */
  portrait(): string {
    const spaces = [this.parent, ...(this.#isChildGone ? [] : [this.child]), ...(this.#born === null ? [] : [this.#born])];
    return spaces
      .map((space) => {
        const areas = Array.from(space.areas(), ({ base, pages, flags }) => `${base}+${pages} ${flags}`);
        this.machine.switchTo(space, 0);
        const words = Array.from({ length: PAGES }, (_, page) => this.machine.read32(this.#at(page), 0));
        return `${areas.join(", ")} with ${words.join(" ")}`;
      })
      .join("\n");
  }

  #at(page: number): bigint {
    return this.machine.parts.units.addressOf(this.#first + page);
  }

  #bytes(pages: number): bigint {
    return this.machine.parts.units.bytesOf(pages);
  }
}

type Plans = Readonly<Record<string, Plan<FamilyStage>>>;

const PLANS: Plans = {
  "two writes to one page that a child sees": (s) => [by(0, s.write(0)(0), s.read(1)(0)), by(1, s.write(0)(1), s.write(1)(1))],
  "a fork and a write; two writes": (s) => [by(0, s.fork(), s.write(2)(0)), by(1, s.write(0)(1), s.write(3)(1))],
  "the child's end and a write; a write and a read": (s) => [by(0, s.end(), s.write(0)(0)), by(1, s.write(1)(1), s.read(2)(1))],
  "pages that leave; a write and a read": (s) => [by(0, s.pushOut(), s.pushOut()), by(1, s.write(0)(1), s.read(2)(1))],
  "a cut and a fork; two writes": (s) => [by(0, s.unmap(), s.fork()), by(1, s.write(1)(1), s.write(2)(1))],
  "rights that go and come; two writes to pages that a child sees": (s) => [
    by(0, s.protect(), s.unprotect()),
    by(1, s.write(0)(1), s.write(1)(1)),
  ],
  "a page that is discarded, and pages that leave; two writes": (s) => [
    by(0, s.discard(), s.pushOut()),
    by(1, s.write(0)(1), s.write(3)(1)),
  ],
};

const THREE: Plans = {
  "a fork, a write by the parent, a write by the child": (s) => [
    by(0, s.fork()),
    by(1, s.write(0)(1)),
    by(2, s.toChild(2), s.childWrites(0)(2)),
  ],
  "pages that leave, the child's end, a write": (s) => [by(0, s.pushOut()), by(1, s.end()), by(2, s.write(1)(2))],
};

/** By the names that failures print. */
export const OBJECT_PLANS: Plans = { ...PLANS, ...THREE };

/** A family on so many processors. */
export const onFamily = (cpus: number): Scene<FamilyStage> => ({ cpus, make: (rig, count) => new FamilyStage(rig, count) });

export const familyInterleavingClauses: readonly Clause[] = [
  {
    id: "L5.interleave.families",
    rule: "Forks, copies, ends, cuts and pages that leave, of two processors with two operations each and of three, end as some order of them does, and nobody sees what it may not",
    source: "contract C-17.3, C-20.4, C-23.1; deepin-community/kernel#1278: a child that is half built is nobody's to look at",
    since: "1.1.0",
    traits: ["other"],
    check(rig) {
      const most = rig.options.isLong ? Infinity : Math.min(mostOf(rig), SAMPLE);
      explore(rig, onFamily(2), PLANS, Infinity, most);
      explore(rig, onFamily(3), THREE, Infinity, most);
    },
  },
];
