/**
 * A TLB in operation: the turns of a trace go through the first level, what it lacks through the second, and what that
 * lacks is translated. Each level lets in what it lacked; no level drops what another one drops.
 */
import { EXECUTE, READ, WRITE, type Access } from "@portolan/core";
import { FETCH, LOAD, STORE } from "@portolan/workload";
import { CONTINUED, GRANULE_BITS, isFetch, KINDS, type Batch } from "./batch.js";
import type { LevelDesign, TlbDesign } from "./design.js";
import { Level } from "./level.js";
import { Uses } from "./rules.js";
import type { Turns } from "./turns.js";

/** Translates what no TLB knows, and counts what that costs. Pages are of the design's size. */
export interface Translation {
  /** Translates a page for an access, once. @throws PortolanError ERR_DOES_NOT_FIT if it cannot be done */
  translate(page: number, access: Access): void;
  /** Where a granule of the trace is on the machine; absent: where it is in the trace. */
  readonly move?: (granule: number, isCode: boolean) => number;
}

/** What a TLB was asked, and what it could not answer. */
export interface TlbCounts {
  /** Look-ups of fetches and of data accesses, in the first level. */
  readonly fetches: number;
  readonly data: number;
  readonly fetchMisses: number;
  readonly dataMisses: number;
  /** Of these misses, those that the second level could not answer either; all of them where there is none. */
  readonly translations: number;
}

/** Bits of a turn below the number of its granule. */
const KIND_BITS = 2;

/** One design at work on one machine's translation. */
export class Hierarchy {
  /** Do code and data share the first level? What {@link run} is given must have been made for that. */
  readonly isShared: boolean;
  /** The first level; the same buffer twice where one serves both. */
  readonly #code: Level;
  readonly #data: Level;
  readonly #second: Level | null;
  readonly #firstUses = new Uses();
  readonly #secondUses = new Uses();
  /** What a turn means to the levels: where the uses of its key are written. By what has turned. */
  #firstSlots: Int32Array = new Int32Array(64);
  #secondSlots: Int32Array = new Int32Array(64);
  #known = 0;
  readonly #translation: Translation;
  readonly #granulesPerPage: number;
  /** Granules that one tag serves. */
  readonly #granulesPerCodeKey: number;
  readonly #granulesPerDataKey: number;
  readonly #granulesPerSecondKey: number;
  /** Turns so far, and one. */
  #time = 1;
  #fetchMisses = 0;
  #dataMisses = 0;
  #fetches = 0;
  #dataAccesses = 0;
  #translations = 0;

  constructor(design: TlbDesign, pageShift: number, translation: Translation, seed: number) {
    const { instruction, data, second } = design;
    this.isShared = instruction === null;
    this.#data = this.isShared ? new Level(data, this.#firstUses, 1, 0, seed) : new Level(data, this.#firstUses, 2, 1, seed);
    this.#code = instruction === null ? this.#data : new Level(instruction, this.#firstUses, 2, 0, seed + 1);
    this.#second = second === null ? null : new Level(second, this.#secondUses, 1, 0, seed + 2);
    this.#translation = translation;
    const granules = 2 ** (pageShift - GRANULE_BITS);
    const perKey = (level: LevelDesign | null): number => (level?.paired === true ? 2 * granules : granules);
    this.#granulesPerPage = granules;
    this.#granulesPerCodeKey = perKey(instruction ?? data);
    this.#granulesPerDataKey = perKey(data);
    this.#granulesPerSecondKey = perKey(second);
  }

  get counts(): TlbCounts {
    return {
      fetches: this.#fetches,
      data: this.#dataAccesses,
      fetchMisses: this.#fetchMisses,
      dataMisses: this.#dataMisses,
      translations: this.#translations,
    };
  }

  /** Looks up every entry of a batch, whose turns these are. */
  run(batch: Batch, turns: Turns): void {
    this.#learn(turns);
    const { whats, length } = turns;
    for (let turn = this.#hits(whats, 0, length); turn < length; turn = this.#hits(whats, turn + 1, length)) {
      this.#miss(whats[turn], turns, this.#time + turn);
    }
    this.#time += length;
    this.#fetches += batch.fetches;
    this.#dataAccesses += batch.length - batch.fetches;
    if (batch.continued > 0 && this.#granulesPerPage > 1) this.#join(batch);
  }

  /** Goes through turns up to one that misses the first level. Calls nothing: so it is compiled best. */
  #hits(whats: Int32Array, from: number, to: number): number {
    const slots = this.#firstSlots;
    const uses = this.#firstUses.at;
    const time = this.#time;
    for (let turn = from; turn < to; turn += 1) {
      const slot = slots[whats[turn]];
      if (uses[slot] === 0) return turn;
      uses[slot] = time + turn;
    }
    return to;
  }

  #miss(what: number, turns: Turns, now: number): void {
    const kind = what & KINDS;
    const isCode = kind === FETCH;
    if (isCode) this.#fetchMisses += 1;
    else this.#dataMisses += 1;
    (isCode ? this.#code : this.#data).enter(this.#firstSlots[what], now);
    if (this.#second !== null) {
      const slot = this.#secondSlots[what];
      if (this.#secondUses.at[slot] !== 0) {
        this.#secondUses.at[slot] = now;
        return;
      }
      this.#second.enter(slot, now);
    }
    this.#translations += 1;
    const granule = this.#placeOf(turns.granules.keys[what >>> KIND_BITS], isCode);
    this.#translation.translate(this.#pageOf(granule), isCode ? EXECUTE : kind === STORE ? WRITE : READ);
  }

  /** Finds out what granules that have come up since mean to the levels. */
  #learn({ granules }: Turns): void {
    if (this.#known === granules.count) return;
    this.#firstSlots = grown(this.#firstSlots, granules.count << KIND_BITS);
    this.#secondSlots = grown(this.#secondSlots, granules.count << KIND_BITS);
    for (let number = this.#known; number < granules.count; number += 1) {
      this.#learnKind((number << KIND_BITS) | FETCH, granules.keys[number]);
      const load = (number << KIND_BITS) | LOAD;
      this.#learnKind(load, granules.keys[number]);
      const store = (number << KIND_BITS) | STORE;
      this.#firstSlots[store] = this.#firstSlots[load];
      this.#secondSlots[store] = this.#secondSlots[load];
    }
    this.#known = granules.count;
  }

  #learnKind(what: number, granule: number): void {
    const isCode = (what & KINDS) === FETCH;
    const place = this.#placeOf(granule, isCode);
    const key = Math.floor(place / (isCode ? this.#granulesPerCodeKey : this.#granulesPerDataKey));
    this.#firstSlots[what] = (isCode ? this.#code : this.#data).slotOf(key);
    if (this.#second !== null) this.#secondSlots[what] = this.#second.slotOf(Math.floor(place / this.#granulesPerSecondKey));
  }

  /** An access that reaches into the next granule of the same page was one look-up, not two. */
  #join({ kinds, granules, length }: Batch): void {
    for (let i = 1; i < length; i += 1) {
      if (kinds[i] < CONTINUED || this.#pageOf(granules[i]) !== this.#pageOf(granules[i - 1])) continue;
      if (isFetch(kinds[i])) this.#fetches -= 1;
      else this.#dataAccesses -= 1;
    }
  }

  #placeOf(granule: number, isCode: boolean): number {
    return this.#translation.move === undefined ? granule : this.#translation.move(granule, isCode);
  }

  /** A shift would cut granules to 32 bits. */
  #pageOf(granule: number): number {
    return Math.floor(granule / this.#granulesPerPage);
  }
}

const grown = (old: Int32Array, length: number): Int32Array => {
  if (length <= old.length) return old;
  const larger = new Int32Array(2 ** Math.ceil(Math.log2(length)));
  larger.set(old);
  return larger;
};
