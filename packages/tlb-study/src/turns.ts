/**
 * Where a trace turns to another page. Most accesses are to the page of the one before; looking it up again changes nothing
 * in any buffer, so that all designs together need to see the turns only, and those once.
 *
 * Pages are given numbers on the way, which spares every design the search for them.
 */
import { CAPACITY, KINDS, type Batch } from "./batch.js";
import { Numbering } from "./numbering.js";

const NOWHERE = -1;
/** Granules whose numbers are at hand, by their lowest bits. */
const NEAR = 1024;

/** The turns of one batch after the other. */
export class Turns {
  /** Granules by number. */
  readonly granules = new Numbering();
  /** What turned where: four times the granule's number, and FETCH, LOAD or STORE. */
  readonly whats = new Int32Array(CAPACITY);
  length = 0;
  /** A side's turn ends what the other side had: both go through one buffer, which remembers who came last. */
  readonly #isShared: boolean;
  /** Where each side is: in an array, because numbers there are no objects. */
  readonly #where: Float64Array = new Float64Array(2).fill(NOWHERE);
  /** The granules at hand, and what a fetch from each is. */
  readonly #near: Float64Array = new Float64Array(NEAR).fill(NOWHERE);
  readonly #nearWhats: Int32Array = new Int32Array(NEAR);

  /** @param isShared do code and data go through one buffer? */
  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  /** Forgets the turns of the batch before, and finds those of this one. */
  take(batch: Batch): void {
    this.length = 0;
    for (let i = this.#run(batch, 0); i < batch.length; i = this.#run(batch, i + 1)) this.#meet(batch.kinds[i], batch.granules[i]);
  }

  /**
   * Goes through entries up to a turn to a granule whose number is not at hand. It calls nothing and names nothing that the
   * module has (3 is KINDS, 0 is FETCH, −1 is NOWHERE): all it needs is in its own variables, for the loop that sees every
   * entry of every trace.
   */
  #run({ kinds, granules, length }: Batch, from: number): number {
    const { whats } = this;
    const near = this.#near;
    const nearWhats = this.#nearWhats;
    const nearest = near.length - 1;
    const isShared = this.#isShared;
    const where = this.#where;
    let code = where[0];
    let data = where[1];
    let turns = this.length;
    let i = from;
    for (; i < length; i += 1) {
      const granule = granules[i];
      const kind = kinds[i] & 3;
      if (kind === 0) {
        if (granule === code) continue;
        code = granule;
        if (isShared) data = -1;
      } else {
        if (granule === data) continue;
        data = granule;
        if (isShared) code = -1;
      }
      const place = granule & nearest;
      if (near[place] !== granule) break;
      whats[turns] = nearWhats[place] + kind;
      turns += 1;
    }
    where[0] = code;
    where[1] = data;
    this.length = turns;
    return i;
  }

  #meet(kind: number, granule: number): void {
    const place = granule & (NEAR - 1);
    const what = (KINDS + 1) * this.granules.of(granule);
    this.#near[place] = granule;
    this.#nearWhats[place] = what;
    this.whats[this.length] = what + (kind & KINDS);
    this.length += 1;
  }
}
