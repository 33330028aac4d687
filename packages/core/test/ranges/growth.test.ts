import { expect } from "chai";
import { growRange } from "#src/address-space/grow-area.js";
import { mapArea } from "#src/address-space/map-area.js";
import { moveRange } from "#src/address-space/move-range.js";
import { unmapRange } from "#src/address-space/unmap-range.js";
import { MAY_READ, MAY_WRITE } from "#src/area/area-flags.js";
import { anonymous, assertInvariants, type AddressSpace, type Machine } from "#src/index.js";
import { paper, RW } from "../fixture.js";

/** Eight pages of one's own from page 16 on, each with its number in it. */
const scene = (): { machine: Machine; space: AddressSpace; at: (page: number) => number } => {
  const machine = paper({ memoryBytes: 2 ** 21 });
  const space = machine.spaces.create();
  machine.switchTo(space);
  const { backends, units } = machine.parts;
  mapArea(space, {
    first: 16,
    pages: 8,
    flags: RW,
    traits: MAY_READ | MAY_WRITE,
    backend: anonymous,
    object: backends.anonymous,
    offset: 0,
  });
  const at = (page: number): number => page * units.pageSize;
  for (let page = 16; page < 24; page += 1) machine.write32(at(page), page);
  return { machine, space, at };
};

const contents = (machine: Machine, at: (page: number) => number, first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => machine.read32(at(first + i)));

describe("areas that grow again", () => {
  it("show zeroes where a fork still keeps what was there", () => {
    const { machine, space, at } = scene();
    const child = machine.spaces.fork(space);
    machine.switchTo(child);
    unmapRange(child, 20, 4);
    expect(growRange(child, 16, 4, 8)).to.equal(true);
    expect(contents(machine, at, 16, 8)).to.deep.equal([16, 17, 18, 19, 0, 0, 0, 0]);
    machine.write32(at(21), 5);
    assertInvariants(machine);
    machine.switchTo(space);
    expect(contents(machine, at, 16, 8)).to.deep.equal([16, 17, 18, 19, 20, 21, 22, 23]);
    assertInvariants(machine);
  });

  it("keep off the pages of a part that was moved away from them", () => {
    const { machine, space, at } = scene();
    machine.spaces.fork(space).destroy();
    machine.write32(at(16), 1);
    moveRange(space, { first: 20, pages: 4, after: 4, to: 100 });
    expect(growRange(space, 16, 4, 8)).to.equal(true);
    for (let page = 20; page < 24; page += 1) machine.write32(at(page), 100 + page);
    expect(contents(machine, at, 100, 4)).to.deep.equal([20, 21, 22, 23]);
    expect(contents(machine, at, 16, 8)).to.deep.equal([1, 17, 18, 19, 120, 121, 122, 123]);
    assertInvariants(machine);
    // And the two areas are one mapping to whoever moves them.
    expect(moveRange(space, { first: 16, pages: 8, after: 9, to: 200 })).to.equal(200);
    expect(contents(machine, at, 200, 9)).to.deep.equal([1, 17, 18, 19, 120, 121, 122, 123, 0]);
    assertInvariants(machine);
  });

  it("do not where something lies, or where the mapping goes on", () => {
    const { machine, space, at } = scene();
    expect(growRange(space, 16, 4, 6)).to.equal(false);
    mapArea(space, {
      first: 26,
      pages: 1,
      flags: 9,
      traits: MAY_READ,
      backend: anonymous,
      object: machine.parts.backends.anonymous,
      offset: 0,
    });
    expect(growRange(space, 16, 8, 11)).to.equal(false);
    expect(growRange(space, 16, 8, 10)).to.equal(true);
    expect(contents(machine, at, 22, 4)).to.deep.equal([22, 23, 0, 0]);
    assertInvariants(machine);
  });
});
