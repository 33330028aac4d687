/** The order of replacement against lists that are searched from front to back: every victim, every answer, every used bit. */
import { expect } from "chai";
import type { Replacement, TlbGeometry } from "#src/architecture/tlb-organisation.js";
import { Random } from "#src/random.js";
import { ReplacementOrder } from "#src/tlb/replacement.js";
import { ENTRY_LOCKED, ENTRY_USED, ENTRY_VALID, ENTRY_WIRED, TlbEntry, TlbSet } from "#src/tlb/tlb-entry.js";

/** Nothing may be chosen. */
const ALL_LOCKED = -1;

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

/** The order and the sets it is asked about, as a buffer keeps them. Entries are named by their numbers. */
class Subject {
  readonly entries: readonly TlbEntry[];
  clearings = 0;
  readonly #sets: readonly TlbSet[];
  readonly #order: ReplacementOrder;
  readonly #byUse: boolean;

  constructor({ entries, ways, wired, replacement }: TlbGeometry, random: Random) {
    this.entries = Array.from({ length: entries }, (_, number) => new TlbEntry(number));
    for (const entry of this.entries.slice(0, wired)) entry.flags = ENTRY_WIRED;
    const size = ways === "full" ? entries : ways;
    this.#sets = Array.from({ length: entries / size }, (_, set) => new TlbSet(this.entries.slice(set * size, (set + 1) * size)));
    this.#order = new ReplacementOrder(replacement, random);
    this.#byUse = replacement === "used-bit";
  }

  /** Without what is wired, which never changes. */
  get flags(): number[] {
    return this.entries.map(({ flags }) => flags & ~ENTRY_WIRED);
  }

  setFlags(entry: number, flags: number): void {
    this.entries[entry].flags = flags | (this.entries[entry].flags & ENTRY_WIRED);
  }

  choose(number: number): number {
    const set = this.#sets[number];
    const free = set.vacant > 0 ? this.#order.free(set) : null;
    const chosen = free ?? (this.#byUse ? (this.#order.unused(set) ?? this.#startOver(set)) : this.#order.leaving(set));
    return chosen === null ? ALL_LOCKED : chosen.number;
  }

  #startOver(set: TlbSet): TlbEntry | null {
    const first = this.#order.first(set);
    if (first === null) return null;
    for (const entry of set.entries) entry.flags &= ~ENTRY_USED;
    this.clearings += 1;
    return first;
  }

  touch = (entry: number): number => this.#order.touch(this.entries[entry])?.number ?? -1;
  took = (entry: number, isNew: boolean): number => this.#order.took(this.entries[entry], isNew)?.number ?? -1;
  entered = (entry: number, isNew: boolean): number => this.#order.entered(this.entries[entry], isNew)?.number ?? -1;

  drop(entry: number): void {
    this.setFlags(entry, 0);
    this.#order.dropped(this.entries[entry]);
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
          const order = new Subject(geometry, new Random(seed + 100));
          const model = new Model(geometry);
          // Some stretches lock a lot, so that everything is locked now and then.
          for (let step = 0; step < 250; step += 1) {
            const entry = random.below(entries);
            const isValid = (model.flags[entry] & ENTRY_VALID) !== 0;
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
              const isNew = (model.flags[chosen] & ENTRY_VALID) === 0;
              order.setFlags(chosen, flagged);
              model.flags[chosen] = flagged;
              expect(order.took(chosen, isNew), what).to.equal(model.entered(chosen));
            } else if (kind < 7) {
              if (isValid) expect(order.touch(entry), what).to.equal(model.touch(entry));
            } else if (kind < 8) {
              order.setFlags(entry, flagged);
              model.flags[entry] = flagged;
              expect(order.entered(entry, !isValid), what).to.equal(model.entered(entry));
            } else if (isValid) {
              model.flags[entry] = 0;
              order.drop(entry);
            }
            expect(order.flags, what).to.deep.equal([...model.flags]);
          }
        }
      });
    }
  }

  it("by chance takes every open entry, each about equally often, and none that is wired or locked", () => {
    const order = new Subject(geometryOf("random", 8, 4, 1), new Random(1));
    for (let entry = 0; entry < 8; entry += 1) {
      order.setFlags(entry, ENTRY_VALID | (entry === 6 ? ENTRY_LOCKED : 0));
      order.entered(entry, true);
    }
    const times = Array.from({ length: 8 }, () => 0);
    for (let i = 0; i < 3000; i += 1) {
      times[order.choose(0)] += 1;
      times[order.choose(1)] += 1;
    }
    expect([times[0], times[6]]).to.deep.equal([0, 0]);
    for (const entry of [1, 2, 3, 4, 5, 7]) expect(times[entry], `entry ${entry}`).to.be.within(850, 1150);
  });
});
