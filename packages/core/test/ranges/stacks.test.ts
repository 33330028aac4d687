import { expect } from "chai";
import { mapArea } from "#src/address-space/map-area.js";
import { protectRange } from "#src/address-space/protect-range.js";
import { unmapRange } from "#src/address-space/unmap-range.js";
import { STACK_GAP } from "#src/address-space/grow-down.js";
import { GROWS_DOWN, MAY_READ, MAY_WRITE } from "#src/area/area-flags.js";
import { anonymous, assertInvariants, type AddressSpace, type Machine } from "#src/index.js";
import { area, build, machines, paper, RO, RW } from "../fixture.js";
import { portrait } from "../state-hash.js";

const TOP = 2000;

/** A stack of two pages that ends before page TOP. */
const withStack = (machine: Machine): { space: AddressSpace; at: (page: number) => number } => {
  const space = machine.spaces.create();
  machine.switchTo(space);
  const { backends, units } = machine.parts;
  const traits = GROWS_DOWN | MAY_READ | MAY_WRITE;
  mapArea(space, { first: TOP - 2, pages: 2, flags: RW, traits, backend: anonymous, object: backends.anonymous, offset: 0 });
  return { space, at: (page) => page * units.pageSize };
};

describe("areas that grow downwards", () => {
  for (const architecture of machines) {
    it(`${architecture.name}: grow to the page that is touched, and by as many as lie between`, () => {
      const machine = build(architecture);
      const { space, at } = withStack(machine);
      expect(machine.write32(at(TOP - 1), 1)).to.equal(true);
      expect(machine.write32(at(TOP - 3), 3)).to.equal(true);
      expect(machine.write32(at(TOP - 20), 20)).to.equal(true);
      expect([
        machine.read32(at(TOP - 1)),
        machine.read32(at(TOP - 3)),
        machine.read32(at(TOP - 20)),
        machine.read32(at(TOP - 19)),
      ]).to.deep.equal([1, 3, 20, 0]);
      expect([...space.areas()].map(({ pages }) => pages)).to.deep.equal([20]);
      assertInvariants(machine);
    });
  }

  it("stop at the limit of the space, and at a distance from other memory below", () => {
    const machine = paper();
    const { space, at } = withStack(machine);
    space.stackLimit = 100;
    expect(machine.write32(at(TOP - 101), 1)).to.equal(false);
    expect(machine.outcome?.rule).to.equal("no area at this address");
    expect(machine.write32(at(TOP - 100), 1)).to.equal(true);
    space.stackLimit = 1000;
    area(space, at(TOP - 600), 100);
    expect(machine.write32(at(TOP - 500 + STACK_GAP - 1), 1)).to.equal(false);
    expect(machine.write32(at(TOP - 500 + STACK_GAP), 1)).to.equal(true);
    assertInvariants(machine);
  });

  it("come as near as they like to memory that nobody may touch", () => {
    const machine = paper();
    const { space, at } = withStack(machine);
    area(space, at(TOP - 60), 10);
    expect(machine.write32(at(TOP - 50), 1)).to.equal(false);
    protectRange(space, TOP - 60, 10, 0);
    expect(machine.write32(at(TOP - 50), 1)).to.equal(true);
  });

  it("are as they were when the access is forbidden, or there is no memory for it", () => {
    const machine = paper();
    const { space, at } = withStack(machine);
    machine.write32(at(TOP - 1), 1);
    let failures = 0;
    for (let n = 0; ; n += 1) {
      const before = portrait(machine);
      machine.parts.gate.failAfter(n);
      const isWritten = machine.write32(at(TOP - 1500), 1);
      machine.parts.gate.disarm();
      if (isWritten) break;
      failures += 1;
      expect(portrait(machine).filter((line) => !line.startsWith("processor"))).to.deep.equal(
        before.filter((line) => !line.startsWith("processor")),
      );
    }
    expect(failures).to.be.greaterThan(0);
    protectRange(space, TOP - 1500, 1500, RO & 7);
    const before = portrait(machine);
    expect(machine.write32(at(TOP - 1501), 1)).to.equal(false);
    expect(machine.outcome?.rule).to.equal("the area forbids this access");
    expect(portrait(machine)).to.deep.equal(before);
    assertInvariants(machine);
  });

  it("go on growing when their lower part was unmapped", () => {
    const machine = paper();
    const { space, at } = withStack(machine);
    machine.write32(at(TOP - 10), 1);
    unmapRange(space, TOP - 10, 8);
    expect(machine.write32(at(TOP - 5), 5)).to.equal(true);
    expect(machine.read32(at(TOP - 4))).to.equal(0);
    assertInvariants(machine);
  });

  it("grow in front of a shadow that has no pages for it to show", () => {
    const machine = paper();
    const { space, at } = withStack(machine);
    machine.write32(at(TOP - 1), 1);
    // Pages without rights are remembered by a shadow.
    protectRange(space, TOP - 2, 2, 0);
    protectRange(space, TOP - 2, 2, RW & 7);
    expect(machine.write32(at(TOP - 8), 8)).to.equal(true);
    expect(machine.write32(at(TOP - 9), 9)).to.equal(true);
    expect([
      machine.read32(at(TOP - 1)),
      machine.read32(at(TOP - 8)),
      machine.read32(at(TOP - 9)),
      machine.read32(at(TOP - 5)),
    ]).to.deep.equal([1, 8, 9, 0]);
    space.stackLimit = 9;
    expect(machine.write32(at(TOP - 10), 8)).to.equal(false);
    assertInvariants(machine);
  });
});
