/** Parent and child write, exit, and cut their areas in two, in every order; and the exits of a chain of forks. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { sparc64 } from "@portolan/arch-sparc64";
import { assertInvariants, MemorySwap, type AddressSpace, type Machine } from "#src/index.js";
import { protectRange } from "#src/address-space/protect-range.js";
import { AREA_READ, AREA_WRITE } from "#src/area/area-flags.js";
import { ShadowObject } from "#src/objects/shadow-object.js";
import { area, build } from "../fixture.js";

const permutationsOf = <T>(items: readonly T[]): T[][] =>
  items.length === 0 ? [[]] : items.flatMap((item, i) => permutationsOf(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));

const OPERATIONS = ["parent writes", "child writes", "child exits", "parent exits", "both are cut", "pages go out"] as const;

const stackOf = (machine: Machine, space: AddressSpace, page: number): ShadowObject[] => {
  const found: ShadowObject[] = [];
  for (let each = machine.parts.areas.objectOf(space.tree.find(page)); each instanceof ShadowObject; each = each.below) found.push(each);
  return found;
};

/** Sends every page of a stack that is seen at `page` to the swap device. */
const pageOut = (machine: Machine, space: AddressSpace, page: number): void => {
  const { areas, reclaimer } = machine.parts;
  const row = space.tree.find(page);
  const offset = areas.offsetOf(row) + page - areas.firstOf(row);
  for (const shadow of stackOf(machine, space, page)) if (shadow.cache.get(offset) >= 0) reclaimer.swapper?.pageOut(shadow, offset);
};

describe("orders of what parent and child do", () => {
  // All orders on one machine, and some on one that is as unlike it as can be.
  for (const [architecture, stride] of [
    [abs32le, 1],
    [sparc64, 7],
  ] as const) {
    for (const [parentPage, childPage] of [
      [16, 16],
      [16, 17],
    ]) {
      it(`${architecture.name}: all ${OPERATIONS.length} of them, writing pages ${parentPage} and ${childPage}, leave each what is its own`, () => {
        for (const [index, order] of permutationsOf(OPERATIONS).entries()) {
          if (index % stride !== 0) continue;
          const swap = new MemorySwap(16);
          const machine = build(architecture, { cpus: 2, memoryBytes: 64 * 2 ** architecture.pageShift, swap });
          const { free } = machine.parts.frames;
          const size = machine.parts.units.pageSize;
          const parent = machine.spaces.create();
          machine.switchTo(parent, 0);
          area(parent, 16 * size, 2);
          for (const page of [16, 17]) machine.write32(page * size, page);
          const child = machine.spaces.fork(parent);
          machine.switchTo(child, 1);
          const views = [
            { space: parent, cpu: 0, pages: new Map([16, 17].map((page) => [page, page])), isAlive: true },
            { space: child, cpu: 1, pages: new Map([16, 17].map((page) => [page, page])), isAlive: true },
          ];
          const alive = (): typeof views => views.filter(({ isAlive }) => isAlive);
          for (const operation of order) {
            if (operation === "both are cut") {
              for (const { space } of alive()) {
                protectRange(space, 17, 1, AREA_READ);
                protectRange(space, 17, 1, AREA_READ | AREA_WRITE);
              }
            } else if (operation === "pages go out") {
              for (const { space } of alive()) for (const page of [16, 17]) pageOut(machine, space, page);
            } else {
              const who = views[operation.startsWith("parent") ? 0 : 1];
              if (!who.isAlive) continue;
              if (operation.endsWith("writes")) {
                const page = who.cpu === 0 ? parentPage : childPage;
                expect(machine.write32(page * size, 100 + who.cpu, who.cpu)).to.equal(true);
                who.pages.set(page, 100 + who.cpu);
              } else {
                machine.switchToKernel(who.cpu);
                who.space.destroy();
                who.isAlive = false;
              }
            }
            assertInvariants(machine);
            for (const other of alive()) {
              for (const [page, value] of other.pages) expect(machine.read32(page * size, other.cpu), order.join(", ")).to.equal(value);
            }
          }
          assertInvariants(machine);
          if (architecture.translation.kind === "hierarchical") expect(machine.parts.frames.free).to.equal(free);
        }
      }).timeout(120_000);
    }
  }

  it("a chain of forks ends well, whoever exits when", () => {
    for (const order of permutationsOf([0, 1, 2, 3])) {
      const machine = build(abs32le, { memoryBytes: 64 * 4096 });
      const { free } = machine.parts.frames;
      const spaces = [machine.spaces.create()];
      area(spaces[0], 16 * 4096, 6);
      machine.switchTo(spaces[0]);
      for (let page = 0; page < 6; page += 1) machine.write32((16 + page) * 4096, page);
      // Each is the child of the one before, and writes one page more.
      for (let i = 1; i < 4; i += 1) {
        spaces.push(machine.spaces.fork(spaces[i - 1]));
        machine.switchTo(spaces[i]);
        machine.write32((16 + i) * 4096, 100 * i);
      }
      const expected = [0, 1, 2, 3].map((who) => [0, 1, 2, 3, 4, 5].map((page) => (page >= 1 && page <= who ? 100 * page : page)));
      const alive = new Set([0, 1, 2, 3]);
      machine.switchToKernel();
      for (const who of order) {
        spaces[who].destroy();
        alive.delete(who);
        assertInvariants(machine);
        for (const other of alive) {
          machine.switchTo(spaces[other]);
          expect([0, 1, 2, 3, 4, 5].map((page) => machine.read32((16 + page) * 4096))).to.deep.equal(expected[other]);
          expect(stackOf(machine, spaces[other], 16).length).to.be.at.most(alive.size);
        }
        machine.switchToKernel();
      }
      expect(machine.parts.frames.free).to.equal(free);
    }
  });

  it("pages that a merge brings into a shadow below are not passed by", () => {
    const machine = build(abs32le, { memoryBytes: 64 * 4096 });
    const at = (page: number): number => (16 + page) * 4096;
    const parent = machine.spaces.create();
    machine.switchTo(parent);
    area(parent, at(0), 4);
    for (const page of [0, 1]) machine.write32(at(page), 100 + page);
    const elder = machine.spaces.fork(parent);
    for (const page of [2, 3]) machine.write32(at(page), 100 + page);
    const younger = machine.spaces.fork(parent);
    // The front lacks page 3 of the shadow below, which is what it is known to lack…
    machine.write32(at(2), 2);
    expect(stackOf(machine, parent, 16).map(({ cache }) => cache.pages)).to.deep.equal([1, 2, 2]);
    // …and pages 0 and 1 as well, once the lowest shadow has been merged into that one.
    elder.destroy();
    expect(stackOf(machine, parent, 16).map(({ cache }) => cache.pages)).to.deep.equal([1, 4]);
    machine.write32(at(3), 3);
    expect([0, 1, 2, 3].map((page) => machine.read32(at(page)))).to.deep.equal([100, 101, 2, 3]);
    assertInvariants(machine);
    machine.switchTo(younger);
    expect([0, 1, 2, 3].map((page) => machine.read32(at(page)))).to.deep.equal([100, 101, 102, 103]);
  });

  it("a front that has all the pages of those below goes past them, and swapped-out pages count", () => {
    const machine = build(abs32le, { memoryBytes: 64 * 4096 });
    const at = (page: number): number => (16 + page) * 4096;
    const parent = machine.spaces.create();
    machine.switchTo(parent);
    area(parent, at(0), 4);
    for (const page of [0, 1]) machine.write32(at(page), 100 + page);
    const child = machine.spaces.fork(parent);
    const [below] = stackOf(machine, parent, 16);
    machine.write32(at(0), 1);
    expect(stackOf(machine, parent, 16)).to.include(below);
    // A page that lies in a slot is present like every other.
    below.cache.setSlot(3, 5);
    machine.write32(at(1), 2);
    expect(stackOf(machine, parent, 16)).to.include(below);
    machine.write32(at(2), 3);
    below.cache.clearSlot(3);
    machine.write32(at(3), 4);
    expect(stackOf(machine, parent, 16)).not.to.include(below);
    expect(stackOf(machine, child, 16)).to.deep.equal([below]);
    assertInvariants(machine);
  });

  it("a shell that forks for each of ten thousand commands keeps a stack of one", () => {
    const machine = build(abs32le, { memoryBytes: 64 * 4096 });
    machine.parts.locks.discipline = null;
    const shell = machine.spaces.create();
    area(shell, 16 * 4096, 4);
    machine.switchTo(shell);
    machine.write32(16 * 4096, 1);
    for (let command = 0; command < 10_000; command += 1) {
      const child = machine.spaces.fork(shell);
      machine.write32((16 + (command % 4)) * 4096, command);
      machine.switchTo(child);
      machine.write32((16 + (command % 3)) * 4096, 1);
      machine.switchTo(shell);
      child.destroy();
      expect(stackOf(machine, shell, 16).length).to.equal(1);
    }
    assertInvariants(machine);
  });
});
