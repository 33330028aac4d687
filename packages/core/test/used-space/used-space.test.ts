import { expect } from "chai";
import fc from "fast-check";
import { AllocationGate } from "#src/allocation-gate.js";
import { checkTree } from "#src/collections/check.js";
import { ORDER } from "#src/collections/node-pool.js";
import { PortolanError } from "#src/errors.js";
import { Random } from "#src/random.js";
import { UsedSpace, UsedSpaces } from "#src/used-space/used-space.js";

const spaceOf = (...intervals: [number, number][]): UsedSpace => {
  const used = new UsedSpace();
  for (const [first, count] of intervals) expect(used.insert(first, count)).to.equal(true);
  return used;
};

/** Maximal runs of a set of pages. */
const runsOf = (pages: ReadonlySet<number>): [number, number][] => {
  const runs: [number, number][] = [];
  for (const page of [...pages].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === page) last[1] += 1;
    else runs.push([page, 1]);
  }
  return runs;
};

const pagesFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

describe("used space", () => {
  it("HD-22: takes the first interval into an empty set, and answers on an empty one", () => {
    const used = new UsedSpace();
    expect([used.contains(0), used.remove(0, 1), used.pages, used.intervals]).to.deep.equal([false, false, 0, 0]);
    expect(used.insert(0, 1)).to.equal(true);
    expect(used.collect()).to.deep.equal([[0, 1]]);
    const emptied: readonly ((used: UsedSpace) => unknown)[] = [
      () => {},
      (full) => full.clear(),
      (full) => full.insert(7, 2) && full.remove(7, 2),
      (full) => full.insert(7, 2) && full.insert(20, 1) && full.remove(7, 2) && full.remove(20, 1),
      (full) => full.insert(7, 2) && full.insert(20, 1) && full.clear(),
    ];
    for (const empty of emptied) {
      for (const [first, count] of [
        [5, 3],
        [0, 1],
        [2 ** 52 - 1, 1],
      ] as const) {
        const again = new UsedSpace();
        empty(again);
        expect([again.contains(first), again.pages, again.intervals, again.collect()]).to.deep.equal([false, 0, 0, []]);
        expect(again.insert(first, count)).to.equal(true);
        expect([again.intervals, again.pages, again.collect()]).to.deep.equal([1, count, [[first, count]]]);
        expect([again.remove(first, count), again.intervals]).to.deep.equal([true, 0]);
      }
    }
  });

  it("fuses left, right and both", () => {
    expect(spaceOf([10, 2], [12, 1]).collect()).to.deep.equal([[10, 3]]);
    expect(spaceOf([10, 2], [9, 1]).collect()).to.deep.equal([[9, 3]]);
    expect(spaceOf([10, 2], [20, 1], [12, 8]).collect()).to.deep.equal([[10, 11]]);
    expect(spaceOf([10, 2], [20, 1], [30, 1], [12, 8]).collect()).to.deep.equal([
      [10, 11],
      [30, 1],
    ]);
    expect(spaceOf([10, 2], [20, 1], [19, 1]).collect()).to.deep.equal([
      [10, 2],
      [19, 2],
    ]);
  });

  it("HU-1: keeps the total right when two intervals become one", () => {
    const used = spaceOf([1, 1], [3, 1], [2, 1]);
    expect([used.pages, used.intervals]).to.deep.equal([3, 1]);
  });

  it("refuses overlap with any interval and changes nothing", () => {
    for (const used of [spaceOf([10, 4]), spaceOf([10, 4], [20, 4]), spaceOf([2, 1], [10, 4], [20, 4])]) {
      const before = used.collect();
      for (const [first, count] of [
        [10, 1],
        [13, 1],
        [9, 2],
        [13, 2],
        [8, 20],
        [10, 4],
        [11, 2],
      ] as const) {
        expect(used.insert(first, count)).to.equal(false);
      }
      expect(used.collect()).to.deep.equal(before);
    }
  });

  it("HD-20: removes any part of an interval, also behind the gap before the last one", () => {
    const used = spaceOf([0, 3], [10, 3]);
    expect(used.remove(1, 1)).to.equal(true);
    expect(used.collect()).to.deep.equal([
      [0, 1],
      [2, 1],
      [10, 3],
    ]);
    expect(used.remove(11, 1)).to.equal(true);
    expect(used.collect()).to.deep.equal([
      [0, 1],
      [2, 1],
      [10, 1],
      [12, 1],
    ]);
  });

  it("HD-21: finds an interval whose first page was lowered, wherever it lies in the tree", () => {
    const used = new UsedSpace();
    for (let i = 1; i <= 400; i += 1) used.insert(i * 10, 1);
    for (let i = 1; i <= 400; i += 1) {
      expect(used.insert(i * 10 - 1, 1)).to.equal(true);
      expect(used.remove(i * 10 - 1, 1)).to.equal(true);
      expect(used.insert(i * 10 - 1, 1)).to.equal(true);
      expect(used.remove(i * 10 - 1, 2)).to.equal(true);
      expect(used.insert(i * 10 - 1, 2)).to.equal(true);
    }
    expect(used.pages).to.equal(800);
  });

  it("refuses removal across a gap, beyond an end and of what is not used, and changes nothing", () => {
    const used = spaceOf([10, 4], [20, 4]);
    for (const [first, count] of [
      [12, 10],
      [9, 2],
      [13, 2],
      [15, 1],
      [9, 1],
      [24, 1],
      [10, 14],
      [0, 100],
    ] as const) {
      expect(used.remove(first, count)).to.equal(false);
    }
    expect(used.collect()).to.deep.equal([
      [10, 4],
      [20, 4],
    ]);
    expect(spaceOf([10, 4]).remove(9, 5)).to.equal(false);
  });

  it("HD-01: shrinks to nothing and grows again without a memory of what was", () => {
    const used = spaceOf([17, 1]);
    expect(used.remove(17, 1)).to.equal(true);
    expect(used.insert(17, 1)).to.equal(true);
    const more = spaceOf([17, 1], [30, 1]);
    expect([more.remove(30, 1), more.remove(17, 1), more.pages, more.contains(17)]).to.deep.equal([true, true, 0, false]);
    expect([more.insert(30, 1), more.insert(17, 1), more.intervals]).to.deep.equal([true, true, 2]);
  });

  it("HU-2: has nothing to say about its last interval when it has none, and lets a range of nothing go", () => {
    const spaces = new UsedSpaces();
    expect([spaces.lastInterval(0), spaces.firstInterval(0), spaces.nextAtOrAbove(0, 0), spaces.nextAtOrBelow(0, 9)]).to.deep.equal([
      -1, -1, -1, -1,
    ]);
    expect(spaces.removeRange(0, 0, 100)).to.equal(0);
    spaces.insert(0, 5, 1);
    spaces.insert(0, 9, 3);
    expect(spaces.removeRange(0, 0, 100)).to.equal(4);
    expect(spaces.lastInterval(0)).to.equal(-1);
  });

  it("HD-12: reaches to the last page there is", () => {
    const top = 2 ** 52;
    const used = spaceOf([top - 1, 1], [top - 3, 1], [top - 2, 1]);
    expect(used.collect()).to.deep.equal([[top - 3, 3]]);
    expect([used.contains(top - 1), used.contains(top)]).to.deep.equal([true, false]);
    expect(spaceOf([0, top]).pages).to.equal(top);
  });

  it("refuses ranges that are none, with a typed error", () => {
    const used = spaceOf([5, 1]);
    for (const [first, count] of [
      [0, 0],
      [-1, 2],
      [1, -1],
      [0.5, 1],
      [0, 1.5],
      [NaN, 1],
      [2 ** 52, 1],
    ] as const) {
      expect(() => used.insert(first, count))
        .to.throw(PortolanError)
        .with.property("code", "ERR_BAD_ARGUMENT");
      expect(() => used.remove(first, count))
        .to.throw(PortolanError)
        .with.property("code", "ERR_BAD_ARGUMENT");
    }
    expect(used.pages).to.equal(1);
  });

  it("agrees with sets of pages over thousands of operations on slots that share a pool", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(40, 400, 3000), (seed, range) => {
        const random = new Random(seed);
        const spaces = new UsedSpaces(new AllocationGate(), 3);
        const models = [new Set<number>(), new Set<number>(), new Set<number>()];
        for (let step = 0; step < 3000; step += 1) {
          const slot = random.below(3);
          const model = models[slot];
          const first = random.below(range);
          const count = 1 + random.below(random.below(3) === 0 ? 12 : 2);
          const pages = pagesFrom(first, count);
          const kind = random.below(step % 1000 < 600 ? 5 : 3);
          if (kind === 0) {
            const expected = pages.every((page) => model.has(page));
            expect(spaces.remove(slot, first, count)).to.equal(expected);
            if (expected) for (const page of pages) model.delete(page);
          } else if (kind === 1 && step % 5 === 0) {
            const removed = pages.filter((page) => model.delete(page)).length;
            expect(spaces.removeRange(slot, first, count)).to.equal(removed);
          } else {
            const expected = pages.every((page) => !model.has(page));
            if (step % 3 === 0) spaces.reserve(slot);
            expect(spaces.insert(slot, first, count)).to.equal(expected);
            if (expected) for (const page of pages) model.add(page);
          }
          expect(spaces.trees.reserved).to.equal(0);
          expect(spaces.pagesOf(slot)).to.equal(model.size);
          expect(spaces.contains(slot, first)).to.equal(model.has(first));
          if (step % 60 !== 0) continue;
          const runs = runsOf(model);
          expect(new UsedSpace(spaces, slot).collect()).to.deep.equal(runs);
          expect(spaces.intervals(slot)).to.equal(runs.length);
          checkTree(spaces.trees, spaces.treeOf(slot));
          expect(spaces.treeOf(slot) === 0).to.equal(runs.length < 2);
          const downwards: [number, number][] = [];
          for (let page = spaces.lastInterval(slot); page >= 0; page = spaces.nextAtOrBelow(slot, spaces.intervalFirst - 1)) {
            downwards.push([spaces.intervalFirst, spaces.intervalPages]);
          }
          expect(downwards.reverse()).to.deep.equal(runs);
          const used = [...model].sort((a, b) => a - b);
          expect(spaces.nextAtOrAbove(slot, first)).to.equal(used.find((page) => page >= first) ?? -1);
          expect(spaces.nextAtOrBelow(slot, first)).to.equal(used.findLast((page) => page <= first) ?? -1);
          if (model.has(first)) {
            const run = runs.findLast(([start]) => start <= first) ?? [0, 0];
            expect(spaces.intervalEnd(slot, first)).to.equal(run[0] + run[1]);
          }
        }
        for (const slot of [0, 1, 2]) spaces.clear(slot);
        expect([spaces.trees.leavesInUse, spaces.trees.innersInUse]).to.deep.equal([0, 0]);
      }),
      { numRuns: 15, seed: 20060528 },
    );
  });

  it("changes nothing when memory runs out, at any point of any operation", () => {
    const gate = new AllocationGate();
    const spaces = new UsedSpaces(gate);
    const used = new UsedSpace(spaces);
    const random = new Random(11);
    let refusals = 0;
    for (let step = 0; step < 4000; step += 1) {
      const first = random.below(2000);
      const operation = (): boolean => (random.below(2) === 0 ? spaces.insert(0, first, 3) : spaces.remove(0, first, 1));
      const before = step % 10 === 0 ? used.collect() : null;
      const pages = used.pages;
      gate.failAfter(0);
      try {
        operation();
      } catch (error) {
        expect(error).to.be.instanceOf(PortolanError).with.property("code", "ERR_OUT_OF_MEMORY");
        refusals += 1;
        if (before !== null) expect(used.collect()).to.deep.equal(before);
        expect(used.pages).to.equal(pages);
        expect(spaces.trees.reserved).to.equal(0);
        gate.disarm();
        operation();
      }
      gate.disarm();
    }
    expect(refusals).to.be.greaterThan(50);
    expect(used.pages).to.equal(used.collect().reduce((sum, [, count]) => sum + count, 0));
  });

  it("keeps promises apart: an insertion that takes its own leaves another's alone", () => {
    const gate = new AllocationGate();
    const spaces = new UsedSpaces(gate, 2);
    for (let i = 0; i < ORDER; i += 1) spaces.insert(0, i * 2, 1);
    spaces.insert(1, 5, 1);
    spaces.reserve(0);
    spaces.reserve(1);
    gate.failAfter(0, Infinity);
    expect(spaces.insert(1, 9, 1)).to.equal(true);
    expect(spaces.insert(0, 1000, 1)).to.equal(true);
    expect(spaces.trees.reserved).to.equal(0);
    expect(() => spaces.remove(1, 5, 1)).not.to.throw();
  });

  it("stays without a tree while pages are touched one after the other, up or down", () => {
    const spaces = new UsedSpaces();
    for (let page = 1000; page < 3000; page += 1) spaces.insert(0, page, 1);
    for (let page = 999; page >= 0; page -= 1) spaces.insert(0, page, 1);
    expect([spaces.pagesOf(0), spaces.intervals(0), spaces.trees.leavesInUse]).to.deep.equal([3000, 1, 0]);
  });

  it("is divided and joined as a set would be, whichever side is smaller, and keeps every promise", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(12, 200, 3000), (seed, range) => {
        const random = new Random(seed);
        const gate = new AllocationGate();
        const spaces = new UsedSpaces(gate, 3);
        const [lower, upper] = [new UsedSpace(spaces, 0), new UsedSpace(spaces, 1)];
        const pages = new Set<number>();
        for (let round = 0; round < 40; round += 1) {
          const density = 1 + random.below(4);
          for (let i = 0; i < range / density; i += 1) {
            const page = random.below(range);
            if (!pages.has(page)) lower.insert(page, 1);
            pages.add(page);
          }
          const cut = random.below(range + 2);
          spaces.reserveDivision(0, cut);
          // What was promised needs no more memory; not even if there is none.
          gate.failAfter(0, Infinity);
          spaces.divide(0, cut, 1);
          gate.disarm();
          spaces.settlePromises(0);
          const runs = runsOf(pages);
          expect(lower.collect()).to.deep.equal(runsOf(new Set([...pages].filter((page) => page < cut))));
          expect(upper.collect()).to.deep.equal(runsOf(new Set([...pages].filter((page) => page >= cut))));
          expect([lower.pages + upper.pages, spaces.trees.reserved]).to.deep.equal([pages.size, 0]);
          for (const slot of [0, 1]) checkTree(spaces.trees, spaces.treeOf(slot));
          const by = random.below(range);
          spaces.shift(0, by);
          spaces.shift(1, by);
          for (const slot of [0, 1]) checkTree(spaces.trees, spaces.treeOf(slot));
          if (random.below(3) === 0) {
            gate.failAfter(0, Infinity);
            const before = [lower.collect(), upper.collect()];
            if (!spaces.join(0, 1)) expect([lower.collect(), upper.collect()]).to.deep.equal(before);
            gate.disarm();
          }
          expect(spaces.join(0, 1)).to.equal(true);
          expect(lower.collect()).to.deep.equal(runs.map(([first, count]) => [first + by, count]));
          expect([upper.pages, upper.intervals, spaces.treeOf(1), spaces.trees.reserved]).to.deep.equal([0, 0, 0, 0]);
          checkTree(spaces.trees, spaces.treeOf(0));
          spaces.shift(0, -by);
          for (const page of pages) {
            if (random.below(3) > 0) continue;
            pages.delete(page);
            lower.remove(page, 1);
          }
        }
        lower.clear();
        expect([spaces.trees.leavesInUse, spaces.trees.innersInUse]).to.deep.equal([0, 0]);
      }),
      { numRuns: 25, seed: 20161118 },
    );
  });
});
