/** Numbers for keys, so that what is known of a key stands in plain arrays. */

/** No key. */
const NOTHING = -1;
const FEW = 1024;
const TWO_32 = 0x1_0000_0000;

/** Keys (whole numbers from 0) by number: 0, 1, 2 and so on in the order in which they came. A hash with open addressing. */
export class Numbering {
  /** Keys that have a number. */
  count = 0;
  /** The key of each number. */
  keys = new Float64Array(FEW).fill(NOTHING);
  /** Numbers plus one; 0 is free. At most half of them are taken. */
  #slots = new Int32Array(2 * FEW);

  /** The number of a key, which has one from now on. */
  of(key: number): number {
    let slot = this.#slotOf(key);
    for (let number = this.#slots[slot] - 1; number >= 0; number = this.#slots[slot] - 1) {
      if (this.keys[number] === key) return number;
      slot = (slot + 1) & (this.#slots.length - 1);
    }
    if (this.count === this.keys.length) {
      this.#grow();
      return this.of(key);
    }
    this.#slots[slot] = this.count + 1;
    this.keys[this.count] = key;
    this.count += 1;
    return this.count - 1;
  }

  #grow(): void {
    const { keys, count } = this;
    this.keys = new Float64Array(2 * count).fill(NOTHING);
    this.#slots = new Int32Array(4 * count);
    this.count = 0;
    for (const key of keys) this.of(key);
  }

  #slotOf(key: number): number {
    const mixed = Math.imul(key | 0, 0x9e3779b1) ^ Math.imul((key / TWO_32) | 0, 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & (this.#slots.length - 1);
  }
}
