/** Pairs of operations on two processors, one inside the other at every point where that can happen, both ways round. */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  assertInvariants,
  interleave,
  Random,
  type AddressSpace,
  type Architecture,
  type Interleaving,
  type Machine,
} from "#src/index.js";
import { area, build, fewAsids, machines, RO, RW } from "../fixture.js";
import { portrait } from "../state-hash.js";

interface Stage {
  readonly machine: Machine;
  readonly size: number;
  readonly a: AddressSpace;
  readonly b: AddressSpace;
}

/** Space a on both processors, with an area of four pages of which two are in and in both TLBs. */
const stage = (architecture: Architecture): Stage => {
  const machine = build(fewAsids(architecture), { cpus: 2, memoryBytes: 64 * 2 ** architecture.pageShift });
  const size = machine.parts.units.pageSize;
  const a = machine.spaces.create();
  const b = machine.spaces.create();
  machine.switchTo(a, 0);
  machine.switchTo(a, 1);
  area(a, 16 * size, 4);
  for (const page of [16, 17]) {
    machine.write32(page * size, page + 100, 0);
    machine.read32(page * size, 1);
  }
  return { machine, size, a, b };
};

type Work = (stage: Stage) => unknown;
interface Pair {
  readonly one: (cpu: number) => Work;
  readonly two: (cpu: number) => Work;
  /** All pairs of endings that make sense. */
  readonly endings: readonly (readonly [unknown, unknown])[];
}

const write =
  (page: number, value: number) =>
  (cpu: number): Work =>
  ({ machine, size }) =>
    machine.write32(page * size, value, cpu);
const read =
  (page: number) =>
  (cpu: number): Work =>
  ({ machine, size }) =>
    machine.read32(page * size, cpu);
const destroy =
  () =>
  ({ a, size }: Stage): unknown =>
    a.destroyArea(16 * size);
const shrink =
  () =>
  ({ a, size }: Stage): unknown =>
    a.resizeArea(16 * size, size);
const grow =
  () =>
  ({ a, size }: Stage): unknown =>
    a.resizeArea(16 * size, 6 * size);
const protect =
  () =>
  ({ a }: Stage): unknown =>
    a.changeAreaFlags(16 * a.parts.units.pageSize, AREA_READ);
const share =
  () =>
  ({ a, b, size }: Stage): unknown =>
    a.shareArea(16 * size, 4 * size, b, 64 * size, RO).pages;
const create =
  () =>
  ({ a, size }: Stage): unknown =>
    a.createArea({ base: 20 * size, size, flags: RW, backend: anonymous }).pages;
const protectPage =
  () =>
  ({ a, size }: Stage): unknown =>
    a.protect(16 * size, size, AREA_READ);
const protectAll =
  () =>
  ({ a, size }: Stage): unknown =>
    a.protect(16 * size, 4 * size, 0);
const unmapMiddle =
  () =>
  ({ a, size }: Stage): unknown =>
    a.unmap(17 * size, 2 * size);
const move =
  () =>
  ({ a, size }: Stage): unknown =>
    void a.move(16 * size, 4 * size, 64 * size);
const discard =
  () =>
  ({ a, size }: Stage): unknown =>
    a.discard(16 * size, 3 * size);
const switchAway =
  (cpu: number): Work =>
  ({ machine, b }) =>
    machine.switchTo(b, cpu);

const pairs: Record<string, Pair> = {
  "fault and destruction of the area": {
    one: write(18, 7),
    two: destroy,
    endings: [
      [true, undefined],
      [false, undefined],
    ],
  },
  "read of a mapped page and destruction": {
    one: read(17),
    two: destroy,
    endings: [
      [117, undefined],
      [-1, undefined],
    ],
  },
  "read of a page that stays and shrinking": { one: read(16), two: shrink, endings: [[116, undefined]] },
  "fault and shrinking": {
    one: write(18, 7),
    two: shrink,
    endings: [
      [true, undefined],
      [false, undefined],
    ],
  },
  "fault beyond the end and growing": {
    one: write(21, 7),
    two: grow,
    endings: [
      [true, undefined],
      [false, undefined],
    ],
  },
  "write and a change to read-only": {
    one: write(16, 7),
    two: protect,
    endings: [
      [true, undefined],
      [false, undefined],
    ],
  },
  "write and a protection of its page": {
    one: write(16, 7),
    two: protectPage,
    endings: [
      [true, undefined],
      [false, undefined],
    ],
  },
  "read of a page beside one that is protected": { one: read(17), two: protectPage, endings: [[117, undefined]] },
  "fault and the loss of all rights": {
    one: write(18, 7),
    two: protectAll,
    endings: [
      [true, undefined],
      [false, undefined],
    ],
  },
  "fault and unmapping in the middle": {
    one: write(18, 7),
    two: unmapMiddle,
    endings: [
      [true, undefined],
      [false, undefined],
    ],
  },
  "read of a page that stays and unmapping in the middle": { one: read(16), two: unmapMiddle, endings: [[116, undefined]] },
  "read and a move": {
    one: read(17),
    two: move,
    endings: [
      [117, undefined],
      [-1, undefined],
    ],
  },
  "fault and a move": {
    one: write(18, 7),
    two: move,
    endings: [
      [true, undefined],
      [false, undefined],
    ],
  },
  "read and discarding": {
    one: read(17),
    two: discard,
    endings: [
      [117, true],
      [0, true],
    ],
  },
  "unmapping in the middle and a protection": {
    one: unmapMiddle,
    two: protectAll,
    endings: [
      [undefined, undefined],
      [undefined, "ERR_AREA_NOT_FOUND"],
    ],
  },
  "a move and a protection": {
    one: move,
    two: protectPage,
    endings: [
      ["ERR_AREA_NOT_FOUND", undefined],
      [undefined, "ERR_AREA_NOT_FOUND"],
    ],
  },
  "sharing and destruction of the source": {
    one: share,
    two: destroy,
    endings: [
      [4, undefined],
      ["ERR_AREA_NOT_FOUND", undefined],
    ],
  },
  "sharing and a fault in the source": { one: share, two: write(18, 7), endings: [[4, true]] },
  "sharing and resizing": {
    one: share,
    two: shrink,
    endings: [
      [4, "ERR_AREA_NOT_RESIZABLE"],
      ["ERR_SHARE_SIZE", undefined],
    ],
  },
  "creation behind and growing": {
    one: create,
    two: grow,
    endings: [
      [1, "ERR_AREA_OVERLAP"],
      ["ERR_AREA_OVERLAP", undefined],
    ],
  },
  "destruction twice": {
    one: destroy,
    two: destroy,
    endings: [
      [undefined, "ERR_AREA_NOT_FOUND"],
      ["ERR_AREA_NOT_FOUND", undefined],
    ],
  },
  "two faults for one page": { one: write(18, 7), two: write(18, 8), endings: [[true, true]] },
  "a switch and destruction": { one: switchAway, two: destroy, endings: [[undefined, undefined]] },
  "a switch and shrinking": { one: switchAway, two: shrink, endings: [[undefined, undefined]] },
};

/** Runs a pair with the second inside the first at point `at`; stages are made anew, so that it can be done again. */
const play = (architecture: Architecture, pair: Pair, isSwapped: boolean, at: number): { result: Interleaving; stage: Stage } => {
  const set = stage(architecture);
  const one = { cpu: 0, run: () => pair.one(0)(set) };
  const two = { cpu: 1, run: () => pair.two(1)(set) };
  const result = isSwapped ? interleave(set.machine, two, one, at) : interleave(set.machine, one, two, at);
  return { result: isSwapped ? { ...result, outer: result.inner, inner: result.outer } : result, stage: set };
};

describe("operations on two processors", () => {
  for (const architecture of machines) {
    describe(architecture.name, () => {
      for (const [name, pair] of Object.entries(pairs)) {
        it(`${name}: every order ends well, and in one of the ways that make sense`, () => {
          for (const isSwapped of [false, true]) {
            let points = 1;
            const entries = new Set<number>();
            for (let at = 0; at <= points; at += 1) {
              const { result, stage: set } = play(architecture, pair, isSwapped, at);
              points = result.points;
              entries.add(result.enteredAt);
              const where = `${isSwapped ? "swapped, " : ""}at ${at}, entered at ${result.enteredAt} (${result.point})`;
              assertInvariants(set.machine);
              expect(pair.endings, where).to.deep.include([result.outer, result.inner]);
              // Whatever happened, both spaces work and can go.
              for (const cpu of [0, 1]) set.machine.switchToKernel(cpu);
              set.a.destroy();
              set.b.destroy();
              assertInvariants(set.machine);
            }
            // An access that hits the TLB is one step; everything else can be interrupted, and is entered somewhere within.
            if (isSwapped) expect(points).to.be.greaterThan(1);
            expect(entries.size).to.be.greaterThan(points > 0 ? 1 : 0);
          }
        });
      }

      it("a processor that had the area in its TLB cannot reach it once destruction has returned", () => {
        for (let at = 0; at < 30; at += 1) {
          const { stage: set } = play(architecture, pairs["read of a mapped page and destruction"], true, at);
          expect(set.machine.read32(17 * set.size, 0)).to.equal(-1);
          expect(set.machine.read32(17 * set.size, 1)).to.equal(-1);
        }
      });
    });
  }

  it("a schedule is replayed exactly by its number", () => {
    const names = Object.keys(pairs);
    const random = new Random(20261121);
    for (let round = 0; round < 30; round += 1) {
      const architecture = machines[random.below(machines.length)];
      const pair = pairs[names[random.below(names.length)]];
      const isSwapped = random.below(2) === 1;
      const at = random.below(30);
      const once = play(architecture, pair, isSwapped, at);
      const again = play(architecture, pair, isSwapped, at);
      expect(again.result).to.deep.equal(once.result);
      expect(portrait(again.stage.machine)).to.deep.equal(portrait(once.stage.machine));
    }
  });

  it("the second operation really comes between the first one's steps, not only before and after", () => {
    const entered = new Set<string>();
    const architecture = machines[0];
    for (const name of ["read of a page that stays and shrinking", "fault and shrinking"]) {
      for (let at = 0; at < 25; at += 1) {
        const { result } = play(architecture, pairs[name], true, at);
        if (result.point !== null) entered.add(result.point);
      }
    }
    expect([...entered]).to.include.members(["lock-acquired", "lock-released", "shootdown-finalized", "frames-released"]);
  });
});
