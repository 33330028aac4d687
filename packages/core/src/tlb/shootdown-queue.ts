/** What other processors have asked one processor to forget: ten messages, and beyond that everything. */
import { allocated } from "../allocation-gate.js";

/** Everything is to be forgotten. */
export const ALL = 1;
/** All entries of one ASID are to be forgotten. */
export const ASID = 2;
/** Some pages of one ASID are to be forgotten. */
export const PAGES = 3;
/** ALL, ASID or PAGES; the numbers are the core's own. */
export type ShootdownType = typeof ALL | typeof ASID | typeof PAGES;

/** Length of a processor's queue. @see HelenOS TLB_MESSAGE_QUEUE_LEN in kernel/generic/include/mm/tlb.h */
export const QUEUE_LENGTH = 10;

/** Who can be told to forget; pages are the machine's. */
export interface Invalidating {
  invalidateAll(): void;
  invalidateAsid(asid: number): void;
  invalidatePages(asid: number, page: number, count: number): void;
}

/** The messages that wait for one processor, in the order in which they were sent. */
export class ShootdownQueue {
  readonly #types = new Uint8Array(QUEUE_LENGTH);
  readonly #asids = new Int32Array(QUEUE_LENGTH);
  readonly #pages = allocated("shootdown queue", () => new Float64Array(QUEUE_LENGTH));
  readonly #counts = allocated("shootdown queue", () => new Float64Array(QUEUE_LENGTH));
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds a message; the eleventh turns the whole queue into one ALL. */
  add(type: ShootdownType, asid: number, page: number, count: number): void {
    if (this.#length === QUEUE_LENGTH) {
      this.#length = 1;
      this.#types[0] = ALL;
      return;
    }
    this.#types[this.#length] = type;
    this.#asids[this.#length] = asid;
    this.#pages[this.#length] = page;
    this.#counts[this.#length] = count;
    this.#length += 1;
  }

  /** Carries every message out in order; ALL makes the rest needless. The queue is empty then. */
  drain(processor: Invalidating): number {
    const messages = this.#length;
    for (let i = 0; i < messages; i += 1) {
      if (this.#types[i] === ALL) {
        processor.invalidateAll();
        break;
      }
      if (this.#types[i] === ASID) processor.invalidateAsid(this.#asids[i]);
      else processor.invalidatePages(this.#asids[i], this.#pages[i], this.#counts[i]);
    }
    this.#length = 0;
    return messages;
  }
}
