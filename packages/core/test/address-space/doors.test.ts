/** What a caller can hand in wrongly: refused by its own name, with nothing changed. */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  assertInvariants,
  image,
  physical,
  PortolanError,
  READ,
  SOFTWARE_CACHES,
  Syscalls,
  type AddressSpace,
  type Machine,
} from "#src/index.js";
import { area, build, installed, machines, refuses, RO, RW } from "../fixture.js";
import { portrait } from "../state-hash.js";

for (const architecture of machines) {
  describe(`doors of address spaces on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => page * size;
    const mostFlags = 2 ** 32 + AREA_READ;
    let machine: Machine;
    let space: AddressSpace;
    beforeEach(() => {
      machine = build(architecture);
      space = installed(machine);
      area(space, at(16), 2);
      machine.write32(at(16), 5);
    });
    afterEach(() => assertInvariants(machine));

    it("C-3.1: sizes that are no whole numbers are bad arguments, addresses bad addresses, wherever they come in", () => {
      const before = portrait(machine);
      for (const size_ of [0.5, NaN, Infinity, -0.25, 2 ** 60]) {
        refuses("ERR_BAD_ARGUMENT", () => space.createArea({ base: at(40), size: size_, flags: RW, backend: anonymous }));
        refuses("ERR_BAD_ARGUMENT", () => space.resizeArea(at(16), size_));
        refuses("ERR_BAD_ARGUMENT", () => space.shareArea(at(16), size_, space, at(40), RO));
        expect(new Syscalls(space).as_area_resize(at(16), size_, 0)).to.equal(-13);
      }
      refuses("ERR_BAD_ARGUMENT", () => space.resizeArea(at(16), -1));
      refuses("ERR_SHARE_SIZE", () => space.shareArea(at(16), 0, space, at(40), RO));
      for (const address of [0.5, NaN, -1, -1n, 2n ** 64n]) {
        refuses("ERR_BAD_ADDRESS", () => space.createArea({ base: address, size, flags: RW, backend: anonymous }));
        refuses("ERR_BAD_ADDRESS", () => space.createArea({ lowest: address, size, flags: RW, backend: anonymous }));
        refuses("ERR_BAD_ADDRESS", () => space.createArea({ highest: address, size, flags: RW, backend: anonymous }));
        refuses("ERR_BAD_ADDRESS", () => space.resizeArea(address, size));
        refuses("ERR_BAD_ADDRESS", () => space.destroyArea(address));
        refuses("ERR_BAD_ADDRESS", () => space.changeAreaFlags(address, RO));
        refuses("ERR_BAD_ADDRESS", () => space.shareArea(address, 2 * size, space, at(40), RO));
        refuses("ERR_BAD_ADDRESS", () => space.shareArea(at(16), 2 * size, space, address, RO));
        refuses("ERR_BAD_ADDRESS", () => space.setMapping(address, 1));
        refuses("ERR_BAD_ADDRESS", () => space.areaInfo(address));
        refuses("ERR_BAD_ADDRESS", () => machine.read32(address));
        refuses("ERR_BAD_ADDRESS", () => machine.copyFromUser(address, new Uint8Array(1)));
      }
      expect(portrait(machine)).to.deep.equal(before);
    });

    it("C-10.2: bits above the 32nd are unknown flags too, also where CACHEABLE is added to them", () => {
      const calls = new Syscalls(space);
      for (const flags of [mostFlags, 1.5, NaN, -1]) {
        refuses("ERR_AREA_FLAGS", () => space.createArea({ base: at(40), size, flags, backend: anonymous }));
        refuses("ERR_AREA_FLAGS", () => space.changeAreaFlags(at(16), flags));
        refuses("ERR_AREA_FLAGS", () => space.shareArea(at(16), 2 * size, space, at(40), flags));
        expect(calls.as_area_create(at(40), size, flags)).to.equal(-1n);
        expect(calls.as_area_create_anywhere(size, flags)).to.equal(-1n);
        expect(calls.as_area_change_flags(at(16), flags)).to.equal(-13);
      }
      expect([...space.areas()]).to.have.length(1);
    });

    it("C-15.6: device memory begins on a frame that the machine can address", () => {
      const make = (base: bigint | number, frames = 1): unknown =>
        space.createArea({ base: at(40), size, flags: RW, backend: physical(base, frames) });
      const limit = 2n ** BigInt(architecture.physicalBits);
      for (const base of [0.5, NaN, -1, -BigInt(size), limit, limit * 256n, 2n ** 64n]) refuses("ERR_BAD_ADDRESS", () => make(base));
      refuses("ERR_MISALIGNED", () => make(limit - 8n));
      refuses("ERR_BAD_ADDRESS", () => make(limit - BigInt(size), 2));
      for (const frames of [0, -1, 0.5, NaN]) refuses("ERR_BAD_ARGUMENT", () => make(limit - BigInt(size), frames));
      make(limit - BigInt(size));
      expect(machine.read32(at(40)), "nothing answers at the last frame").to.equal(-1);
      expect(machine.outcome?.rule).to.equal("nothing answers at that physical address");
    });

    it("C-19.2: spaces and images of another machine are strangers here", () => {
      const other = build(architecture);
      const stranger = other.spaces.create();
      const file = other.loadImage(new Uint8Array(size));
      const segment = { lead: 0, fileOffset: 0, fileSize: size, memorySize: size, writable: false };
      refuses("ERR_BAD_ARGUMENT", () => space.shareArea(at(16), 2 * size, stranger, at(40), RO));
      refuses("ERR_BAD_ARGUMENT", () => machine.switchTo(stranger));
      refuses("ERR_BAD_ARGUMENT", () => machine.walk(stranger, at(16)));
      refuses("ERR_BAD_ARGUMENT", () => space.createArea({ base: at(40), size, flags: RO, backend: image(file, segment) }));
      assertInvariants(other);
      expect(space.areaInfo(at(16))?.isShared).to.equal(false);
      expect(machine.installed()).to.equal(space);
    });

    it("C-11.1: a space whose software cache finds no memory is not made, and leaves no tables behind", () => {
      let isShort = false;
      const own = build(architecture, {}, (parts) =>
        parts.register(SOFTWARE_CACHES, (_get, usual) => {
          const caches = usual();
          return {
            create(context) {
              if (isShort) throw new PortolanError("ERR_OUT_OF_FRAMES");
              caches.create(context);
            },
            destroy: (context) => caches.destroy(context),
          };
        }),
      );
      const before = portrait(own);
      isShort = true;
      refuses("ERR_OUT_OF_FRAMES", () => own.spaces.create());
      expect(portrait(own)).to.deep.equal(before);
      assertInvariants(own);
      isShort = false;
      own.spaces.create().destroy();
      expect(portrait(own)).to.deep.equal(before);
    });

    it("C-11.3: a space that is gone answers nothing and takes nothing", () => {
      const gone = machine.spaces.create();
      gone.destroy();
      const uses: readonly (() => unknown)[] = [
        () => gone.createArea({ base: at(16), size, flags: RW, backend: anonymous }),
        () => gone.resizeArea(at(16), size),
        () => gone.destroyArea(at(16)),
        () => gone.changeAreaFlags(at(16), RO),
        () => gone.setMapping(at(16), 1),
        () => gone.shareArea(at(16), size, space, at(40), RO),
        () => space.shareArea(at(16), 2 * size, gone, at(40), RO),
        () => gone.pageFault(16, READ),
        () => gone.areaSize(at(16)),
        () => gone.areaInfo(at(16)),
        () => gone.checkAccess(at(16), READ),
        () => [...gone.areas()],
        () => gone.print(),
        () => gone.hold(),
        () => gone.release(),
        () => gone.destroy(),
        () => machine.switchTo(gone),
      ];
      for (const use of uses) refuses("ERR_SPACE_GONE", use);
      expect(new Syscalls(gone).as_area_destroy(at(16))).to.equal(-1);
      expect(machine.installed()).to.equal(space);
    });
  });
}
