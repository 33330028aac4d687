/**
 * Which slots of the swap device are taken: a bit each, and a hint where to look. Slots are handed out upwards from the
 * last one, so that pages that go out together lie together.
 */
import { allocated, type AllocationGate } from "../allocation-gate.js";
import { NO_SLOT } from "../objects/page-cache.js";

/** The ledger of a swap device's slots. */
export class Slots {
  readonly total: number;
  readonly #taken: Uint32Array;
  #inUse = 0;
  /** The word that the last slot came from. */
  #hint = 0;

  /** @throws PortolanError ERR_OUT_OF_MEMORY */
  constructor(total: number, gate: AllocationGate) {
    gate.pass("swap slots");
    this.total = total;
    this.#taken = allocated("swap slots", () => new Uint32Array(Math.ceil(total / 32)));
    // What lies beyond the last slot is taken for ever.
    if (total % 32 !== 0) this.#taken[this.#taken.length - 1] = 2 ** 32 - 2 ** (total % 32);
  }

  /** Slots that hold something, or are about to. */
  get inUse(): number {
    return this.#inUse;
  }

  get free(): number {
    return this.total - this.#inUse;
  }

  /** Is this slot taken? */
  isTaken(slot: number): boolean {
    return slot >= 0 && slot < this.total && (this.#taken[slot >>> 5] & (1 << (slot & 31))) !== 0;
  }

  /** A slot that nobody has, or {@link NO_SLOT} if all are taken. */
  take(): number {
    if (this.#inUse === this.total) return NO_SLOT;
    let word = this.#hint;
    while (this.#taken[word] === 0xffff_ffff) word = word + 1 === this.#taken.length ? 0 : word + 1;
    const bits = this.#taken[word];
    // The lowest bit that is not set.
    const bit = 31 - Math.clz32(~bits & (bits + 1));
    this.#taken[word] = bits | (1 << bit);
    this.#hint = word;
    this.#inUse += 1;
    return word * 32 + bit;
  }

  /** Gives a slot back. */
  give(slot: number): void {
    if (!this.isTaken(slot)) throw new Error(`slot ${slot} is given back, and nobody has it`);
    this.#taken[slot >>> 5] &= ~(1 << (slot & 31));
    this.#inUse -= 1;
  }
}
