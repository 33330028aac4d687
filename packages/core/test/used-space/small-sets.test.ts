/** Every operation on every set of seven pages, from the lowest page there is on: all ways an interval can be met. */
import { expect } from "chai";
import { AllocationGate } from "#src/allocation-gate.js";
import { checkTree } from "#src/collections/check.js";
import { ORDER } from "#src/collections/node-pool.js";
import { PortolanError } from "#src/errors.js";
import { UsedSpace, UsedSpaces } from "#src/used-space/used-space.js";

const WIDTH = 7;
/** The slots around this one stay as they are. */
const SLOT = 3;

type Runs = [number, number][];

const runsOf = (set: number): Runs => {
  const runs: Runs = [];
  for (let page = 0; page < WIDTH; page += 1) {
    if ((set & (1 << page)) === 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === page) last[1] += 1;
    else runs.push([page, 1]);
  }
  return runs;
};

const maskOf = (first: number, count: number): number => ((1 << count) - 1) << first;

/** A set of pages in a slot between others, and what to compare it with. */
const made = (set: number) => {
  const spaces = new UsedSpaces(new AllocationGate(), SLOT + 2);
  spaces.insert(SLOT - 1, 100, 2);
  for (const [first, count] of runsOf(set)) spaces.insert(SLOT, first, count);
  const check = (expected: number): void => {
    const runs = runsOf(expected);
    expect(new UsedSpace(spaces, SLOT).collect()).to.deep.equal(runs);
    expect([spaces.pagesOf(SLOT), spaces.intervals(SLOT)]).to.deep.equal([runs.reduce((sum, [, pages]) => sum + pages, 0), runs.length]);
    expect(spaces.treeOf(SLOT) === 0, "a tree for two intervals or more").to.equal(runs.length < 2);
    if (runs.length > 1) checkTree(spaces.trees, spaces.treeOf(SLOT));
    expect(spaces.trees.leavesInUse).to.equal(runs.length < 2 ? 0 : 1);
    expect(spaces.trees.reserved).to.equal(0);
    expect([spaces.pagesOf(SLOT - 1), spaces.pagesOf(SLOT + 1), spaces.contains(SLOT - 1, 101)]).to.deep.equal([2, 0, true]);
  };
  return { spaces, check };
};

const ranges: Runs = [];
for (let first = 0; first < WIDTH; first += 1) for (let count = 1; first + count <= WIDTH; count += 1) ranges.push([first, count]);

describe("used space, every set of seven pages", () => {
  it("takes in what is free, and nothing else", () => {
    for (let set = 0; set < 1 << WIDTH; set += 1) {
      for (const [first, count] of ranges) {
        const { spaces, check } = made(set);
        const isFree = (set & maskOf(first, count)) === 0;
        expect(spaces.insert(SLOT, first, count)).to.equal(isFree);
        check(isFree ? set | maskOf(first, count) : set);
      }
    }
  });

  it("lets go what is used, and nothing else", () => {
    for (let set = 0; set < 1 << WIDTH; set += 1) {
      for (const [first, count] of ranges) {
        const { spaces, check } = made(set);
        const isUsed = (set & maskOf(first, count)) === maskOf(first, count);
        expect(spaces.remove(SLOT, first, count)).to.equal(isUsed);
        check(isUsed ? set & ~maskOf(first, count) : set);
      }
    }
  });

  it("lets a whole range go, whatever is used in it", () => {
    for (let set = 0; set < 1 << WIDTH; set += 1) {
      for (const [first, count] of ranges) {
        const { spaces, check } = made(set);
        const { length } = runsOf(set & maskOf(first, count)).flatMap(([, pages]) => Array.from({ length: pages }));
        expect(spaces.removeRange(SLOT, first, count)).to.equal(length);
        check(set & ~maskOf(first, count));
      }
    }
  });

  it("finds the next used page in both directions, and tells of its interval", () => {
    for (let set = 0; set < 1 << WIDTH; set += 1) {
      const { spaces, check } = made(set);
      const runs = runsOf(set);
      const found = (page: number): unknown => (page < 0 ? page : [page, spaces.intervalFirst, spaces.intervalPages]);
      const forget = (): void => {
        spaces.intervalFirst = NaN;
        spaces.intervalPages = NaN;
      };
      for (let page = 0; page <= WIDTH; page += 1) {
        const at = runs.find(([first, pages]) => first <= page && page < first + pages);
        expect(spaces.contains(SLOT, page)).to.equal(at !== undefined);
        if (at !== undefined) expect(spaces.intervalEnd(SLOT, page)).to.equal(at[0] + at[1]);
        const above = runs.find(([first, pages]) => page < first + pages);
        forget();
        expect(found(spaces.nextAtOrAbove(SLOT, page))).to.deep.equal(above === undefined ? -1 : [Math.max(page, above[0]), ...above]);
        const below = runs.findLast(([first]) => first <= page);
        forget();
        expect(found(spaces.nextAtOrBelow(SLOT, page))).to.deep.equal(
          below === undefined ? -1 : [Math.min(page, below[0] + below[1] - 1), ...below],
        );
      }
      const ends = [runs[0], runs.at(-1)].map((run) => (run === undefined ? -1 : [run[0], ...run]));
      forget();
      expect(found(spaces.firstInterval(SLOT))).to.deep.equal(ends[0]);
      forget();
      expect(found(spaces.lastInterval(SLOT))).to.deep.equal(ends[1]);
      check(set);
    }
  });
});

describe("used spaces beside each other", () => {
  it("are cleared one by one: a slot of one interval leaves the trees of others alone", () => {
    const spaces = new UsedSpaces(new AllocationGate(), 2);
    const others: Runs = Array.from({ length: 2000 }, (_, i): [number, number] => [3 * i, 2]);
    for (const [first, count] of others) spaces.insert(1, first, count);
    const { leavesInUse, innersInUse } = spaces.trees;
    for (let page = 0; page < 200; page += 1) {
      spaces.insert(0, page, 1);
      spaces.clear(0);
      expect([spaces.pagesOf(0), spaces.trees.leavesInUse, spaces.trees.innersInUse]).to.deep.equal([0, leavesInUse, innersInUse]);
    }
    checkTree(spaces.trees, spaces.treeOf(1));
    expect(new UsedSpace(spaces, 1).collect()).to.deep.equal(others);
  });

  it("get more slots, keep what they have, and say how large they are", () => {
    const spaces = new UsedSpaces(new AllocationGate(), 2);
    const before = spaces.bytes;
    expect(before).to.be.at.least(spaces.trees.bytes + 2 * 16);
    spaces.insert(1, 7, 3);
    spaces.grow(1000);
    expect(spaces.bytes).to.equal(before + 998 * 16);
    expect(new UsedSpace(spaces, 1).collect()).to.deep.equal([[7, 3]]);
    for (const slot of [0, 2, 999]) expect([spaces.pagesOf(slot), spaces.firstInterval(slot)]).to.deep.equal([0, -1]);
    expect([spaces.insert(999, 5, 1), spaces.pagesOf(999)]).to.deep.equal([true, 1]);
  });

  it("say which range was none", () => {
    expect(() => new UsedSpaces().insert(0, -4, 9))
      .to.throw(PortolanError)
      .with.property("values")
      .that.deep.equals({ first: -4, count: 9 });
  });

  it("keep or lose their memory as promised: a promise given back is none", () => {
    const gate = new AllocationGate();
    const spaces = new UsedSpaces(gate, 1);
    for (let i = 0; i < ORDER; i += 1) spaces.insert(0, 2 * i, 1);
    spaces.reserve(0);
    spaces.unreserve(0);
    expect(spaces.trees.reserved).to.equal(0);
    gate.failAfter(0, Infinity);
    expect(() => spaces.insert(0, 1000, 1)).to.throw(PortolanError);
    gate.disarm();
    // An interval is cut in two with its own memory, not with what somebody else was promised.
    const cut = new UsedSpaces(gate, 1);
    cut.insert(0, 0, 5);
    gate.failAfter(0, Infinity);
    expect(() => cut.remove(0, 2, 1)).to.throw(PortolanError);
    expect(new UsedSpace(cut).collect()).to.deep.equal([[0, 5]]);
    gate.disarm();
    cut.reserve(0);
    cut.remove(0, 2, 1);
    expect([cut.trees.reserved, cut.intervals(0)]).to.deep.equal([1, 2]);
  });
});
