/** prefault, virtToPage, validateRange and copies: reaching a task's memory without trusting it, and without surprises. */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  EXECUTE,
  FAULT,
  MemoryPager,
  OK,
  physical,
  READ,
  WAIT,
  WRITE,
  type AddressSpace,
  type Machine,
} from "#src/index.js";
import { area, build, installed, machines, paper, PAGE, refuses, RO, RW, RX } from "../fixture.js";
import { portrait } from "../state-hash.js";
import { mapFile, openFile, pattern, ScriptedPager } from "./fixture.js";

for (const architecture of machines) {
  describe(`reaching a task's memory on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => page * size;
    let machine: Machine;
    let space: AddressSpace;
    beforeEach(() => {
      machine = build(architecture);
      space = installed(machine);
    });
    afterEach(() => assertInvariants(machine));

    const flagsAt = (page: number): number => {
      expect(machine.parts.tables.find(space.context, page)).to.equal(true);
      return machine.parts.tables.found.flags & 7;
    };

    it("CZ-41: prefault is the fault itself: rights are asked, a page is brought in once, and repeating it lessens nothing", () => {
      area(space, at(16), 4);
      expect(space.prefault(at(16) + 5, READ | WRITE)).to.equal(OK);
      expect(flagsAt(16) & WRITE).to.equal(WRITE);
      machine.write32(at(16), 0x1234);
      const before = portrait(machine);
      for (const accesses of [READ, WRITE, READ | WRITE]) expect(space.prefault(at(16), accesses)).to.equal(OK);
      expect(portrait(machine)).to.deep.equal(before);
      expect(machine.read32(at(16))).to.equal(0x1234);
      expect(space.verdict).to.include({ result: OK, rule: "served" });
    });

    it("CZ-41: a shared file attached read-only is not made writable by a prefault for writing", () => {
      const file = openFile(machine, new MemoryPager(pattern(2 * size)), 2 * size);
      mapFile(space, file, 16, 2, { flags: RO });
      expect(space.prefault(at(16), WRITE)).to.equal(FAULT);
      expect(space.verdict.rule).to.equal("the area forbids this access");
      expect(space.prefault(at(16), READ)).to.equal(OK);
      expect(flagsAt(16) & WRITE).to.equal(0);
      expect(file.isDirty).to.equal(false);
    });

    it("CZ-41: read(2) into memory needs WRITE there, write(2) from it needs READ only", () => {
      const file = openFile(machine, new MemoryPager(pattern(size)), size);
      mapFile(space, file, 16, 1, { flags: AREA_READ, isPrivate: true });
      expect(machine.copyToUser(at(16), pattern(8, 3))).to.equal(0);
      expect(machine.outcome?.rule).to.equal("the area forbids this access");
      const target = new Uint8Array(8);
      expect(machine.copyFromUser(at(16), target)).to.equal(8);
      expect(target).to.deep.equal(pattern(8));
    });

    it("CZ-11: all accesses that are asked for must be permitted, not one of them", () => {
      area(space, at(16), 1, RO);
      area(space, at(18), 1, RX);
      for (const [address, accesses] of [
        [at(16), READ | WRITE],
        [at(16), READ | EXECUTE],
        [at(18), READ | WRITE | EXECUTE],
      ] as const) {
        expect(space.prefault(address, accesses)).to.equal(FAULT);
        expect(space.verdict.rule).to.equal("the area forbids this access");
        expect(space.areaInfo(address)?.usedPages).to.equal(0);
      }
      expect(space.prefault(at(18), READ | EXECUTE)).to.equal(OK);
      expect(space.prefault(at(30), READ)).to.equal(FAULT);
      expect(space.verdict.rule).to.equal("no area at this address");
      for (const wrong of [0, 8, 1.5, -1]) refuses("ERR_BAD_ARGUMENT", () => space.prefault(at(16), wrong));
    });

    it("prefault for writing dirties a shared file's page, copies a private one, and waits for one on its way", () => {
      const pager = new ScriptedPager();
      const file = openFile(machine, pager, 2 * size);
      mapFile(space, file, 16, 2);
      mapFile(space, file, 24, 2, { isPrivate: true });
      expect(space.prefault(at(16), WRITE)).to.equal(WAIT);
      expect(space.verdict.waitsFor).not.to.equal(null);
      pager.asked[0].answer(pattern(size));
      expect(space.prefault(at(16), WRITE)).to.equal(OK);
      expect(file.dirtyPages).to.equal(1);
      expect(space.prefault(at(24), WRITE | READ)).to.equal(OK);
      machine.write8(at(24), 200);
      expect(machine.read8(at(16))).to.equal(1);
    });

    it("virtToPage looks and brings nothing in: what is mapped, what an object has, or nothing", () => {
      area(space, at(16), 2);
      const pager = new ScriptedPager();
      const file = openFile(machine, pager, 3 * size);
      mapFile(space, file, 24, 4);
      mapFile(space, file, 32, 4, { isPrivate: true });
      machine.write32(at(16), 1);
      machine.read8(at(24));
      pager.pageInAnswer = () => pattern(size);
      machine.read8(at(25));
      machine.write8(at(33), 9);
      const before = portrait(machine);
      const mapped = space.virtToPage(at(16) + 3);
      expect(mapped?.isMapped).to.equal(true);
      expect(machine.parts.memory.read32((mapped?.frame ?? 0) * size)).to.equal(1);
      for (const nowhere of [at(17), at(24), at(26), at(27), at(32), at(60)]) expect(space.virtToPage(nowhere)).to.equal(null);
      expect(space.virtToPage(at(25))).to.deep.equal({ frame: file.cache.get(1), isMapped: true });
      expect(space.virtToPage(at(33))?.frame).not.to.equal(file.cache.get(1));
      expect(portrait(machine)).to.deep.equal(before);
      pager.asked[0].answer(pattern(size));
      expect(space.virtToPage(at(32)), "in the cache of the file, mapped by nobody here").to.deep.equal({
        frame: file.cache.get(0),
        isMapped: false,
      });
    });

    it("CZ-63: validateRange leaps from area to area and says where the first address is that may not be accessed", () => {
      area(space, at(16), 4);
      area(space, at(20), 4, RO);
      area(space, at(32), 1);
      const { layout } = architecture;
      expect(space.validateRange(at(16), 8 * size, READ)).to.equal(null);
      expect(space.validateRange(at(16) + 7, 8 * size - 7, READ)).to.equal(null);
      expect(space.validateRange(at(16), 8 * size, READ | WRITE)).to.equal(BigInt(at(20)));
      expect(space.validateRange(at(23) + 9, size, READ)).to.equal(BigInt(at(24)));
      expect(space.validateRange(at(24) + 9, size, READ), "where the range begins").to.equal(BigInt(at(24) + 9));
      expect(space.validateRange(at(24), 0, READ), "nothing is asked of nothing").to.equal(null);
      expect(space.validateRange(at(32) + size - 1, 1, WRITE)).to.equal(null);
      expect(space.validateRange(at(32) + size - 1, 2n, WRITE)).to.equal(BigInt(at(33)));
      const top = layout.user.last;
      expect(space.validateRange(top, 1, READ)).to.equal(top);
      const end = 2n ** BigInt(architecture.wordBits);
      refuses("ERR_BAD_ADDRESS", () => space.validateRange(at(16), end, READ));
      refuses("ERR_BAD_ADDRESS", () => space.validateRange(end - 4n, 5, READ));
      refuses("ERR_BAD_ADDRESS", () => space.validateRange(-1, 5, READ));
      refuses("ERR_BAD_ARGUMENT", () => space.validateRange(at(16), -5, READ));
      refuses("ERR_BAD_ARGUMENT", () => space.validateRange(at(16), 5, 0));
      expect(space.areaInfo(at(16))?.usedPages, "and brings nothing in").to.equal(0);
    });

    it("CZ-63: copies cross pages, stop where they must, and never wrap", () => {
      area(space, at(16), 3);
      area(space, at(19), 1, RO);
      const source = pattern(4 * size);
      expect(machine.copyToUser(at(16) + 1, source)).to.equal(3 * size - 1);
      const target = new Uint8Array(4 * size);
      expect(machine.copyFromUser(at(16) + 1, target.subarray(0, 3 * size - 1))).to.equal(3 * size - 1);
      expect(target.subarray(0, 3 * size - 1)).to.deep.equal(source.subarray(0, 3 * size - 1));
      const top = architecture.layout.user.last;
      space.createArea({ base: top + 1n - BigInt(size), size, flags: RW, backend: anonymous });
      expect(machine.copyToUser(top - 3n, source)).to.equal(4);
      expect(machine.copyToUser(at(40), source), "an error is no pointer").to.equal(0);
      expect(machine.outcome?.rule).to.equal("no area at this address");
    });
  });
}

describe("places for areas", () => {
  it("CZ-40: a place is the lowest gap that is wide enough inside the bounds, whatever lies around, over, or in it", () => {
    const machine = paper();
    const space = installed(machine);
    // Areas at pages 20–29, 32–39 and 50: gaps of 2 and of 10 pages.
    for (const [page, pages] of [
      [20, 10],
      [32, 8],
      [50, 1],
    ])
      area(space, page * PAGE, pages);
    const place = (pages: number, lowest: number, highest: number): number => {
      const info = space.createArea({
        size: pages * PAGE,
        flags: RW,
        backend: anonymous,
        lowest: lowest * PAGE,
        highest: highest * PAGE - 1,
      });
      const page = Number(info.base) / PAGE;
      space.destroyArea(info.base);
      return page;
    };
    expect(place(2, 20, 100)).to.equal(30);
    expect(place(3, 20, 100)).to.equal(40);
    expect(place(10, 20, 100)).to.equal(40);
    expect(place(11, 20, 100)).to.equal(51);
    expect(place(4, 16, 100)).to.equal(16);
    expect(place(5, 16, 100)).to.equal(40);
    expect(place(2, 22, 32), "in front of the bound it does not look").to.equal(30);
    refuses("ERR_NO_FREE_RANGE", () => place(3, 22, 40));
    refuses("ERR_NO_FREE_RANGE", () => place(1, 22, 28));
    refuses("ERR_AREA_OVERLAP", () => area(space, 19 * PAGE, 12));
    refuses("ERR_AREA_OVERLAP", () => area(space, 22 * PAGE, 1));
  });

  it("CZ-60: nothing that a task passes ends in an assertion: addresses, lengths, sizes, rights", () => {
    const machine = buildMachine(paper().architecture, { memoryBytes: 8 * PAGE });
    const space = installed(machine);
    space.createArea({ base: 16 * PAGE, size: 64 * PAGE, flags: AREA_READ | AREA_WRITE, backend: anonymous });
    const file = openFile(machine, new MemoryPager(pattern(10)), 10);
    mapFile(space, file, 200, 16);
    space.createArea({ base: 300 * PAGE, size: PAGE, flags: RW, backend: physical(2 ** 31, 1) });
    const rules = new Set<string>();
    for (let page = 0; page < 320; page += 1) {
      if (!machine.write8(page * PAGE + (page % 7), 1)) rules.add(machine.outcome?.rule ?? "");
    }
    expect([...rules].sort()).to.deep.equal([
      "no area at this address",
      "nothing answers at that physical address",
      "out of memory",
      "the area's memory has no such page",
    ]);
    expect(machine.copyFromUser(2 ** 32 - 1, new Uint8Array(8))).to.equal(0);
    assertInvariants(machine);
  });
});
