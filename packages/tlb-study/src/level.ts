/**
 * One buffer: keys in sets. `touch` looks a key up and, if it is not there, lets it in; it answers whether it was there.
 * A key is a page number, or half of one where entries are paired; the set is its lowest bits.
 *
 * A class for each rule, so that the loop of each is the rule and nothing else.
 */
import { Random } from "@portolan/core";
import type { LevelDesign, StudyReplacement } from "./design.js";

/** A buffer that holds keys. */
export interface Level {
  /** Was the key there? It is now. */
  touch(key: number): boolean;
}

/** No key. */
const NOTHING = -1;
// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_KEYS = new Float64Array(0);
/**
 * From so many ways on, the order of use is a list and keys are found by hash: what was used lately stands in front, and
 * a look at the first few places is faster than a hash.
 */
const MANY_WAYS = 48;

const MAKERS: Readonly<Record<StudyReplacement, (entries: number, ways: number, seed: number) => Level>> = {
  lru: (entries, ways) => (ways < MANY_WAYS ? new LruLevel(entries, ways) : new ListLevel(entries, ways, true)),
  fifo: (entries, ways) => (ways < MANY_WAYS ? new FifoLevel(entries, ways) : new ListLevel(entries, ways, false)),
  random: (entries, ways, seed) => new RandomLevel(entries, ways, seed),
  plru: (entries, ways) => new TreeLevel(entries, ways),
  "used-bit": (entries, ways) => new UsedBitLevel(entries, ways),
};

/** The buffer of a design. `seed` decides what random replacement does. */
export const levelFor = ({ entries, ways, replacement }: LevelDesign, seed: number): Level => MAKERS[replacement](entries, ways, seed);

/** The least recently used goes. A set stands in the order of use, the newest first. */
class LruLevel implements Level {
  readonly #keys: Float64Array = NO_KEYS;
  readonly #ways: number = 0;
  readonly #mask: number = 0;

  constructor(entries: number, ways: number) {
    this.#keys = new Float64Array(entries).fill(NOTHING);
    this.#ways = ways | 0;
    this.#mask = (entries / ways - 1) | 0;
  }

  touch(key: number): boolean {
    const keys = this.#keys;
    const ways = this.#ways;
    const first = (key & this.#mask) * ways;
    const newest = keys[first];
    if (newest === key) return true;
    keys[first] = key;
    if (ways === 1) return false;
    // Two pages in turn are the commonest case of all.
    let moved = keys[first + 1];
    keys[first + 1] = newest;
    if (moved === key) return true;
    const end = first + ways;
    // Everything newer than the key moves one place back, into the place it leaves.
    for (let at = first + 2; at < end; at += 1) {
      const here = keys[at];
      keys[at] = moved;
      if (here === key) return true;
      moved = here;
    }
    return false;
  }
}

/** The oldest goes. */
class FifoLevel implements Level {
  readonly #keys: Float64Array = NO_KEYS;
  /** The place of each set that is filled next. */
  readonly #next: Uint32Array = new Uint32Array(0);
  readonly #ways: number = 0;
  readonly #mask: number = 0;

  constructor(entries: number, ways: number) {
    this.#keys = new Float64Array(entries).fill(NOTHING);
    this.#next = new Uint32Array(entries / ways);
    this.#ways = ways | 0;
    this.#mask = (entries / ways - 1) | 0;
  }

  touch(key: number): boolean {
    const set = key & this.#mask;
    const first = set * this.#ways;
    for (let at = first; at < first + this.#ways; at += 1) if (this.#keys[at] === key) return true;
    const place = this.#next[set];
    this.#keys[first + place] = key;
    this.#next[set] = place + 1 === this.#ways ? 0 : place + 1;
    return false;
  }
}

/** Any goes, once a set is full. */
class RandomLevel implements Level {
  readonly #keys: Float64Array = NO_KEYS;
  readonly #index: KeyIndex;
  readonly #filled: Uint32Array = new Uint32Array(0);
  readonly #ways: number = 0;
  readonly #mask: number = 0;
  readonly #random: Random;

  constructor(entries: number, ways: number, seed: number) {
    this.#keys = new Float64Array(entries).fill(NOTHING);
    this.#index = new KeyIndex(this.#keys);
    this.#filled = new Uint32Array(entries / ways);
    this.#ways = ways | 0;
    this.#mask = (entries / ways - 1) | 0;
    this.#random = new Random(seed);
  }

  touch(key: number): boolean {
    if (this.#index.find(key) >= 0) return true;
    const set = key & this.#mask;
    let place = this.#filled[set];
    if (place < this.#ways) this.#filled[set] = place + 1;
    else place = this.#random.below(this.#ways);
    this.#index.put(set * this.#ways + place, key);
    return false;
  }
}

/** A tree of bits over the ways of a set: each points away from the half used last. */
class TreeLevel implements Level {
  readonly #keys: Float64Array = NO_KEYS;
  /** A tree a set: node n has the children 2n and 2n + 1; the root is node 1. */
  readonly #points: Uint8Array = new Uint8Array(0);
  readonly #filled: Uint32Array = new Uint32Array(0);
  readonly #ways: number = 0;
  readonly #mask: number = 0;

  constructor(entries: number, ways: number) {
    this.#keys = new Float64Array(entries).fill(NOTHING);
    this.#points = new Uint8Array(entries);
    this.#filled = new Uint32Array(entries / ways);
    this.#ways = ways | 0;
    this.#mask = (entries / ways - 1) | 0;
  }

  touch(key: number): boolean {
    const set = key & this.#mask;
    const first = set * this.#ways;
    let way = 0;
    while (way < this.#ways && this.#keys[first + way] !== key) way += 1;
    const isThere = way < this.#ways;
    if (!isThere) {
      way = this.#filled[set];
      if (way < this.#ways) this.#filled[set] = way + 1;
      else way = this.#victim(first);
      this.#keys[first + way] = key;
    }
    for (let node = way + this.#ways; node > 1; node >>>= 1) this.#points[first + (node >>> 1)] = 1 - (node & 1);
    return isThere;
  }

  #victim(first: number): number {
    let node = 1;
    while (node < this.#ways) node = node * 2 + this.#points[first + node];
    return node - this.#ways;
  }
}

/** The first entry that has not translated anything since all bits were cleared; they are when there is none. */
class UsedBitLevel implements Level {
  readonly #keys: Float64Array = NO_KEYS;
  readonly #index: KeyIndex;
  readonly #used: Uint8Array = new Uint8Array(0);
  readonly #ways: number = 0;
  readonly #mask: number = 0;

  constructor(entries: number, ways: number) {
    this.#keys = new Float64Array(entries).fill(NOTHING);
    this.#index = new KeyIndex(this.#keys);
    this.#used = new Uint8Array(entries);
    this.#ways = ways | 0;
    this.#mask = (entries / ways - 1) | 0;
  }

  touch(key: number): boolean {
    const found = this.#index.find(key);
    if (found >= 0) {
      this.#used[found] = 1;
      return true;
    }
    const first = (key & this.#mask) * this.#ways;
    let place = this.#firstUnused(first);
    if (place < 0) {
      this.#used.fill(0, first, first + this.#ways);
      place = first;
    }
    this.#index.put(place, key);
    // The access that missed is made again, and uses it.
    this.#used[place] = 1;
    return false;
  }

  #firstUnused(first: number): number {
    const at = this.#used.indexOf(0, first);
    return at < first + this.#ways ? at : -1;
  }
}

/** Many ways: places of a set are a list, the newest first; on a hit the place moves to the front where use counts. */
class ListLevel implements Level {
  readonly #keys: Float64Array = NO_KEYS;
  readonly #index: KeyIndex;
  readonly #newer: Int32Array = new Int32Array(0);
  readonly #older: Int32Array = new Int32Array(0);
  readonly #newest: Int32Array = new Int32Array(0);
  readonly #oldest: Int32Array = new Int32Array(0);
  readonly #mask: number = 0;
  readonly #useCounts: boolean = false;

  constructor(entries: number, ways: number, useCounts: boolean) {
    const sets = entries / ways;
    this.#keys = new Float64Array(entries).fill(NOTHING);
    this.#index = new KeyIndex(this.#keys);
    this.#newer = Int32Array.from({ length: entries }, (_, at) => at - 1);
    this.#older = Int32Array.from({ length: entries }, (_, at) => at + 1);
    this.#newest = Int32Array.from({ length: sets }, (_, set) => set * ways);
    this.#oldest = Int32Array.from({ length: sets }, (_, set) => set * ways + ways - 1);
    this.#mask = (sets - 1) | 0;
    this.#useCounts = useCounts;
  }

  touch(key: number): boolean {
    const set = key & this.#mask;
    const found = this.#index.find(key);
    if (found >= 0) {
      if (this.#useCounts) this.#toFront(set, found);
      return true;
    }
    const place = this.#oldest[set];
    this.#index.put(place, key);
    this.#toFront(set, place);
    return false;
  }

  #toFront(set: number, place: number): void {
    const newest = this.#newest[set];
    if (place === newest) return;
    const newer = this.#newer[place];
    if (place === this.#oldest[set]) this.#oldest[set] = newer;
    else {
      const older = this.#older[place];
      this.#older[newer] = older;
      this.#newer[older] = newer;
    }
    this.#older[place] = newest;
    this.#newer[newest] = place;
    this.#newest[set] = place;
  }
}

/** Where a key stands in an array of keys: a hash with open addressing. */
class KeyIndex {
  readonly #keys: Float64Array = NO_KEYS;
  /** Places plus one; 0 is free. */
  readonly #slots: Int32Array = new Int32Array(0);
  readonly #mask: number = 0;

  constructor(keys: Float64Array) {
    this.#keys = keys;
    const size = 2 ** Math.ceil(Math.log2(keys.length * 4));
    this.#slots = new Int32Array(size);
    this.#mask = (size - 1) | 0;
  }

  /** The place of a key, or −1. */
  find(key: number): number {
    for (let slot = this.#slotOf(key); ; slot = (slot + 1) & this.#mask) {
      const place = this.#slots[slot] - 1;
      if (place < 0 || this.#keys[place] === key) return place;
    }
  }

  /** Puts a key that is nowhere where another one may be. */
  put(place: number, key: number): void {
    if (this.#keys[place] !== NOTHING) this.#drop(place);
    this.#keys[place] = key;
    let slot = this.#slotOf(key);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = place + 1;
  }

  #drop(place: number): void {
    let hole = this.#slotOf(this.#keys[place]);
    while (this.#slots[hole] !== place + 1) hole = (hole + 1) & this.#mask;
    // Whatever could not have been found with a hole before it moves into the hole.
    for (let slot = (hole + 1) & this.#mask; this.#slots[slot] !== 0; slot = (slot + 1) & this.#mask) {
      const home = this.#slotOf(this.#keys[this.#slots[slot] - 1]);
      if (((slot - home) & this.#mask) < ((slot - hole) & this.#mask)) continue;
      this.#slots[hole] = this.#slots[slot];
      hole = slot;
    }
    this.#slots[hole] = 0;
  }

  #slotOf(key: number): number {
    return ((Math.imul(key | 0, 0x9e3779b1) >>> 11) ^ (key | 0)) & this.#mask;
  }
}
