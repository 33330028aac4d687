/** Every kind of page that an image can have, alone and shared, and memory that is mapped by its physical address. */
import { expect } from "chai";
import {
  AREA_EXECUTE,
  AREA_READ,
  assertInvariants,
  image,
  physical,
  Random,
  type AddressSpace,
  type ImageSegment,
  type Machine,
} from "#src/index.js";
import { area, build, fewAsids, installed, machines, refuses, RO, RW, RX } from "../fixture.js";

for (const architecture of machines) {
  describe(`pages of images on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number, offset = 0): number => page * size + offset;
    const byte = (i: number): number => (i * 31 + Math.floor(i / 256) * 7 + 1) % 256;
    const content = Uint8Array.from({ length: 6 * size }, (_, i) => byte(i));
    let machine: Machine;
    let a: AddressSpace;
    let b: AddressSpace;
    beforeEach(() => {
      machine = build(fewAsids(architecture), { cpus: 2 });
      a = installed(machine, 0);
      b = installed(machine, 1);
    });
    afterEach(() => assertInvariants(machine));

    /** What a segment shows at an offset of its object. */
    const expected = ({ lead, fileOffset, fileSize }: ImageSegment, offset: number): number =>
      offset >= lead && offset < lead + fileSize ? byte(fileOffset + offset - lead) : 0;
    const pagesOf = ({ lead, memorySize }: ImageSegment): number => Math.ceil((lead + memorySize) / size);
    const check = (segment: ImageSegment, page: number, base: number, cpu: number): void => {
      const got = new Uint8Array(size);
      expect(machine.copyFromUser(at(base + page), got, cpu)).to.equal(size);
      for (let i = 0; i < size; i += 1)
        if (got[i] !== expected(segment, page * size + i))
          expect(got[i], `page ${page}, byte ${i}`).to.equal(expected(segment, page * size + i));
    };
    const frameAt = (space: AddressSpace, page: number): number => {
      expect(machine.parts.tables.find(space.context, page), `page ${page} is mapped`).to.equal(true);
      return machine.parts.tables.found.frame;
    };
    const free = (): number => machine.parts.frames.free + machine.parts.tables.bytes() / size;

    const P = size;
    const kinds: readonly [string, Omit<ImageSegment, "writable">][] = [
      ["begins and ends with a page", { lead: 0, fileOffset: P, fileSize: 2 * P, memorySize: 2 * P }],
      ["lies within one page", { lead: 5, fileOffset: P + 5, fileSize: 9, memorySize: 20 }],
      ["begins and ends within pages, zeroes behind", { lead: 100, fileOffset: P + 100, fileSize: 2 * P, memorySize: 4 * P }],
      ["has zeroes from a page's first byte on", { lead: 0, fileOffset: 0, fileSize: P, memorySize: 3 * P }],
      ["is all zeroes, from within a page", { lead: 7, fileOffset: 0, fileSize: 0, memorySize: 2 * P }],
      ["is congruent to no page of the file", { lead: 100, fileOffset: 3, fileSize: 3 * P, memorySize: 3 * P + 50 }],
      ["begins with the file's bytes at its page's end", { lead: P - 1, fileOffset: 2 * P - 1, fileSize: P + 2, memorySize: 2 * P + 1 }],
      ["has nothing of the file", { lead: 0, fileOffset: 6 * P, fileSize: 0, memorySize: P }],
    ];
    for (const [name, extent] of kinds) {
      it(`C-15.2, C-15.3, C-15.5: a segment that ${name} shows its bytes and zeroes, private or shared, whoever comes first`, () => {
        const file = machine.loadImage(content);
        for (const writable of [false, true]) {
          const segment = { ...extent, writable };
          const pages = pagesOf(segment);
          const first = writable ? 16 : 100;
          const flags = writable ? RW : RX;
          a.createArea({ base: at(first), size: pages * size, flags, backend: image(file, segment) });
          for (let page = 0; page < pages; page += 2) check(segment, page, first, 0);
          assertInvariants(machine);
          a.shareArea(at(first), pages * size, b, at(first + 40), RO);
          for (let page = pages - 1; page >= 0; page -= 1) {
            check(segment, page, first + 40, 1);
            check(segment, page, first, 0);
            const frame = frameAt(a, first + page);
            expect(frameAt(b, first + 40 + page), "one frame for both").to.equal(frame);
            const inFile = (segment.fileOffset - segment.lead) / size + page;
            const isWhole = page * size >= segment.lead && (page + 1) * size <= segment.lead + segment.fileSize;
            const isFiles = !writable && Number.isInteger(inFile) && isWhole;
            if (isFiles) expect(frame, "the file's own").to.equal(file.frameOf(inFile));
            else for (let i = 0; i < 6; i += 1) expect(frame, "a copy").not.to.equal(file.frameOf(i));
          }
          expect(machine.read8(at(first + pages))).to.equal(-1);
          assertInvariants(machine);
        }
      });
    }

    it("C-15.2: any segment over any offsets agrees with the file, page by page in any order", () => {
      const random = new Random(9);
      const file = machine.loadImage(content);
      for (let round = 0; round < 12; round += 1) {
        const lead = random.below(size);
        const fileOffset = random.below(3) === 0 ? lead : random.below(2 * size);
        const fileSize = random.below(3 * size);
        const segment = { lead, fileOffset, fileSize, memorySize: fileSize + random.below(2 * size) + 1, writable: random.below(2) === 0 };
        const pages = pagesOf(segment);
        a.createArea({ base: at(16), size: pages * size, flags: RO, backend: image(file, segment) });
        for (let n = 0; n < pages; n += 1) check(segment, random.below(pages), 16, 0);
        a.destroyArea(at(16));
        assertInvariants(machine);
      }
    });

    it("C-15.3: an area that may write never reaches the file, whatever the segment says of itself", () => {
      const file = machine.loadImage(content);
      const segment = { lead: 0, fileOffset: 0, fileSize: size, memorySize: size, writable: false };
      a.createArea({ base: at(16), size, flags: RW, backend: image(file, segment) });
      expect(machine.write8(at(16, 3), 99)).to.equal(true);
      expect(machine.parts.memory.read8(file.frameOf(0) * size + 3)).to.equal(byte(3));
      b.createArea({ base: at(16), size, flags: RO, backend: image(file, segment) });
      expect(machine.read8(at(16, 3), 1)).to.equal(byte(3));
      refuses("ERR_AREA_KIND", () => b.changeAreaFlags(at(16), RW));
      b.shareArea(at(16), size, a, at(60), RO);
      refuses("ERR_SHARE_RIGHTS", () => b.shareArea(at(16), size, a, at(70), RW));
    });

    it("C-15.3: two areas of one writable segment have copies of their own, a share has the same", () => {
      const file = machine.loadImage(content);
      const segment = { lead: 0, fileOffset: 0, fileSize: size, memorySize: size, writable: true };
      for (const space of [a, b]) space.createArea({ base: at(16), size, flags: RW, backend: image(file, segment) });
      machine.write8(at(16), 201, 0);
      expect(machine.read8(at(16), 1), "a copy of one's own").to.equal(byte(0));
      a.shareArea(at(16), size, b, at(40), RW);
      expect(machine.read8(at(40), 1)).to.equal(201);
      machine.write8(at(40), 202, 1);
      expect(machine.read8(at(16), 0)).to.equal(202);
    });

    it("C-15.1, C-15.4, C-15.7: everything goes with the last who shows it, in whatever order they go", () => {
      const before = free();
      for (const order of [
        [0, 1, 2],
        [2, 1, 0],
        [1, 0, 2],
      ]) {
        const file = machine.loadImage(content);
        const segment = { lead: 9, fileOffset: 9, fileSize: 3 * size, memorySize: 5 * size, writable: false };
        a.createArea({ base: at(16), size: 6 * size, flags: AREA_READ | AREA_EXECUTE, backend: image(file, segment) });
        area(a, at(30), 2);
        machine.write32(at(30), 5);
        a.shareArea(at(16), 6 * size, b, at(16), RO & ~8);
        a.shareArea(at(30), 2 * size, b, at(30), RO);
        for (const page of [16, 17, 20]) machine.read8(at(page), 1);
        file.close();
        machine.write32(at(31), 6);
        const ends = [
          () => a.destroyArea(at(16)),
          () => b.destroyArea(at(16)),
          () => {
            a.destroyArea(at(30));
            expect(machine.read32(at(31), 1)).to.equal(6);
            b.destroyArea(at(30));
          },
        ];
        for (const which of order) {
          ends[which]?.();
          assertInvariants(machine);
        }
        expect([...machine.images()]).to.deep.equal([]);
        expect(free()).to.equal(before);
      }
    });

    it("C-15.6: RAM is shown where somebody has it, counted like any other, and free frames are not shown", () => {
      const frame = machine.parts.frames.take();
      machine.parts.memory.write32(frame * size, 1234);
      a.createArea({ base: at(16), size: 2 * size, flags: RW, backend: physical(frame * size, 1) });
      expect(machine.read32(at(16))).to.equal(1234);
      expect(machine.parts.frames.references(frame)).to.equal(2);
      machine.write32(at(16, 4), 77);
      expect(machine.parts.memory.read32(frame * size + 4)).to.equal(77);
      expect(machine.read32(at(17)), "beyond the range").to.equal(-1);
      refuses("ERR_AREA_NOT_RESIZABLE", () => a.resizeArea(at(16), size));
      refuses("ERR_AREA_NOT_RESIZABLE", () => a.resizeArea(at(16), 2 * size));
      a.shareArea(at(16), 2 * size, b, at(40), RO);
      expect(machine.read32(at(40), 1)).to.equal(1234);
      expect(machine.parts.frames.references(frame)).to.equal(3);
      machine.parts.frames.release(frame);
      expect(machine.read32(at(40, 4), 1), "kept by its mappings").to.equal(77);
      a.destroyArea(at(16));
      b.destroyArea(at(40));
      expect(machine.parts.frames.references(frame)).to.equal(0);
      a.createArea({ base: at(16), size, flags: RW, backend: physical(frame * size, 1) });
      expect(machine.read32(at(16))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the area's memory has no such page");
    });
  });
}
