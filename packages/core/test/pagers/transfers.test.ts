/** Pages on their way: who waits, who is woken, what becomes of the frame, on every machine. */
import { expect } from "chai";
import { assertInvariants, OK, READ, WAIT, type AddressSpace, type FileObject, type Machine, type PageOnItsWay } from "#src/index.js";
import { build, installed, machines, paper, PAGE, RO } from "../fixture.js";
import { bytesOf, mapFile, openFile, pattern, ScriptedPager } from "./fixture.js";

const waited = (machine: Machine): PageOnItsWay => {
  const { waitsFor } = machine.outcome ?? {};
  if (waitsFor === undefined) throw new Error(`nothing is waited for: ${machine.outcome?.rule}`);
  return waitsFor;
};

for (const architecture of machines) {
  describe(`pages on their way on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => (16 + page) * size;
    let machine: Machine;
    let space: AddressSpace;
    let pager: ScriptedPager;
    let file: FileObject;
    let free: number;
    beforeEach(() => {
      machine = build(architecture, { cpus: 2 });
      space = installed(machine);
      pager = new ScriptedPager();
      file = openFile(machine, pager, 4 * size - 10);
      mapFile(space, file, 16, 4, { flags: RO });
      free = machine.parts.frames.free;
    });
    afterEach(() => assertInvariants(machine));

    it("end an access with what to wait for, and it is served when the page has come", () => {
      expect(machine.read8(at(1) + 3)).to.equal(-1);
      expect(machine.outcome).to.deep.include({ address: BigInt(at(1) + 3), rule: "the page is on its way", access: READ });
      const waitsFor = waited(machine);
      expect(waitsFor).to.include({ state: "asked", isOver: false, failure: null });
      expect(space.verdict).to.include({ result: WAIT, waitsFor });
      expect(pager.asked[0]).to.include({ offset: 1, offsetBytes: size, bytes: size, isOpen: true });
      expect(machine.parts.frames.free, "one frame is reserved").to.equal(free - 1);
      assertInvariants(machine);
      let woken = 0;
      waitsFor.whenOver(() => (woken += 1));
      expect(woken).to.equal(0);
      expect(pager.asked[0].answer(pattern(size))).to.equal(true);
      expect(woken).to.equal(1);
      expect(waitsFor).to.include({ state: "arrived", isOver: true });
      waitsFor.whenOver(() => (woken += 1));
      expect(woken, "at once, as it is over").to.equal(2);
      assertInvariants(machine);
      expect(machine.read8(at(1) + 3)).to.equal(pattern(4)[3]);
      expect(machine.outcome).to.equal(null);
      expect(pager.asked).to.have.length(1);
    });

    it("are asked for once, however many wait: other accesses, other processors, other spaces, read() and copies", () => {
      const other = machine.spaces.create();
      mapFile(other, file, 48, 4, { flags: RO });
      machine.switchTo(other, 1);
      const woken: string[] = [];
      const waits = (name: string, waitsFor: PageOnItsWay): void => waitsFor.whenOver(() => woken.push(name));
      expect(machine.read8(at(0))).to.equal(-1);
      waits("first", waited(machine));
      const transfer = waited(machine);
      expect(machine.read32(at(0) + 8)).to.equal(-1);
      expect(waited(machine)).to.equal(transfer);
      waits("second", waited(machine));
      expect(machine.read32(48 * size, 1)).to.equal(-1);
      expect(waited(machine)).to.equal(transfer);
      waits("other space", waited(machine));
      expect(machine.copyFromUser(at(0), new Uint8Array(8))).to.equal(0);
      expect(waited(machine)).to.equal(transfer);
      expect(file.read(0, new Uint8Array(8))).to.equal(0);
      expect(file.verdict).to.deep.equal({ rule: "the page is on its way", waitsFor: transfer });
      if (file.verdict.waitsFor !== null) waits("read", file.verdict.waitsFor);
      expect(pager.asked).to.have.length(1);
      pager.asked[0].answer(pattern(size));
      expect(woken).to.deep.equal(["first", "second", "other space", "read"]);
      expect(machine.read8(at(0))).to.equal(1);
      expect(machine.read8(48 * size, 1)).to.equal(1);
      expect(bytesOf(file, 0, size)).to.deep.equal(pattern(size));
      expect(machine.parts.transfers.untold).to.equal(0);
      expect(pager.asked).to.have.length(1);
    });

    it("that do not come are told to every fault that waited, once each; then the page is asked for again", () => {
      const other = machine.spaces.create();
      mapFile(other, file, 48, 4, { flags: RO });
      machine.switchTo(other, 1);
      machine.read8(at(0));
      machine.read8(48 * size, 1);
      const transfer = waited(machine);
      pager.asked[0].fail("EIO");
      expect(transfer).to.include({ state: "failed", failure: "EIO", isOver: true });
      expect(machine.parts.transfers.untold).to.equal(2);
      expect(file.cache.pages, "no frame is kept").to.equal(0);
      for (const [cpu, address] of [
        [0, at(0)],
        [1, 48 * size],
      ]) {
        expect(machine.read8(address, cpu)).to.equal(-1);
        expect(machine.outcome?.rule).to.equal("the page could not be read");
        assertInvariants(machine);
      }
      expect(machine.parts.transfers.untold).to.equal(0);
      expect(pager.asked, "no one asked for what would have been told as failed").to.have.length(1);
      expect(machine.read8(at(0))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the page is on its way");
      expect(pager.asked).to.have.length(2);
    });

    it("that come for somebody else after they failed are no bad news any more", () => {
      const other = machine.spaces.create();
      mapFile(other, file, 48, 4, { flags: RO });
      machine.switchTo(other, 1);
      machine.read8(at(0));
      pager.asked[0].fail("EIO");
      machine.read8(48 * size, 1);
      pager.asked[1].answer(pattern(size));
      expect(machine.parts.transfers.untold).to.equal(0);
      expect(machine.read8(at(0))).to.equal(1);
      file.dropClean();
      expect(machine.read8(at(0))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the page is on its way");
    });

    it("keep their failure to themselves: a fault of another object at the same address is not told of it", () => {
      machine.read8(at(0));
      pager.asked[0].fail("EIO");
      space.destroyArea(at(0));
      const second = new ScriptedPager();
      const replacement = openFile(machine, second, size);
      mapFile(space, replacement, 16, 1, { flags: RO });
      second.pageInAnswer = () => pattern(size, 7);
      expect(machine.read8(at(0))).to.equal(7);
    });

    it("are forgotten with the space that waits", () => {
      machine.read8(at(0));
      pager.asked[0].fail("EIO");
      expect(machine.parts.transfers.untold).to.equal(1);
      machine.switchToKernel();
      space.destroy();
      expect(machine.parts.transfers.untold).to.equal(0);
    });

    it("wake everybody, even where one of those who are called throws", () => {
      machine.read8(at(0));
      const transfer = waited(machine);
      const woken: number[] = [];
      transfer.whenOver(() => woken.push(1));
      transfer.whenOver(() => {
        throw new Error("the first sleeper falls out of bed");
      });
      transfer.whenOver(() => woken.push(2));
      expect(() => pager.asked[0].answer(pattern(size))).to.throw("falls out of bed");
      expect(woken).to.deep.equal([1, 2]);
      expect(machine.read8(at(0))).to.equal(1);
    });

    it("may answer at once: nobody waits", () => {
      pager.pageInAnswer = ({ bytes }) => pattern(bytes);
      expect(machine.read8(at(2))).to.equal(1);
      expect(space.pageFault(17, READ)).to.equal(OK);
      expect(file.cache.pages).to.equal(2);
    });

    it("CZ-21: are asked for as far as the file goes: the tail of the last page is zeroes, whatever the pager sends", () => {
      const whole = pattern(size, 9);
      // Whatever frame it is, there was something else in it before.
      const { frames, memory } = machine.parts;
      const all = Array.from({ length: frames.free }, () => frames.take());
      for (const frame of all) memory.writeBytes(frame * size, new Uint8Array(size).fill(255));
      for (const frame of all) frames.release(frame);
      for (const answer of [whole, whole.subarray(0, size - 10)]) {
        machine.read8(at(3));
        const request = pager.asked.at(-1);
        expect(request?.bytes).to.equal(size - 10);
        request?.answer(answer);
        expect(machine.read8(at(3) + size - 11)).to.equal(whole[size - 11]);
        for (let tail = 1; tail <= 10; tail += 1) expect(machine.read8(at(3) + size - tail)).to.equal(0);
        expect(file.dropClean()).to.equal(1);
      }
    });

    it("CZ-21: beyond the end of the file there is no page: nobody is asked", () => {
      space.destroyArea(at(0));
      mapFile(space, file, 16, 9, { flags: RO, offset: 2 });
      for (const page of [2, 3, 8]) {
        expect(machine.read8(at(page))).to.equal(-1);
        expect(machine.outcome?.rule).to.equal("the area's memory has no such page");
      }
      machine.read8(at(1));
      expect(pager.asked.map(({ offset }) => offset)).to.deep.equal([3]);
    });

    it("CZ-12: an error is not mistaken for a page that is not there", () => {
      pager.pageInAnswer = () => "EIO";
      expect(machine.read8(at(0))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the page could not be read");
      pager.pageInAnswer = () => "ENOMEM";
      expect(machine.read8(at(0))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("out of memory");
      expect(file.cache.pages).to.equal(0);
    });

    it("stop a copy with the bytes that are done, and it goes on from there", () => {
      pager.pageInAnswer = ({ offset, bytes }) => (offset === 2 ? "later" : pattern(bytes, offset));
      const target = new Uint8Array(3 * size);
      expect(machine.copyFromUser(at(0) + 4, target)).to.equal(2 * size - 4);
      expect(machine.outcome).to.deep.include({ address: BigInt(at(2)), rule: "the page is on its way" });
      waited(machine);
      const request = pager.asked.at(-1);
      request?.answer(pattern(size, 2));
      const rest = target.subarray(2 * size - 4);
      expect(machine.copyFromUser(at(2), rest.subarray(0, size))).to.equal(size);
      expect(target.subarray(2 * size - 4, 3 * size - 4)).to.deep.equal(pattern(size, 2));
    });

    it("are no longer awaited when their area goes, and may come all the same", () => {
      machine.read8(at(0));
      space.destroyArea(at(0));
      assertInvariants(machine);
      expect(pager.asked[0].isOpen, "the file is open still").to.equal(true);
      pager.asked[0].answer(pattern(size));
      expect(bytesOf(file, 0, 4)).to.deep.equal(pattern(4));
    });

    it("are cut off with the file: what is beyond its new end is given up, what is in the last page is zeroed", () => {
      machine.read8(at(0));
      machine.read8(at(1));
      machine.read8(at(2));
      const transfer = waited(machine);
      file.truncate(size + 5);
      expect(transfer.state).to.equal("given up");
      expect(pager.asked.map(({ isOpen }) => isOpen)).to.deep.equal([true, true, false]);
      expect(machine.read8(at(2))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the area's memory has no such page");
      pager.asked[1].answer(pattern(size, 3));
      expect(machine.read8(at(1) + 4)).to.equal(pattern(5, 3)[4]);
      expect(machine.read8(at(1) + 5)).to.equal(0);
      file.truncate(3 * size);
      expect(machine.read8(at(1) + 5)).to.equal(0);
      expect(machine.read8(at(2)), "no pager is asked for what was never kept").to.equal(0);
      expect(pager.asked).to.have.length(3);
    });

    it("CZ-19, CZ-20: give the frame back when the file goes, once, and it is clean for whoever gets it next", () => {
      pager.pageInAnswer = ({ bytes }) => new Uint8Array(bytes).fill(255);
      machine.read8(at(0));
      machine.read8(at(1));
      space.destroyArea(at(0));
      file.close();
      expect(pager.released).to.equal(1);
      expect(file.isGone).to.equal(true);
      const taken: number[] = [];
      for (let i = 0; i < 4; i += 1) taken.push(machine.parts.frames.takeZeroed());
      for (const frame of taken) {
        expect(machine.parts.frames.references(frame)).to.equal(1);
        expect(machine.parts.memory.digest(frame, 1)).to.equal(machine.parts.memory.digest(taken[0], 1));
        machine.parts.frames.release(frame);
      }
    });

    it("are the same on a machine that faults twice for one access", () => {
      expect(machine.translate(at(0), READ)).to.equal(null);
      expect(machine.outcome?.rule).to.equal("the page is on its way");
      pager.asked[0].answer(pattern(size));
      expect(machine.translate(at(0), READ)).not.to.equal(null);
    });
  });
}

describe("requests of pages under exhaustion", () => {
  it("every allocation of a fault fails once: the task is told, nothing has changed, and the next fault is served", () => {
    for (let passes = 0; ; passes += 1) {
      const machine = paper();
      const space = installed(machine);
      const pager = new ScriptedPager();
      pager.pageInAnswer = () => pattern(PAGE);
      const file = openFile(machine, pager, PAGE);
      mapFile(space, file, 16, 1, { flags: RO });
      const { free } = machine.parts.frames;
      machine.parts.gate.failAfter(passes);
      const value = machine.read8(16 * PAGE);
      machine.parts.gate.disarm();
      assertInvariants(machine);
      if (value >= 0) {
        expect(passes).to.be.at.least(3);
        return;
      }
      expect(machine.outcome?.rule).to.equal("out of memory");
      // The page itself may be in the file's cache by then: that is where it belongs.
      expect(machine.parts.frames.free).to.equal(free - file.cache.pages);
      expect(machine.read8(16 * PAGE)).to.equal(1);
    }
  });
});
