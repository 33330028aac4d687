/** Addresses as text, without a bigint: a million lines are to be written in a second or two. */
import type { Tree } from "../tree.js";

const TWO_32 = 0x1_0000_0000;

/** Eight digits. */
export const hex8 = (half: number): string => half.toString(16).padStart(8, "0");

/** Writes first addresses of pages with sixteen digits, and with the copies of the highest bit where the machine has them. */
export class PageText {
  readonly #perHigh: number;
  readonly #pageBytes: number;
  readonly #half: number;
  readonly #limit: number;
  readonly #signBits: number;
  #lastHigh = -1;
  #lastText = "";

  constructor({ limit, pageShift, architecture: { virtualRule, virtualBits, wordBits } }: Tree) {
    this.#perHigh = 2 ** (32 - pageShift);
    this.#pageBytes = 2 ** pageShift;
    this.#limit = limit;
    this.#half = virtualRule === "sign-extended" ? limit / 2 : Infinity;
    this.#signBits = wordBits === 64 ? TWO_32 - 2 ** Math.max(0, virtualBits - 32) : 0;
  }

  /** Of a page, or of the end of all pages. */
  of(page: number): string {
    const high = Math.floor(page / this.#perHigh);
    if (high !== this.#lastHigh) {
      this.#lastHigh = high;
      const isUpper = page % this.#limit >= this.#half;
      this.#lastText = hex8(isUpper ? high + this.#signBits : high);
    }
    return this.#lastText + hex8((page % this.#perHigh) * this.#pageBytes);
  }
}
