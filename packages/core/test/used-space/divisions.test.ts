/** Used space that is cut at a page and put together again: every set of seven pages at every page, and what moves of many. */
import { expect } from "chai";
import { AllocationGate } from "#src/allocation-gate.js";
import { checkTree } from "#src/collections/check.js";
import { PortolanError } from "#src/errors.js";
import { UsedSpace, UsedSpaces } from "#src/used-space/used-space.js";

const WIDTH = 7;
const [LOWER, UPPER] = [3, 4];

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

/** Two slots between others, one of them with these intervals, and two promises that are somebody else's. */
const made = (runs: Readonly<Runs>, promises = 2) => {
  const gate = new AllocationGate();
  const spaces = new UsedSpaces(gate, UPPER + 2);
  for (const [slot, first] of [
    [LOWER - 1, 100],
    [UPPER + 1, 200],
  ] as const)
    spaces.insert(slot, first, 2);
  for (const [first, count] of runs) spaces.insert(LOWER, first, count);
  for (let i = 0; i < promises; i += 1) spaces.reserve(LOWER);
  const check = (what: string, lower: Readonly<Runs>, upper: Readonly<Runs>): void => {
    for (const [slot, wanted] of [
      [LOWER, lower],
      [UPPER, upper],
    ] as const) {
      expect(new UsedSpace(spaces, slot).collect(), what).to.deep.equal(wanted);
      expect(spaces.pagesOf(slot), what).to.equal(wanted.reduce((sum, [, pages]) => sum + pages, 0));
      expect(spaces.nextAtOrAbove(slot, 0), what).to.equal(wanted[0]?.[0] ?? -1);
      expect(spaces.treeOf(slot) === 0, what).to.equal(wanted.length < 2);
      if (wanted.length > 1) checkTree(spaces.trees, spaces.treeOf(slot));
    }
    expect([spaces.firstInterval(LOWER - 1), spaces.firstInterval(UPPER + 1), spaces.trees.reserved], what).to.deep.equal([
      100,
      200,
      promises,
    ]);
  };
  /** Does something that needs no memory: there is none. */
  const without = <T>(work: () => T): T => {
    gate.failAfter(0, Infinity);
    try {
      return work();
    } finally {
      gate.disarm();
    }
  };
  return { spaces, check, without };
};

describe("used space, divided and joined", () => {
  it("lies below a page and from it on as its pages do, every set of seven pages at every page, once that is promised", () => {
    for (let set = 0; set < 1 << WIDTH; set += 1) {
      for (let cut = 0; cut <= WIDTH + 1; cut += 1) {
        for (const isPromised of [false, true]) {
          const { spaces, check, without } = made(runsOf(set));
          const what = `${set} at ${cut}`;
          spaces.reserveDivision(LOWER, cut);
          if (runsOf(set).length < 2) expect(spaces.trees.reserved, "one interval needs no memory").to.equal(2);
          without(() => spaces.divide(LOWER, cut, UPPER));
          if (isPromised) expect(without(() => spaces.join(LOWER, UPPER, true))).to.equal(true);
          spaces.settlePromises(2);
          const below = set & ((1 << cut) - 1);
          if (!isPromised) {
            check(what, runsOf(below), runsOf(set & ~below));
            expect(spaces.join(LOWER, UPPER)).to.equal(true);
          }
          check(what, runsOf(set), []);
        }
      }
    }
  });

  it("stays as it is where there is no memory to join it, and needs none where the two touch or one is empty", () => {
    let refusals = 0;
    for (let set = 0; set < 1 << WIDTH; set += 1) {
      for (let cut = 0; cut <= WIDTH; cut += 1) {
        const { spaces, check, without } = made(runsOf(set & ((1 << cut) - 1)), 0);
        const upper = runsOf(set & ~((1 << cut) - 1));
        const lower = runsOf(set & ((1 << cut) - 1));
        for (const [first, count] of upper) spaces.insert(UPPER, first, count);
        const isJoined = without(() => spaces.join(LOWER, UPPER));
        const what = `${set} at ${cut}`;
        if (isJoined) check(what, runsOf(set), []);
        else check(what, lower, upper);
        if (lower.length === 0 || upper.length === 0 || runsOf(set).length === 1) expect(isJoined, what).to.equal(true);
        if (!isJoined) refusals += 1;
      }
    }
    expect(refusals).to.be.above(50);
  });

  it("moves the side that has fewer intervals, whichever it is, and promises memory for those", () => {
    for (const [below, above] of [
      [1, 30],
      [30, 1],
      [2, 30],
      [30, 2],
      [100, 41],
      [41, 100],
      [0, 30],
      [30, 0],
    ] as const) {
      for (const from of [0, 7, 8]) {
        const fewer = Math.min(below, above);
        const runs = Array.from({ length: below + above }, (_, i): [number, number] => [from + 3 * i, 2]);
        const { spaces, check } = made(runs, 0);
        let moves = 0;
        const insert = spaces.trees.insert.bind(spaces.trees);
        spaces.trees.insert = (...given) => {
          moves += 1;
          return insert(...given);
        };
        const what = `${below} and ${above} from ${from}`;
        spaces.reserveDivision(LOWER, from + 3 * below);
        expect(spaces.trees.reserved, what).to.be.at.most(2 + fewer / 4);
        spaces.divide(LOWER, from + 3 * below, UPPER);
        expect(moves, what).to.be.at.most(fewer);
        spaces.settlePromises(0);
        check(what, runs.slice(0, below), runs.slice(below));
        moves = 0;
        expect(spaces.join(LOWER, UPPER)).to.equal(true);
        expect(moves, what).to.be.at.most(fewer);
        check(what, runs, []);
      }
    }
  });

  it("has promises that are its own: what others were promised stays", () => {
    const { spaces, check } = made([[0, 5]]);
    spaces.settlePromises(5);
    check("fewer than before", [[0, 5]], []);
    spaces.removeRange(LOWER, 2, 1);
    check(
      "an interval cut in two",
      [
        [0, 2],
        [3, 2],
      ],
      [],
    );
    spaces.removeRange(LOWER, 0, 1);
    check(
      "an end",
      [
        [1, 1],
        [3, 2],
      ],
      [],
    );
  });

  it("cuts an interval in two with what it was promised, and no more", () => {
    for (const runs of [
      [[0, 7]],
      [
        [0, 7],
        [9, 1],
      ],
    ] as Runs[]) {
      const { spaces, without } = made(runs, 0);
      spaces.reserve(LOWER);
      expect(without(() => spaces.remove(LOWER, 3, 1, true))).to.equal(true);
      expect(new UsedSpace(spaces, LOWER).collect().slice(0, 2)).to.deep.equal([
        [0, 3],
        [4, 3],
      ]);
      if (runs.length === 1) expect(spaces.trees.reserved).to.equal(0);
      const other = made(runs, 0);
      other.spaces.reserve(LOWER);
      expect(other.without(() => other.spaces.removeRange(LOWER, 3, 1, true))).to.equal(1);
    }
  });

  it("moves along with its area, and an empty one stays empty", () => {
    const { spaces, check } = made([]);
    spaces.shift(LOWER, 9);
    check("empty", [], []);
    spaces.insert(LOWER, 1, 2);
    spaces.shift(LOWER, 9);
    expect(new UsedSpace(spaces, LOWER).collect()).to.deep.equal([[10, 2]]);
  });

  it("tells a shortage of memory from what is wrong, and does not take a page in twice", () => {
    const { spaces } = made([
      [0, 1],
      [4, 1],
    ]);
    spaces.insert(UPPER, 8, 1);
    spaces.insert(UPPER, 12, 1);
    const reserve = spaces.trees.reserve.bind(spaces.trees);
    for (const error of [new Error("broken"), new PortolanError("ERR_OUT_OF_MEMORY", {})]) {
      spaces.trees.reserve = () => {
        throw error;
      };
      if (error instanceof PortolanError) expect(spaces.join(LOWER, UPPER)).to.equal(false);
      else expect(() => spaces.join(LOWER, UPPER)).to.throw("broken");
    }
    spaces.trees.reserve = reserve;
    const twice = made([[5, 1]]);
    twice.spaces.insert(UPPER, 5, 1);
    expect(() => twice.spaces.join(LOWER, UPPER)).to.throw("a page is used in two areas");
  });
});
