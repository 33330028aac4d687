/** Other rights for an area: every mapping rewritten at once, and nothing else about it. */
import { expect } from "chai";
import {
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  EXECUTE,
  image,
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  READ,
  WRITE,
  type AddressSpace,
  type Machine,
} from "#src/index.js";
import { area, build, fewAsids, installed, machines, refuses, RO, RW, RX } from "../fixture.js";

const MARKS = PAGE_ACCESSED | PAGE_DIRTY;

for (const architecture of machines) {
  describe(`changing the flags of areas on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => page * size;
    let machine: Machine;
    let space: AddressSpace;
    beforeEach(() => {
      machine = build(fewAsids(architecture), { cpus: 3 });
      space = installed(machine, 0);
      machine.switchTo(space, 1);
    });
    afterEach(() => assertInvariants(machine));
    const found = (page: number): { frame: number; flags: number } => {
      expect(machine.parts.tables.find(space.context, page)).to.equal(true);
      const { frame, flags } = machine.parts.tables.found;
      return { frame, flags };
    };

    it("C-12.8: keeps frames, contents, used space and marks, and changes the rights on every processor", () => {
      area(space, at(16), 8);
      const written = [16, 17, 19];
      for (const page of written) for (const cpu of [0, 1]) machine.write32(at(page), page, cpu);
      for (const cpu of [0, 1]) machine.read32(at(21), cpu);
      const before = [...written, 21].map(found);
      const { free } = machine.parts.frames;
      for (const flags of [RO, RX, RO, AREA_WRITE | AREA_READ, RW]) {
        space.changeAreaFlags(at(18), flags);
        assertInvariants(machine);
        const kept = flags | AREA_CACHEABLE;
        expect(space.areaInfo(at(16))).to.include({ flags: kept, usedPages: 4, pages: 8 });
        expect([...written, 21].map((page) => found(page).frame)).to.deep.equal(before.map(({ frame }) => frame));
        if (architecture.can.recordWrite !== "no")
          expect(
            [...written, 21].map((page) => found(page).flags & MARKS),
            "marks",
          ).to.deep.equal(before.map(({ flags: marks }) => marks & MARKS));
        expect(machine.parts.frames.free).to.equal(free);
        for (const cpu of [0, 1]) {
          for (const page of written) {
            expect(machine.translate(at(page), WRITE, cpu) !== null, `writing ${flags}`).to.equal((flags & AREA_WRITE) !== 0);
            expect(machine.read32(at(page), cpu)).to.equal(page);
            if (architecture.can.forbidExecute)
              expect(machine.translate(at(page), EXECUTE, cpu) !== null, `fetching ${flags}`).to.equal((flags & AREA_EXECUTE) !== 0);
          }
        }
        expect(machine.read32(at(18)) >= 0, "a page that was not in").to.equal(true);
        space.resizeArea(at(16), 2 * size);
        space.resizeArea(at(16), 8 * size);
        if ((flags & AREA_WRITE) === 0) space.changeAreaFlags(at(16), RW);
        for (const page of written) machine.write32(at(page), page);
        for (const cpu of [0, 1]) machine.read32(at(21), cpu);
        for (const [index, page] of [...written, 21].entries()) before[index] = found(page);
      }
    });

    it("C-12.8: old and new rights are never in use together: nobody translates while tables are rewritten", () => {
      area(space, at(16), 4);
      for (const cpu of [0, 1]) for (const page of [16, 18]) machine.write32(at(page), 1, cpu);
      const points: string[] = [];
      machine.parts.preemption.scheduler = {
        at(point) {
          if (point !== "tables-edited" && point !== "invalidated-locally") return;
          points.push(point);
          expect(machine.cpus.map(({ tlbActive }) => tlbActive)).to.deep.equal([false, false, false]);
        },
      };
      space.changeAreaFlags(at(16), RO);
      machine.parts.preemption.scheduler = null;
      expect(points).to.deep.equal(["tables-edited", "invalidated-locally"]);
      expect(machine.cpus.map(({ tlbActive }) => tlbActive)).to.deep.equal([true, true, true]);
      for (const cpu of [0, 1]) expect(machine.write32(at(16), 2, cpu)).to.equal(false);
    });

    it("C-12.8: is refused while the area is shared, on either side, and for memory that is not anonymous", () => {
      const other = machine.spaces.create();
      area(space, at(16), 2);
      machine.write32(at(16), 5);
      space.shareArea(at(16), 2 * size, other, at(40), RW);
      refuses("ERR_AREA_KIND", () => space.changeAreaFlags(at(16), RO));
      refuses("ERR_AREA_KIND", () => other.changeAreaFlags(at(40), RO));
      expect(machine.write32(at(16), 6)).to.equal(true);
      other.destroyArea(at(40));
      space.changeAreaFlags(at(16), RO);
      expect(machine.write32(at(16), 7)).to.equal(false);
      expect(machine.read32(at(16))).to.equal(6);
      const file = machine.loadImage(new Uint8Array(size));
      const segment = { lead: 0, fileOffset: 0, fileSize: size, memorySize: size, writable: true };
      space.createArea({ base: at(60), size, flags: RW, backend: image(file, segment) });
      refuses("ERR_AREA_KIND", () => space.changeAreaFlags(at(60), RO));
      expect(space.areaInfo(at(60))?.flags).to.equal(RW);
    });

    it("C-12.8: cacheability changes only where it is asked for, and then in every entry", () => {
      area(space, at(16), 2);
      machine.write32(at(16), 5);
      const isCacheable = (page = 16): boolean => (found(page).flags & PAGE_CACHEABLE) !== 0;
      const could = isCacheable();
      // What entries say nothing of stays what the memory is.
      area(space, at(30), 1, AREA_READ);
      machine.read32(at(30));
      const canForbid = !isCacheable(30);
      space.changeAreaFlags(at(16), AREA_READ);
      expect(isCacheable()).to.equal(could);
      space.changeAreaFlags(at(16), AREA_READ, false);
      expect(space.areaInfo(at(16))?.flags).to.equal(AREA_READ);
      expect(isCacheable()).to.equal(!canForbid);
      space.changeAreaFlags(at(16), RO);
      expect(space.areaInfo(at(16))?.flags, "kept uncached as well").to.equal(AREA_READ);
      space.changeAreaFlags(at(16), RW, false);
      expect(isCacheable()).to.equal(could);
      expect(machine.translate(at(16), READ)).not.to.equal(null);
    });
  });
}
