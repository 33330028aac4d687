/** What fork promises, in the smallest cases there are. */
import { expect } from "chai";
import { assertInvariants } from "#src/index.js";
import { area, build, installed, machines } from "../fixture.js";

describe("fork", () => {
  for (const architecture of machines) {
    it(`${architecture.name}: parent and child read what was there, and neither sees what the other writes`, () => {
      const machine = build(architecture, { cpus: 2 });
      const size = machine.parts.units.pageSize;
      const at = (page: number): number => page * size;
      const before = machine.parts.frames.free;
      const parent = installed(machine);
      area(parent, at(16), 8);
      for (const page of [16, 17, 18, 20]) machine.write32(at(page), page);
      const child = machine.spaces.fork(parent);
      assertInvariants(machine);
      machine.switchTo(child, 1);
      for (const page of [16, 17, 18, 20]) expect(machine.read32(at(page), 1)).to.equal(page);
      expect(machine.read32(at(19), 1)).to.equal(0);
      assertInvariants(machine);
      expect(machine.write32(at(16), 100)).to.equal(true);
      expect(machine.write32(at(17), 200, 1)).to.equal(true);
      expect(machine.write32(at(19), 300, 1)).to.equal(true);
      expect(machine.write32(at(21), 400)).to.equal(true);
      assertInvariants(machine);
      expect([16, 17, 18, 19, 20, 21].map((page) => machine.read32(at(page)))).to.deep.equal([100, 17, 18, 0, 20, 400]);
      expect([16, 17, 18, 19, 20, 21].map((page) => machine.read32(at(page), 1))).to.deep.equal([16, 200, 18, 300, 20, 0]);
      assertInvariants(machine);
      machine.switchToKernel(0);
      parent.destroy();
      assertInvariants(machine);
      expect([16, 17, 18, 19, 20, 21].map((page) => machine.read32(at(page), 1))).to.deep.equal([16, 200, 18, 300, 20, 0]);
      machine.switchToKernel(1);
      child.destroy();
      assertInvariants(machine);
      expect(machine.parts.frames.free).to.be.at.least(before - (architecture.translation.kind === "hashed" ? 2 : 0));
    });
  }
});
