import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { buildMachine, type Architecture, type Machine, type PortolanEvent } from "#src/index.js";
import { area } from "../fixture.js";

/** A machine, and the tables that exist by what it tells. */
const watched = (architecture: Architecture): { machine: Machine; told: PortolanEvent[]; tables: Map<number, string> } => {
  const told: PortolanEvent[] = [];
  const tables = new Map<number, string>();
  const machine = buildMachine(architecture, {
    memoryBytes: 2 ** 22,
    cpus: 2,
    onEvent(event) {
      told.push(event);
      if (event.kind !== "table") return;
      const what = `space ${event.space}, level ${event.level}`;
      expect(tables.has(event.frame), `${event.action} of ${event.frame}`).to.equal(event.action === "free");
      if (event.action === "allocate") tables.set(event.frame, what);
      else {
        expect(tables.get(event.frame)).to.equal(what);
        tables.delete(event.frame);
      }
    },
  });
  return { machine, told, tables };
};

/** The frames of tables as the page tables count them. */
const counted = (machine: Machine): Set<number> => {
  const frames = new Set<number>();
  machine.parts.tables.eachTableFrame((frame) => frames.add(frame));
  return frames;
};

for (const architecture of [abs32le, ia32]) {
  describe(`what is told of page tables on ${architecture.name}`, () => {
    it("is the life of every table, from the first to the last", () => {
      const { machine, tables } = watched(architecture);
      const before = new Map(tables);
      expect(new Set(tables.keys())).to.deep.equal(counted(machine));
      const spaces = [machine.spaces.create(), machine.spaces.create()];
      for (const space of spaces) {
        area(space, 0x10000, 4);
        area(space, 0x40_0000, 4);
        machine.switchTo(space);
        for (const address of [0x10000, 0x40_0000]) expect(machine.write32(address, 1)).to.equal(true);
        expect(new Set(tables.keys())).to.deep.equal(counted(machine));
      }
      spaces[0]?.destroyArea(0x10000);
      expect(new Set(tables.keys())).to.deep.equal(counted(machine));
      machine.switchToKernel();
      for (const space of spaces) {
        for (const { base } of Array.from(space.areas())) space.destroyArea(base);
        space.release();
      }
      expect(tables).to.deep.equal(before);
    });

    it("comes when a table is let go, after every processor has forgotten it", () => {
      const { machine, told } = watched(architecture);
      const space = machine.spaces.create();
      area(space, 0x10000, 1);
      for (const cpu of [0, 1]) machine.switchTo(space, cpu);
      machine.write32(0x10000, 1);
      told.length = 0;
      space.destroyArea(0x10000);
      const kinds = told.map(({ kind }) => kind);
      expect(kinds.indexOf("table")).to.be.greaterThan(kinds.lastIndexOf("invalidate"));
      expect(kinds.lastIndexOf("invalidate")).to.be.greaterThan(-1);
    });
  });
}
