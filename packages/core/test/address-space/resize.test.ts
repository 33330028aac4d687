/** Areas that grow and shrink: what they show afterwards, and what room they leave. */
import { expect } from "chai";
import { anonymous, assertInvariants, type AddressSpace, type Machine } from "#src/index.js";
import { area, build, installed, machines, refuses, RO, RW } from "../fixture.js";

for (const architecture of machines) {
  describe(`resizing areas on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => page * size;
    let machine: Machine;
    let space: AddressSpace;
    beforeEach(() => {
      machine = build(architecture, { cpus: 2 });
      space = installed(machine);
    });
    afterEach(() => assertInvariants(machine));

    it("C-12.4: an area that was shared once is cut like any other: its pages go, and come back fresh", () => {
      const other = installed(machine, 1);
      area(space, at(16), 4);
      for (const page of [16, 17, 18, 19]) machine.write32(at(page), page);
      space.shareArea(at(16), 4 * size, other, at(40), RO);
      expect(machine.read32(at(43), 1)).to.equal(19);
      refuses("ERR_AREA_NOT_RESIZABLE", () => space.resizeArea(at(16), size));
      refuses("ERR_AREA_NOT_RESIZABLE", () => space.resizeArea(at(16), 4 * size));
      other.destroyArea(at(40));
      const { free } = machine.parts.frames;
      space.resizeArea(at(17), size);
      expect(machine.parts.frames.free, "two frames at least, and perhaps tables").to.be.at.least(free + 2);
      space.resizeArea(at(16), 5 * size);
      expect([16, 17, 18, 19, 20].map((page) => machine.read32(at(page)))).to.deep.equal([16, 17, 0, 0, 0]);
      space.shareArea(at(16), 5 * size, other, at(40), RW);
      machine.write32(at(42), 99, 1);
      expect([16, 17, 18].map((page) => machine.read32(at(page)))).to.deep.equal([16, 17, 99]);
    });

    it("C-12.3: the room that an area leaves is found, and the room it takes is not", () => {
      area(space, at(16), 20);
      area(space, at(36), 4);
      const bounds = { lowest: at(16), highest: at(40) - 1, size: 3 * size, flags: RW, backend: anonymous };
      refuses("ERR_NO_FREE_RANGE", () => space.createArea(bounds));
      space.resizeArea(at(16), 17 * size);
      expect(space.createArea(bounds).base).to.equal(BigInt(at(33)));
      space.destroyArea(at(33));
      space.resizeArea(at(16), 18 * size);
      refuses("ERR_NO_FREE_RANGE", () => space.createArea(bounds));
      expect(space.createArea({ ...bounds, size: 2 * size }).base).to.equal(BigInt(at(34)));
    });

    it("C-12.3: room among very many areas is found as soon as one of them shrinks", () => {
      for (let i = 0; i < 200; i += 1) area(space, at(16 + 3 * i), 3);
      const wanted = { lowest: at(16), highest: at(16 + 600) - 1, size: 2 * size, flags: RW, backend: anonymous };
      for (const i of [117, 3, 199, 64]) {
        refuses("ERR_NO_FREE_RANGE", () => space.createArea(wanted));
        space.resizeArea(at(16 + 3 * i), size);
        expect(space.createArea(wanted).base).to.equal(BigInt(at(17 + 3 * i)));
      }
    });

    it("C-12.3: pages on either side of the new end keep or lose what they had, wherever the used intervals lie", () => {
      area(space, at(16), 12);
      for (const page of [16, 18, 19, 20, 22, 25, 26]) machine.write32(at(page), page);
      space.resizeArea(at(18), 2 * size);
      expect(space.areaInfo(at(16))).to.include({ pages: 4, usedPages: 3 });
      expect(machine.read32(at(20))).to.equal(-1);
      space.resizeArea(at(19), 9 * size);
      expect([16, 18, 19, 20, 22, 26].map((page) => machine.read32(at(page)))).to.deep.equal([16, 18, 19, 0, 0, 0]);
      space.resizeArea(at(27), 0);
      expect(space.areaSize(at(16))).to.equal(BigInt(11 * size));
      refuses("ERR_AREA_EMPTY", () => space.resizeArea(at(16), 0));
      space.resizeArea(at(16), 1);
      expect(space.areaSize(at(16))).to.equal(BigInt(size));
    });

    it("C-12.3: an area without backend grows and shrinks, and loses what was mapped by hand at its end", () => {
      const frame = machine.parts.frames.take();
      space.createArea({ base: at(16), size: 2 * size, flags: RW, backend: null });
      for (const page of [16, 17]) space.setMapping(at(page), frame);
      expect(machine.parts.frames.references(frame)).to.equal(3);
      machine.write32(at(16), 7);
      expect(machine.read32(at(17))).to.equal(7);
      space.resizeArea(at(16), size);
      expect(machine.parts.frames.references(frame)).to.equal(2);
      space.resizeArea(at(16), 3 * size);
      expect(machine.read32(at(17))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the area has no backend");
      space.setMapping(at(17), frame);
      space.destroyArea(at(16));
      expect(machine.parts.frames.references(frame)).to.equal(1);
      machine.parts.frames.release(frame);
    });
  });
}
