/** Every allocation of every operation fails once, and nothing about the machine has changed. */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  EXECUTE,
  image,
  physical,
  PortolanError,
  READ,
  WRITE,
  type Access,
  type AddressSpace,
  type Architecture,
  type ImageFile,
  type Machine,
} from "#src/index.js";
import { area, build, fewAsids, installed, machines, paper, PAGE, RO, RW, RX } from "../fixture.js";
import { portrait, stateHash } from "../state-hash.js";

interface Scene {
  readonly machine: Machine;
  readonly a: AddressSpace;
  readonly b: AddressSpace;
  readonly file: ImageFile;
  readonly size: number;
  /** An address by page. */
  readonly at: (page: number) => number;
}

/** Two spaces with an area of every kind, some of whose pages are in, one of them shared. */
const scene = (architecture: Architecture): Scene => {
  const machine = build(fewAsids(architecture), { cpus: 2 });
  const size = machine.parts.units.pageSize;
  const at = (page: number): number => page * size;
  const a = installed(machine);
  const b = machine.spaces.create();
  machine.switchTo(b, 1);
  const file = machine.loadImage(Uint8Array.from({ length: 3 * size }, (_, i) => i % 251));
  area(a, at(16), 8);
  for (const page of [16, 18, 19, 22]) machine.write32(at(page), page);
  area(a, at(32), 4);
  machine.write32(at(33), 33);
  a.shareArea(at(32), 4 * size, b, at(48), RW);
  machine.write32(at(50), 50, 1);
  a.createArea({
    base: at(64),
    size: 4 * size,
    flags: RW,
    backend: image(file, { lead: 100, fileOffset: 100, fileSize: 2 * size, memorySize: 4 * size - 100, writable: true }),
  });
  machine.read32(at(64));
  a.createArea({
    base: at(80),
    size: 2 * size,
    flags: RX,
    backend: image(file, { lead: 0, fileOffset: 0, fileSize: 2 * size, memorySize: 2 * size, writable: false }),
  });
  a.createArea({ base: at(96), size: 2 * size, flags: RW, backend: physical(2n ** BigInt(architecture.physicalBits - 4), 2) });
  machine.parts.memory.addRegion(2 ** (architecture.physicalBits - 4), 2 * size);
  a.createArea({ base: at(112), size: 8 * size, flags: RW, backend: null });
  area(a, at(4096), 2);
  area(a, at(140), 2);
  a.shareArea(at(140), 2 * size, b, at(140), RO);
  return { machine, a, b, file, size, at };
};

/** A fault that found no memory is a refusal by value: it is made an error, as the other operations' are. */
const touched = (machine: Machine, address: number, access: Access): void => {
  if (machine.translate(address, access) !== null) return;
  if (machine.outcome?.rule !== "out of memory") throw new Error(`refused: ${machine.outcome?.rule}`);
  throw new PortolanError("ERR_OUT_OF_MEMORY");
};

const operations: Record<string, (scene: Scene) => unknown> = {
  "creating a space": ({ machine }) => machine.spaces.create(),
  "destroying a space": ({ machine, b }) => {
    machine.switchToKernel(1);
    b.destroy();
  },
  switching: ({ machine, b }) => machine.switchTo(b),
  "creating an anonymous area": ({ a, at, size }) => a.createArea({ base: at(200), size, flags: RW, backend: anonymous }),
  "creating an area anywhere, guarded": ({ a, size }) => a.createArea({ size: 3 * size, flags: RW, backend: anonymous, guard: true }),
  "creating an image area": ({ a, at, size, file }) =>
    a.createArea({
      base: at(200),
      size,
      flags: RO,
      backend: image(file, { lead: 0, fileOffset: 0, fileSize: 10, memorySize: size, writable: false }),
    }),
  "creating a physical area": ({ a, at, size }) => a.createArea({ base: at(200), size, flags: RW, backend: physical(0, 1) }),
  "creating an area without backend": ({ a, at, size }) => a.createArea({ base: at(200), size, flags: RW, backend: null }),
  "destroying an area": ({ a, at }) => a.destroyArea(at(16)),
  "destroying a shared area": ({ a, at }) => a.destroyArea(at(32)),
  "growing an area": ({ a, at, size }) => a.resizeArea(at(16), 12 * size),
  "shrinking an area": ({ a, at, size }) => a.resizeArea(at(16), 3 * size),
  "changing flags": ({ a, at }) => a.changeAreaFlags(at(16), AREA_READ),
  "sharing for the first time": ({ a, b, at, size }) => a.shareArea(at(16), 8 * size, b, at(16), RO),
  "sharing once more": ({ a, b, at, size }) => a.shareArea(at(32), 4 * size, b, at(16), RW),
  "sharing an image": ({ a, b, at, size }) => a.shareArea(at(64), 4 * size, b, at(64), RO),
  "sharing text": ({ a, b, at, size }) => a.shareArea(at(80), 2 * size, b, at(80), RX),
  "sharing within one space": ({ a, at, size }) => a.shareArea(at(16), 8 * size, a, at(160), RO),
  "mapping by hand": ({ a, at, machine }) =>
    a.setMapping(at(116), 2 ** (machine.architecture.physicalBits - machine.architecture.pageShift) - 1),
  "a read fault": ({ machine, at }) => touched(machine, at(17), READ),
  "a write fault": ({ machine, at }) => touched(machine, at(17), WRITE),
  "a write fault far away": ({ machine, at }) => touched(machine, at(34), WRITE),
  "a fault where tables have to be made first": ({ machine, at }) => touched(machine, at(4097), WRITE),
  "a fault in shared memory that nobody has touched": ({ machine, at }) => touched(machine, at(141), WRITE),
  "an execute fault": ({ machine, at }) => touched(machine, at(80), EXECUTE),
  "a fault in a file's writable page": ({ machine, at }) => touched(machine, at(65), WRITE),
  "a fault in device memory": ({ machine, at }) => touched(machine, at(96), READ),
  "loading an image": ({ machine, size }) => machine.loadImage(new Uint8Array(3 * size)),
};

/** These take their memory elsewhere, if at all. */
const WITHOUT_ALLOCATION = new Set([
  "destroying a space",
  "switching",
  "destroying an area",
  "destroying a shared area",
  "growing an area",
  "shrinking an area",
  "changing flags",
]);

/** Registers that a refused access leaves behind are not the machine's state, but a user copy that stops half-way is. */
describe("operations under exhaustion", () => {
  for (const architecture of machines) {
    describe(architecture.name, () => {
      for (const [name, work] of Object.entries(operations)) {
        it(`${name} happens or leaves no trace`, () => {
          let failures = 0;
          for (let n = 0; ; n += 1) {
            const at = scene(architecture);
            const { machine } = at;
            const before = portrait(machine);
            machine.parts.gate.failAfter(n);
            const error = thrownBy(() => work(at));
            machine.parts.gate.disarm();
            if (error === null) break;
            failures += 1;
            expect(error).to.be.instanceOf(PortolanError).with.property("errno", "ENOMEM");
            expect(portrait(machine)).to.deep.equal(before);
            assertInvariants(machine);
            expect(
              thrownBy(() => work(at)),
              "with memory again",
            ).to.equal(null);
            assertInvariants(machine);
          }
          if (WITHOUT_ALLOCATION.has(name)) expect(failures).to.equal(0);
          else expect(failures).to.be.greaterThan(0);
        });
      }

      it("a user copy that runs out of memory has copied a prefix, and the rest when there is memory again", () => {
        let failures = 0;
        for (let n = 0; ; n += 1) {
          const { machine, at, size } = scene(architecture);
          const source = Uint8Array.from({ length: 5 * size }, (_, i) => (i % 249) + 1);
          const start = at(17) + 5;
          machine.parts.gate.failAfter(n);
          const copied = machine.copyToUser(start, source);
          machine.parts.gate.disarm();
          assertInvariants(machine);
          if (copied === source.length) break;
          failures += 1;
          expect(copied === 0 ? 0 : (start + copied) % size, "whole pages up to one that could not come in").to.equal(0);
          expect(machine.copyToUser(start + copied, source.subarray(copied))).to.equal(source.length - copied);
          const back = new Uint8Array(source.length);
          expect(machine.copyFromUser(start, back)).to.equal(source.length);
          expect(back).to.deep.equal(source);
        }
        expect(failures).to.be.greaterThan(2);
      });

      it("runs out of frames for good without losing any", () => {
        const machine = build(architecture, { memoryBytes: 32 * 2 ** architecture.pageShift });
        const size = machine.parts.units.pageSize;
        const space = installed(machine);
        area(space, 16 * size, 64);
        let written = 0;
        while (machine.write32((16 + written) * size, written)) written += 1;
        expect(machine.outcome?.rule).to.equal("out of memory");
        assertInvariants(machine);
        for (let page = 0; page < written; page += 1) expect(machine.read32((16 + page) * size)).to.equal(page);
        space.destroyArea(16 * size);
        assertInvariants(machine);
        expect(machine.write32(16 * size, 1)).to.equal(false);
        area(space, 16 * size, 64);
        for (let page = 0; page < written; page += 1) expect(machine.write32((16 + page) * size, page)).to.equal(true);
      });
    });
  }

  it("creating and sharing areas happens or leaves no trace wherever the tree of areas has to grow", () => {
    const machine = paper();
    const [a, b] = [machine.spaces.create(), machine.spaces.create()];
    let failures = 0;
    const attempt = (work: () => unknown): void => {
      for (let n = 0; ; n += 1) {
        const before = portrait(machine);
        machine.parts.gate.failAfter(n);
        const error = thrownBy(work);
        machine.parts.gate.disarm();
        if (error === null) return;
        failures += 1;
        expect(error).to.be.instanceOf(PortolanError).with.property("errno", "ENOMEM");
        expect(portrait(machine)).to.deep.equal(before);
      }
    };
    for (let i = 0; i < 70; i += 1) {
      const base = (16 + 2 * i) * PAGE;
      attempt(() => a.createArea({ base, size: PAGE, flags: RW, backend: anonymous }));
      attempt(() => a.shareArea(base, PAGE, b, base, RO));
    }
    assertInvariants(machine);
    // A record for each area and an object for each pair, and beyond that the nodes of the two trees.
    expect(failures).to.be.greaterThan(70 * 3 + 4);
  });

  it("the state hash sees a byte, a reference, a flag and a TLB entry", () => {
    const machine = paper();
    const space = installed(machine);
    area(space, 16 * PAGE, 2);
    const seen = new Set([stateHash(machine)]);
    const differs = (change: () => unknown): void => {
      change();
      const hash = stateHash(machine);
      expect(seen.has(hash)).to.equal(false);
      seen.add(hash);
    };
    differs(() => machine.read32(16 * PAGE));
    differs(() => machine.write32(16 * PAGE, 1));
    differs(() => machine.write8(16 * PAGE + 77, 1));
    differs(() => machine.parts.frames.reserve(1));
    differs(() => machine.parts.frames.take());
    differs(() => machine.cpu(0).invalidateAll());
    differs(() => space.changeAreaFlags(16 * PAGE, AREA_READ | AREA_WRITE, false));
    differs(() => space.hold());
  });
});

const thrownBy = (work: () => unknown): unknown => {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
};
