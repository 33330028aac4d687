/**
 * Seeded pseudo-random numbers: the only source of chance in the core, so that every run can be repeated.
 * The generator is Bob Jenkins's small fast one (sfc32 layout by Chris Doty-Humphrey): 128 bits of state, period ≥ 2^32.
 */
export class Random {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c = 0xb7e15162;
  #count = 1;

  /** @param seed any integer; equal seeds give equal sequences */
  constructor(seed: number) {
    this.#a ^= seed | 0;
    this.#b ^= Math.floor(seed / 0x1_0000_0000) | 0;
    for (let round = 0; round < 12; round += 1) this.word();
  }

  /** The next 32 bits, as an unsigned integer. */
  word(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** An integer from 0 to `bound` − 1. @param bound 1 to 2^32 */
  below(bound: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * bound);
  }
}
