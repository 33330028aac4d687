/** Machines whose handlers set the marks that others' hardware sets: the first access faults, and the first write. */
import { abs32le } from "@portolan/arch-abs32le";
import {
  assertInvariants,
  KERNEL,
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  PAGE_USER,
  READ,
  UNMARKED,
  USER,
  WRITE,
  type Architecture,
} from "#src/index.js";
import { expect } from "chai";
import { area, build, installed, PAGE, RO, RW } from "../fixture.js";

const byFault: Architecture = { ...abs32le, can: { ...abs32le.can, recordAccess: "fault", recordWrite: "fault" } };
const BASE = 0x10 * PAGE;

describe("marks that a fault handler sets", () => {
  it("come one by one: accessed with the first read, dirty with the first write", () => {
    const machine = build(byFault);
    const space = installed(machine);
    const { tables, locks } = machine.parts;
    const marks = (): number => {
      locks.acquire("page-table", space.id);
      const isThere = tables.find(space.context, BASE / PAGE);
      locks.release("page-table", space.id);
      return isThere ? tables.found.flags & (PAGE_ACCESSED | PAGE_DIRTY) : -1;
    };
    const walk = (access: typeof READ | typeof WRITE) => machine.walk(space, BigInt(BASE), access, USER);
    area(space, BASE, 2);
    expect(marks()).to.equal(-1);
    expect(machine.read32(BASE)).to.equal(0);
    expect(marks()).to.equal(PAGE_ACCESSED);
    expect(walk(READ).reason).to.equal(0);
    expect(walk(WRITE)).to.include({ reason: UNMARKED, rule: "entry 16 of the leaf table is not marked as written" });
    const before = machine.cpu(0).statistics.refusals;
    expect(machine.write32(BASE, 7)).to.equal(true);
    expect(machine.cpu(0).statistics.refusals, "one fault for the mark").to.equal(before + 1);
    expect(marks()).to.equal(PAGE_ACCESSED | PAGE_DIRTY);
    expect(machine.write32(BASE + 4, 8)).to.equal(true);
    expect(machine.cpu(0).statistics.refusals, "and no other").to.equal(before + 1);
    expect(machine.read32(BASE)).to.equal(7);
    assertInvariants(machine);
  });

  it("are both there after a write that brings its page in", () => {
    const machine = build(byFault);
    const space = installed(machine);
    area(space, BASE, 1);
    expect(machine.write32(BASE, 7)).to.equal(true);
    expect(machine.cpu(0).statistics.refusals).to.equal(1);
    expect(machine.walk(space, BigInt(BASE), WRITE, KERNEL).reason).to.equal(0);
    assertInvariants(machine);
  });

  it("are not given to a write that the area forbids", () => {
    const machine = build(byFault);
    const space = installed(machine);
    area(space, BASE, 1, RO);
    expect(machine.read32(BASE)).to.equal(0);
    expect(machine.write32(BASE, 7)).to.equal(false);
    expect(machine.outcome).to.include({ rule: "the area forbids this access" });
    assertInvariants(machine);
  });

  it("are set on pages mapped by hand too, where an area without memory of its own permits the access", () => {
    const machine = build(byFault);
    const space = installed(machine);
    space.createArea({ base: BASE, size: PAGE, flags: RW, backend: null });
    const { tables, locks, frames } = machine.parts;
    const frame = frames.take();
    locks.acquire("page-table", space.id);
    tables.insert(space.context, BASE / PAGE, frame, READ | WRITE | PAGE_USER | PAGE_CACHEABLE);
    locks.release("page-table", space.id);
    expect(machine.read32(BASE)).to.be.at.least(0);
    expect(machine.write32(BASE, 5)).to.equal(true);
    expect(machine.cpu(0).statistics.refusals).to.equal(2);
    expect(machine.read32(BASE)).to.equal(5);
  });

  it("are set on other processors' behalf too: each finds them with its own walk", () => {
    const machine = build(byFault, { cpus: 2 });
    const space = installed(machine);
    machine.switchTo(space, 1);
    area(space, BASE, 1, RW);
    for (const cpu of [0, 1]) expect(machine.read32(BASE, cpu)).to.equal(0);
    expect(machine.write32(BASE, 7, 0)).to.equal(true);
    const { refusals } = machine.cpu(1).statistics;
    expect(machine.write32(BASE, 8, 1)).to.equal(true);
    expect(machine.cpu(1).statistics.refusals).to.equal(refusals);
    assertInvariants(machine);
  });
});
