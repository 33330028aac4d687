/** Every allocation of every operation fails once, and the state is what it was. */
import { expect } from "chai";
import { anonymous, assertInvariants, PortolanError, type AddressSpace, type Machine } from "#src/index.js";
import { area, installed, PAGE, paper, RO, RW } from "../fixture.js";

const portrait = (machine: Machine): string =>
  [machine.parts.frames.free, ...[...machine.spaces.live()].map((space) => `${space.id}\n${space.print()}`)].join("\n");

describe("operations under exhaustion", () => {
  const cases: Record<string, (machine: Machine, a: AddressSpace, b: AddressSpace) => unknown> = {
    "creating a space": (machine) => machine.spaces.create(),
    "creating an area": (_machine, a) => a.createArea({ base: 0x90000, size: PAGE, flags: RW, backend: anonymous }),
    "sharing an area": (_machine, a, b) => a.shareArea(0x10000, 8 * PAGE, b, 0x10000, RO),
    "loading an image": (machine) => machine.loadImage(new Uint8Array(3 * PAGE)),
    "mapping by hand": (_machine, a) => {
      a.createArea({ base: 0x40_0000, size: PAGE, flags: RW, backend: null });
      try {
        a.setMapping(0x40_0000, 5000);
      } catch (error) {
        a.destroyArea(0x40_0000);
        throw error;
      }
    },
  };
  for (const [name, work] of Object.entries(cases)) {
    it(`${name} happens or leaves no trace`, () => {
      for (let n = 0; ; n += 1) {
        const machine = paper();
        const a = installed(machine);
        const b = machine.spaces.create();
        area(a, 0x10000, 8);
        for (const page of [0, 2, 3, 6]) machine.write32(0x10000 + page * PAGE, page);
        const before = portrait(machine);
        machine.parts.gate.failAfter(n);
        let failed = false;
        try {
          work(machine, a, b);
        } catch (error) {
          expect(error).to.be.instanceOf(PortolanError).with.property("errno", "ENOMEM");
          failed = true;
        }
        machine.parts.gate.disarm();
        if (!failed) {
          expect(n).to.be.greaterThan(0);
          return;
        }
        expect(portrait(machine)).to.equal(before);
        assertInvariants(machine);
      }
    });
  }

  it("a fault without memory is refused, and served when there is memory again", () => {
    for (let n = 0; n < 3; n += 1) {
      const machine = paper();
      const space = installed(machine);
      area(space, 0x10000, 1);
      const before = portrait(machine);
      machine.parts.gate.failAfter(n);
      const worked = machine.write32(0x10000, 1);
      machine.parts.gate.disarm();
      if (!worked) {
        expect(machine.outcome?.rule).to.equal("out of memory");
        expect(portrait(machine)).to.equal(before);
      }
      assertInvariants(machine);
      expect(machine.write32(0x10000, 1)).to.equal(true);
    }
  });

  it("runs out of frames for good without losing any", () => {
    const machine = paper({ memoryBytes: 32 * PAGE });
    const space = installed(machine);
    area(space, 0x10000, 64);
    let written = 0;
    while (machine.write32(0x10000 + written * PAGE, written)) written += 1;
    expect(machine.outcome?.rule).to.equal("out of memory");
    assertInvariants(machine);
    for (let page = 0; page < written; page += 1) expect(machine.read32(0x10000 + page * PAGE)).to.equal(page);
    space.destroyArea(0x10000);
    assertInvariants(machine);
  });
});
