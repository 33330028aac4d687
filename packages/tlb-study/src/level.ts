/**
 * One buffer: keys in sets. A key is a page number, or half of one where entries are paired; the set is its lowest bits.
 *
 * A key is in the buffer while its last use is not 0. Whoever looks it up does that, and writes the time, without asking
 * the buffer, which has work to do only when a key comes in.
 */
import type { LevelDesign } from "./design.js";
import { Numbering } from "./numbering.js";
import { ruleFor, type Rule, type Uses } from "./rules.js";

/** A buffer that holds keys. */
export class Level {
  readonly #keys = new Numbering();
  readonly #uses: Uses;
  readonly #step: number;
  readonly #offset: number;
  readonly #ways: number;
  readonly #mask: number;
  /** By place, the slot of the key in it; by set, places filled so far. */
  readonly #slots: Int32Array;
  readonly #filled: Uint32Array;
  readonly #rule: Rule;

  /**
   * @param uses where uses are written; two buffers may share it, of which each takes every `step`th slot from `offset` on
   * @param seed of random replacement
   */
  constructor({ entries, ways, replacement }: LevelDesign, uses: Uses, step: number, offset: number, seed: number) {
    this.#uses = uses;
    this.#step = step;
    this.#offset = offset;
    this.#ways = ways;
    this.#mask = entries / ways - 1;
    this.#slots = new Int32Array(entries);
    this.#filled = new Uint32Array(entries / ways);
    this.#rule = ruleFor(replacement, { keys: this.#slots, ways, uses }, seed);
  }

  /** Where the uses of a key are written, whether it is in the buffer or not. */
  slotOf(key: number): number {
    const slot = this.#keys.of(key) * this.#step + this.#offset;
    this.#uses.hold(slot + 1);
    return slot;
  }

  /** Lets in a key that is not there. @param now later than any use so far */
  enter(slot: number, now: number): void {
    const set = this.#keys.keys[(slot - this.#offset) / this.#step] & this.#mask;
    const first = set * this.#ways;
    let place = first + this.#filled[set];
    if (this.#filled[set] < this.#ways) this.#filled[set] = this.#filled[set] + 1;
    else {
      place = this.#rule.victim(first, now);
      this.#uses.at[this.#slots[place]] = 0;
    }
    this.#slots[place] = slot;
    this.#uses.at[slot] = now;
  }
}
