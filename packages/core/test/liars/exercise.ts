/**
 * The contract in one page: a life with two processors in which a part that does not do what it says is noticed, by a
 * wrong byte, a wrong answer or a broken invariant.
 */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  assertInvariants,
  buildMachine,
  CPUS,
  EVENTS,
  LockOrder,
  LOCKS,
  PAGE_DIRTY,
  PAGE_USER,
  PREEMPTION,
  KERNEL,
  READ,
  SHOOTDOWN,
  USER,
  WRITE,
  type Architecture,
  type Cpu,
  type Events,
  type Locks,
  type Machine,
  type Preemption,
  type Replace,
} from "#src/index.js";
import { Shootdown } from "#src/tlb/shootdown.js";
import { area, fewAsids, installed, RO, RW } from "../fixture.js";

export type ShootdownClass = new (cpus: readonly Cpu[], locks: Locks, preemption: Preemption, events: Events) => Shootdown;

/** Throws as soon as something is not as promised. */
export const exercise = (described: Architecture, replace: Replace = () => {}, Shooting: ShootdownClass = Shootdown): void => {
  const shootdowns: Shootdown[] = [];
  const machine = buildMachine(fewAsids(described), { cpus: 2, memoryBytes: 256 * 2 ** described.pageShift }, (parts) => {
    parts.register(SHOOTDOWN, (get) => {
      const made = new Shooting(get(CPUS), get(LOCKS), get(PREEMPTION), get(EVENTS));
      shootdowns.push(made);
      return made;
    });
    replace(parts);
  });
  machine.parts.locks.discipline = new LockOrder(machine.parts.preemption);
  const size = machine.parts.units.pageSize;
  areas(machine, size);
  sharing(machine, size);
  manySpaces(machine, size);
  kernelArea(machine, size);
  tables(machine, size);
  slowProcessor(machine, size, shootdowns[0]);
  assertInvariants(machine);
};

/** An area on two processors: grown, shrunk, protected, destroyed. */
const areas = (machine: Machine, size: number): void => {
  const space = machine.spaces.create();
  const at = (page: number): number => page * size;
  machine.switchTo(space, 0);
  machine.switchTo(space, 1);
  const check = (work: () => void): void => {
    work();
    assertInvariants(machine);
  };
  area(space, at(16), 4);
  for (let page = 16; page < 20; page += 1) {
    check(() => expect(machine.read32(at(page), 1), "fresh memory is zero").to.equal(0));
    check(() => expect(machine.write32(at(page), page)).to.equal(true));
    check(() => expect(machine.read32(at(page), 1)).to.equal(page));
  }
  check(() => space.resizeArea(at(16), 2 * size));
  for (const cpu of [0, 1]) expect(machine.read32(at(18), cpu), "what was cut off is gone").to.equal(-1);
  check(() => space.resizeArea(at(16), 4 * size));
  expect(machine.read32(at(18)), "what comes back is fresh").to.equal(0);
  check(() => space.changeAreaFlags(at(16), AREA_READ));
  for (const cpu of [0, 1]) {
    expect(machine.write32(at(16), 1, cpu), "memory that is read-only now").to.equal(false);
    expect(machine.read32(at(16), cpu)).to.equal(16);
  }
  machine.parts.tables.find(space.context, 16);
  if (machine.architecture.can.recordWrite !== "no")
    expect(machine.parts.tables.found.flags & PAGE_DIRTY, "what was written stays so").to.equal(PAGE_DIRTY);
  area(space, at(30), 1, RO);
  check(() => expect(machine.read32(at(30))).to.equal(0));
  check(() => expect(machine.write32(at(30), 1)).to.equal(false));
  check(() => space.destroyArea(at(16)));
  check(() => area(space, at(16), 4));
  for (let page = 16; page < 20; page += 1) expect(machine.read32(at(page), page % 2), "a new area").to.equal(0);
  for (const cpu of [0, 1]) machine.switchToKernel(cpu);
  space.destroy();
  assertInvariants(machine);
};

const sharing = (machine: Machine, size: number): void => {
  const a = installed(machine, 0);
  const b = installed(machine, 1);
  area(a, 16 * size, 2);
  machine.write32(16 * size, 5);
  a.shareArea(16 * size, 2 * size, b, 40 * size, RO);
  expect(machine.read32(40 * size, 1)).to.equal(5);
  assertInvariants(machine);
  machine.write32(17 * size, 6);
  expect(machine.read32(41 * size, 1)).to.equal(6);
  a.destroyArea(16 * size);
  assertInvariants(machine);
  expect(machine.read32(40 * size, 1)).to.equal(5);
  for (const cpu of [0, 1]) machine.switchToKernel(cpu);
  a.destroy();
  b.destroy();
  assertInvariants(machine);
};

/** More spaces than ASIDs, the same addresses in all of them. */
const manySpaces = (machine: Machine, size: number): void => {
  const spaces = Array.from({ length: 9 }, () => machine.spaces.create());
  spaces.forEach((space, i) => {
    area(space, 16 * size, 1);
    machine.switchTo(space, i % 2);
    machine.write32(16 * size, 100 + i, i % 2);
  });
  for (let round = 0; round < 3; round += 1) {
    spaces.forEach((space, i) => {
      const cpu = (i + round) % 2;
      machine.switchTo(space, cpu);
      expect(machine.read32(16 * size, cpu), "another space's page").to.equal(100 + i);
      assertInvariants(machine);
    });
  }
  for (const cpu of [0, 1]) machine.switchToKernel(cpu);
  for (const space of spaces) space.destroy();
  assertInvariants(machine);
};

/** An area of the kernel's space, touched through two others. */
const kernelArea = (machine: Machine, size: number): void => {
  const { kernel } = machine.spaces;
  const users = [0, 1].map((cpu) => installed(machine, cpu));
  const { base } = kernel.createArea({ size: 2 * size, flags: RW, backend: anonymous });
  const page = base + BigInt(size);
  for (const cpu of [0, 1]) expect(machine.translate(page, WRITE, cpu, KERNEL), "the kernel's own page").not.to.equal(null);
  assertInvariants(machine);
  expect(machine.translate(page, READ, 0, USER), "a page of the kernel's in a user's hands").to.equal(null);
  kernel.resizeArea(base, size);
  for (const cpu of [0, 1]) expect(machine.translate(page, READ, cpu, KERNEL), "a page of the kernel's that is gone").to.equal(null);
  kernel.destroyArea(base);
  assertInvariants(machine);
  for (const cpu of [0, 1]) machine.switchToKernel(cpu);
  for (const user of users) user.destroy();
};

/** What is promised of page tables themselves. */
const tables = (machine: Machine, size: number): void => {
  const space = installed(machine);
  const { tables: found, units } = machine.parts;
  const { layout } = machine.architecture;
  area(space, 16 * size, 1);
  machine.write32(16 * size, 7);
  expect(() => found.insert(space.context, 16, 3, READ | PAGE_USER), "a page that is mapped").to.throw("mapped already");
  if (!layout.kernelAddressSpaceShadowed) {
    const page = units.pageOf(layout.kernel.first) + 3;
    found.insert(machine.spaces.kernel.context, page, 9, READ);
    const late = machine.spaces.create();
    for (const other of [space, late]) expect(found.find(other.context, page), "the kernel's page in every space").to.equal(true);
  }
  const full = found.bytes(space.context);
  machine.parts.preemption.scheduler = {
    at(point) {
      if (point === "invalidated-locally")
        expect(found.bytes(space.context), "tables that others may still read").to.be.at.least(found.kind === "hashed" ? 0 : full);
    },
  };
  space.destroyArea(16 * size);
  machine.parts.preemption.scheduler = null;
  assertInvariants(machine);
  machine.switchToKernel();
  space.destroy();
};

/** Eleven shootdowns find a processor that has not left its interrupt handler since the first. */
const slowProcessor = (machine: Machine, size: number, shootdown: Shootdown): void => {
  const space = machine.spaces.create();
  machine.switchTo(space, 0);
  machine.switchTo(space, 1);
  area(space, 16 * size, 12);
  for (let page = 16; page < 28; page += 1) machine.read32(page * size, 1);
  machine.parts.preemption.scheduler = { at: () => {}, isSlow: (cpu) => cpu === 1 };
  for (let pages = 11; pages > 0; pages -= 1) space.resizeArea(16 * size, pages * size);
  machine.parts.preemption.scheduler = null;
  expect(machine.cpu(1).tlbActive).to.equal(false);
  shootdown.receive(machine.cpu(1));
  assertInvariants(machine);
  for (let page = 17; page < 28; page += 1) expect(machine.read32(page * size, 1), "a message that was lost").to.equal(-1);
  space.createArea({ base: 60 * size, size, flags: RW, backend: anonymous });
  expect(machine.write32(60 * size, 1, 1)).to.equal(true);
  for (const cpu of [0, 1]) machine.switchToKernel(cpu);
  space.destroy();
};
