/**
 * Accesses in columns: what a trace says, taken apart once for all TLBs that look at it. An entry is one look-up in a
 * granule of 4 KiB, the smallest page there is; an access that reaches into the next granule is two entries, and one that
 * loads and stores is a load and then a store.
 */
import { PortolanError } from "@portolan/core";
import { FETCH, LOAD, MODIFY, STORE, type TraceKind, type TraceVisitor } from "@portolan/workload";

/** Bits of an address within a granule. */
export const GRANULE_BITS = 12;
const GRANULE = 2 ** GRANULE_BITS;
const GRANULES_PER_WORD = 2 ** (32 - GRANULE_BITS);
/** Of the kind of an entry, what it does. */
export const KINDS = 3;
/** Set in a kind: the entry goes on with the access of the one before it. */
export const CONTINUED = 4;
/** Entries of a batch at most. */
export const CAPACITY = 2 ** 16;
/** Entries that one access may become. */
const MOST = 4;
/** A program that touches more granules (8 GiB) is a file made to hurt. */
const MOST_GRANULES = 2 ** 21;

/** Columns of up to 65,536 entries. */
export interface Batch {
  /** FETCH, LOAD or STORE, with {@link CONTINUED}. */
  readonly kinds: Uint8Array;
  readonly granules: Float64Array;
  length: number;
  /** Entries that are fetches, and entries that go on with an access. */
  fetches: number;
  continued: number;
}

/** Fills a batch again and again, and hands each one over. */
export class Batcher implements TraceVisitor {
  readonly #batch: Batch = { kinds: new Uint8Array(CAPACITY), granules: new Float64Array(CAPACITY), length: 0, fetches: 0, continued: 0 };
  readonly #full: (batch: Batch) => void;

  /** @param full called with a batch that may be used until it returns */
  constructor(full: (batch: Batch) => void) {
    this.#full = full;
  }

  access(kind: TraceKind, high: number, low: number, size: number): void {
    const granule = high * GRANULES_PER_WORD + (low >>> GRANULE_BITS);
    const isSplit = (low & (GRANULE - 1)) + size > GRANULE;
    if (kind === MODIFY) {
      this.#part(LOAD, granule, isSplit);
      this.#part(STORE, granule, isSplit);
    } else this.#part(kind, granule, isSplit);
    if (this.#batch.length > CAPACITY - MOST) this.flush();
  }

  /** Hands over what there is. */
  flush(): void {
    if (this.#batch.length > 0) this.#full(this.#batch);
    this.#batch.length = 0;
    this.#batch.fetches = 0;
    this.#batch.continued = 0;
  }

  #part(kind: number, granule: number, isSplit: boolean): void {
    this.#put(kind, granule);
    if (!isSplit) return;
    this.#put(kind | CONTINUED, granule + 1);
    this.#batch.continued += 1;
  }

  #put(kind: number, granule: number): void {
    const batch = this.#batch;
    batch.kinds[batch.length] = kind;
    batch.granules[batch.length] = granule;
    batch.length += 1;
    if (isFetch(kind)) batch.fetches += 1;
  }
}

/** Is an entry of this kind a fetch, whether it goes on or not? */
export const isFetch = (kind: number): boolean => (kind & KINDS) === FETCH;

/** Which granules a trace touches, and by what. */
export class Touched {
  fetches = 0;
  loads = 0;
  stores = 0;
  readonly code = new Set<number>();
  readonly data = new Set<number>();
  #lastCode = -1;
  #lastData = -1;

  /** @throws PortolanError ERR_DOES_NOT_FIT for more granules than a study can follow */
  add({ kinds, granules, length }: Batch): void {
    for (let i = 0; i < length; i += 1) {
      const granule = granules[i];
      const kind = kinds[i];
      if (kind === FETCH) this.fetches += 1;
      else if (kind === LOAD) this.loads += 1;
      else if (kind === STORE) this.stores += 1;
      if (isFetch(kind)) {
        if (granule === this.#lastCode) continue;
        this.#lastCode = granule;
        this.code.add(granule);
      } else if (granule !== this.#lastData) {
        this.#lastData = granule;
        this.data.add(granule);
      }
    }
    if (this.code.size + this.data.size > MOST_GRANULES) {
      throw new PortolanError("ERR_DOES_NOT_FIT", {
        reason: "the trace touches more pages than a study can follow",
        pages: this.code.size + this.data.size,
      });
    }
  }
}
