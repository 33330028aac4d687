/**
 * Which entry of a full set goes. Nothing is done while keys are only found: when each was used last is written down, and
 * every rule can tell from that alone what it would have kept.
 */
import { Random } from "@portolan/core";
import type { StudyReplacement } from "./design.js";

/** When each key was used last, on a clock of turns from 1; 0 for one that is in no buffer. */
export class Uses {
  at = new Float64Array(64);

  /** Makes room for so many keys. */
  hold(keys: number): void {
    if (keys <= this.at.length) return;
    const old = this.at;
    this.at = new Float64Array(2 ** Math.ceil(Math.log2(keys)));
    this.at.set(old);
  }
}

/** The places of a buffer, set after set, with the key in each. */
export interface Places {
  readonly keys: Int32Array;
  readonly ways: number;
  readonly uses: Uses;
}

/** Chooses. */
export interface Rule {
  /** The place to be filled anew in the full set that begins at `first`. @param now later than any use so far */
  victim(first: number, now: number): number;
}

/** From so many ways on, a heap finds the oldest use sooner than a look at all. */
const MANY_WAYS = 64;

const MAKERS: Readonly<Record<StudyReplacement, (places: Places, seed: number) => Rule>> = {
  lru: (places) => (places.ways < MANY_WAYS ? new LeastRecent(places) : new LeastRecentOfMany(places)),
  fifo: (places) => new Oldest(places),
  random: (places, seed) => new Any(places, seed),
  plru: (places) => new Tree(places),
  "used-bit": (places) => new UsedBits(places),
};

/** A rule over the places of a buffer. `seed` decides what random replacement does. */
export const ruleFor = (replacement: StudyReplacement, places: Places, seed: number): Rule => MAKERS[replacement](places, seed);

/** The one whose last use is longest ago. */
class LeastRecent implements Rule {
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  victim(first: number): number {
    const { keys, ways, uses } = this.#places;
    let least = first;
    for (let place = first + 1; place < first + ways; place += 1) if (uses.at[keys[place]] < uses.at[keys[least]]) least = place;
    return least;
  }
}

/**
 * The same for many ways: a heap of places for each set, by uses as they were when last looked at. Uses only grow later, so
 * that the least of what was noted is no later than any use; if it is still true, it is the least.
 */
class LeastRecentOfMany implements Rule {
  readonly #places: Places;
  /** For each set its places as a heap, and the use noted of each place. */
  readonly #heap: Int32Array;
  readonly #noted: Float64Array;

  constructor(places: Places) {
    this.#places = places;
    this.#heap = Int32Array.from(places.keys, (_key, place) => place);
    this.#noted = new Float64Array(places.keys.length);
  }

  victim(first: number): number {
    const { keys, uses } = this.#places;
    for (;;) {
      const place = this.#heap[first];
      const use = uses.at[keys[place]];
      if (this.#noted[place] === use) return place;
      this.#noted[place] = use;
      this.#sink(first);
    }
  }

  /** Brings the place on top down to where it belongs. */
  #sink(first: number): void {
    const { ways } = this.#places;
    const heap = this.#heap;
    const noted = this.#noted;
    const place = heap[first];
    let at = 0;
    for (let child = 1; child < ways; child = 2 * at + 1) {
      if (child + 1 < ways && noted[heap[first + child + 1]] < noted[heap[first + child]]) child += 1;
      if (noted[heap[first + child]] >= noted[place]) break;
      heap[first + at] = heap[first + child];
      at = child;
    }
    heap[first + at] = place;
  }
}

/** The one that came first: places are filled in turn. */
class Oldest implements Rule {
  readonly #ways: number;
  /** By set, the way that is filled next. */
  readonly #next: Uint32Array;

  constructor({ keys, ways }: Places) {
    this.#ways = ways;
    this.#next = new Uint32Array(keys.length / ways);
  }

  victim(first: number): number {
    const set = first / this.#ways;
    const way = this.#next[set];
    this.#next[set] = (way + 1) % this.#ways;
    return first + way;
  }
}

/** Any. */
class Any implements Rule {
  readonly #ways: number;
  readonly #random: Random;

  constructor({ ways }: Places, seed: number) {
    this.#ways = ways;
    this.#random = new Random(seed);
  }

  victim(first: number): number {
    return first + this.#random.below(this.#ways);
  }
}

/** A tree of bits over the ways, each pointing away from the half that was used last: the way that they point to. */
class Tree implements Rule {
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  victim(first: number): number {
    let from = first;
    for (let half = this.#places.ways / 2; half >= 1; half /= 2)
      if (this.#lastUse(from, half) > this.#lastUse(from + half, half)) from += half;
    return from;
  }

  #lastUse(first: number, count: number): number {
    const { keys, uses } = this.#places;
    let last = 0;
    for (let place = first; place < first + count; place += 1) last = Math.max(last, uses.at[keys[place]]);
    return last;
  }
}

/** The first that was not used since all used bits were cleared; they are when there is none. */
class UsedBits implements Rule {
  readonly #places: Places;
  /** By set: when bits were cleared, and the ways known to be used since. */
  readonly #cleared: Float64Array;
  readonly #known: Uint32Array;

  constructor(places: Places) {
    this.#places = places;
    this.#cleared = new Float64Array(places.keys.length / places.ways);
    this.#known = new Uint32Array(places.keys.length / places.ways);
  }

  victim(first: number, now: number): number {
    const { keys, ways, uses } = this.#places;
    const set = first / ways;
    let way = this.#known[set];
    while (way < ways && uses.at[keys[first + way]] >= this.#cleared[set]) way += 1;
    if (way === ways) {
      this.#cleared[set] = now;
      way = 0;
    }
    // The access that missed is made again, and uses it.
    this.#known[set] = way + 1;
    return first + way;
  }
}
