/** A page goes out on one processor while another uses it, in every order in which one can come inside the other. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { arm32 } from "@portolan/arch-arm";
import { sparc64 } from "@portolan/arch-sparc64";
import { interleave, violations, type AddressSpace, type Architecture, type Machine } from "#src/index.js";
import { materialise } from "#src/address-space/materialise.js";
import type { ShadowObject } from "#src/objects/shadow-object.js";
import type { Swapper } from "#src/swap/swapper.js";
import { area, build, installed } from "../fixture.js";
import { TestSwap } from "./test-swap.js";

interface Scene {
  readonly machine: Machine;
  readonly swapper: Swapper;
  readonly space: AddressSpace;
  readonly child: AddressSpace;
  readonly front: ShadowObject;
  readonly at: (page: number) => number;
}

/** A parent on processor 0 and its child on processor 1; both see page 1 of the frozen shadow, which holds 101. The parent has it mapped. */
const scene = (architecture: Architecture, isMappedByBoth: boolean): Scene => {
  const machine = build(architecture, { swap: new TestSwap(8), cpus: 2, memoryBytes: 160 * 2 ** architecture.pageShift });
  const { swapper } = machine.parts.reclaimer;
  if (swapper === null) throw new Error("a machine with a device has no swapper");
  const space = installed(machine);
  const size = machine.parts.units.pageSize;
  const base = Number(architecture.layout.user.first) + 16 * size;
  const at = (page: number): number => base + page * size;
  area(space, base, 4);
  for (let i = 0; i < 4; i += 1) machine.write32(at(i), 100 + i);
  const front = materialise(space, space.tree.first());
  const child = machine.spaces.fork(space);
  machine.switchTo(child, 1);
  for (let i = 0; i < 4; i += 1) {
    machine.read32(at(i), 0);
    if (isMappedByBoth) machine.read32(at(i), 1);
  }
  return { machine, swapper, space, child, front, at };
};

interface Other {
  readonly run: (all: Scene) => unknown;
  /** What page 1 holds afterwards on processor 0, and on processor 1; null where nobody is left there. */
  readonly mine: (all: Scene) => unknown;
  readonly theirs: (all: Scene) => unknown;
}

const others: Readonly<Record<string, Other>> = {
  "a read": { run: ({ machine, at }) => machine.read32(at(1), 1), mine: () => 101, theirs: () => 101 },
  "a write": { run: ({ machine, at }) => machine.write32(at(1), 7, 1), mine: () => 101, theirs: () => 7 },
  "a second page-out": { run: ({ swapper, front }) => swapper.pageOut(front, 1), mine: () => 101, theirs: () => 101 },
  "a page-out of a neighbour": { run: ({ swapper, front }) => swapper.pageOut(front, 2), mine: () => 101, theirs: () => 101 },
  "a fork": {
    run: ({ machine, child }) => machine.spaces.fork(child).id > 0,
    mine: () => 101,
    theirs: () => 101,
  },
  "the exit of the child": {
    run: ({ machine, child }) => {
      machine.switchToKernel(1);
      child.destroy();
    },
    mine: () => 101,
    theirs: () => null,
  },
};

describe("page-outs inside and outside of other work", () => {
  for (const [architecture, stride] of [
    [abs32le, 2],
    [arm32, 7],
    [sparc64, 7],
  ] as const) {
    for (const [name, { run, mine, theirs }] of Object.entries(others)) {
      for (const isOuter of [true, false]) {
        it(`${architecture.name}: ${isOuter ? `${name} inside a page-out` : `a page-out inside ${name}`} leaves both sides their bytes`, () => {
          let at = 0;
          for (let points = 1; at <= points; at += stride) {
            const all = scene(architecture, name !== "a read");
            const { machine, swapper, front } = all;
            const pageOut = { cpu: 0, run: () => swapper.pageOut(front, 1) };
            const other = { cpu: 1, run: () => run(all) };
            const result = isOuter ? interleave(machine, pageOut, other, at) : interleave(machine, other, pageOut, at);
            points = result.points;
            const where = `at ${at}, ${result.point ?? "the end"}`;
            expect(machine.read32(all.at(1), 0), where).to.equal(mine(all));
            const expected = theirs(all);
            if (expected !== null) expect(machine.read32(all.at(1), 1), where).to.equal(expected);
            for (const i of [0, 2, 3]) expect(machine.read32(all.at(i), 0), where).to.equal(100 + i);
            expect(violations(machine), where).to.deep.equal([]);
            expect([swapper.departing, swapper.arriving]).to.deep.equal([0, 0]);
          }
          expect(at).to.be.greaterThan(5);
        });
      }
    }
  }
});
