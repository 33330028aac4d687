/** Defects of shadows, copies and forks in the object pager that this one descends from: each is absent. */
import { expect } from "chai";
import {
  anonymous,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  EXECUTE,
  MemoryPager,
  READ,
  WRITE,
  type AddressSpace,
  type Machine,
} from "#src/index.js";
import { protectRange } from "#src/address-space/protect-range.js";
import { unmapRange } from "#src/address-space/unmap-range.js";
import { reparent } from "#src/objects/collapse.js";
import type { MemoryObject } from "#src/objects/memory-object.js";
import { ShadowObject } from "#src/objects/shadow-object.js";
import { SharedObject } from "#src/objects/shared-object.js";
import { arm32 } from "@portolan/arch-arm";
import { sparc64 } from "@portolan/arch-sparc64";
import { area, build, installed, machines, paper, PAGE, RW } from "../fixture.js";
import { mapFile, openFile, pattern } from "../pagers/fixture.js";

const FIRST = 16;
const at = (page: number): number => (FIRST + page) * PAGE;

const stackOf = (space: AddressSpace, page = 0): MemoryObject[] => {
  const { areas } = space.parts;
  const found: MemoryObject[] = [];
  for (let each = areas.objectOf(space.tree.find(FIRST + page)); each !== null; each = each.below ?? null) found.push(each);
  return found;
};
const kindsOf = (space: AddressSpace, page = 0): string[] => stackOf(space, page).map(({ kind }) => kind);

/** Pages written by number, in a space on processor 0. */
const written = (machine: Machine, pages: number, ...which: number[]): AddressSpace => {
  const space = installed(machine);
  area(space, at(0), pages);
  for (const page of which) machine.write32(at(page), 100 + page);
  return space;
};

const readAll = (machine: Machine, space: AddressSpace, pages: number): number[] => {
  machine.switchTo(space);
  return Array.from({ length: pages }, (_, page) => machine.read32(at(page)));
};

/** A private mapping of a file of four pages. */
const fileScene = (): { machine: Machine; space: AddressSpace; bytes: Uint8Array } => {
  const machine = paper();
  const bytes = pattern(4 * PAGE);
  const space = installed(machine);
  mapFile(space, openFile(machine, new MemoryPager(bytes), 4 * PAGE), FIRST, 4, { isPrivate: true });
  return { machine, space, bytes };
};

const word = (bytes: Uint8Array, offset: number): number => new DataView(bytes.buffer).getUint32(offset, true);

describe("defects of shadows", () => {
  it("CZ-01: a file stays at the bottom though every page read so far has been copied", () => {
    const { machine, space, bytes } = fileScene();
    machine.read32(at(0));
    machine.write32(at(0), 7);
    expect(machine.read32(at(1))).to.equal(word(bytes, PAGE));
    expect(kindsOf(space)).to.deep.equal(["shadow", "file"]);
    assertInvariants(machine);
  });

  it("CZ-02: a shadow with as many pages as the one below it is not put past it, unless they are the same pages", () => {
    const machine = paper();
    const parent = written(machine, 8, 5);
    const child = machine.spaces.fork(parent);
    machine.write32(at(7), 107);
    expect(readAll(machine, parent, 8)).to.deep.equal([0, 0, 0, 0, 0, 105, 0, 107]);
    assertInvariants(machine);
    child.destroy();
    expect(readAll(machine, parent, 8)).to.deep.equal([0, 0, 0, 0, 0, 105, 0, 107]);
    machine.write32(at(5), 1);
    expect(readAll(machine, parent, 8)).to.deep.equal([0, 0, 0, 0, 0, 1, 0, 107]);
    assertInvariants(machine);
  });

  it("CZ-03, CZ-04, CZ-15: a merge moves every page that is missing above, counts both sides, and ends", () => {
    const machine = paper();
    const parent = written(machine, 4, 1, 2);
    const child = machine.spaces.fork(parent);
    machine.write32(at(1), 1);
    const [above, below] = stackOf(parent) as ShadowObject[];
    child.destroy();
    expect([above.cache.pages, below.cache.pages, below.isGone]).to.deep.equal([2, 0, true]);
    expect(kindsOf(parent)).to.deep.equal(["shadow", "anonymous"]);
    expect(readAll(machine, parent, 4)).to.deep.equal([0, 1, 102, 0]);
    assertInvariants(machine);
  });

  it("CZ-05, CZ-13, CZ-17: what stands on what is told at both ends, whoever is put past whom, and more than once", () => {
    const machine = paper();
    const { space } = fileSceneOn(machine);
    const children: AddressSpace[] = [];
    for (const page of [0, 1]) {
      machine.write32(at(page), page);
      children.push(machine.spaces.fork(space));
    }
    // Page 2 is new in the front; then it gets what the two frozen ones have, and goes past both.
    for (const page of [2, 1, 0]) {
      machine.write32(at(page), 50 + page);
      assertInvariants(machine);
    }
    const [front, bottom] = stackOf(space);
    expect([front.kind, bottom.kind]).to.deep.equal(["shadow", "file"]);
    expect(bottom.shadowers?.has(front)).to.equal(true);
    for (const child of children) child.destroy();
    expect([...(bottom.shadowers ?? [])]).to.deep.equal([front]);
    expect([0, 1, 2].map((page) => machine.read32(at(page)))).to.deep.equal([50, 51, 52]);
    assertInvariants(machine);
  });

  it("CZ-06: a write fault looks in the front first: the page that is there is the page", () => {
    for (const architecture of machines) {
      const machine = build(architecture, { cpus: 2 });
      const size = machine.parts.units.pageSize;
      const parent = installed(machine);
      machine.switchTo(parent, 1);
      area(parent, FIRST * size, 2);
      machine.write32(FIRST * size, 1);
      machine.spaces.fork(parent);
      machine.write32(FIRST * size, 2);
      // The second thread comes late, with an entry of the old page, or none, in mind.
      expect(parent.pageFault(FIRST, WRITE)).to.equal(1);
      expect(machine.write32(FIRST * size + 4, 3, 1)).to.equal(true);
      expect([machine.read32(FIRST * size), machine.read32(FIRST * size + 4)]).to.deep.equal([2, 3]);
      assertInvariants(machine);
    }
  });

  it("CZ-07: what a copy locks it unlocks: the page can be copied again, and nothing is held", () => {
    const machine = paper();
    const parent = written(machine, 2, 0);
    const child = machine.spaces.fork(parent);
    machine.write32(at(0), 1);
    const grandchild = machine.spaces.fork(parent);
    machine.write32(at(0), 2);
    // The checker finds locks that are still held.
    assertInvariants(machine);
    expect([parent, child, grandchild].map((space) => readAll(machine, space, 1)[0])).to.deep.equal([2, 100, 1]);
  });

  it("CZ-08: an area links its object once", () => {
    const machine = paper();
    const { space, object } = fileSceneOn(machine);
    expect(kindsOf(space)).to.deep.equal(["file"]);
    expect([object.links, object.areas.size]).to.deep.equal([1, 1]);
  });

  it("CZ-09, CZ-10: an access where nothing is, or where nothing is permitted, is that task's affair alone", () => {
    const machine = paper();
    const space = written(machine, 2, 0);
    expect(machine.read32(0)).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("no area at this address");
    protectRange(space, FIRST, 1, 0);
    for (const access of [READ, WRITE, EXECUTE] as const) {
      expect(machine.translate(at(0), access)).to.equal(null);
      expect(machine.outcome?.rule).to.equal("the area forbids this access");
    }
    expect(machine.read32(at(1))).to.equal(0);
    protectRange(space, FIRST, 1, AREA_READ | AREA_WRITE);
    expect(machine.read32(at(0))).to.equal(100);
    assertInvariants(machine);
  });

  it("CZ-14, CZ-18: the exit of a child after a full overlap leaves no trace of what was between", () => {
    const machine = paper();
    const parent = written(machine, 2, 0, 1);
    const child = machine.spaces.fork(parent);
    for (const page of [0, 1]) machine.write32(at(page), page);
    machine.switchToKernel();
    child.destroy();
    expect(kindsOf(parent)).to.deep.equal(["shadow", "anonymous"]);
    expect(machine.parts.backends.anonymous.shadowers.size).to.equal(1);
    expect(readAll(machine, parent, 2)).to.deep.equal([0, 1]);
    assertInvariants(machine);
  });

  it("CZ-16, CZ-57: shared memory is never merged into a shadow of it, and a write to it makes none", () => {
    const machine = paper();
    const space = written(machine, 2, 0);
    const other = machine.spaces.create();
    space.shareArea(at(0), 2 * PAGE, other, at(0), RW);
    const child = machine.spaces.fork(space);
    expect(machine.write32(at(0), 7)).to.equal(true);
    for (const each of [space, other, child]) {
      expect(kindsOf(each)).to.deep.equal(["shared", "anonymous"]);
      expect(readAll(machine, each, 1)).to.deep.equal([7]);
    }
    machine.switchToKernel();
    other.destroy();
    child.destroy();
    expect(stackOf(space)[0]).to.be.instanceOf(SharedObject);
    assertInvariants(machine);
  });

  it("CZ-22: pages are found in order whatever order they came in", () => {
    const machine = paper();
    const parent = written(machine, 16, 5, 9, 2, 15, 0);
    machine.spaces.fork(parent);
    const [front] = stackOf(parent) as ShadowObject[];
    const offsets: number[] = [];
    front.cache.each(0, (offset) => offsets.push(offset) > 0);
    expect(offsets).to.deep.equal([0, 2, 5, 9, 15]);
  });

  it("CZ-26: a copy for which there is no memory is refused by value, and made when there is some", () => {
    const machine = paper();
    const parent = written(machine, 2, 0);
    const child = machine.spaces.fork(parent);
    machine.parts.gate.failAfter(0, Infinity);
    expect(machine.write32(at(0), 7)).to.equal(false);
    expect(machine.outcome?.rule).to.equal("out of memory");
    machine.parts.gate.disarm();
    expect(machine.write32(at(0), 7)).to.equal(true);
    expect(readAll(machine, child, 1)).to.deep.equal([100]);
    assertInvariants(machine);
  });

  it("CZ-27: a first access that is a store gets one zeroed page of the task's own", () => {
    for (const architecture of machines) {
      const machine = build(architecture);
      const size = machine.parts.units.pageSize;
      const parent = installed(machine);
      area(parent, FIRST * size, 2);
      machine.write32(FIRST * size, 1);
      const child = machine.spaces.fork(parent);
      machine.switchTo(child);
      expect(machine.write32((FIRST + 1) * size, 5)).to.equal(true);
      expect([machine.read32((FIRST + 1) * size), machine.read32((FIRST + 1) * size + 4)]).to.deep.equal([5, 0]);
      machine.switchTo(parent);
      expect(machine.read32((FIRST + 1) * size)).to.equal(0);
      assertInvariants(machine);
    }
  });

  it("CZ-28: where the machine does not tell a store from a load, two steps end as one does", () => {
    const ends = [build(arm32), build(sparc64), paper()].map((machine) => {
      const size = machine.parts.units.pageSize;
      const parent = installed(machine);
      area(parent, FIRST * size, 3);
      for (const page of [0, 1]) machine.write32((FIRST + page) * size, page + 1);
      const child = machine.spaces.fork(parent);
      machine.switchTo(child);
      for (const page of [0, 2]) machine.write32((FIRST + page) * size, 10 + page);
      assertInvariants(machine);
      const [front] = stackOf(child) as ShadowObject[];
      const own: number[] = [];
      front.cache.each(0, (offset) => own.push(offset) > 0);
      return [own, stackOf(child).length, [0, 1, 2].map((page) => machine.read32((FIRST + page) * size))];
    });
    expect(ends[0]).to.deep.equal([[0, 2], 3, [10, 2, 12]]);
    for (const end of ends) expect(end).to.deep.equal(ends[0]);
  });

  it("CZ-29: instructions are fetched from pages of files and of forks, where the area permits it, and nowhere else", () => {
    const { machine, space, bytes } = fileScene();
    expect(machine.fetch32(at(0))).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("the area forbids this access");
    protectRangeOfFile(space);
    expect(machine.fetch32(at(0))).to.equal(word(bytes, 0));
    const child = machine.spaces.fork(space);
    machine.switchTo(child);
    expect(machine.fetch32(at(1))).to.equal(word(bytes, PAGE));
    assertInvariants(machine);
  });

  it("CZ-30, CZ-31: a write to shared memory makes one page for all, also after another has read zeroes there", () => {
    const machine = paper({ cpus: 2 });
    const space = installed(machine);
    area(space, at(0), 2);
    const other = machine.spaces.create();
    space.shareArea(at(0), 2 * PAGE, other, at(0), RW);
    machine.switchTo(other, 1);
    expect(machine.read32(at(0), 0)).to.equal(0);
    expect(machine.write32(at(0), 7, 1)).to.equal(true);
    expect(machine.read32(at(0), 0)).to.equal(7);
    expect(machine.write32(at(0), 8, 0)).to.equal(true);
    expect(machine.read32(at(0), 1)).to.equal(8);
    assertInvariants(machine);
  });

  it("CZ-32: a fork freezes the pages that a mapping shows, wherever in the file it begins", () => {
    const machine = paper();
    const bytes = pattern(8 * PAGE);
    const parent = installed(machine);
    mapFile(parent, openFile(machine, new MemoryPager(bytes), 8 * PAGE), FIRST, 4, { isPrivate: true, offset: 3 });
    machine.write32(at(1), 1);
    const child = machine.spaces.fork(parent);
    machine.write32(at(1), 2);
    expect(readAll(machine, child, 2)).to.deep.equal([word(bytes, 3 * PAGE), 1]);
    machine.write32(at(0), 3);
    expect(readAll(machine, parent, 2)).to.deep.equal([word(bytes, 3 * PAGE), 2]);
    assertInvariants(machine);
  });

  it("CZ-33, CZ-34: a fork makes no entry where a page was unmapped, and comes to an end", () => {
    for (const [hole, left] of [
      [1, [0, 2, 3]],
      [0, [1, 2, 3]],
    ] as const) {
      const machine = paper();
      const parent = written(machine, 4, 0, 1, 2, 3);
      machine.spaces.fork(parent);
      for (const page of [0, 1, 2, 3]) machine.write32(at(page), page);
      unmapRange(parent, FIRST + hole, 1);
      assertInvariants(machine);
      const child = machine.spaces.fork(parent);
      expect(machine.parts.tables.find(parent.context, FIRST + hole)).to.equal(false);
      expect(machine.read32(at(hole))).to.equal(-1);
      machine.switchTo(child);
      expect(machine.read32(at(hole))).to.equal(-1);
      expect(left.map((page) => machine.read32(at(page)))).to.deep.equal(left);
      assertInvariants(machine);
    }
  });

  it("CZ-35: the frames of an exit are free when every processor has forgotten them, not before", () => {
    const machine = paper({ cpus: 2 });
    const parent = written(machine, 2, 0, 1);
    const child = machine.spaces.fork(parent);
    machine.switchTo(child, 1);
    for (const page of [0, 1]) machine.write32(at(page), 7, 1);
    machine.switchTo(child, 0);
    machine.read32(at(0), 0);
    const { free } = machine.parts.frames;
    const seen: number[] = [];
    machine.parts.preemption.scheduler = {
      at(point) {
        if (point === "invalidated-locally") seen.push(machine.parts.frames.free);
      },
    };
    unmapRange(child, FIRST, 2);
    machine.parts.preemption.scheduler = null;
    expect(seen.length).to.be.greaterThan(0);
    for (const then of seen) expect(then).to.equal(free);
    // The two copies; its front, which would be a shadow without an area, is gone.
    expect(machine.parts.frames.free).to.be.at.least(free + 2);
    expect([machine.read32(at(0), 0), machine.read32(at(0), 1)]).to.deep.equal([-1, -1]);
    assertInvariants(machine);
  });

  it("CZ-36: a copy takes the place of the old page in every TLB before the writer goes on", () => {
    for (const architecture of machines) {
      const machine = build(architecture, { cpus: 3 });
      const size = machine.parts.units.pageSize;
      const parent = installed(machine);
      area(parent, FIRST * size, 1);
      machine.write32(FIRST * size, 1);
      machine.spaces.fork(parent);
      for (const cpu of [1, 2]) {
        machine.switchTo(parent, cpu);
        expect(machine.read32(FIRST * size, cpu)).to.equal(1);
      }
      expect(machine.write32(FIRST * size, 2, 1)).to.equal(true);
      for (const cpu of [0, 1, 2]) expect(machine.read32(FIRST * size, cpu)).to.equal(2);
      assertInvariants(machine);
    }
  });

  it("CZ-37: unmapping goes through a range page by page, and each page of it once", () => {
    const machine = paper();
    const parent = written(machine, 8, 0, 1, 2, 3, 4, 5, 6, 7);
    machine.spaces.fork(parent);
    const gone: number[] = [];
    machine.parts.events.sink = (event) => {
      if (event.kind === "unmap") gone.push(event.page - FIRST);
    };
    unmapRange(parent, FIRST + 2, 4);
    machine.parts.events.sink = null;
    expect(gone).to.deep.equal([2, 3, 4, 5]);
    assertInvariants(machine);
  });

  it("CZ-38: the page of zeroes is counted up and down, and gone when nobody has it", () => {
    const machine = paper();
    const parent = written(machine, 64, 0);
    const { free } = machine.parts.frames;
    const child = machine.spaces.fork(parent);
    machine.switchTo(child);
    for (let round = 0; round < 3; round += 1) {
      for (let page = 1; page < 64; page += 1) expect(machine.read32(at(page))).to.equal(0);
      unmapRange(child, FIRST + 1, 63);
      child.createArea({ base: at(1), size: 63 * PAGE, flags: RW, backend: anonymous });
    }
    machine.switchTo(parent);
    for (let page = 1; page < 64; page += 1) expect(machine.read32(at(page))).to.equal(0);
    for (let page = 1; page < 64; page += 1) expect(machine.write32(at(page), page)).to.equal(true);
    assertInvariants(machine);
    machine.switchToKernel();
    child.destroy();
    unmapRange(parent, FIRST + 1, 63);
    expect(machine.parts.backends.anonymous.zeroFrame).to.equal(-1);
    expect(machine.parts.frames.free).to.equal(free);
    assertInvariants(machine);
  });

  it("CZ-42: the halves of an area that was cut work, fork and go by themselves", () => {
    const machine = paper();
    const parent = written(machine, 3, 0, 2);
    machine.spaces.fork(parent).destroy();
    unmapRange(parent, FIRST + 1, 1);
    const child = machine.spaces.fork(parent);
    machine.write32(at(0), 1);
    assertInvariants(machine);
    machine.switchTo(child);
    machine.write32(at(2), 2);
    unmapRange(child, FIRST, 1);
    assertInvariants(machine);
    expect(readAll(machine, parent, 3)).to.deep.equal([1, -1, 102]);
    expect(readAll(machine, child, 3)).to.deep.equal([-1, -1, 2]);
    machine.switchToKernel();
    parent.destroy();
    assertInvariants(machine);
    expect(readAll(machine, child, 3)).to.deep.equal([-1, -1, 2]);
  });

  it("CZ-50: a fork that lacks memory for any part of it has not happened", () => {
    const machine = paper();
    const parent = written(machine, 4, 0, 1);
    const { free } = machine.parts.frames;
    let failures = 0;
    for (; ; failures += 1) {
      machine.parts.gate.failAfter(failures);
      try {
        machine.spaces.fork(parent);
        break;
      } catch (error) {
        expect(error).to.have.property("errno", "ENOMEM");
        expect(machine.parts.frames.free).to.equal(free);
        assertInvariants(machine);
      }
    }
    machine.parts.gate.disarm();
    expect(failures).to.be.greaterThan(3);
    assertInvariants(machine);
  });

  it("CZ-58: links lead both ways: from an object to its areas, and from a page of it to every entry", () => {
    const machine = paper({ cpus: 2 });
    const parent = written(machine, 2, 0);
    const child = machine.spaces.fork(parent);
    machine.switchTo(child, 1);
    machine.read32(at(0), 1);
    const [front] = stackOf(parent) as ShadowObject[];
    expect([...front.areas].map((row) => machine.parts.areas.spaceOf(row)).toSorted((one, other) => one - other)).to.deep.equal([
      parent.id,
      child.id,
    ]);
    // The way from the page to its two entries is compared by the checker.
    assertInvariants(machine);
    machine.switchToKernel(1);
    child.destroy();
    expect(front.areas.size).to.equal(1);
    assertInvariants(machine);
  });

  it("CZ-59: a stack has a bottom, by its type: a shadow cannot be made on nothing", () => {
    const machine = paper();
    const parent = written(machine, 1, 0);
    machine.spaces.fork(parent);
    const [front, bottom] = stackOf(parent);
    expect(bottom).to.equal(machine.parts.backends.anonymous);
    const shadow = new ShadowObject(machine.parts.objects, front);
    expect(shadow.below).to.equal(front);
    reparent(shadow, bottom);
    expect([shadow.below, front.shadowers?.size]).to.deep.equal([bottom, 0]);
    shadow.discard();
    assertInvariants(machine);
  });

  it("CZ-61: what a copy puts into the front is the new page, at the offset of the old one", () => {
    const { machine, space } = fileScene();
    machine.read32(at(2));
    const old = frameAt(machine, space, 2);
    machine.write32(at(2), 7);
    const [front] = stackOf(space) as ShadowObject[];
    expect(front.cache.get(2)).to.equal(frameAt(machine, space, 2));
    expect(front.cache.get(2)).not.to.equal(old);
    expect(front.cache.pages).to.equal(1);
  });

  it("CZ-62: a front that only one task has left is written as it is, and nothing stays between two that nobody else needs", () => {
    const machine = paper();
    const parent = written(machine, 2, 0, 1);
    const [own] = [frameAt(machine, parent, 0)];
    machine.spaces.fork(parent).destroy();
    expect(machine.write32(at(0), 1)).to.equal(true);
    expect(frameAt(machine, parent, 0)).to.equal(own);
    expect(kindsOf(parent)).to.deep.equal(["shadow", "anonymous"]);
    // Two generations above one shadow, of which the middle one goes.
    const child = machine.spaces.fork(parent);
    const grandchild = machine.spaces.fork(child);
    for (const space of [parent, child, grandchild]) {
      machine.switchTo(space);
      machine.write32(at(0), space.id);
    }
    assertInvariants(machine);
    machine.switchToKernel();
    child.destroy();
    parent.destroy();
    expect(kindsOf(grandchild)).to.deep.equal(["shadow", "anonymous"]);
    expect(readAll(machine, grandchild, 2)).to.deep.equal([grandchild.id, 101]);
    assertInvariants(machine);
  });
});

const frameAt = (machine: Machine, space: AddressSpace, page: number): number => {
  const { tables } = machine.parts;
  return tables.find(space.context, FIRST + page) ? tables.found.frame : -1;
};

const fileSceneOn = (machine: Machine): { space: AddressSpace; object: ReturnType<typeof openFile> } => {
  const space = installed(machine);
  const object = openFile(machine, new MemoryPager(pattern(4 * PAGE)), 4 * PAGE);
  mapFile(space, object, FIRST, 4, { isPrivate: true });
  return { space, object };
};

/** The area may be read and executed from now on. */
const protectRangeOfFile = (space: AddressSpace): void => {
  const { areas } = space.parts;
  const row = space.tree.find(FIRST);
  unmapRange(space, FIRST + 3, 1);
  areas.setFlags(row, (areas.flagsOf(row) & ~AREA_WRITE) | AREA_EXECUTE);
};
