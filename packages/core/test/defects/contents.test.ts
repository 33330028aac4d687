/** Historical defects of the ancestors: what pages show, who owns frames, how long they live. */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  FRAMES,
  image,
  PAGE_CACHEABLE,
  PAGE_USER,
  physical,
  READ,
  StaleTranslations,
  type Machine,
} from "#src/index.js";
import { ALLOCATION_GATE } from "#src/allocation-gate.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { PHYSICAL_MEMORY } from "#src/machine/physical-memory.js";
import { area, build, fewAsids, installed, machines, refuses, RO, RW, RX } from "../fixture.js";

for (const architecture of machines) {
  describe(`defects of the ancestors, contents, on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number, offset = 0): number => page * size + offset;
    let machine: Machine;
    /** A file whose byte i is known. */
    const byte = (i: number): number => (i * 7 + Math.floor(i / 256)) % 251;
    const content = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => byte(i));
    beforeEach(() => {
      machine = build(fewAsids(architecture), { cpus: 2 });
    });
    afterEach(() => assertInvariants(machine));

    it("HD-03: a present entry that is narrower than its area is widened on the same frame, contents kept", () => {
      const space = installed(machine);
      area(space, at(16), 1);
      machine.write32(at(16), 77);
      const { tables, frames } = machine.parts;
      tables.find(space.context, 16);
      const { frame } = tables.found;
      tables.update(space.context, 16, READ | PAGE_USER | PAGE_CACHEABLE, new StaleTranslations());
      machine.cpu(0).invalidateAll();
      space.context.cache?.invalidate(0, Infinity);
      const { free } = frames;
      expect(machine.write32(at(16, 4), 78)).to.equal(true);
      expect(frames.free).to.equal(free);
      tables.find(space.context, 16);
      expect(tables.found.frame).to.equal(frame);
      expect([machine.read32(at(16)), machine.read32(at(16, 4))]).to.deep.equal([77, 78]);
    });

    it("HD-07: text is shared after some of it has been touched, and both show the file's own frames", () => {
      const a = installed(machine);
      const b = installed(machine, 1);
      const file = machine.loadImage(content(2 * size));
      const segment = { lead: 0, fileOffset: 0, fileSize: 2 * size, memorySize: 2 * size, writable: false };
      a.createArea({ base: at(16), size: 2 * size, flags: RX, backend: image(file, segment) });
      expect(machine.read8(at(16, 9))).to.equal(byte(9));
      a.shareArea(at(16), 2 * size, b, at(40), RX);
      expect(machine.read8(at(40, 9), 1)).to.equal(byte(9));
      expect(machine.read8(at(41, 3), 1)).to.equal(byte(size + 3));
      expect(machine.parts.frames.references(file.frameOf(0))).to.equal(3);
    });

    it("HD-08: a segment shared at another base shows the same bytes, mixed pages first touched there included", () => {
      const a = installed(machine);
      const b = installed(machine, 1);
      const lead = 0x124;
      const fileSize = size + 0x321;
      const file = machine.loadImage(content(3 * size));
      const segment = { lead, fileOffset: 8, fileSize, memorySize: 2 * size + 0x500, writable: true };
      a.createArea({ base: at(16), size: 3 * size, flags: RW, backend: image(file, segment) });
      a.shareArea(at(16), 3 * size, b, at(70), RW);
      for (const offset of [0, lead - 1, lead, lead + 1, size, lead + fileSize - 1, lead + fileSize, 2 * size + 0x400]) {
        const inFile = offset >= lead && offset < lead + fileSize ? byte(8 + offset - lead) : 0;
        expect(machine.read8(at(70, offset), 1), `offset ${offset}`).to.equal(inFile);
        expect(machine.read8(at(16, offset), 0), `offset ${offset}`).to.equal(inFile);
      }
      machine.write8(at(70, lead), 201, 1);
      expect(machine.read8(at(16, lead))).to.equal(201);
    });

    it("HD-09: the tail of a segment's last page is zeroes, and a page beyond it is a fault, not an assertion", () => {
      const space = installed(machine);
      const file = machine.loadImage(content(100));
      const segment = { lead: 0, fileOffset: 0, fileSize: 100, memorySize: size + 0x80, writable: true };
      space.createArea({ base: at(16), size: 2 * size, flags: RW, backend: image(file, segment) });
      expect(machine.read8(at(17, size - 1))).to.equal(0);
      expect(machine.read8(at(16, 99))).to.equal(byte(99));
      expect(machine.read8(at(16, 100))).to.equal(0);
      space.resizeArea(at(16), 4 * size);
      expect(machine.read8(at(18))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the area's memory has no such page");
    });

    it("HD-23, HD-24: physical frame 0 is a frame like any other, also where it is shared", () => {
      let held = -1;
      const own = buildMachine(architecture, { memoryBytes: 128 * size }, (parts) => {
        parts.register(FRAMES, (get) => {
          const frames = new ZonedFrames(get(PHYSICAL_MEMORY), get(ALLOCATION_GATE));
          held = frames.take();
          return frames;
        });
      });
      expect(held).to.equal(0);
      const a = installed(own);
      const b = own.spaces.create();
      area(a, at(16), 3);
      // Tables that the page needs are there already, so the page itself gets the frame that was freed last.
      own.write32(at(18), 1);
      own.parts.frames.release(0);
      own.write32(at(16), 4242);
      own.parts.tables.find(a.context, 16);
      expect(own.parts.tables.found.frame).to.equal(0);
      a.shareArea(at(16), 3 * size, b, at(40), RO);
      a.destroyArea(at(16));
      assertInvariants(own);
      own.switchTo(b);
      expect(own.read32(at(40))).to.equal(4242);
      b.destroyArea(at(40));
      assertInvariants(own);
      expect(own.parts.frames.references(0)).to.equal(0);
    });

    it("HD-39: a mapping by hand is refused where it is misaligned or doubled, and the first one stays", () => {
      const space = installed(machine);
      machine.parts.memory.addRegion(2 ** (architecture.physicalBits - 2), 4 * size);
      const frame = 2 ** (architecture.physicalBits - 2 - architecture.pageShift);
      space.createArea({ base: at(16), size: 2 * size, flags: RW, backend: null });
      refuses("ERR_MISALIGNED", () => space.setMapping(at(16, 8), frame));
      space.setMapping(at(16), frame);
      machine.write32(at(16), 5);
      refuses("ERR_PAGE_MAPPED", () => space.setMapping(at(16), frame + 1));
      refuses("ERR_AREA_NOT_FOUND", () => space.setMapping(at(60), frame));
      refuses("ERR_BAD_ARGUMENT", () => space.setMapping(at(17), 2 ** (architecture.physicalBits - architecture.pageShift)));
      const free = machine.parts.frames.take();
      machine.parts.frames.release(free);
      refuses("ERR_BAD_ARGUMENT", () => space.setMapping(at(17), free));
      expect(machine.read32(at(16))).to.equal(5);
      expect(machine.parts.memory.read32(frame * size)).to.equal(5);
    });

    it("HD-41: a space that goes gives back its areas, frames, tables, caches and ASID", () => {
      const spare = machine.spaces.create();
      const free = machine.parts.frames.free;
      for (let round = 0; round < 20; round += 1) {
        const space = installed(machine);
        area(space, at(16), 4);
        space.shareArea(at(16), 4 * size, spare, at(16), RO);
        for (const page of [16, 19]) machine.write32(at(page), page);
        machine.switchToKernel();
        space.destroy();
        spare.destroyArea(at(16));
        expect(machine.parts.frames.free).to.equal(free);
      }
    });

    it("HD-42: a fault without memory is refused by value, and served when there is memory again", () => {
      const space = installed(machine);
      area(space, at(16), 2);
      machine.write32(at(17), 1);
      machine.parts.gate.failAfter(0);
      expect(machine.write32(at(16), 1)).to.equal(false);
      expect(machine.outcome?.rule).to.equal("out of memory");
      machine.parts.gate.failAfter(0);
      refuses("ERR_OUT_OF_MEMORY", () => machine.spaces.create());
      machine.parts.gate.disarm();
      expect(machine.write32(at(16), 1)).to.equal(true);
    });

    it("HD-43: a segment that lies about its file is refused, and one at any file offset shows the right bytes", () => {
      const space = installed(machine);
      const file = machine.loadImage(content(2 * size));
      const good = { lead: 0, fileOffset: 0, fileSize: 64, memorySize: size, writable: false };
      const make = (segment: Partial<typeof good>): unknown =>
        space.createArea({ base: at(16), size, flags: RO, backend: image(file, { ...good, ...segment }) });
      refuses("ERR_BAD_ARGUMENT", () => make({ fileSize: size + 1 }));
      refuses("ERR_BAD_ARGUMENT", () => make({ fileOffset: 2 * size - 10 }));
      refuses("ERR_BAD_ARGUMENT", () => make({ fileOffset: -1 }));
      refuses("ERR_BAD_ARGUMENT", () => make({ fileOffset: 0.5 }));
      refuses("ERR_BAD_ARGUMENT", () => make({ memorySize: 2 ** 60 }));
      refuses("ERR_BAD_ARGUMENT", () => make({ lead: size }));
      make({ fileOffset: 0x10, fileSize: size, memorySize: size });
      expect(machine.read8(at(16))).to.equal(byte(0x10));
      expect(machine.read8(at(16, size - 1))).to.equal(byte(0x10 + size - 1));
    });

    it("HD-44: an image that is closed while it is mapped stays until nobody maps it", () => {
      const space = installed(machine);
      const { frames } = machine.parts;
      const before = frames.free;
      const file = machine.loadImage(content(2 * size));
      const segment = { lead: 0, fileOffset: 0, fileSize: 2 * size, memorySize: 2 * size, writable: false };
      space.createArea({ base: at(16), size: 2 * size, flags: RO, backend: image(file, segment) });
      expect(machine.read8(at(16, 5))).to.equal(byte(5));
      file.close();
      file.close();
      expect(machine.read8(at(16, 6))).to.equal(byte(6));
      expect(machine.read8(at(17, 6)), "a page that was not in yet").to.equal(byte(size + 6));
      refuses("ERR_BAD_ARGUMENT", () => space.createArea({ base: at(30), size, flags: RO, backend: image(file, segment) }));
      space.destroyArea(at(16));
      expect([...machine.images()]).to.deep.equal([]);
      assertInvariants(machine);
      expect(before - frames.free, "only what tables took may be missing").to.be.lessThan(2);
    });

    it("HD-45: mapping a page that is mapped is an error of ours on every machine, and changes nothing", () => {
      const space = installed(machine);
      area(space, at(16), 1);
      machine.write32(at(16), 3);
      const { tables } = machine.parts;
      expect(() => tables.insert(space.context, 16, 5, READ | PAGE_USER)).to.throw("mapped already");
      expect(machine.read32(at(16))).to.equal(3);
      expect(tables.find(space.context, 16)).to.equal(true);
      expect(tables.found.flags & READ).to.equal(READ);
    });

    it("HD-49: memory is free again when the last reference goes, not before", () => {
      const a = installed(machine);
      const b = installed(machine, 1);
      area(a, at(16), 1);
      a.shareArea(at(16), size, b, at(40), RO);
      machine.write32(at(16), 1);
      machine.read32(at(40), 1);
      const tablesBefore = machine.parts.tables.bytes();
      const { free } = machine.parts.frames;
      b.destroyArea(at(40));
      const ofTables = (tablesBefore - machine.parts.tables.bytes()) / size;
      expect(machine.parts.frames.free - free, "the page itself is still in use").to.be.at.most(Math.ceil(ofTables));
      const again = machine.parts.frames.free;
      a.destroyArea(at(16));
      expect(machine.parts.frames.free).to.be.at.least(again + 1);
    });

    it("HD-50: a fault of a space that no processor has goes into its own tables", () => {
      const a = machine.spaces.create();
      const b = installed(machine);
      area(a, at(16), 1);
      area(b, at(16), 1);
      a.pageFault(16, READ);
      expect(machine.parts.tables.find(a.context, 16)).to.equal(true);
      expect(machine.parts.tables.find(b.context, 16)).to.equal(false);
    });

    it("HD-51: a device ends where it ends: beyond is a fault, nothing wraps", () => {
      const space = installed(machine);
      const base = 2n ** BigInt(architecture.physicalBits - 1);
      machine.parts.memory.addRegion(Number(base), 2 * size);
      space.createArea({ base: at(16), size: 4 * size, flags: RW, backend: physical(base, 2) });
      expect(machine.write32(at(17, size - 4), 9)).to.equal(true);
      expect(machine.parts.memory.read32(Number(base) + 2 * size - 4)).to.equal(9);
      expect(machine.read32(at(18))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the area's memory has no such page");
      refuses("ERR_MISALIGNED", () => space.createArea({ base: at(40), size, flags: RW, backend: physical(base + 8n, 1) }));
      refuses("ERR_BAD_ADDRESS", () =>
        space.createArea({
          base: at(40),
          size,
          flags: RW,
          backend: physical(base, 2 ** (architecture.physicalBits - architecture.pageShift)),
        }),
      );
      refuses("ERR_BAD_ARGUMENT", () => space.createArea({ base: at(40), size, flags: RW, backend: physical(base, 2 ** 60) }));
    });

    it("HD-52: sharing without any right is refused, and an access without a space is a fault", () => {
      expect(machine.read32(at(16))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("no area at this address");
      const a = installed(machine);
      const b = machine.spaces.create();
      area(a, at(16), 1);
      refuses("ERR_AREA_FLAGS", () => a.shareArea(at(16), size, b, at(40), 0));
      expect([...b.areas()]).to.deep.equal([]);
    });

    it("HD-53: the destination of a share has the rights asked for, in any space, whatever the backend", () => {
      const a = machine.spaces.create();
      const b = machine.spaces.create();
      const c = installed(machine);
      const file = machine.loadImage(content(size));
      machine.parts.memory.addRegion(2 ** (architecture.physicalBits - 1), size);
      area(a, at(16), 1);
      a.createArea({
        base: at(20),
        size,
        flags: RW,
        backend: image(file, { lead: 0, fileOffset: 0, fileSize: size, memorySize: size, writable: true }),
      });
      a.createArea({ base: at(24), size, flags: RW, backend: physical(2n ** BigInt(architecture.physicalBits - 1), 1) });
      a.createArea({ base: at(28), size, flags: AREA_READ | AREA_WRITE, backend: anonymous });
      for (const page of [16, 20, 24]) {
        a.shareArea(at(page), size, b, at(page), AREA_READ);
        expect(b.areaInfo(at(page))?.flags).to.equal(RO);
      }
      expect(a.shareArea(at(28), size, b, at(28), AREA_READ).flags, "cacheable only as far as the source").to.equal(AREA_READ);
      expect([...c.areas()]).to.deep.equal([]);
      machine.switchTo(b);
      for (const page of [16, 20, 24, 28]) {
        expect(machine.write32(at(page), 1)).to.equal(false);
        expect(machine.read32(at(page))).to.be.at.least(0);
      }
    });

    it("HD-26: an area that is being built refuses every operation and every fault", () => {
      const space = installed(machine);
      const other = machine.spaces.create();
      area(space, at(16), 2);
      const { areas } = machine.parts;
      const handle = space.tree.find(16);
      areas.setPartial(handle, true);
      refuses("ERR_AREA_BUSY", () => space.destroyArea(at(16)));
      refuses("ERR_AREA_BUSY", () => space.resizeArea(at(16), size));
      refuses("ERR_AREA_BUSY", () => space.changeAreaFlags(at(16), AREA_READ));
      refuses("ERR_AREA_BUSY", () => space.shareArea(at(16), 2 * size, other, at(16), RO));
      refuses("ERR_AREA_BUSY", () => space.setMapping(at(16), 0));
      expect(machine.read32(at(16))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the area is still being built");
      areas.setPartial(handle, false);
      expect(machine.read32(at(16))).to.equal(0);
    });
  });
}
