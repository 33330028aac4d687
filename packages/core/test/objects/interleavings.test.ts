/** Forks, copies and exits on two processors, one inside the other at every point where that can happen, both ways round. */
import { expect } from "chai";
import { assertInvariants, interleave, type AddressSpace, type Architecture, type Machine } from "#src/index.js";
import { area, build, fewAsids, machines } from "../fixture.js";

interface Stage {
  readonly machine: Machine;
  readonly size: number;
  readonly parent: AddressSpace;
  readonly child: AddressSpace;
  /** What the work made. */
  readonly made: AddressSpace[];
}

/** A parent on processor 0, its child on processor 1, three pages between them; both have an own page over a frozen one. */
const stage = (architecture: Architecture, isThreaded: boolean): Stage => {
  const machine = build(fewAsids(architecture), { cpus: 2, memoryBytes: 96 * 2 ** architecture.pageShift });
  const size = machine.parts.units.pageSize;
  const parent = machine.spaces.create();
  machine.switchTo(parent, 0);
  area(parent, 16 * size, 4);
  for (const page of [16, 17, 18]) machine.write32(page * size, page);
  const child = machine.spaces.fork(parent);
  machine.switchTo(isThreaded ? parent : child, 1);
  for (const page of [16, 17]) machine.read32(page * size, 1);
  return { machine, size, parent, child, made: [] };
};

type Work = (stage: Stage, cpu: number) => unknown;
const write =
  (page: number, value: number): Work =>
  ({ machine, size }, cpu) =>
    machine.write32(page * size, value, cpu);
const read =
  (page: number): Work =>
  ({ machine, size }, cpu) =>
    machine.read32(page * size, cpu);
const fork: Work = ({ machine, parent, made }) => {
  made.push(machine.spaces.fork(parent));
  return "forked";
};
const forkChild: Work = ({ machine, child, made }) => {
  made.push(machine.spaces.fork(child));
  return "forked";
};
const exitChild: Work = ({ child }) => {
  child.destroy();
  return "gone";
};
const unmap: Work = ({ parent, size }) => {
  parent.resizeArea(16 * size, size);
  return "cut";
};

interface Pair {
  /** Both processors run the parent; else the second runs the child. */
  readonly isThreaded: boolean;
  readonly one: Work;
  readonly two: Work;
  readonly endings: readonly (readonly [unknown, unknown])[];
  /** What may be seen afterwards: pages of the parent, and pages of what was made. */
  readonly parent: (values: readonly number[]) => boolean;
}

const pairs: Record<string, Pair> = {
  "two threads write one page": {
    isThreaded: true,
    one: write(16, 100),
    two: write(16, 200),
    endings: [[true, true]],
    parent: ([first]) => first === 100 || first === 200,
  },
  "two threads write and read one page": {
    isThreaded: true,
    one: write(16, 100),
    two: read(16),
    endings: [
      [true, 16],
      [true, 100],
    ],
    parent: ([first]) => first === 100,
  },
  "parent and child write one page": {
    isThreaded: false,
    one: write(16, 100),
    two: write(16, 200),
    endings: [[true, true]],
    parent: ([first]) => first === 100,
  },
  "a fork and a write of a thread": {
    isThreaded: true,
    one: fork,
    two: write(17, 200),
    endings: [["forked", true]],
    parent: ([, second]) => second === 200,
  },
  "a fork and a write of the child": {
    isThreaded: false,
    one: fork,
    two: write(17, 200),
    endings: [["forked", true]],
    parent: ([, second]) => second === 17,
  },
  "forks of both": { isThreaded: false, one: fork, two: forkChild, endings: [["forked", "forked"]], parent: ([first]) => first === 16 },
  "a copy and the exit of the other": {
    isThreaded: true,
    one: write(16, 100),
    two: exitChild,
    endings: [[true, "gone"]],
    parent: ([first]) => first === 100,
  },
  "a fork and the exit of the other": {
    isThreaded: true,
    one: fork,
    two: exitChild,
    endings: [["forked", "gone"]],
    parent: ([first]) => first === 16,
  },
  "a copy and a cut": {
    isThreaded: true,
    one: write(18, 100),
    two: unmap,
    endings: [
      [true, "cut"],
      [false, "cut"],
    ],
    parent: ([first]) => first === 16,
  },
};

/** A tree and a hash, with and without ASIDs, walked by hardware and refilled by software. */
const chosen = machines.filter(({ name }) => ["abs32le", "amd64", "mips32", "sparc64"].includes(name));

describe("forks on two processors", () => {
  for (const architecture of chosen) {
    for (const [name, pair] of Object.entries(pairs)) {
      it(`${architecture.name}: ${name}: every order ends well`, () => {
        for (const isSwapped of [false, true]) {
          let points = 1;
          for (let at = 0; at <= points; at += 1) {
            const set = stage(architecture, pair.isThreaded);
            const { machine, size, parent, child, made } = set;
            const one = { cpu: 0, run: () => pair.one(set, 0) };
            const two = { cpu: 1, run: () => pair.two(set, 1) };
            const result = isSwapped ? interleave(machine, two, one, at) : interleave(machine, one, two, at);
            points = result.points;
            const where = `${isSwapped ? "swapped, " : ""}at ${at}, entered at ${result.enteredAt} (${result.point})`;
            const endings = isSwapped ? [result.inner, result.outer] : [result.outer, result.inner];
            assertInvariants(machine);
            expect(pair.endings, where).to.deep.include(endings);
            expect(pair.parent([16, 17].map((page) => machine.read32(page * size, 0))), where).to.equal(true);
            for (const each of made) {
              machine.switchTo(each, 1);
              const [first, second] = [16, 17].map((page) => machine.read32(page * size, 1));
              expect([16, 100, 200], where).to.include(first);
              expect([17, 200], where).to.include(second);
            }
            for (const cpu of [0, 1]) machine.switchToKernel(cpu);
            for (const space of [parent, child, ...made]) if (!space.isDestroyed) space.destroy();
            assertInvariants(machine);
          }
          // An access that hits the TLB is one step; everything else can be interrupted.
          if (!isSwapped) expect(points).to.be.greaterThan(1);
        }
      });
    }
  }
});
