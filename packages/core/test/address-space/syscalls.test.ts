/** The system-call face: every operation, every result that it can have, by HelenOS's names and numbers. */
import { expect } from "chai";
import {
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  AS_MAP_FAILED,
  assertInvariants,
  EOK,
  ERRNO,
  physical,
  Syscalls,
  type AddressSpace,
  type Machine,
} from "#src/index.js";
import { createArea } from "#src/address-space/create-area.js";
import { build, installed, machines, RO, RW } from "../fixture.js";

describe("the numbers of the system-call face", () => {
  it("C-18.1: are those of HelenOS in 2008, for every error that the core knows", () => {
    expect(EOK).to.equal(0);
    expect(ERRNO).to.deep.equal({
      ENOENT: -1,
      ENOMEM: -2,
      EPERM: -6,
      EEXISTS: -8,
      ENOTSUP: -10,
      EADDRNOTAVAIL: -11,
      EINVAL: -13,
      EBUSY: -14,
    });
    expect(AS_MAP_FAILED).to.equal(-1n);
  });
});

for (const architecture of machines) {
  describe(`the system-call face on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => page * size;
    const beyond = architecture.layout.user.last + 1n;
    const bare = AREA_READ | AREA_WRITE;
    let machine: Machine;
    let space: AddressSpace;
    let calls: Syscalls;
    beforeEach(() => {
      machine = build(architecture);
      space = installed(machine);
      calls = new Syscalls(space);
      expect(calls.as_area_create(at(16), 3 * size - 1, bare)).to.equal(BigInt(at(16)));
    });
    afterEach(() => assertInvariants(machine));

    it("C-18.2: makes anonymous and cacheable areas, and a change of rights keeps them cacheable", () => {
      expect(space.areaInfo(at(16))).to.include({ backend: "anonymous", flags: RW, pages: 3 });
      expect(calls.as_area_change_flags(at(17), AREA_READ)).to.equal(EOK);
      expect(space.areaInfo(at(16))?.flags).to.equal(RO);
      expect(calls.as_area_change_flags(at(17), AREA_READ | AREA_EXECUTE | AREA_CACHEABLE)).to.equal(EOK);
      expect(space.areaInfo(at(16))?.flags).to.equal(RO | AREA_EXECUTE);
    });

    it("C-18.1: as_area_create answers the address, or all bits set for whatever is wrong", () => {
      for (const [address, bytes, flags] of [
        [at(16), size, bare],
        [at(18), size, bare],
        [at(15), 2 * size, bare],
        [at(40) + 8, size, bare],
        [at(40), 0, bare],
        [at(40), -1, bare],
        [0, size, bare],
        [at(40), size, 0],
        [at(40), size, AREA_CACHEABLE],
        [at(40), size, AREA_WRITE | AREA_EXECUTE],
        [at(40), size, 16],
        [at(40), 2n ** 64n, bare],
        [beyond, size, bare],
        [beyond - BigInt(size), 2 * size, bare],
        [-1n, size, bare],
      ] as const)
        expect(calls.as_area_create(address, bytes, flags), `${address} ${bytes} ${flags}`).to.equal(AS_MAP_FAILED);
      machine.parts.gate.failAfter(0);
      expect(calls.as_area_create(at(40), size, bare)).to.equal(AS_MAP_FAILED);
      expect(calls.as_area_create_anywhere(size, bare, at(16))).to.equal(BigInt(at(19)));
      expect(calls.as_area_create_anywhere(size, bare, beyond - 1n)).to.equal(AS_MAP_FAILED);
    });

    it("C-18.1: as_area_resize answers ENOENT, ENOTSUP, EPERM, EADDRNOTAVAIL, EINVAL and EBUSY", () => {
      calls.as_area_create(at(20), size, bare);
      space.createArea({ base: at(40), size, flags: RW, backend: physical(0, 1) });
      createArea(space, { base: at(60), size, flags: RW, backend: null }, true);
      expect(calls.as_area_resize(at(30), size, 0)).to.equal(ERRNO.ENOENT);
      expect(calls.as_area_resize(at(40), 2 * size, 0)).to.equal(ERRNO.ENOTSUP);
      expect(calls.as_area_resize(at(16), 0, 0)).to.equal(ERRNO.EPERM);
      expect(calls.as_area_resize(at(16), 5 * size, 0)).to.equal(ERRNO.EADDRNOTAVAIL);
      expect(calls.as_area_resize(at(20), beyond, 0)).to.equal(ERRNO.EADDRNOTAVAIL);
      expect(calls.as_area_resize(at(16) + 1, size, 0)).to.equal(ERRNO.EINVAL);
      expect(calls.as_area_resize(at(16), 2n ** 64n - 1n + BigInt(size), 0)).to.equal(ERRNO.EINVAL);
      expect(calls.as_area_resize(-1, size, 0)).to.equal(ERRNO.EINVAL);
      expect(calls.as_area_resize(at(60), size, 0)).to.equal(ERRNO.EBUSY);
      expect(calls.as_area_resize(at(17), size, 0)).to.equal(EOK);
      expect(calls.as_area_get_size(at(17))).to.equal(BigInt(2 * size));
      space.shareArea(at(16), 2 * size, machine.spaces.create(), at(16), RO);
      expect(calls.as_area_resize(at(16), size, 0)).to.equal(ERRNO.ENOTSUP);
      machine.parts.areas.setPartial(space.tree.find(60), false);
    });

    it("C-18.1: as_area_change_flags answers ENOENT, ENOTSUP and EINVAL; as_area_destroy ENOENT and EBUSY", () => {
      space.createArea({ base: at(40), size, flags: RW, backend: physical(0, 1) });
      space.createArea({ base: at(50), size, flags: RW, backend: null });
      createArea(space, { base: at(60), size, flags: RW, backend: null }, true);
      expect(calls.as_area_change_flags(at(30), AREA_READ)).to.equal(ERRNO.ENOENT);
      for (const page of [40, 50]) expect(calls.as_area_change_flags(at(page), AREA_READ)).to.equal(ERRNO.ENOTSUP);
      for (const flags of [0, AREA_WRITE | AREA_EXECUTE, 32]) expect(calls.as_area_change_flags(at(16), flags)).to.equal(ERRNO.EINVAL);
      expect(calls.as_area_destroy(at(30))).to.equal(ERRNO.ENOENT);
      expect(calls.as_area_destroy(at(60))).to.equal(ERRNO.EBUSY);
      machine.parts.areas.setPartial(space.tree.find(60), false);
      for (const page of [18, 40, 50, 60]) expect(calls.as_area_destroy(at(page))).to.equal(EOK);
      expect(calls.as_get_area_info()).to.deep.equal([]);
      expect(calls.as_area_get_size(at(16))).to.equal(0n);
    });
  });
}
