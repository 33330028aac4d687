/** Files: one copy of a page for all who read, write and map it; what is dirty, what is kept, what is beyond the end. */
import { expect } from "chai";
import {
  AREA_READ,
  assertInvariants,
  BytesPager,
  DevicePager,
  file as fileBackend,
  FileObject,
  MemoryPager,
  READ,
  WRITE,
  type AddressSpace,
  type BlockDevice,
  type BlockDone,
  type Machine,
} from "#src/index.js";
import { build, installed, machines, paper, PAGE, refuses, RO, RW, RX } from "../fixture.js";
import { bytesOf, mapFile, openFile, pattern, ScriptedPager } from "./fixture.js";

/** A device whose transfers end when the test says so. */
class SlowDevice implements BlockDevice {
  readonly blockBytes = 512;
  readonly blocks: number;
  readonly content: Uint8Array;
  isFailing = false;
  readonly waiting: (() => void)[] = [];
  isSlow = false;

  constructor(content: Uint8Array) {
    this.content = content;
    this.blocks = content.length / this.blockBytes;
  }

  read(first: number, bytes: Uint8Array, done: BlockDone): void {
    this.#later(() => {
      if (!this.isFailing) bytes.set(this.content.subarray(first * 512, first * 512 + bytes.length));
      done(!this.isFailing);
    });
  }

  write(first: number, bytes: Uint8Array, done: BlockDone): void {
    this.#later(() => {
      if (!this.isFailing) this.content.set(bytes, first * 512);
      done(!this.isFailing);
    });
  }

  settle(): void {
    for (const transfer of this.waiting.splice(0)) transfer();
  }

  #later(transfer: () => void): void {
    if (this.isSlow) this.waiting.push(transfer);
    else transfer();
  }
}

for (const architecture of machines) {
  describe(`files on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => (16 + page) * size;
    let machine: Machine;
    let space: AddressSpace;
    let pager: MemoryPager;
    let file: FileObject;
    beforeEach(() => {
      machine = build(architecture, { cpus: 2 });
      space = installed(machine);
      pager = new MemoryPager(pattern(4 * size - 10));
      file = openFile(machine, pager, pager.length);
    });
    afterEach(() => assertInvariants(machine));

    it("CZ-44: store, flush, store, flush: both reach the pager, and so does a third by another space", () => {
      mapFile(space, file, 16, 4);
      const other = machine.spaces.create();
      mapFile(other, file, 48, 2, { offset: 1 });
      machine.switchTo(other, 1);
      for (const value of [11, 22, 33]) {
        expect(machine.write8(at(1) + 7, value)).to.equal(true);
        expect(file).to.include({ dirtyPages: 1, isDirty: true });
        assertInvariants(machine);
        expect(file.flush()).to.include({ isOver: true, written: 1, failure: null });
        assertInvariants(machine);
        expect(pager.bytes(size + 7, 1)[0]).to.equal(value);
        expect(file).to.include({ dirtyPages: 0, isDirty: false });
        expect(machine.write8(48 * size + 7, value + 1, 1)).to.equal(true);
        expect(file.dirtyPages, "the other space's store is seen as well").to.equal(1);
        expect(machine.read8(at(1) + 7)).to.equal(value + 1);
        expect(file.flush(1, 1).written).to.equal(1);
        expect(pager.bytes(size + 7, 1)[0]).to.equal(value + 1);
      }
      expect(file.flush().written, "nothing is written that is clean").to.equal(0);
    });

    it("CZ-44: a range is flushed in pages of the file, and no page outside it", () => {
      mapFile(space, file, 16, 4);
      for (let page = 0; page < 4; page += 1) machine.write8(at(page), 200 + page);
      expect(file.flush(1, 2).written).to.equal(2);
      expect([0, 1, 2, 3].map((page) => pager.bytes(page * size, 1)[0])).to.deep.equal([
        pattern(1)[0],
        201,
        202,
        pattern(3 * size + 1)[3 * size],
      ]);
      expect(file.dirtyPages).to.equal(2);
    });

    it("CZ-44: what write() wrote is dirty, and survives flush, eviction and reading again", () => {
      expect(file.write(size - 3, pattern(6, 99))).to.equal(6);
      expect(file.dirtyPages).to.equal(2);
      expect(file.dropClean(), "dirty pages stay").to.equal(0);
      expect(file.flush().written).to.equal(2);
      expect(file.dropClean()).to.equal(2);
      expect(file.cache.pages).to.equal(0);
      expect(bytesOf(file, size - 3, 6)).to.deep.equal(pattern(6, 99));
    });

    it("are mapped read-only until they are written, so that the first store is seen", () => {
      mapFile(space, file, 16, 4);
      expect(machine.read8(at(0))).to.equal(pattern(1)[0]);
      expect(machine.parts.tables.find(space.context, 16)).to.equal(true);
      expect(machine.parts.tables.found.flags & WRITE).to.equal(0);
      expect(file.isDirty).to.equal(false);
      machine.write8(at(0), 1);
      expect(file.isClean(0)).to.equal(false);
      machine.parts.tables.find(space.context, 16);
      expect(machine.parts.tables.found.flags & WRITE).to.equal(WRITE);
    });

    it("are executed where the area permits it, and there alone", () => {
      mapFile(space, file, 16, 1, { flags: RX });
      mapFile(space, file, 17, 1, { flags: RO });
      expect(machine.fetch32(at(0))).to.be.at.least(0);
      expect(machine.write8(at(0), 1)).to.equal(false);
      if (architecture.can.forbidExecute) {
        expect(machine.fetch32(at(1))).to.equal(-1);
        expect(machine.outcome?.rule).to.equal("the area forbids this access");
      }
      expect(machine.read8(at(1))).to.equal(pattern(1)[0]);
      expect(file.isDirty).to.equal(false);
    });

    it("are one memory for read(), write() and all who map them", () => {
      mapFile(space, file, 16, 4);
      machine.write8(at(2) + 1, 77);
      expect(bytesOf(file, 2 * size + 1, 1)[0]).to.equal(77);
      file.write(2 * size + 1, Uint8Array.of(88));
      expect(machine.read8(at(2) + 1)).to.equal(88);
    });

    it("shared with another space by HelenOS's call, and inherited by a fork, stay one memory, and dirty", () => {
      mapFile(space, file, 16, 4);
      mapFile(space, file, 32, 4, { isPrivate: true });
      machine.write8(at(0), 61);
      machine.write8(32 * size, 62);
      const other = machine.spaces.create();
      space.shareArea(at(0), 4 * size, other, at(40), RW);
      machine.switchTo(other, 1);
      expect(machine.read8(at(40), 1)).to.equal(61);
      machine.write8(at(41), 63, 1);
      expect(machine.read8(at(1))).to.equal(63);
      expect(file.dirtyPages).to.equal(2);
      assertInvariants(machine);
      const child = machine.spaces.fork(space);
      machine.switchTo(child, 1);
      assertInvariants(machine);
      machine.write8(at(2), 64, 1);
      expect(machine.read8(at(2))).to.equal(64);
      machine.write8(32 * size, 65, 1);
      expect([machine.read8(32 * size), machine.read8(32 * size, 1)]).to.deep.equal([62, 65]);
      expect(file.flush().written).to.equal(3);
      machine.write8(at(2), 66, 1);
      machine.write8(at(40), 67);
      expect(file.dirtyPages).to.equal(1);
      assertInvariants(machine);
      file.truncate(size);
      for (const [cpu, page] of [
        [0, at(1)],
        [1, at(1)],
        [1, 33 * size],
      ])
        expect(machine.read8(page, cpu)).to.equal(-1);
      expect(machine.read8(32 * size, 1)).to.equal(65);
      assertInvariants(machine);
      machine.switchToKernel(1);
      child.destroy();
      other.destroy();
    });

    it("privately mapped, keep stores to themselves and show the file's until then", () => {
      mapFile(space, file, 16, 4, { isPrivate: true });
      expect(machine.read8(at(1))).to.equal(pattern(size + 1)[size]);
      file.write(size, Uint8Array.of(5));
      expect(machine.read8(at(1)), "not copied yet").to.equal(5);
      machine.write8(at(1), 6);
      expect(bytesOf(file, size, 1)[0]).to.equal(5);
      file.write(size, Uint8Array.of(7));
      expect(machine.read8(at(1))).to.equal(6);
      expect(file.dirtyPages).to.equal(1);
      machine.write8(at(3), 9);
      expect(machine.read8(at(3))).to.equal(9);
      expect(file.isClean(3)).to.equal(true);
    });

    it("cut shorter are bus errors beyond, mapped before or not, private copies included; the rest of the last page is zeroes", () => {
      mapFile(space, file, 16, 4);
      mapFile(space, file, 32, 4, { isPrivate: true });
      const other = machine.spaces.create();
      mapFile(other, file, 48, 4);
      machine.switchTo(other, 1);
      for (let page = 0; page < 4; page += 1) {
        machine.write8(at(page), 100 + page);
        machine.write8((32 + page) * size, 200 + page);
        machine.read8((48 + page) * size, 1);
      }
      file.truncate(size + 100);
      assertInvariants(machine);
      for (const [cpu, page] of [
        [0, 18],
        [0, 19],
        [0, 34],
        [0, 35],
        [1, 50],
        [1, 51],
      ]) {
        expect(machine.read8(page * size, cpu)).to.equal(-1);
        expect(machine.outcome?.rule).to.equal("the area's memory has no such page");
        expect(machine.write8(page * size, 1, cpu)).to.equal(false);
      }
      expect(machine.read8(at(1))).to.equal(101);
      expect(machine.read8(33 * size), "a private page that begins before the end stays").to.equal(201);
      expect(machine.read8(at(1) + 99)).to.equal(pattern(size + 100)[size + 99]);
      expect(machine.read8(at(1) + 100)).to.equal(0);
      expect(pager.length).to.equal(size + 100);
      file.truncate(4 * size);
      for (const page of [18, 19, 34, 35]) expect(machine.read8(page * size)).to.equal(0);
      expect(machine.read8(51 * size, 1)).to.equal(0);
      expect(machine.read8(at(1) + 100)).to.equal(0);
      expect(bytesOf(file, size + 100, size).every((byte) => byte === 0)).to.equal(true);
    });

    it("CZ-53: a gap that a write leaves reads as zeroes, whatever was in the frames and behind the old end", () => {
      mapFile(space, file, 16, 9);
      // A store behind the end, in the last page: it is nobody's, until the file grows over it.
      machine.write8(at(3) + size - 5, 42);
      const frames = Array.from({ length: 6 }, () => machine.parts.frames.take());
      for (const frame of frames) machine.parts.memory.writeBytes(frame * size, new Uint8Array(size).fill(255));
      for (const frame of frames) machine.parts.frames.release(frame);
      expect(file.write(7 * size + 3, pattern(4, 8))).to.equal(4);
      expect(file.length).to.equal(7 * size + 7);
      const gap = bytesOf(file, 4 * size - 10, 3 * size + 13);
      expect(gap).to.have.length(3 * size + 13);
      expect(gap.every((byte) => byte === 0)).to.equal(true);
      expect(machine.read8(at(5))).to.equal(0);
      expect(machine.read8(at(7) + 2)).to.equal(0);
      expect(machine.read8(at(7) + 7), "the tail of the new last page").to.equal(0);
      expect(bytesOf(file, 7 * size + 3)).to.deep.equal(pattern(4, 8));
      expect(file.flush().failure).to.equal(null);
      expect(pager.length).to.equal(file.length);
      file.dropClean();
      expect(bytesOf(file, 4 * size - 10, 20)).to.deep.equal(new Uint8Array(20));
      expect(bytesOf(file, 7 * size + 3)).to.deep.equal(pattern(4, 8));
    });

    it("CZ-44, CZ-52: unmapped by the last who had them, write their dirty pages first, and go then", () => {
      mapFile(space, file, 16, 4);
      machine.write8(at(2), 123);
      file.close();
      expect(pager.bytes(2 * size, 1)[0]).to.equal(123);
      machine.write8(at(2), 124);
      expect(file.isGone, "it is mapped still").to.equal(false);
      space.destroyArea(at(0));
      expect(pager.bytes(2 * size, 1)[0]).to.equal(124);
      expect(file.isGone).to.equal(true);
      expect(pager.isReleased).to.equal(true);
      expect(machine.parts.files.size).to.equal(0);
    });

    it("CZ-52: unmapped by a range that cuts areas, go with the last page, and are written first", () => {
      mapFile(space, file, 16, 4);
      machine.write8(at(0), 45);
      machine.write8(at(3), 46);
      file.close();
      machine.write8(at(0), 47);
      space.unmap(at(1), 2 * size);
      space.unmap(at(3), size);
      expect(file.isGone).to.equal(false);
      expect(machine.read8(at(0))).to.equal(47);
      assertInvariants(machine);
      space.unmap(at(0), 4 * size);
      expect([pager.bytes(0, 1)[0], pager.bytes(3 * size, 1)[0]]).to.deep.equal([47, 46]);
      expect(file.isGone).to.equal(true);
    });

    it("CZ-44, CZ-52: a space that is destroyed leaves no store behind", () => {
      mapFile(space, file, 16, 4);
      machine.write8(at(0), 45);
      file.close();
      machine.write8(at(3), 46);
      machine.switchToKernel();
      space.destroy();
      expect([pager.bytes(0, 1)[0], pager.bytes(3 * size, 1)[0]]).to.deep.equal([45, 46]);
      expect(file.isGone).to.equal(true);
    });
  });
}

describe("files", () => {
  let machine: Machine;
  let space: AddressSpace;
  const at = (page: number): number => (16 + page) * PAGE;
  beforeEach(() => {
    machine = paper({ cpus: 2 });
    space = installed(machine);
  });
  afterEach(() => assertInvariants(machine));

  it("CZ-51: are open as often as they were opened, and go with the last close and the last mapping, in either order", () => {
    const pager = new MemoryPager(pattern(PAGE));
    const file = openFile(machine, pager, PAGE);
    file.open();
    expect(file.openers).to.equal(2);
    file.close();
    expect([file.openers, file.isGone]).to.deep.equal([1, false]);
    expect(bytesOf(file)).to.deep.equal(pattern(PAGE));
    file.close();
    expect([file.openers, file.isGone, machine.parts.files.size]).to.deep.equal([0, true, 0]);
    refuses("ERR_FILE_GONE", () => file.close());
    refuses("ERR_FILE_GONE", () => file.open());
    refuses("ERR_FILE_GONE", () => file.read(0, new Uint8Array(1)));
    refuses("ERR_FILE_GONE", () => file.write(0, new Uint8Array(1)));
    refuses("ERR_FILE_GONE", () => file.truncate(0));
    refuses("ERR_FILE_GONE", () => file.flush());
    refuses("ERR_FILE_GONE", () => file.dropClean());
    refuses("ERR_FILE_GONE", () => mapFile(space, file, 16, 1));
    const mapped = openFile(machine, new MemoryPager(pattern(PAGE)), PAGE);
    mapFile(space, mapped, 16, 1);
    mapFile(space, mapped, 20, 1);
    expect([mapped.links, mapped.openers]).to.deep.equal([2, 1]);
    mapped.close();
    space.destroyArea(at(0));
    expect(mapped.isGone).to.equal(false);
    expect(machine.read8(20 * PAGE)).to.equal(1);
    space.destroyArea(20 * PAGE);
    expect(mapped.isGone).to.equal(true);
  });

  it("CZ-51: closed while mapped, can be opened again; one that was closed is not closed twice", () => {
    const file = openFile(machine, new MemoryPager(pattern(PAGE)), PAGE);
    mapFile(space, file, 16, 1);
    file.close();
    refuses("ERR_FILE_GONE", () => file.close());
    expect(file.openers).to.equal(0);
    file.open();
    space.destroyArea(at(0));
    expect(file.isGone).to.equal(false);
    file.close();
    expect(file.isGone).to.equal(true);
  });

  it("CZ-46: go when everything else has: the pager hears of it last, and knows the file as it was", () => {
    const pager = new ScriptedPager();
    pager.pageInAnswer = () => pattern(PAGE);
    pager.pageOutAnswer = () => "done";
    const file = openFile(machine, pager, 3 * PAGE);
    file.write(PAGE, pattern(4));
    const seen: unknown[] = [];
    pager.releasing = () => seen.push([file.length, file.pages, file.cache.pages, file.dirtyPages, pager.given.length]);
    file.close();
    expect(seen).to.deep.equal([[3 * PAGE, 3, 0, 0, 1]]);
  });

  it("CZ-52: that could not be kept stay, dirty, until a flush succeeds or somebody gives them up", () => {
    const pager = new ScriptedPager();
    pager.pageInAnswer = () => pattern(PAGE);
    pager.pageOutAnswer = () => "EIO";
    const file = openFile(machine, pager, PAGE);
    file.write(0, Uint8Array.of(9));
    expect(file.close()).to.include({ isOver: true, failure: "EIO" });
    expect([file.isGone, file.isDirty, machine.parts.files.has(file)]).to.deep.equal([false, true, true]);
    assertInvariants(machine);
    pager.pageOutAnswer = () => "done";
    expect(file.flush().failure).to.equal(null);
    expect(file.isGone).to.equal(true);
    expect(pager.given.at(-1)?.content[0]).to.equal(9);
    const lost = openFile(machine, new ScriptedPager(), 0);
    lost.write(0, pattern(PAGE));
    refuses("ERR_BAD_ARGUMENT", () => lost.discard());
    lost.close();
    expect(lost.isGone, "its pager has not answered").to.equal(false);
    lost.discard();
    expect([lost.isGone, machine.parts.files.size]).to.deep.equal([true, 0]);
  });

  it("CZ-23, CZ-24, CZ-25: two files, dirty or not, are two files of one kind, whatever their pagers are", () => {
    const one = openFile(machine, new MemoryPager(pattern(PAGE, 1)), PAGE);
    const two = openFile(machine, new BytesPager(pattern(PAGE, 2)), PAGE, false);
    mapFile(space, one, 16, 1);
    mapFile(space, two, 17, 1, { flags: RO });
    machine.write8(at(0) + 1, 3);
    expect([one.kind, two.kind, one.isDirty, two.isDirty]).to.deep.equal(["file", "file", true, false]);
    expect([...machine.parts.files]).to.deep.equal([one, two]);
    expect([machine.read8(at(0)), machine.read8(at(1))]).to.deep.equal([1, 2]);
    expect(one.number).not.to.equal(two.number);
    space.destroyArea(at(0));
    expect([one.links, two.links, one.isGone]).to.deep.equal([0, 1, false]);
  });

  it("read-only, refuse to be written, in every way, and change in none", () => {
    const file = openFile(machine, new BytesPager(pattern(2 * PAGE - 1)), 2 * PAGE - 1, false);
    refuses("ERR_FILE_READ_ONLY", () => file.write(0, pattern(1)));
    refuses("ERR_FILE_READ_ONLY", () => file.truncate(1));
    refuses("ERR_FILE_READ_ONLY", () => mapFile(space, file, 16, 2));
    mapFile(space, file, 16, 2, { isPrivate: true });
    machine.write8(at(1), 0xee);
    expect(machine.read8(at(1))).to.equal(0xee);
    expect(bytesOf(file)).to.deep.equal(pattern(2 * PAGE - 1));
    mapFile(space, file, 24, 2, { flags: RO });
    expect(machine.write8(24 * PAGE, 1)).to.equal(false);
    expect(machine.outcome?.rule).to.equal("the area forbids this access");
    expect(file.isDirty).to.equal(false);
    expect(file.close().failure).to.equal(null);
  });

  it("refuse lengths, places and views that make no sense, and nothing has changed", () => {
    const file = openFile(machine, new MemoryPager(pattern(PAGE)), PAGE);
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53, 2 ** 52 + 1]) {
      refuses("ERR_BAD_ARGUMENT", () => file.truncate(wrong));
      refuses("ERR_BAD_ARGUMENT", () => file.read(wrong, new Uint8Array(1)));
      refuses("ERR_BAD_ARGUMENT", () => file.write(wrong, new Uint8Array(1)));
      refuses("ERR_BAD_ARGUMENT", () => openFile(machine, new MemoryPager(), wrong));
    }
    refuses("ERR_BAD_ARGUMENT", () => file.write(2 ** 52, new Uint8Array(1)));
    for (const offset of [-1, 0.5, 2 ** 53]) refuses("ERR_BAD_ARGUMENT", () => mapFile(space, file, 16, 1, { offset }));
    const elsewhere = paper();
    refuses("ERR_BAD_ARGUMENT", () => mapFile(installed(elsewhere), file, 16, 1));
    expect(machine.parts.files.size).to.equal(1);
    expect(space.areaInfo(at(0))).to.equal(null);
  });

  it("of length 0 have no page, and one byte makes one", () => {
    const file = openFile(machine, new MemoryPager());
    mapFile(space, file, 16, 1);
    expect(machine.read8(at(0))).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("the area's memory has no such page");
    expect(file.read(0, new Uint8Array(4))).to.equal(0);
    expect(file.verdict.rule).to.equal("done");
    expect(file.write(0, new Uint8Array(0))).to.equal(0);
    expect(file.length).to.equal(0);
    file.truncate(1);
    expect(machine.read8(at(0))).to.equal(0);
    file.truncate(0);
    expect(machine.read8(at(0))).to.equal(-1);
  });

  it("may be far larger than memory, with a few bytes at either end", () => {
    const pager = new MemoryPager();
    const file = openFile(machine, pager);
    expect(file.write(2 ** 51, pattern(3))).to.equal(3);
    expect(file.write(5, pattern(3))).to.equal(3);
    expect(bytesOf(file, 2 ** 51 - 2, 5)).to.deep.equal(Uint8Array.of(0, 0, ...pattern(3)));
    expect(bytesOf(file, 2 ** 50, 3)).to.deep.equal(new Uint8Array(3));
    expect(file.flush().failure).to.equal(null);
    file.dropClean();
    expect(bytesOf(file, 2 ** 51, 3)).to.deep.equal(pattern(3));
    mapFile(space, file, 16, 1, { offset: 2 ** 51 / PAGE });
    expect(machine.read8(at(0) + 2)).to.equal(pattern(3)[2]);
    file.truncate(8);
    expect(machine.read8(at(0))).to.equal(-1);
    expect(bytesOf(file)).to.deep.equal(Uint8Array.of(0, 0, 0, 0, 0, ...pattern(3)));
  });

  it("read and write as far as pages come, and go on from there", () => {
    const pager = new ScriptedPager();
    pager.pageInAnswer = ({ offset, bytes }) => (offset === 1 ? "later" : pattern(bytes, offset));
    const file = openFile(machine, pager, 3 * PAGE);
    const target = new Uint8Array(3 * PAGE);
    expect(file.read(0, target)).to.equal(PAGE);
    expect(file.verdict.rule).to.equal("the page is on its way");
    expect(file.write(PAGE + 1, pattern(5, 50)), "a part of a page needs the rest").to.equal(0);
    expect(file.verdict.rule).to.equal("the page is on its way");
    expect(pager.asked).to.have.length(2);
    pager.asked[1].answer(pattern(PAGE, 1));
    expect(file.write(PAGE + 1, pattern(5, 50))).to.equal(5);
    expect(file.read(PAGE, target.subarray(PAGE))).to.equal(2 * PAGE);
    expect(target[PAGE + 1]).to.equal(50);
    file.flush();
    expect(file.write(2 * PAGE, pattern(PAGE, 60)), "a whole page need not be read").to.equal(PAGE);
    pager.pageInAnswer = () => "EIO";
    const fresh = openFile(machine, pager, 2 * PAGE);
    expect(fresh.write(PAGE, pattern(PAGE, 60))).to.equal(PAGE);
    expect(fresh.read(0, target)).to.equal(0);
    expect(fresh.verdict.rule).to.equal("the page could not be read");
    expect(fresh.write(PAGE - 4, pattern(8))).to.equal(0);
    expect(fresh.verdict.rule).to.equal("the page could not be read");
    expect(fresh.length).to.equal(2 * PAGE);
  });

  it("are written as they were when the flush began, and stores meanwhile make them dirty again", () => {
    const pager = new ScriptedPager();
    pager.pageInAnswer = () => pattern(PAGE);
    const file = openFile(machine, pager, PAGE);
    mapFile(space, file, 16, 1);
    machine.write8(at(0), 71);
    const first = file.flush();
    expect(first).to.include({ isOver: false, pending: 1, written: 0 });
    let over = 0;
    first.whenOver(() => (over += 1));
    machine.write8(at(0), 72);
    expect(file.dirtyPages).to.equal(1);
    expect(pager.given[0].content[0], "a copy").to.equal(71);
    const second = file.flush();
    const third = file.flush();
    expect(pager.given, "one request for a page at a time").to.have.length(1);
    assertInvariants(machine);
    pager.given[0].done();
    expect([first.isOver, first.written, over, second.isOver, third.isOver]).to.deep.equal([true, 1, 1, false, false]);
    expect(pager.given).to.have.length(2);
    expect(pager.given[1].content[0]).to.equal(72);
    const fourth = file.flush();
    expect(fourth.pending, "clean, but not kept yet: it waits too").to.equal(1);
    pager.given[1].done();
    for (const flush of [second, third, fourth]) expect(flush).to.include({ isOver: true, written: 1, failure: null, pending: 0 });
    expect(file.isDirty).to.equal(false);
    expect(file.flush()).to.include({ isOver: true, written: 0 });
  });

  it("that fail to be written again tell everybody who waits, and stay dirty", () => {
    const pager = new ScriptedPager();
    const file = openFile(machine, pager);
    file.write(0, pattern(8));
    const first = file.flush();
    file.write(0, pattern(8, 2));
    const second = file.flush();
    pager.given[0].fail("EIO");
    expect(first).to.include({ isOver: true, failure: "EIO", written: 0 });
    expect(second.isOver).to.equal(false);
    pager.given[1].fail("ENOMEM");
    expect(second).to.include({ isOver: true, failure: "ENOMEM" });
    expect(file.dirtyPages).to.equal(1);
    pager.pageOutAnswer = () => "done";
    expect(file.flush()).to.include({ isOver: true, failure: null, written: 1 });
  });

  it("are not dropped while the pager has not kept them, nor while somebody pins them", () => {
    const pager = new ScriptedPager();
    const file = openFile(machine, pager);
    file.write(0, pattern(2 * PAGE));
    const flush = file.flush();
    expect(file.dropClean()).to.equal(0);
    for (const request of pager.given) request.done();
    expect(flush.written).to.equal(2);
    const frame = file.supply(0);
    expect(file.dropClean()).to.equal(1);
    machine.parts.frames.release(frame);
    expect(file.dropClean()).to.equal(1);
  });

  it("cut off while they are written forget those pages, and the pager's answer changes nothing", () => {
    const pager = new ScriptedPager();
    const file = openFile(machine, pager);
    file.write(0, pattern(3 * PAGE));
    const flush = file.flush();
    file.truncate(PAGE);
    expect(pager.given.map(({ isOpen }) => isOpen)).to.deep.equal([true, false, false]);
    expect(flush).to.include({ isOver: false, pending: 1 });
    expect(pager.given[2].fail("EIO")).to.equal(false);
    expect(pager.given[1].done()).to.equal(false);
    pager.given[0].done();
    expect(flush).to.include({ isOver: true, written: 1, failure: null });
    expect(file).to.include({ dirtyPages: 0, isDirty: false });
    expect(pager.lengths).to.deep.equal([3 * PAGE, PAGE]);
  });

  it("on a block device come and go in whole blocks, when the device likes", () => {
    const device = new SlowDevice(pattern(64 * 512));
    const extent = new DevicePager(device, { first: 8, blocks: 32, length: 3 * PAGE - 100 });
    const file = openFile(machine, extent, 3 * PAGE - 100);
    mapFile(space, file, 16, 4);
    device.isSlow = true;
    expect(machine.read8(at(1))).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("the page is on its way");
    device.settle();
    expect(machine.read8(at(1))).to.equal(device.content[8 * 512 + PAGE]);
    expect(machine.read8(at(2) + PAGE - 101)).to.equal(-1);
    device.settle();
    expect(machine.read8(at(2) + PAGE - 101)).to.equal(device.content[8 * 512 + 3 * PAGE - 101]);
    expect(machine.read8(at(2) + PAGE - 100)).to.equal(0);
    machine.write8(at(1), 240);
    const flush = file.flush();
    expect(flush.isOver).to.equal(false);
    device.settle();
    expect(flush.written).to.equal(1);
    expect(device.content[8 * 512 + PAGE]).to.equal(240);
    device.isSlow = false;
    // What the device has of a longer time is not the file's any more.
    file.truncate(10);
    expect(file.write(PAGE + 5, pattern(3, 4))).to.equal(3);
    expect(file.flush().failure).to.equal(null);
    file.dropClean();
    expect(bytesOf(file, 0, 12).subarray(10)).to.deep.equal(Uint8Array.of(0, 0));
    expect(bytesOf(file, PAGE)).to.deep.equal(Uint8Array.of(0, 0, 0, 0, 0, ...pattern(3, 4)));
    file.truncate(2 * PAGE);
    file.flush();
    file.dropClean();
    expect(bytesOf(file, PAGE + 8, 600).every((byte) => byte === 0)).to.equal(true);
    device.isFailing = true;
    file.dropClean();
    expect(machine.read8(at(0))).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("the page could not be read");
    file.write(0, pattern(PAGE));
    expect(file.flush().failure).to.equal("EIO");
    device.isFailing = false;
    expect(file.write(32 * 512, pattern(1))).to.equal(1);
    expect(file.flush(), "beyond the extent").to.include({ failure: "ENOMEM" });
    refuses("ERR_BAD_ARGUMENT", () => new DevicePager(device, { first: 60, blocks: 5 }));
    refuses("ERR_BAD_ARGUMENT", () => new DevicePager(device, { length: 65 * 512 }));
    refuses("ERR_BAD_ARGUMENT", () => new DevicePager(device, { first: 0.5 }));
    file.truncate(0);
  });

  it("on a block device, cut off while they are written, read as zeroes when they grow again", () => {
    const device = new SlowDevice(pattern(64 * 512));
    const file = openFile(machine, new DevicePager(device, { length: 0 }));
    file.write(0, pattern(3 * PAGE));
    device.isSlow = true;
    file.flush();
    file.truncate(PAGE + 3);
    device.settle();
    file.truncate(3 * PAGE);
    device.isSlow = false;
    file.flush();
    file.dropClean();
    expect(bytesOf(file, PAGE + 3).every((byte) => byte === 0)).to.equal(true);
    expect(bytesOf(file, 0, PAGE + 3)).to.deep.equal(pattern(PAGE + 3));
  });

  it("tell what their pages are, for explanations", () => {
    const pager = new ScriptedPager();
    const file = openFile(machine, pager, 2 * PAGE);
    mapFile(space, file, 16, 3);
    expect(file.describe(0)).to.equal("scripted: a page that the pager has");
    machine.read8(at(0));
    expect(file.describe(0)).to.equal("scripted: a page on its way");
    pager.asked[0].answer(pattern(PAGE));
    expect(file.describe(0)).to.equal("scripted: a resident page");
    expect(file.describe(2)).to.equal("scripted: beyond the end");
    expect(file.isPrivate(0)).to.equal(false);
    expect(fileBackend(file)).to.deep.include({ name: "file", isShareable: true, offset: 0, traits: 0 });
    expect(space.areaInfo(at(0))).to.include({ backend: "file", flags: RW });
    expect(AREA_READ).to.equal(READ);
  });
});
