/** Parent and child write, exit, and cut their areas in two, in every order; and the exits of a chain of forks. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { sparc64 } from "@portolan/arch-sparc64";
import { assertInvariants, type AddressSpace, type Machine } from "#src/index.js";
import { protectRange } from "#src/address-space/protect-range.js";
import { AREA_READ } from "#src/area/area-flags.js";
import { ShadowObject } from "#src/objects/shadow-object.js";
import { area, build } from "../fixture.js";

const permutationsOf = <T>(items: readonly T[]): T[][] =>
  items.length === 0 ? [[]] : items.flatMap((item, i) => permutationsOf(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));

const OPERATIONS = ["parent writes", "child writes", "child exits", "parent exits", "parent is cut", "child is cut"] as const;

const stackOf = (machine: Machine, space: AddressSpace, page: number): ShadowObject[] => {
  const found: ShadowObject[] = [];
  for (let each = machine.parts.areas.objectOf(space.tree.find(page)); each instanceof ShadowObject; each = each.below) found.push(each);
  return found;
};

describe("orders of what parent and child do", () => {
  for (const architecture of [abs32le, sparc64]) {
    for (const [parentPage, childPage] of [
      [16, 16],
      [16, 17],
    ]) {
      it(`${architecture.name}: all ${OPERATIONS.length} of them, writing pages ${parentPage} and ${childPage}, leave each what is its own`, () => {
        for (const order of permutationsOf(OPERATIONS)) {
          const machine = build(architecture, { cpus: 2, memoryBytes: 64 * 2 ** architecture.pageShift });
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
          for (const operation of order) {
            const who = views[operation.startsWith("parent") ? 0 : 1];
            const { space, cpu, pages } = who;
            if (!who.isAlive) continue;
            if (operation.endsWith("writes")) {
              const page = cpu === 0 ? parentPage : childPage;
              expect(machine.write32(page * size, 100 + cpu, cpu)).to.equal(true);
              pages.set(page, 100 + cpu);
            } else if (operation.endsWith("cut")) {
              protectRange(space, 17, 1, AREA_READ);
              protectRange(space, 17, 1, 3);
            } else {
              machine.switchToKernel(cpu);
              space.destroy();
              who.isAlive = false;
            }
            assertInvariants(machine);
            for (const other of views) {
              if (!other.isAlive) continue;
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
