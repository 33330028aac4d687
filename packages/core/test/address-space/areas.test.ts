import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  EOK,
  ERRNO,
  PortolanError,
  Syscalls,
  type ErrorCode,
  type Machine,
} from "#src/index.js";
import { area, installed, PAGE, paper, RO, RW } from "../fixture.js";

const refuses = (code: ErrorCode, work: () => unknown): void => {
  expect(work).to.throw(PortolanError).with.property("code", code);
};

describe("areas", () => {
  let machine: Machine;
  beforeEach(() => {
    machine = paper({ cpus: 2 });
  });
  afterEach(() => assertInvariants(machine));

  it("shows zeroes on first touch and keeps what is written", () => {
    const space = installed(machine);
    area(space, 0x10000, 4);
    expect(machine.read32(0x12000)).to.equal(0);
    expect(machine.write32(0x12ffc, 0xfeedface)).to.equal(true);
    expect(machine.read32(0x12ffc)).to.equal(0xfeedface);
    expect(space.areaInfo(0x10000)?.usedPages).to.equal(1);
  });

  it("refuses a misaligned base, an empty size, unknown flags, and writing with executing", () => {
    const space = installed(machine);
    refuses("ERR_MISALIGNED", () => space.createArea({ base: 0x10010, size: PAGE, flags: RW, backend: anonymous }));
    refuses("ERR_BAD_ARGUMENT", () => space.createArea({ base: 0x10000, size: 0, flags: RW, backend: anonymous }));
    refuses("ERR_AREA_FLAGS", () => space.createArea({ base: 0x10000, size: PAGE, flags: 0xff0, backend: anonymous }));
    refuses("ERR_AREA_FLAGS", () => space.createArea({ base: 0x10000, size: PAGE, flags: AREA_WRITE | AREA_EXECUTE, backend: anonymous }));
    expect([...space.areas()]).to.deep.equal([]);
  });

  it("HD-01: forgets an area completely, so that its place can be used again", () => {
    const space = installed(machine);
    area(space, 0x10000, 2);
    machine.write32(0x11000, 7);
    space.resizeArea(0x10000, PAGE);
    space.resizeArea(0x10000, 2 * PAGE);
    expect(machine.read32(0x11000)).to.equal(0);
    space.destroyArea(0x10000);
    expect(machine.read32(0x10000)).to.equal(-1);
    area(space, 0x10000, 1);
    expect(machine.read32(0x10000)).to.equal(0);
  });

  it("HD-02: refuses a write to a read-only page, mapped or not", () => {
    const space = installed(machine);
    area(space, 0x10000, 1, RO);
    expect(machine.write32(0x10000, 1)).to.equal(false);
    expect(machine.read32(0x10000)).to.equal(0);
    expect(machine.write32(0x10000, 1)).to.equal(false);
    expect(machine.outcome).to.include({ reason: "protection", rule: "the area forbids this access" });
  });

  it("HD-04: destroys areas of a space that is not the current one, and of no other", () => {
    const a = machine.spaces.create();
    const b = installed(machine);
    area(a, 0x10000, 1);
    area(b, 0x10000, 1);
    machine.write32(0x10000, 5);
    a.destroyArea(0x10000);
    expect(a.areaInfo(0x10000)).to.equal(null);
    expect(machine.read32(0x10000)).to.equal(5);
  });

  it("HD-05, HD-06: counts frames of shared pages once for each who uses them, shared once or twice", () => {
    const a = installed(machine);
    const [b, c] = [machine.spaces.create(), machine.spaces.create()];
    area(a, 0x10000, 2);
    machine.write32(0x10000, 42);
    a.shareArea(0x10000, 2 * PAGE, b, 0x50000, RO);
    assertInvariants(machine);
    a.shareArea(0x10000, 2 * PAGE, c, 0x60000, RW);
    machine.switchTo(b, 1);
    expect(machine.read32(0x50000, 1)).to.equal(42);
    assertInvariants(machine);
    a.destroyArea(0x10000);
    expect(machine.read32(0x50000, 1)).to.equal(42);
    b.destroyArea(0x50000);
    assertInvariants(machine);
    machine.switchTo(c, 1);
    expect(machine.read32(0x60000, 1)).to.equal(42);
    c.destroyArea(0x60000);
  });

  it("HD-10, HD-11, HD-12: an area lies wholly inside the user range, whatever its size", () => {
    const space = installed(machine);
    refuses("ERR_AREA_RANGE", () => area(space, 0x8000_0000, 1));
    refuses("ERR_AREA_RANGE", () => area(space, 0x7fff_f000, 2));
    refuses("ERR_AREA_RANGE", () => area(space, 0, 1));
    refuses("ERR_AREA_RANGE", () => space.createArea({ base: 0x10000, size: 2n ** 32n, flags: RW, backend: anonymous }));
    refuses("ERR_BAD_ARGUMENT", () => space.createArea({ base: 0x10000, size: 2n ** 64n, flags: RW, backend: anonymous }));
    area(space, 0x7fff_f000, 1);
    expect(machine.write32(0x7fff_fffc, 1)).to.equal(true);
  });

  it("HD-13, HD-28, HD-29: resizes by where the end comes to lie, and refuses what wraps or is misaligned", () => {
    const space = installed(machine);
    area(space, 0x10000, 4);
    area(space, 0x14000, 1);
    space.resizeArea(0x12000, 2 * PAGE);
    expect(space.areaSize(0x10000)).to.equal(0x4000n);
    refuses("ERR_AREA_OVERLAP", () => space.resizeArea(0x12000, 3 * PAGE));
    refuses("ERR_BAD_ARGUMENT", () => space.resizeArea(0x11000, 2n ** 64n - 0xfffn));
    refuses("ERR_MISALIGNED", () => space.resizeArea(0x11010, PAGE));
    refuses("ERR_AREA_EMPTY", () => space.resizeArea(0x10000, 0));
    expect(space.areaSize(0x10000)).to.equal(0x4000n);
  });

  it("HD-15, HD-30, HD-31: changes rights by the same rules as creation, and keeps memory cacheable", () => {
    const space = installed(machine);
    area(space, 0x10000, 2);
    machine.write32(0x10000, 9);
    refuses("ERR_AREA_FLAGS", () => space.changeAreaFlags(0x10000, AREA_READ | AREA_WRITE | AREA_EXECUTE));
    refuses("ERR_AREA_FLAGS", () => space.changeAreaFlags(0x10000, 0xffff_ff00));
    space.changeAreaFlags(0x10000, AREA_READ);
    expect(machine.read32(0x10000)).to.equal(9);
    expect(machine.write32(0x10000, 1)).to.equal(false);
    expect((space.areaInfo(0x10000)?.flags ?? 0) & AREA_CACHEABLE).to.equal(AREA_CACHEABLE);
  });

  it("HD-25, HD-27: a share that is refused leaves the source unshared, and says why", () => {
    const a = installed(machine);
    const b = machine.spaces.create();
    area(a, 0x10000, 2);
    area(b, 0x50000, 1);
    refuses("ERR_AREA_OVERLAP", () => a.shareArea(0x10000, 2 * PAGE, b, 0x50000, RO));
    refuses("ERR_MISALIGNED", () => a.shareArea(0x10000, 2 * PAGE, b, 0x60010, RO));
    refuses("ERR_SHARE_SIZE", () => a.shareArea(0x10000, PAGE, b, 0x60000, RO));
    refuses("ERR_SHARE_RIGHTS", () => a.shareArea(0x10000, 2 * PAGE, b, 0x60000, AREA_READ | AREA_EXECUTE));
    a.resizeArea(0x10000, 3 * PAGE);
    expect(a.areaSize(0x10000)).to.equal(0x3000n);
    a.shareArea(0x10000, 3 * PAGE, b, 0x60000, RO);
    refuses("ERR_AREA_NOT_RESIZABLE", () => a.resizeArea(0x10000, PAGE));
    b.destroyArea(0x60000);
    a.resizeArea(0x10000, PAGE);
  });

  it("HD-32: forbids reading a write-only area before and after it is written, where the machine can", () => {
    const space = installed(machine);
    area(space, 0x10000, 1, AREA_WRITE);
    expect(machine.read32(0x10000)).to.equal(-1);
    expect(machine.write32(0x10000, 3)).to.equal(true);
    expect(machine.read32(0x10000)).to.equal(-1);
  });

  it("chooses the lowest free range between the bounds, guard pages kept", () => {
    const space = installed(machine);
    area(space, 0x10000, 2);
    const chosen = space.createArea({ size: PAGE, flags: RW, backend: anonymous, lowest: 0x10000 });
    expect(chosen.base).to.equal(0x12000n);
    const guarded = space.createArea({ size: PAGE, flags: RW, backend: anonymous, lowest: 0x10000, guard: true });
    expect(guarded.base).to.equal(0x14000n);
    refuses("ERR_NO_FREE_RANGE", () =>
      space.createArea({ size: 4 * PAGE, flags: RW, backend: anonymous, lowest: 0x10000, highest: 0x12fff }),
    );
  });

  it("answers with HelenOS's numbers at the system-call face", () => {
    const calls = new Syscalls(installed(machine));
    expect(calls.as_area_create(0x10000, 2 * PAGE, AREA_READ | AREA_WRITE)).to.equal(0x10000n);
    expect(calls.as_area_create(0x10000, PAGE, AREA_READ)).to.equal(-1n);
    expect(calls.as_area_resize(0x10000, 0, 0)).to.equal(ERRNO.EPERM);
    expect(calls.as_area_destroy(0x90000)).to.equal(ERRNO.ENOENT);
    expect(calls.as_area_change_flags(0x10000, AREA_READ)).to.equal(EOK);
    expect(calls.as_area_destroy(0x11000)).to.equal(EOK);
  });

  it("refuses to destroy a space that a processor uses, and gives everything back afterwards", () => {
    const before = machine.parts.frames.free;
    const space = installed(machine);
    area(space, 0x10000, 8);
    for (let page = 0; page < 8; page += 1) machine.write32(0x10000 + page * PAGE, page);
    refuses("ERR_SPACE_IN_USE", () => space.destroy());
    machine.switchToKernel();
    space.destroy();
    expect(machine.parts.frames.free).to.equal(before);
    refuses("ERR_SPACE_GONE", () => space.hold());
  });
});
