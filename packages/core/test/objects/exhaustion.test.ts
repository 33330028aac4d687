/** Every allocation of a fork, and of the faults after it, fails once, and nothing has changed. */
import { expect } from "chai";
import {
  ABSENT,
  assertInvariants,
  image,
  physical,
  PortolanError,
  READ,
  USER,
  WRITE,
  type AddressSpace,
  type Access,
  type Architecture,
  type Machine,
} from "#src/index.js";
import { area, build, fewAsids, installed, machines, RO, RW, RX } from "../fixture.js";
import { portrait as wholePortrait } from "../state-hash.js";

/**
 * The order of entries in the chains of a hash is nobody's business, and what an access leaves in a TLB or a software
 * cache, or drops from it, before it faults is not the fault's doing.
 */
const portrait = (machine: Machine): string[] => {
  const caches = new Set<string>();
  for (const space of machine.spaces.live()) space.context.cache?.eachFrame((frame) => caches.add(`frame ${frame}`));
  return wholePortrait(machine).filter(
    (line) => !/tables of -1|^ {2}(?:data|instruction|cached) /.test(line) && !caches.has(line.split(" references")[0]),
  );
};

interface Scene {
  readonly machine: Machine;
  readonly parent: AddressSpace;
  readonly child: AddressSpace | null;
  readonly at: (page: number) => number;
}

/** A space with areas of every kind, pages of each in, and perhaps a child. */
const scene = (architecture: Architecture, isForked: boolean): Scene => {
  const machine = build(fewAsids(architecture), { cpus: 2 });
  const size = machine.parts.units.pageSize;
  const at = (page: number): number => page * size;
  const parent = installed(machine);
  const other = machine.spaces.create();
  const file = machine.loadImage(Uint8Array.from({ length: 3 * size }, (_, i) => i % 251));
  area(parent, at(16), 8);
  for (const page of [16, 18, 19, 22]) machine.write32(at(page), page);
  area(parent, at(32), 4);
  machine.write32(at(33), 33);
  parent.shareArea(at(32), 4 * size, other, at(48), RW);
  const segment = { lead: 100, fileOffset: 100, fileSize: 2 * size, memorySize: 4 * size - 100 };
  parent.createArea({ base: at(64), size: 4 * size, flags: RW, backend: image(file, { ...segment, writable: true }) });
  machine.write32(at(65), 65);
  parent.createArea({ base: at(80), size: 4 * size, flags: RX, backend: image(file, { ...segment, writable: false }) });
  machine.read32(at(80));
  parent.createArea({ base: at(96), size: 2 * size, flags: RW, backend: physical(2n ** BigInt(architecture.physicalBits - 4), 2) });
  parent.createArea({ base: at(112), size: 8 * size, flags: RW, backend: null });
  parent.setMapping(at(113), 2 ** (architecture.physicalBits - architecture.pageShift) - 1);
  parent.setMapping(at(115), 2 ** (architecture.physicalBits - architecture.pageShift) - 2);
  area(parent, at(4096), 2);
  machine.write32(at(4096), 1);
  const child = isForked ? machine.spaces.fork(parent) : null;
  if (child !== null) machine.switchTo(child, 1);
  return { machine, parent, child, at };
};

/**
 * A machine that does not tell a write from a read serves a write to an absent page in two steps: the first of them is
 * not what is looked at.
 */
const looked = ({ machine, at }: Scene, page: number, cpu = 0): void => {
  const { faults } = machine.architecture;
  if (faults.told(ABSENT, WRITE, USER) !== WRITE) machine.read32(at(page), cpu);
};

const touched = (machine: Machine, address: number, access: Access, cpu = 0): void => {
  if (machine.translate(address, access, cpu) !== null) return;
  if (machine.outcome?.rule !== "out of memory") throw new Error(`refused: ${machine.outcome?.rule}`);
  throw new PortolanError("ERR_OUT_OF_MEMORY");
};

const operations: Record<string, readonly [isForked: boolean, work: (scene: Scene) => unknown, before?: (scene: Scene) => void]> = {
  "a fork": [false, ({ machine, parent }) => machine.spaces.fork(parent)],
  "a fork of a fork": [true, ({ machine, child }) => machine.spaces.fork(child as AddressSpace)],
  "a second fork": [true, ({ machine, parent }) => machine.spaces.fork(parent)],
  "a copy of a mapped page": [true, ({ machine, at }) => touched(machine, at(16), WRITE)],
  "a copy of a page that is not mapped": [true, ({ machine, at }) => touched(machine, at(16), WRITE, 1), (set) => looked(set, 16, 1)],
  "a copy where tables have to be made": [true, ({ machine, at }) => touched(machine, at(4096), WRITE, 1), (set) => looked(set, 4096, 1)],
  "a copy of a page of an image": [true, ({ machine, at }) => touched(machine, at(65), WRITE, 1), (set) => looked(set, 65, 1)],
  "a write to a page that nobody has touched": [true, ({ machine, at }) => touched(machine, at(17), WRITE), (set) => looked(set, 17)],
  "a read of a page that nobody has touched": [true, ({ machine, at }) => touched(machine, at(17), READ, 1)],
  "a read where tables have to be made": [true, ({ machine, at }) => touched(machine, at(4096), READ, 1)],
  "a read of zeroes where tables have to be made": [true, ({ machine, at }) => touched(machine, at(4097), READ, 1)],
  "sharing after a fork": [
    true,
    ({ parent, child, at }) => parent.shareArea(at(16), parent.areaSize(at(16)), child as AddressSpace, at(200), RO),
  ],
};

describe("forks under exhaustion", () => {
  for (const architecture of machines) {
    for (const [name, [isForked, work, prepare]] of Object.entries(operations)) {
      it(`${architecture.name}: ${name} happens or leaves no trace`, () => {
        let failures = 0;
        for (let n = 0; ; n += 1) {
          const at = scene(architecture, isForked);
          const { machine } = at;
          prepare?.(at);
          assertInvariants(machine);
          const before = portrait(machine);
          machine.parts.gate.failAfter(n);
          const error = thrownBy(() => work(at));
          machine.parts.gate.disarm();
          assertInvariants(machine);
          if (error === null) break;
          failures += 1;
          expect(error).to.be.instanceOf(PortolanError).with.property("errno", "ENOMEM");
          expect(portrait(machine)).to.deep.equal(before);
          expect(
            thrownBy(() => work(at)),
            "with memory again",
          ).to.equal(null);
          assertInvariants(machine);
        }
        expect(failures).to.be.greaterThan(0);
      });
    }
  }

  it("a fork that frames do not suffice for leaves the parent as it was, and happens when there are some", () => {
    const machine = build(machines[2], { memoryBytes: 64 * 4096 });
    const parent = installed(machine);
    area(parent, 16 * 4096, 64);
    let pages = 0;
    while (machine.write32((16 + pages) * 4096, pages)) pages += 1;
    const before = portrait(machine);
    expect(thrownBy(() => machine.spaces.fork(parent))).to.have.property("code", "ERR_OUT_OF_FRAMES");
    expect(portrait(machine)).to.deep.equal(before);
    parent.resizeArea(16 * 4096, (pages - 8) * 4096);
    const child = machine.spaces.fork(parent);
    assertInvariants(machine);
    expect(machine.read32(17 * 4096)).to.equal(1);
    child.destroy();
    expect(machine.write32(17 * 4096, 5)).to.equal(true);
    assertInvariants(machine);
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
