/**
 * Random histories of forks, shared memory and files in far too little memory, against maps from page to content: every
 * page that anybody reads holds what was written to it last, whatever went out and came back in between.
 */
import { expect } from "chai";
import fc from "fast-check";
import { abs32le } from "@portolan/arch-abs32le";
import { arm32 } from "@portolan/arch-arm";
import { mips32 } from "@portolan/arch-mips32";
import { sparc64 } from "@portolan/arch-sparc64";
import {
  anonymous,
  assertInvariants,
  file,
  FileObject,
  PortolanError,
  type AddressSpace,
  type Architecture,
  type Machine,
} from "#src/index.js";
import { MemoryPager } from "#src/objects/memory-pager.js";
import { Random } from "#src/random.js";
import { build, machines, RW } from "../fixture.js";
import { TestSwap } from "./test-swap.js";

const PRIVATE = 24;
const SHARED = 12;
const FILE = 20;
const MOST_SPACES = 4;

/** A number: the one transfer that fails. */
type Weather = "good" | "failing" | "slow" | number;

/** Contents by page; what several spaces see the same is the same map. */
interface Task {
  readonly space: AddressSpace;
  readonly own: Map<number, number>;
  readonly ownFile: Map<number, number>;
}

/** Frames that the tables of all tasks need: four tables at the bottom of a tree for each, or one where that holds all their places. */
const framesOfTables = ({ translation, virtualBits }: Architecture): number => {
  if (translation.kind === "hashed") return 58;
  const isOne = 2 ** translation.levels[translation.levels.length - 1].indexBits >= 4 * 512;
  return (virtualBits > 40 ? 50 : 36) - (isOne ? 3 * MOST_SPACES : 0);
};

/** One machine with a file, and the tasks that grow out of one task by forks. */
class World {
  readonly machine: Machine;
  readonly swap = new TestSwap(400);
  readonly #random: Random | null;
  readonly #isPatient: boolean;
  readonly pager: MemoryPager;
  readonly file: FileObject;
  readonly tasks: Task[] = [];
  readonly shared = new Map<number, number>();
  readonly fileContent = new Map<number, number>();
  readonly page: number;
  readonly base: number;

  /** @param weather what the device is like: every eighth transfer may fail, or one, or all of them take their time */
  constructor(architecture: Architecture, weather: Weather = "good", seed = 1) {
    this.#random = weather === "failing" ? new Random(seed) : null;
    this.#isPatient = weather === "failing" || typeof weather === "number";
    this.swap.isSlow = weather === "slow";
    if (typeof weather === "number") this.swap.failing = weather;
    this.page = 2 ** architecture.pageShift;
    this.base = Number(architecture.layout.user.first) + 64 * this.page;
    const tables = framesOfTables(architecture);
    // Little enough for a short history to meet the device often.
    const room = typeof weather === "number" ? 6 : 28;
    this.machine = build(architecture, { memoryBytes: this.page * (room + tables), swap: this.swap });
    const content = new Uint8Array(FILE * this.page);
    const view = new DataView(content.buffer);
    for (let i = 0; i < FILE; i += 1) {
      this.fileContent.set(i, 5000 + i);
      view.setUint32(i * this.page, 5000 + i, architecture.byteOrder === "little");
    }
    this.pager = new MemoryPager(content);
    this.file = new FileObject(this.machine.parts, this.pager, { length: content.length });
    const space = this.machine.spaces.create();
    const make = (place: number, pages: number, backend: Parameters<AddressSpace["createArea"]>[0]["backend"]): void =>
      void space.createArea({ base: this.at(place, 0), size: pages * this.page, flags: RW, backend });
    make(0, PRIVATE, anonymous);
    make(1, SHARED, anonymous);
    make(2, FILE, file(this.file));
    make(3, FILE, file(this.file, { isPrivate: true }));
    // Sharing makes it shared memory; the second view goes at once.
    const other = this.machine.spaces.create();
    space.shareArea(this.at(1, 0), SHARED * this.page, other, this.at(1, 0), RW);
    other.destroy();
    this.tasks.push({ space, own: new Map(), ownFile: new Map() });
  }

  at(place: number, page: number): number {
    return this.base + (place * 512 + page) * this.page;
  }

  expected(task: Task, place: number, page: number): number {
    if (place === 0) return task.own.get(page) ?? 0;
    if (place === 1) return this.shared.get(page) ?? 0;
    if (place === 2) return this.fileContent.get(page) ?? 0;
    return task.ownFile.get(page) ?? this.fileContent.get(page) ?? 0;
  }

  write(task: Task, place: number, page: number, value: number): void {
    this.machine.switchTo(task.space);
    expect(
      this.#insist(() => this.machine.write32(this.at(place, page), value)),
      this.why(),
    ).to.equal(true);
    [task.own, this.shared, this.fileContent, task.ownFile][place].set(page, value);
  }

  read(task: Task, place: number, page: number): void {
    this.machine.switchTo(task.space);
    const expected = this.expected(task, place, page);
    const actual = this.#insist(() => this.machine.read32(this.at(place, page)));
    expect(actual, `place ${place}, page ${page}: ${this.why()}`).to.equal(expected);
  }

  /** Accesses as a task does that waits when it has to, and that tries again what failed. */
  #insist<T>(access: () => T): T {
    for (let round = 0; ; round += 1) {
      this.swap.failsReads = this.#random !== null && round < 4 && this.#random.below(8) === 0;
      this.swap.failsWrites = this.#random !== null && round < 4 && this.#random.below(8) === 0;
      const result = access();
      if ((result !== false && result !== -1) || round > 200) return result;
      const rule = this.machine.outcome?.rule;
      if (rule === "the page is on its way") this.swap.answer(1);
      else if (!this.#isPatient || (rule !== "the page could not be read" && rule !== "out of memory")) return result;
    }
  }

  why(): string {
    return this.machine.outcome?.rule ?? "";
  }

  fork(task: Task): void {
    const space = this.#forked(task);
    this.tasks.push({ space, own: new Map(task.own), ownFile: new Map(task.ownFile) });
  }

  /** A door that cannot wait says so, and is tried again when pages have been written. */
  #forked(task: Task): AddressSpace {
    for (let round = 0; ; round += 1) {
      try {
        return this.machine.spaces.fork(task.space);
      } catch (error) {
        if (!(error instanceof PortolanError) || error.code !== "ERR_OUT_OF_FRAMES" || round > 20 || !this.swap.isSlow) throw error;
        this.swap.answer();
      }
    }
  }

  exit(task: Task): void {
    this.machine.switchToKernel();
    task.space.destroy();
    this.tasks.splice(this.tasks.indexOf(task), 1);
  }
}

/** What a private page of a file shows that nobody wrote before somebody else wrote the file is the file's business: only pages read or written count. */
const pagesOf = (place: number): number => [PRIVATE, SHARED, FILE, FILE][place];

const run = (architecture: Architecture, seed: number, steps: number, weather: Weather = "good"): World => {
  const random = new Random(seed);
  const world = new World(architecture, weather, seed);
  for (let step = 1; step <= steps; step += 1) {
    const task = world.tasks[random.below(world.tasks.length)];
    const place = random.below(4);
    const page = random.below(pagesOf(place));
    const kind = random.below(40);
    if (kind === 0 && world.tasks.length < MOST_SPACES) world.fork(task);
    else if (kind === 1 && world.tasks.length > 1) world.exit(task);
    else if (kind < 20) world.write(task, place, page, step);
    else world.read(task, place, page);
    if (step % 100 === 0) assertInvariants(world.machine);
  }
  for (const task of world.tasks)
    for (let place = 0; place < 4; place += 1) for (let i = 0; i < pagesOf(place); i += 1) world.read(task, place, i);
  assertInvariants(world.machine);
  return world;
};

describe("histories under pressure", () => {
  for (const architecture of machines) {
    it(`lose nothing that was written, on ${architecture.name}`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
          const world = run(architecture, seed, 600);
          while (world.tasks.length > 0) world.exit(world.tasks[0]);
          world.file.close();
          expect([world.swap.count("write") > 20, world.swap.count("read") > 20]).to.deep.equal([true, true]);
          const { swapper } = world.machine.parts.reclaimer;
          expect([swapper?.slots.inUse, swapper?.departing, swapper?.arriving]).to.deep.equal([0, 0, 0]);
          assertInvariants(world.machine);
          for (const [page, value] of world.fileContent) {
            const bytes = world.pager.bytes(page * world.page, 4);
            expect(new DataView(bytes.buffer).getUint32(0, architecture.byteOrder === "little")).to.equal(value);
          }
        }),
        { numRuns: 4 },
      );
    });
  }

  for (const weather of ["failing", "slow"] as const) {
    for (const architecture of [abs32le, arm32, mips32, sparc64]) {
      it(`lose nothing with a ${weather} device, on ${architecture.name}`, () => {
        let failures = 0;
        for (const seed of [1, 2, 3]) {
          const world = run(architecture, seed, 500, weather);
          while (world.tasks.length > 0) world.exit(world.tasks[0]);
          world.swap.answer();
          world.file.close();
          const { swapper } = world.machine.parts.reclaimer;
          expect([swapper?.slots.inUse, swapper?.departing, swapper?.arriving]).to.deep.equal([0, 0, 0]);
          failures += swapper?.failures ?? 0;
          assertInvariants(world.machine);
        }
        expect(failures > 0).to.equal(weather === "failing");
      });
    }
  }

  for (const architecture of [abs32le, arm32]) {
    it(`lose nothing whichever one transfer of the device fails, on ${architecture.name}`, () => {
      for (let failing = 1; ; failing += 1) {
        const world = run(architecture, 11, 70, failing);
        while (world.tasks.length > 0) world.exit(world.tasks[0]);
        world.file.close();
        const { swapper } = world.machine.parts.reclaimer;
        expect([swapper?.slots.inUse, swapper?.departing, swapper?.arriving], `transfer ${failing}`).to.deep.equal([0, 0, 0]);
        assertInvariants(world.machine);
        const { log } = world.swap;
        expect(swapper?.failures, `transfer ${failing}`).to.equal((log[failing - 1] ?? "").startsWith("write") ? 1 : 0);
        if (log.length < failing) {
          expect([world.swap.count("write"), world.swap.count("read")].every((count) => count > 10)).to.equal(true);
          break;
        }
      }
    });
  }
});
