/** Working sets larger than memory: everything is there when it is asked for, on every machine. */
import { expect } from "chai";
import { assertInvariants, type Machine, type MachineOptions } from "#src/index.js";
import { MemorySwap } from "#src/swap/memory-swap.js";
import { Random } from "#src/random.js";
import { area, build, installed, machines } from "../fixture.js";
import type { Architecture } from "#src/index.js";

const FRAMES = 64;

const small = (
  architecture: Architecture,
  options: MachineOptions = {},
): { machine: Machine; swap: MemorySwap; base: number; page: number } => {
  const swap = new MemorySwap(FRAMES * 8);
  const page = 2 ** architecture.pageShift;
  const machine = build(architecture, { memoryBytes: FRAMES * page + tablesOf(architecture), swap, ...options });
  return { machine, swap, base: Number(architecture.layout.user.first) + 16 * page, page };
};

/** Room for the tables of the kernel and of a space, which never leave memory. */
const tablesOf = (architecture: Architecture): number =>
  2 ** architecture.pageShift * (architecture.translation.kind === "hashed" ? 64 : 32);

describe("memory under pressure", () => {
  for (const architecture of machines) {
    it(`holds three times what it has, on ${architecture.name}`, () => {
      const { machine, swap, base, page } = small(architecture);
      const space = installed(machine);
      const pages = machine.parts.frames.free * 3;
      area(space, base, pages);
      for (let i = 0; i < pages; i += 1) expect(machine.write32(base + i * page, i * 17 + 1), `page ${i}`).to.equal(true);
      assertInvariants(machine);
      for (let i = 0; i < pages; i += 1) expect(machine.read32(base + i * page), `page ${i}`).to.equal(i * 17 + 1);
      assertInvariants(machine);
      const random = new Random(7);
      const model = Array.from({ length: pages }, (_, i) => i * 17 + 1);
      for (let step = 0; step < pages * 2; step += 1) {
        const i = random.below(pages);
        expect(machine.read32(base + i * page)).to.equal(model[i]);
        if (random.below(2) === 0) expect(machine.write32(base + i * page, (model[i] = step))).to.equal(true);
      }
      assertInvariants(machine);
      expect(swap.writes).to.be.greaterThan(pages / 2);
      machine.switchToKernel();
      space.destroy();
      expect(machine.parts.reclaimer.swapper?.slots.inUse).to.equal(0);
      assertInvariants(machine);
    });
  }
});
