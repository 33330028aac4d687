/** Marks of use, asked for and taken away: on every machine, through the processors that leave them. */
import { expect } from "chai";
import { READ, USER } from "#src/index.js";
import { area, build, installed, machines } from "../fixture.js";

describe("marks of use", () => {
  for (const architecture of machines) {
    const records = architecture.can.recordAccess !== "no";
    it(`${records ? "come back with the next access" : "are never there"} on ${architecture.name}, once they were taken away and that was settled`, () => {
      const machine = build(architecture, { cpus: 2 });
      const { tables, withdrawals, units } = machine.parts;
      const space = installed(machine);
      machine.switchTo(space, 1);
      const base = Number(architecture.layout.user.first) + 16 * units.pageSize;
      area(space, base, 4);
      const page = units.pageOf(BigInt(base));
      const ask = (): boolean => {
        const debt = withdrawals.begin(space.context, page, 1);
        const wasAccessed = tables.testAndClearAccessed(space.context, page, debt);
        withdrawals.settle();
        return wasAccessed;
      };
      expect(ask(), "an absent page").to.equal(false);
      for (const cpu of [0, 1]) expect(machine.read32(BigInt(base), cpu)).to.equal(0);
      expect([ask(), ask()]).to.deep.equal([records, false]);
      for (const cpu of [0, 1]) {
        expect(machine.read32(BigInt(base), cpu)).to.equal(0);
        expect([ask(), ask()], `processor ${cpu}`).to.deep.equal([records, false]);
      }
      expect(tables.walk(space.context, BigInt(base), READ, USER).steps.length).to.be.greaterThan(0);
    });
  }
});
