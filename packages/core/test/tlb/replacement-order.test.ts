/** The order of replacement against lists that are searched from front to back: every victim, every answer, every used bit. */
import { expect } from "chai";
import type { Replacement, TlbGeometry } from "#src/architecture/tlb-organisation.js";
import { Random } from "#src/random.js";
import { ALL_LOCKED, ENTRY_LOCKED, ENTRY_USED, ENTRY_VALID, ReplacementOrder } from "#src/tlb/replacement.js";

const geometryOf = (replacement: Replacement, entries: number, ways: number | "full", wired: number): TlbGeometry => ({
  entries,
  ways,
  replacement,
  pageShifts: [12],
  wired,
  lockable: true,
  paired: false,
});

/** What the class promises, said with lists. Each set's list has the newest first. */
class Model {
  readonly flags: Uint8Array;
  readonly lists: number[][];
  clearings = 0;
  readonly #ways: number;
  readonly #geometry: TlbGeometry;

  constructor(geometry: TlbGeometry) {
    const { entries, ways } = geometry;
    this.#geometry = geometry;
    this.#ways = ways === "full" ? entries : ways;
    this.flags = new Uint8Array(entries);
    this.lists = Array.from({ length: entries / this.#ways }, (_, set) =>
      Array.from({ length: this.#ways }, (_way, way) => set * this.#ways + way),
    );
  }

  setOf(entry: number): number {
    return Math.floor(entry / this.#ways);
  }

  /** All that may be answered; used bits go where the rule says so. */
  choose(set: number): number[] {
    const numbers = this.lists[set].toSorted((one, other) => one - other);
    const is = (entry: number, flag: number): boolean => (this.flags[entry] & flag) !== 0;
    const open = numbers.filter((entry) => entry >= this.#geometry.wired);
    const free = open.filter((entry) => !is(entry, ENTRY_VALID));
    if (free.length > 0) return free.slice(0, 1);
    const unlocked = open.filter((entry) => !is(entry, ENTRY_LOCKED));
    if (unlocked.length === 0) return [ALL_LOCKED];
    if (this.#geometry.replacement === "random") return unlocked;
    if (this.#geometry.replacement !== "used-bit") {
      const oldest = this.lists[set].findLast((entry) => unlocked.includes(entry));
      return oldest === undefined ? [] : [oldest];
    }
    const unused = unlocked.filter((entry) => !is(entry, ENTRY_USED));
    if (unused.length > 0) return unused.slice(0, 1);
    for (const entry of numbers) this.flags[entry] &= ~ENTRY_USED;
    this.clearings += 1;
    return unlocked.slice(0, 1);
  }

  /** @returns who was the most recently used until now, if that counts and has changed */
  #toFront(entry: number): number {
    const list = this.lists[this.setOf(entry)];
    const [before = -1] = list;
    list.splice(list.indexOf(entry), 1);
    list.unshift(entry);
    return this.#geometry.replacement === "lru" && before !== entry ? before : -1;
  }

  touch(entry: number): number {
    if (this.#geometry.replacement === "lru") return this.#toFront(entry);
    if (this.#geometry.replacement === "used-bit") this.flags[entry] |= ENTRY_USED;
    return -1;
  }

  entered(entry: number): number {
    return this.#geometry.replacement === "lru" || this.#geometry.replacement === "fifo" ? this.#toFront(entry) : -1;
  }
}

describe("the order of replacement", () => {
  for (const replacement of ["used-bit", "lru", "fifo", "random"] as const) {
    for (const [entries, ways, wired] of [
      [1, "full", 0],
      [4, "full", 0],
      [5, "full", 2],
      [8, 2, 0],
      [12, 4, 3],
      [12, 4, 5],
      [6, 1, 0],
    ] as const) {
      it(`by ${replacement} does what lists would, with ${entries} entries, ${ways} ways and ${wired} wired`, () => {
        const geometry = geometryOf(replacement, entries, ways, wired);
        for (let seed = 0; seed < 12; seed += 1) {
          const random = new Random(seed);
          const flags = new Uint8Array(entries);
          const order = new ReplacementOrder(geometry, flags, new Random(seed + 100));
          const model = new Model(geometry);
          expect(order.wired).to.equal(wired);
          // Some stretches lock a lot, so that everything is locked now and then.
          for (let step = 0; step < 250; step += 1) {
            const entry = random.below(entries);
            const isValid = (flags[entry] & ENTRY_VALID) !== 0;
            const flagged =
              ENTRY_VALID |
              (random.below(step % 100 < 30 ? 2 : 8) === 0 ? ENTRY_LOCKED : 0) |
              (replacement === "used-bit" && random.below(2) === 0 ? ENTRY_USED : 0);
            const kind = random.below(10);
            const what = `seed ${seed}, step ${step}`;
            if (kind < 4) {
              const set = model.setOf(entry);
              const may = model.choose(set);
              const chosen = order.choose(set);
              expect(may, what).to.include(chosen);
              expect(order.clearings, what).to.equal(model.clearings);
              if (chosen === ALL_LOCKED) continue;
              const isNew = (flags[chosen] & ENTRY_VALID) === 0;
              flags[chosen] = flagged;
              model.flags[chosen] = flagged;
              expect(order.took(chosen, isNew), what).to.equal(model.entered(chosen));
            } else if (kind < 7) {
              if (isValid) expect(order.touch(entry), what).to.equal(model.touch(entry));
            } else if (kind < 8) {
              flags[entry] = flagged;
              model.flags[entry] = flagged;
              expect(order.entered(entry, !isValid), what).to.equal(model.entered(entry));
            } else if (isValid) {
              flags[entry] = 0;
              model.flags[entry] = 0;
              order.dropped(entry);
            }
            expect([...flags], what).to.deep.equal([...model.flags]);
          }
        }
      });
    }
  }

  it("by chance takes every open entry, about as often as any other, and none that is wired or locked", () => {
    const flags = new Uint8Array(8).fill(ENTRY_VALID);
    const order = new ReplacementOrder(geometryOf("random", 8, 4, 1), flags, new Random(1));
    for (let entry = 0; entry < 8; entry += 1) order.entered(entry, true);
    flags[6] |= ENTRY_LOCKED;
    const times = Array.from({ length: 8 }, () => 0);
    for (let i = 0; i < 3000; i += 1) {
      times[order.choose(0)] += 1;
      times[order.choose(1)] += 1;
    }
    expect([times[0], times[6]]).to.deep.equal([0, 0]);
    for (const entry of [1, 2, 3, 4, 5, 7]) expect(times[entry], `entry ${entry}`).to.be.within(850, 1150);
  });
});
