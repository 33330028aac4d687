import { expect } from "chai";
import { LockOrder, Preemption, WouldWait, type LockKind } from "#src/index.js";
import { area, build, fewAsids, installed, machines, RW } from "../fixture.js";

const fresh = (): { order: LockOrder; preemption: Preemption } => {
  const preemption = new Preemption();
  return { order: new LockOrder(preemption), preemption };
};

describe("the lock discipline", () => {
  const kinds: readonly LockKind[] = ["address-space", "area", "object", "page-table", "asid", "tlb", "cpu"];

  it("lets locks be taken downwards and refuses every pair that goes upwards", () => {
    for (const [i, first] of kinds.entries()) {
      for (const [j, second] of kinds.entries()) {
        if (i === j) continue;
        const { order } = fresh();
        order.acquire(first, 0);
        if (i < j) expect(() => order.acquire(second, 0), `${first}, ${second}`).not.to.throw();
        else expect(() => order.acquire(second, 0), `${first}, ${second}`).to.throw("while it holds");
      }
    }
  });

  it("lets two address spaces be locked in the order of their numbers only, two objects against it, and two of nothing else", () => {
    for (const kind of kinds) {
      for (const [one, other] of [
        [3, 4],
        [3, 2],
      ]) {
        const { order } = fresh();
        order.acquire(kind, one);
        const mayFollow = (kind === "address-space" && other > one) || (kind === "object" && other < one);
        if (mayFollow) expect(() => order.acquire(kind, other)).not.to.throw();
        else expect(() => order.acquire(kind, other)).to.throw("while it holds");
      }
    }
  });

  it("refuses a lock taken twice, let go twice, and let go by another", () => {
    const { order, preemption } = fresh();
    order.acquire("area", 1);
    expect(() => order.acquire("area", 1)).to.throw("twice");
    preemption.cpu = 1;
    expect(() => order.release("area", 1)).to.throw("does not hold");
    expect(() => order.assertHeld("area", 1)).to.throw("and must");
    preemption.cpu = 0;
    order.assertHeld("area", 1);
    expect(() => order.assertNoneHeld()).to.throw("still holds area 1");
    order.release("area", 1);
    expect(() => order.release("area", 1)).to.throw("does not hold");
    order.assertNoneHeld();
  });

  it("turns away who wants what another one holds, and takes from him all he held", () => {
    const { order, preemption } = fresh();
    order.acquire("address-space", 7);
    preemption.cpu = 1;
    order.acquire("address-space", 2);
    expect(() => order.acquire("address-space", 7))
      .to.throw(WouldWait)
      .with.property("cpu", 1);
    order.release("address-space", 2);
    order.assertNoneHeld();
    order.restart(1);
    expect(() => order.release("address-space", 2)).to.throw("does not hold");
    preemption.cpu = 0;
    order.acquire("area", 0);
    expect(order.heldBy(0)).to.deep.equal(["address-space 7", "area 0"]);
  });

  it("forbids what may sleep while a lock is held that spins", () => {
    const { order } = fresh();
    order.acquire("page-table", 1);
    order.assertMaySleep("an allocation");
    order.acquire("asid", 0);
    expect(() => order.assertMaySleep("an allocation")).to.throw("may sleep (an allocation)");
  });

  it("lets others run whenever a lock is taken or let go", () => {
    const { order, preemption } = fresh();
    const points: string[] = [];
    preemption.scheduler = { at: (point) => void points.push(point) };
    order.acquire("area", 1);
    order.release("area", 1);
    expect(points).to.deep.equal(["lock-acquired", "lock-released"]);
  });

  for (const architecture of machines) {
    it(`is used: every kind of lock is taken by a life on ${architecture.name}`, () => {
      const machine = build(fewAsids(architecture), { cpus: 2 });
      const size = machine.parts.units.pageSize;
      const a = installed(machine);
      const b = installed(machine, 1);
      area(a, 16 * size, 2);
      machine.write32(16 * size, 1);
      a.shareArea(16 * size, 2 * size, b, 16 * size, RW);
      expect(machine.read32(16 * size, 1)).to.equal(1);
      a.destroyArea(16 * size);
      const order = machine.parts.locks.discipline as LockOrder;
      for (const kind of kinds) expect(order.taken[kind], kind).to.be.greaterThan(0);
      order.assertNoneHeld();
    });
  }
});
