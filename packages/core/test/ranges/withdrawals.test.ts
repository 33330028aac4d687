/** What changes of ranges cost other processors, and what they leave. */
import { expect } from "chai";
import { moveRange } from "#src/address-space/move-range.js";
import { protectRange } from "#src/address-space/protect-range.js";
import { unmapRange } from "#src/address-space/unmap-range.js";
import { assertInvariants, type AddressSpace, type Machine, type PortolanEvent } from "#src/index.js";
import { PAGE_ACCESSED, PAGE_DIRTY } from "#src/architecture/rights.js";
import { area, build, installed, machines, paper, RO, RW } from "../fixture.js";

/** What a machine tells while `work` is done. */
const told = (machine: Machine, work: () => void): PortolanEvent[] => {
  const events: PortolanEvent[] = [];
  machine.parts.events.sink = (event) => events.push(event);
  work();
  machine.parts.events.sink = null;
  return events;
};

const actions = (events: readonly PortolanEvent[]): string[] => events.flatMap((event) => (event.kind === "area" ? [event.action] : []));

const shootdowns = (events: readonly PortolanEvent[]): number => events.filter(({ kind }) => kind === "shootdown").length;

/** An area of 64 pages, all of them in use. */
const scene = (machine: Machine): { space: AddressSpace; size: number } => {
  const space = installed(machine);
  const size = machine.parts.units.pageSize;
  area(space, 16 * size, 64);
  for (let page = 16; page < 80; page += 1) machine.write32(page * size, page);
  return { space, size };
};

describe("changes of ranges", () => {
  for (const architecture of machines) {
    it(`${architecture.name}: stop other processors once for an area, and not at all for what is gained`, () => {
      const machine = build(architecture, { cpus: 2 });
      const { space } = scene(machine);
      const lost = told(machine, () => protectRange(space, 20, 30, RO & 7));
      expect([shootdowns(lost), actions(lost)]).to.deep.equal([1, ["split", "split", "flags"]]);
      const gained = told(machine, () => protectRange(space, 20, 30, RW & 7));
      expect([shootdowns(gained), actions(gained)]).to.deep.equal([0, ["flags", "merge", "merge"]]);
      const cut = told(machine, () => unmapRange(space, 30, 10));
      expect([shootdowns(cut), actions(cut)]).to.deep.equal([1, ["split", "resize"]]);
      const both = told(machine, () => unmapRange(space, 25, 20));
      expect([shootdowns(both), actions(both)]).to.deep.equal([2, ["resize", "resize"]]);
      const nothing = told(machine, () => unmapRange(space, 25, 20));
      expect(nothing).to.deep.equal([]);
      assertInvariants(machine);
    });

    it(`${architecture.name}: cut and merge within one area where it has to be done, and leave no promise of memory open`, () => {
      const machine = build(architecture);
      const { space } = scene(machine);
      const { areas } = machine.parts;
      const actsOf = (first: number, count: number, rights: number): string[] =>
        actions(told(machine, () => protectRange(space, first, count, rights)));
      expect(actsOf(20, 30, RW & 7)).to.deep.equal([]);
      expect(actsOf(16, 10, RO & 7)).to.deep.equal(["split", "flags"]);
      expect(actsOf(70, 10, RO & 7)).to.deep.equal(["split", "flags"]);
      // The end of one area goes over to its neighbour.
      expect(actsOf(26, 4, RO & 7)).to.deep.equal(["split", "flags", "merge"]);
      expect(actsOf(16, 14, RW & 7)).to.deep.equal(["flags", "merge"]);
      expect(actsOf(16, 54, RO & 7)).to.deep.equal(["flags", "merge"]);
      expect([areas.count, areas.trees.reserved, areas.used.trees.reserved]).to.deep.equal([1, 0, 0]);
      assertInvariants(machine);
    });

    it(`${architecture.name}: move entries with the marks that they have`, () => {
      const machine = build(architecture);
      const { space, size } = scene(machine);
      protectRange(space, 16, 64, RO & 7);
      machine.read32(16 * size);
      const marksAt = (page: number): number => {
        machine.parts.tables.find(space.context, page);
        return machine.parts.tables.found.flags & (PAGE_ACCESSED | PAGE_DIRTY);
      };
      const before = [16, 17, 79].map(marksAt);
      moveRange(space, { first: 16, pages: 64, after: 64, to: 200 });
      expect([200, 201, 263].map(marksAt)).to.deep.equal(before);
      expect(machine.write32(200 * size, 1)).to.equal(false);
      expect(machine.read32(200 * size)).to.equal(16);
      assertInvariants(machine);
    });
  }

  it("find the frames of a move in the tables that are there, where others are mapped", () => {
    const machine = paper({ memoryBytes: 200 * 4096 });
    const { space, size } = scene(machine);
    area(space, 4096 * size, 64);
    for (let page = 0; page < 64; page += 1) machine.write32((4096 + page) * size, 1000 + page);
    const { frames } = machine.parts;
    // Not one frame is left for a table.
    const taken = Array.from({ length: frames.free }, () => frames.take());
    moveRange(space, { first: 16, pages: 64, after: 64, to: 4096, replaces: true });
    for (let page = 0; page < 64; page += 1) expect(machine.read32((4096 + page) * size)).to.equal(16 + page);
    expect(frames.free).to.be.greaterThan(60);
    assertInvariants(machine, { held: new Map(taken.map((frame) => [frame, 1])) });
  });
});
