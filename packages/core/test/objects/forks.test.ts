/** What fork promises, in the smallest cases there are. */
import { expect } from "chai";
import {
  assertInvariants,
  image,
  physical,
  type AddressSpace,
  type Backend,
  type Machine,
  type MemoryObject,
  type PortolanEvent,
} from "#src/index.js";
import { COPY_ON_WRITE } from "#src/area/area-flags.js";
import { ShadowObject } from "#src/objects/shadow-object.js";
import { area, build, installed, machines, paper, PAGE, refuses, RO, RW, RX } from "../fixture.js";

const at = (page: number): number => (16 + page) * PAGE;
const frontOf = (space: AddressSpace, page = 0): MemoryObject | null => space.parts.areas.objectOf(space.tree.find(16 + page));
const valuesOf = (machine: Machine, space: AddressSpace, pages: readonly number[]): number[] => {
  machine.switchTo(space);
  return pages.map((page) => machine.read32(at(page)));
};

describe("fork", () => {
  for (const architecture of machines) {
    it(`${architecture.name}: parent and child read what was there, and neither sees what the other writes`, () => {
      const machine = build(architecture, { cpus: 2 });
      const size = machine.parts.units.pageSize;
      const addressOf = (page: number): number => page * size;
      const before = machine.parts.frames.free;
      const parent = installed(machine);
      area(parent, addressOf(16), 8);
      for (const page of [16, 17, 18, 20]) machine.write32(addressOf(page), page);
      const child = machine.spaces.fork(parent);
      assertInvariants(machine);
      machine.switchTo(child, 1);
      for (const page of [16, 17, 18, 20]) expect(machine.read32(addressOf(page), 1)).to.equal(page);
      expect(machine.read32(addressOf(19), 1)).to.equal(0);
      assertInvariants(machine);
      expect(machine.write32(addressOf(16), 100)).to.equal(true);
      expect(machine.write32(addressOf(17), 200, 1)).to.equal(true);
      expect(machine.write32(addressOf(19), 300, 1)).to.equal(true);
      expect(machine.write32(addressOf(21), 400)).to.equal(true);
      assertInvariants(machine);
      expect([16, 17, 18, 19, 20, 21].map((page) => machine.read32(addressOf(page)))).to.deep.equal([100, 17, 18, 0, 20, 400]);
      expect([16, 17, 18, 19, 20, 21].map((page) => machine.read32(addressOf(page), 1))).to.deep.equal([16, 200, 18, 300, 20, 0]);
      assertInvariants(machine);
      machine.switchToKernel(0);
      parent.destroy();
      assertInvariants(machine);
      expect([16, 17, 18, 19, 20, 21].map((page) => machine.read32(addressOf(page), 1))).to.deep.equal([16, 200, 18, 300, 20, 0]);
      machine.switchToKernel(1);
      child.destroy();
      assertInvariants(machine);
      expect(machine.parts.frames.free).to.be.at.least(before - (architecture.translation.kind === "hashed" ? 2 : 0));
    });
  }

  it("is refused for the kernel's space, for one that is gone, for another machine's, and while an area is being built", () => {
    const machine = paper();
    const space = machine.spaces.create();
    refuses("ERR_BAD_ARGUMENT", () => machine.spaces.fork(machine.spaces.kernel));
    refuses("ERR_BAD_ARGUMENT", () => machine.spaces.fork(paper().spaces.create()));
    area(space, at(0), 2);
    const { areas } = machine.parts;
    areas.setPartial(space.tree.first(), true);
    refuses("ERR_AREA_BUSY", () => machine.spaces.fork(space));
    areas.setPartial(space.tree.first(), false);
    space.destroy();
    refuses("ERR_SPACE_GONE", () => machine.spaces.fork(space));
    assertInvariants(machine);
  });

  it("makes no shadow where there is nothing to hide: areas without pages, text, devices, shared memory", () => {
    const machine = paper();
    const space = installed(machine);
    const file = machine.loadImage(new Uint8Array(2 * PAGE).fill(7));
    area(space, at(0), 2);
    const segment = { lead: 0, fileOffset: 0, fileSize: PAGE + 100, memorySize: 2 * PAGE, writable: false };
    space.createArea({ base: at(8), size: 2 * PAGE, flags: RX, backend: image(file, segment) });
    space.createArea({ base: at(16), size: PAGE, flags: RW, backend: physical(5n * 2n ** 24n, 1) });
    machine.parts.memory.addRegion(5 * 2 ** 24, PAGE);
    area(space, at(24), 2);
    const other = machine.spaces.create();
    space.shareArea(at(24), 2 * PAGE, other, at(24), RW);
    for (const page of [8, 9]) machine.fetch32(at(page));
    for (const page of [16, 24]) machine.write32(at(page), page);
    const child = machine.spaces.fork(space);
    for (const page of [0, 8, 16, 24]) {
      expect(frontOf(space, page)).to.equal(frontOf(child, page));
      expect(frontOf(child, page)).not.to.be.instanceOf(ShadowObject);
    }
    machine.switchTo(child);
    for (const page of [16, 24]) {
      expect(machine.read32(at(page))).to.equal(page);
      machine.write32(at(page), 7);
      expect(valuesOf(machine, space, [page])).to.deep.equal([7]);
      machine.switchTo(child);
    }
    expect(machine.fetch32(at(9)) & 0xff).to.equal(7);
    expect(machine.write32(at(0), 1)).to.equal(true);
    expect(valuesOf(machine, space, [0])).to.deep.equal([0]);
    assertInvariants(machine);
  });

  it("keeps pages that an area has of an image, and shows the others from the file", () => {
    const machine = paper();
    const space = installed(machine);
    const file = machine.loadImage(Uint8Array.from({ length: 3 * PAGE }, (_, i) => i >> 12));
    const segment = { lead: 8, fileOffset: 8, fileSize: 2 * PAGE, memorySize: 4 * PAGE - 8, writable: true };
    space.createArea({ base: at(0), size: 4 * PAGE, flags: RW, backend: image(file, segment) });
    machine.write32(at(0), 100);
    const child = machine.spaces.fork(space);
    const { free } = machine.parts.frames;
    expect(valuesOf(machine, child, [0, 1, 2, 3])).to.deep.equal([100, 0x01010101, 0x02020202, 0]);
    expect(valuesOf(machine, space, [0, 1, 2, 3])).to.deep.equal([100, 0x01010101, 0x02020202, 0]);
    // Page 1 is the file's own frame; pages 2 and 3 are one copy each for both. The rest are the child's tables.
    expect(free - machine.parts.frames.free).to.equal(3);
    machine.write32(at(1), 5);
    expect(valuesOf(machine, child, [1])).to.deep.equal([0x01010101]);
    assertInvariants(machine);
  });

  it("copies mappings that were made by hand: nobody could bring them in", () => {
    const machine = paper();
    const space = installed(machine);
    space.createArea({ base: at(0), size: 3 * PAGE, flags: RW, backend: null });
    const frame = machine.parts.frames.takeZeroed();
    space.setMapping(at(1), frame);
    const child = machine.spaces.fork(space);
    machine.write32(at(1), 9);
    expect(valuesOf(machine, child, [0, 1])).to.deep.equal([-1, 9]);
    assertInvariants(machine, { held: new Map([[frame, 1]]) });
    machine.switchToKernel();
    child.destroy();
    space.destroy();
    assertInvariants(machine, { held: new Map([[frame, 1]]) });
  });

  it("takes a backend of somebody's own for private where it says that pages belong to who mapped them", () => {
    for (const isPrivate of [true, false]) {
      const machine = paper();
      const { frames } = machine.parts;
      const common = frames.takeZeroed();
      let links = 0;
      const object: MemoryObject = {
        kind: "custom",
        isResizable: true,
        supply: () => (isPrivate ? frames.takeZeroed() : (frames.share(common), common)),
        isPrivate: () => isPrivate,
        describe: () => "somebody's own",
        link: () => void (links += 1),
        unlink: () => void (links -= 1),
        get links() {
          return links;
        },
        eachHeld: (visit) => visit(common, 0),
      };
      const backend: Backend = { name: "own", isShareable: true, canChangeFlags: false, open: () => object };
      const space = installed(machine);
      space.createArea({ base: at(0), size: 2 * PAGE, flags: RW, backend });
      machine.write32(at(0), 1);
      const child = machine.spaces.fork(space);
      machine.write32(at(0), 2);
      expect(valuesOf(machine, child, [0])).to.deep.equal([isPrivate ? 1 : 2]);
      assertInvariants(machine);
      machine.switchToKernel();
      for (const each of [child, space]) each.destroy();
      expect(links).to.equal(0);
    }
  });

  it("leaves an area that can be shared: its own pages become everybody's, and of the others there is one copy", () => {
    const machine = paper();
    const space = installed(machine);
    area(space, at(0), 4);
    for (const page of [0, 1]) machine.write32(at(page), page + 1);
    const child = machine.spaces.fork(space);
    machine.write32(at(0), 10);
    const other = machine.spaces.create();
    space.shareArea(at(0), 4 * PAGE, other, at(0), RW);
    assertInvariants(machine);
    expect(machine.parts.areas.traitsOf(space.tree.first()) & COPY_ON_WRITE).to.equal(0);
    expect(valuesOf(machine, other, [0, 1, 2])).to.deep.equal([10, 2, 0]);
    machine.write32(at(1), 20);
    machine.write32(at(2), 30);
    expect(valuesOf(machine, space, [0, 1, 2])).to.deep.equal([10, 20, 30]);
    expect(valuesOf(machine, child, [0, 1, 2])).to.deep.equal([1, 2, 0]);
    assertInvariants(machine);
    machine.switchToKernel();
    for (const each of [space, child, other]) {
      each.destroy();
      assertInvariants(machine);
    }
  });

  it("tells of forks, copies and what becomes of shadows", () => {
    const machine = paper();
    const space = installed(machine);
    area(space, at(0), 2);
    machine.write32(at(0), 1);
    const told: string[] = [];
    machine.parts.events.sink = (event: PortolanEvent) => {
      if (event.kind === "shadow") told.push(event.action);
      if (event.kind === "fork") told.push(`fork ${event.space} ${event.child}`);
      if (event.kind === "copy") told.push(event.from < 0 ? "zeroes" : "copy");
    };
    const child = machine.spaces.fork(space);
    machine.write32(at(0), 2);
    child.destroy();
    const again = machine.spaces.fork(space);
    again.destroy();
    machine.write32(at(1), 3);
    machine.parts.events.sink = null;
    expect(told).to.deep.equal([
      "create",
      "freeze",
      `fork ${space.id} ${child.id}`,
      "create",
      "copy",
      "bypass",
      "delete",
      "freeze",
      `fork ${space.id} ${again.id}`,
      "thaw",
      "zeroes",
    ]);
  });

  const PAGES = 6;
  const orders = {
    upwards: [0, 1, 2, 3, 4, 5],
    downwards: [5, 4, 3, 2, 1, 0],
    "the ends first": [5, 0, 4, 1, 3, 2],
    "the middle first": [2, 3, 1, 5, 0, 4],
  };
  for (const [name, order] of Object.entries(orders)) {
    it(`goes past a frozen shadow when the last page of it has been copied: ${name}`, () => {
      const machine = paper();
      const space = installed(machine);
      area(space, at(0), PAGES);
      for (const page of order) machine.write32(at(page), page);
      const child = machine.spaces.fork(space);
      const frozen = frontOf(space);
      const stands = order.map((page) => {
        machine.write32(at(page), 100 + page);
        assertInvariants(machine);
        return frontOf(space)?.below === frozen;
      });
      expect(stands).to.deep.equal([true, true, true, true, true, false]);
      expect(valuesOf(machine, space, [0, 1, 2, 3, 4, 5])).to.deep.equal([100, 101, 102, 103, 104, 105]);
      expect(valuesOf(machine, child, [0, 1, 2, 3, 4, 5])).to.deep.equal([0, 1, 2, 3, 4, 5]);
      assertInvariants(machine);
    });

    it(`goes past a frozen shadow whose other pages its area does not show any more: ${name}`, () => {
      const machine = paper();
      const space = installed(machine);
      area(space, at(0), PAGES + 2);
      for (let page = 0; page < PAGES + 2; page += 1) machine.write32(at(page), page);
      const child = machine.spaces.fork(space);
      const frozen = frontOf(space);
      machine.write32(at(order[0]), 100);
      space.resizeArea(at(0), PAGES * PAGE);
      for (const page of order.slice(1, -1)) machine.write32(at(page), 100);
      expect(frontOf(space)?.below).to.equal(frozen);
      machine.write32(at(order[PAGES - 1]), 100);
      expect(frontOf(space)?.below).not.to.equal(frozen);
      expect(valuesOf(machine, child, [0, 6, 7])).to.deep.equal([0, 6, 7]);
      assertInvariants(machine);
    });
  }

  it("leaves an area that the fork made read-only to its user as it is", () => {
    const machine = paper();
    const space = installed(machine);
    area(space, at(0), 1);
    machine.write32(at(0), 1);
    space.changeAreaFlags(at(0), RO);
    const child = machine.spaces.fork(space);
    space.changeAreaFlags(at(0), RW);
    machine.write32(at(0), 2);
    expect(valuesOf(machine, child, [0])).to.deep.equal([1]);
    expect(machine.write32(at(0), 3)).to.equal(false);
    assertInvariants(machine);
  });
});
