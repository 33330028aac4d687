/**
 * A TLB in operation: entries of a trace go through the first level, what it lacks through the second, and what that lacks
 * is translated. Each level lets in what it lacked; no level drops what another one drops.
 *
 * Most accesses are to the page of the one before, which changes nothing in any buffer: they are not even looked up.
 */
import { EXECUTE, READ, WRITE, type Access } from "@portolan/core";
import { FETCH, STORE } from "@portolan/workload";
import { CONTINUED, GRANULE_BITS, type Batch } from "./batch.js";
import type { TlbDesign } from "./design.js";
import { levelFor, type Level } from "./level.js";

/** Translates what no TLB knows, and counts what that costs. Pages are of the design's size. */
export interface Translation {
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

export class Hierarchy {
  readonly #instruction: Level;
  readonly #data: Level;
  readonly #second: Level | null;
  /** One buffer serves both: the page used last is one as well. */
  readonly #isUnified: boolean;
  readonly #translation: Translation;
  readonly #granulesPerPage: number;
  /** Pages that one tag of each buffer serves. */
  readonly #instructionPair: number;
  readonly #dataPair: number;
  readonly #secondPair: number;
  #lastCode = -1;
  #lastData = -1;
  #fetches = 0;
  #dataAccesses = 0;
  #fetchMisses = 0;
  #dataMisses = 0;
  #translations = 0;

  constructor(design: TlbDesign, pageShift: number, translation: Translation, seed: number) {
    this.#data = levelFor(design.data, seed);
    this.#isUnified = design.instruction === null;
    this.#instruction = design.instruction === null ? this.#data : levelFor(design.instruction, seed + 1);
    this.#second = design.second === null ? null : levelFor(design.second, seed + 2);
    this.#dataPair = design.data.paired ? 2 : 1;
    this.#instructionPair = (design.instruction ?? design.data).paired ? 2 : 1;
    this.#secondPair = design.second?.paired === true ? 2 : 1;
    this.#translation = translation;
    this.#granulesPerPage = 2 ** (pageShift - GRANULE_BITS);
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
  run({ kinds, granules, length }: Batch): void {
    const isUnified = this.#isUnified;
    let lastCode = this.#lastCode;
    let lastData = this.#lastData;
    let fetches = 0;
    let joined = 0;
    for (let i = 0; i < length; i += 1) {
      const kind = kinds[i];
      const granule = granules[i];
      if (kind > STORE && this.#pageOf(granule) === this.#pageOf(granules[i - 1])) {
        // The rest of an access, in the same large page: one look-up served both.
        joined += 1;
        if ((kind & ~CONTINUED) === FETCH) fetches -= 1;
      }
      if ((kind & ~CONTINUED) === FETCH) {
        fetches += 1;
        if (granule === lastCode) continue;
        lastCode = granule;
        if (isUnified) lastData = granule;
        this.#fetch(granule);
      } else {
        if (granule === lastData) continue;
        lastData = granule;
        if (isUnified) lastCode = granule;
        this.#access(granule, (kind & ~CONTINUED) === STORE ? WRITE : READ);
      }
    }
    this.#lastCode = lastCode;
    this.#lastData = lastData;
    this.#fetches += fetches;
    this.#dataAccesses += length - joined - fetches;
  }

  #pageOf(granule: number): number {
    return this.#granulesPerPage === 1 ? granule : Math.floor(granule / this.#granulesPerPage);
  }

  #fetch(granule: number): void {
    const { move } = this.#translation;
    const page = this.#pageOf(move === undefined ? granule : move(granule, true));
    if (this.#instruction.touch(this.#instructionPair === 1 ? page : Math.floor(page / 2))) return;
    this.#fetchMisses += 1;
    this.#further(page, EXECUTE);
  }

  #access(granule: number, access: Access): void {
    const { move } = this.#translation;
    const page = this.#pageOf(move === undefined ? granule : move(granule, false));
    if (this.#data.touch(this.#dataPair === 1 ? page : Math.floor(page / 2))) return;
    this.#dataMisses += 1;
    this.#further(page, access);
  }

  #further(page: number, access: Access): void {
    if (this.#second?.touch(this.#secondPair === 1 ? page : Math.floor(page / 2)) === true) return;
    this.#translations += 1;
    this.#translation.translate(page, access);
  }
}
