/**
 * A TLB in operation: entries of a trace go through the first level, what it lacks through the second, and what that lacks
 * is translated. Each level lets in what it lacked; no level drops what another one drops.
 *
 * Most accesses are to the page of the one before, which changes nothing in any buffer: they are not even looked up.
 */
import { EXECUTE, READ, WRITE, type Access } from "@portolan/core";
import { STORE } from "@portolan/workload";
import { CONTINUED, GRANULE_BITS, sideOf, type Batch } from "./batch.js";
import type { LevelDesign, TlbDesign } from "./design.js";
import { levelFor, type Level } from "./level.js";

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

/** What `sideOf` answers for fetches. */
const CODE = 0;
const STRETCH = 2048;

/** One design at work on one machine's translation. */
export class Hierarchy {
  /** The first level; the same buffer twice where one serves both. */
  readonly #code: Level;
  readonly #data: Level;
  readonly #second: Level | null;
  readonly #translation: Translation;
  readonly #granulesPerPage: number = 1;
  /** Granules that one tag serves. */
  readonly #granulesPerCodeKey: number = 1;
  readonly #granulesPerDataKey: number = 1;
  readonly #granulesPerSecondKey: number = 1;
  /** 1 where code and data have buffers of their own, 0 where one serves both: a mask of sides. */
  readonly #sides: number = 1;
  /** The granule looked up last, by side: looking it up again changes nothing in any buffer. */
  readonly #last = new Float64Array(2).fill(-1);
  #fetchMisses = 0;
  #dataMisses = 0;
  #fetches = 0;
  #dataAccesses = 0;
  #translations = 0;

  constructor(design: TlbDesign, pageShift: number, translation: Translation, seed: number) {
    this.#data = levelFor(design.data, seed);
    this.#code = design.instruction === null ? this.#data : levelFor(design.instruction, seed + 1);
    this.#second = design.second === null ? null : levelFor(design.second, seed + 2);
    this.#sides = design.instruction === null ? 0 : 1;
    this.#translation = translation;
    const granules = 2 ** (pageShift - GRANULE_BITS);
    const perKey = (level: LevelDesign | null): number => (level?.paired === true ? 2 * granules : granules);
    this.#granulesPerPage = granules;
    this.#granulesPerCodeKey = perKey(design.instruction ?? design.data);
    this.#granulesPerDataKey = perKey(design.data);
    this.#granulesPerSecondKey = perKey(design.second);
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

  /** Looks up every entry of a batch. */
  run(batch: Batch): void {
    // In stretches: a loop that is entered often is compiled well sooner than one that lasts.
    for (let from = 0; from < batch.length; from += STRETCH) this.#run(batch, from, Math.min(from + STRETCH, batch.length));
    this.#fetches += batch.fetches;
    this.#dataAccesses += batch.length - batch.fetches;
    if (batch.continued > 0 && this.#granulesPerPage > 1) this.#join(batch);
  }

  #run({ kinds, granules }: Batch, from: number, to: number): void {
    const { move } = this.#translation;
    const last = this.#last;
    const sides = this.#sides;
    const code = this.#code;
    const data = this.#data;
    const codeKey = this.#granulesPerCodeKey;
    const dataKey = this.#granulesPerDataKey;
    for (let i = from; i < to; i += 1) {
      const granule = granules[i];
      const side = sideOf(kinds[i]);
      if (granule === last[side & sides]) continue;
      last[side & sides] = granule;
      const place = move === undefined ? granule : move(granule, side === CODE);
      const isThere = side === CODE ? code.touch(quotient(place, codeKey)) : data.touch(quotient(place, dataKey));
      if (!isThere) this.#miss(kinds[i], place);
    }
  }

  /** An access that reaches into the next granule of the same page was one look-up, not two. */
  #join({ kinds, granules, length }: Batch): void {
    for (let i = 1; i < length; i += 1) {
      if (kinds[i] < CONTINUED || this.#pageOf(granules[i]) !== this.#pageOf(granules[i - 1])) continue;
      if (sideOf(kinds[i]) === CODE) this.#fetches -= 1;
      else this.#dataAccesses -= 1;
    }
  }

  #pageOf(granule: number): number {
    return quotient(granule, this.#granulesPerPage);
  }

  #miss(kind: number, granule: number): void {
    const side = sideOf(kind);
    if (side === CODE) this.#fetchMisses += 1;
    else this.#dataMisses += 1;
    if (this.#second?.touch(quotient(granule, this.#granulesPerSecondKey)) === true) return;
    this.#translations += 1;
    this.#translation.translate(this.#pageOf(granule), side === CODE ? EXECUTE : (kind & ~CONTINUED) === STORE ? WRITE : READ);
  }
}

/** A shift would cut granules to 32 bits. */
const quotient = (granule: number, divisor: number): number => (divisor === 1 ? granule : Math.floor(granule / divisor));
