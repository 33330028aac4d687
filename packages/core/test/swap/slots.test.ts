import { expect } from "chai";
import fc from "fast-check";
import { AllocationGate } from "#src/allocation-gate.js";
import { PortolanError } from "#src/errors.js";
import { NO_SLOT } from "#src/objects/page-cache.js";
import { Random } from "#src/random.js";
import { MemorySwap } from "#src/swap/memory-swap.js";
import { Slots } from "#src/swap/slots.js";

describe("the slots of a swap device", () => {
  it("are handed out once each, and none too many", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(1, 31, 32, 33, 64, 100), (seed, total) => {
        const random = new Random(seed);
        const slots = new Slots(total, new AllocationGate());
        const taken = new Set<number>();
        for (let step = 0; step < 600; step += 1) {
          if (random.below(5) < (step % 200 < 100 ? 4 : 1)) {
            const slot = slots.take();
            expect(slot === NO_SLOT).to.equal(taken.size === total);
            if (slot === NO_SLOT) continue;
            expect([taken.has(slot), slot >= 0 && slot < total]).to.deep.equal([false, true]);
            taken.add(slot);
          } else if (taken.size > 0) {
            const slot = [...taken][random.below(taken.size)];
            slots.give(slot);
            taken.delete(slot);
          }
          expect([slots.inUse, slots.free]).to.deep.equal([taken.size, total - taken.size]);
        }
        for (let slot = 0; slot < total; slot += 1) expect(slots.isTaken(slot)).to.equal(taken.has(slot));
      }),
    );
  });

  it("lie side by side when they are taken one after the other", () => {
    const slots = new Slots(100, new AllocationGate());
    expect(Array.from({ length: 70 }, () => slots.take())).to.deep.equal(Array.from({ length: 70 }, (_, i) => i));
  });

  it("are given back by those who have them only", () => {
    const slots = new Slots(40, new AllocationGate());
    expect(() => slots.give(0)).to.throw(/nobody has it/);
    expect(() => slots.give(40)).to.throw(/nobody has it/);
    expect(() => slots.give(-1)).to.throw(/nobody has it/);
  });

  it("may be none at all", () => {
    const slots = new Slots(0, new AllocationGate());
    expect([slots.take(), slots.free]).to.deep.equal([NO_SLOT, 0]);
  });

  it("need memory for their ledger", () => {
    const gate = new AllocationGate();
    gate.failAfter(0);
    expect(() => new Slots(10, gate)).to.throw(PortolanError);
  });
});

describe("a swap device in memory", () => {
  it("gives back what was written last, slot by slot", () => {
    const swap = new MemorySwap(200);
    const page = (seed: number): Uint8Array => Uint8Array.from({ length: 4096 }, (_, i) => i * 7 + seed);
    const told: boolean[] = [];
    for (const slot of [0, 63, 64, 199, 63]) swap.write(slot, page(slot + told.length), (isGood) => told.push(isGood));
    for (const [slot, seed] of [
      [0, 0],
      [63, 67],
      [64, 66],
      [199, 202],
    ]) {
      const bytes = new Uint8Array(4096);
      swap.read(slot, bytes, (isGood) => told.push(isGood));
      expect(bytes).to.deep.equal(page(seed));
    }
    expect([told.every((isGood) => isGood), swap.writes, swap.reads]).to.deep.equal([true, 5, 4]);
  });

  it("knows slots that were never written", () => {
    expect(() => new MemorySwap(10).read(3, new Uint8Array(4096), () => {})).to.throw(/before it was written/);
    expect(() => new MemorySwap(-1)).to.throw(PortolanError);
  });
});
