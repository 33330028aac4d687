/** Random histories of forks, writes, unmaps, splits and exits, against tasks that are maps from pages to values. */
import { expect } from "chai";
import fc from "fast-check";
import { anonymous, assertInvariants, image, physical, type AddressSpace, type Architecture, type Machine } from "#src/index.js";
import { unmapRange } from "#src/address-space/unmap-range.js";
import { build, fewAsids, machines, RO, RW } from "../fixture.js";

const FIRST = 16;
const PAGES = 8;
/** Areas of every kind lie one behind the other; the last page of each stays free. */
const KINDS = ["anonymous", "image", "shared", "anonymous"] as const;
const pageOf = (kind: number, page: number): number => FIRST + kind * (PAGES + 1) + page;

interface Task {
  readonly space: AddressSpace;
  /** Value by page; a page that is not there is unmapped. */
  readonly pages: Map<number, number>;
}

type Step =
  | { readonly kind: "fork"; readonly task: number }
  | { readonly kind: "exit"; readonly task: number }
  | { readonly kind: "write" | "read"; readonly task: number; readonly page: number; readonly cpu: number }
  | { readonly kind: "unmap"; readonly task: number; readonly page: number; readonly count: number }
  | { readonly kind: "protect"; readonly task: number; readonly area: number };

const page = fc.tuple(fc.nat({ max: KINDS.length - 1 }), fc.nat({ max: PAGES - 1 })).map(([kind, at]) => pageOf(kind, at));
const task = fc.nat({ max: 7 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("fork" as const), task }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("exit" as const), task }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("write" as const), task, page, cpu: fc.nat({ max: 1 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("read" as const), task, page, cpu: fc.nat({ max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("unmap" as const), task, page, count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("protect" as const), task, area: fc.constantFrom(0, 3) }) },
);

class World {
  readonly machine: Machine;
  readonly size: number;
  readonly tasks: Task[] = [];
  readonly shared = new Map<number, number>();
  readonly #file;
  readonly #freeAtFirst: number;
  #value = 1;

  constructor(architecture: Architecture) {
    this.machine = build(fewAsids(architecture), { cpus: 2, memoryBytes: 512 * 2 ** architecture.pageShift });
    this.size = this.machine.parts.units.pageSize;
    this.#freeAtFirst = this.machine.parts.frames.free;
    const { size } = this;
    const bytes = new Uint8Array(PAGES * size);
    new DataView(bytes.buffer).setUint8(2 * size, 77);
    this.#file = this.machine.loadImage(bytes);
    const space = this.machine.spaces.create();
    const other = this.machine.spaces.create();
    const pages = new Map<number, number>();
    KINDS.forEach((kind, index) => {
      const base = pageOf(index, 0) * size;
      const segment = { lead: 4, fileOffset: 4, fileSize: 5 * size, memorySize: PAGES * size - 4, writable: true };
      const backend = kind === "image" ? image(this.#file, segment) : anonymous;
      space.createArea({ base, size: PAGES * size, flags: RW, backend });
      if (kind === "shared") space.shareArea(base, PAGES * size, other, base, RO);
      for (let at = 0; at < PAGES; at += 1) pages.set(pageOf(index, at), kind === "image" && at === 2 ? 77 : 0);
    });
    space.createArea({ base: 200 * size, size, flags: RW, backend: physical(0, 1) });
    other.destroy();
    this.tasks.push({ space, pages });
  }

  isShared(at: number): boolean {
    return at >= pageOf(2, 0) && at < pageOf(2, PAGES);
  }

  run(step: Step): void {
    const { machine, size, tasks } = this;
    const chosen = tasks[step.task % Math.max(1, tasks.length)];
    if (chosen === undefined) return;
    const { space, pages } = chosen;
    switch (step.kind) {
      case "fork":
        if (tasks.length < 8) tasks.push({ space: machine.spaces.fork(space), pages: new Map(pages) });
        break;
      case "exit":
        if (tasks.length === 1) break;
        for (const cpu of [0, 1]) if (machine.installed(cpu) === space) machine.switchToKernel(cpu);
        space.destroy();
        tasks.splice(tasks.indexOf(chosen), 1);
        break;
      case "write": {
        machine.switchTo(space, step.cpu);
        const value = (this.#value = (this.#value % 250) + 1);
        const isDone = machine.write8(step.page * size, value, step.cpu);
        expect(isDone).to.equal(pages.has(step.page));
        if (!isDone) break;
        pages.set(step.page, value);
        if (this.isShared(step.page)) for (const each of tasks) if (each.pages.has(step.page)) each.pages.set(step.page, value);
        if (this.isShared(step.page)) this.shared.set(step.page, value);
        break;
      }
      case "read":
        machine.switchTo(space, step.cpu);
        expect(machine.read8(step.page * size, step.cpu)).to.equal(pages.get(step.page) ?? -1);
        break;
      case "unmap":
        unmapRange(space, step.page, step.count);
        for (let at = step.page; at < step.page + step.count; at += 1) pages.delete(at);
        break;
      case "protect":
        if (pages.has(pageOf(step.area, 0))) {
          space.changeAreaFlags(pageOf(step.area, 0) * size, RO);
          assertInvariants(machine);
          space.changeAreaFlags(pageOf(step.area, 0) * size, RW);
        }
    }
  }

  /** What every task reads, everywhere. */
  compare(): void {
    const { machine, size } = this;
    for (const { space, pages } of this.tasks) {
      machine.switchTo(space, 1);
      for (const [at, value] of pages) expect(machine.read8(at * size, 1), `page ${at} of space ${space.id}`).to.equal(value);
    }
  }

  end(): void {
    for (const cpu of [0, 1]) this.machine.switchToKernel(cpu);
    for (const { space } of this.tasks.splice(0)) space.destroy();
    this.#file.close();
    assertInvariants(this.machine);
    // A hash keeps chains that it grew.
    if (this.machine.architecture.translation.kind === "hierarchical") expect(this.machine.parts.frames.free).to.equal(this.#freeAtFirst);
  }
}

describe("histories of forks", () => {
  for (const architecture of machines) {
    it(`${architecture.name}: every task reads what it wrote or inherited, and nothing else`, () => {
      fc.assert(
        fc.property(fc.array(anyStep, { minLength: 20, maxLength: 80 }), (steps) => {
          const world = new World(architecture);
          for (const each of steps) {
            world.run(each);
            assertInvariants(world.machine);
          }
          world.compare();
          assertInvariants(world.machine);
          world.end();
        }),
        { numRuns: 6, seed: 4711 },
      );
    }).timeout(120_000);
  }
});
