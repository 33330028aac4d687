/** Leaves by the million, in columns, and in the order of spaces and addresses. */
import type { Addresses } from "../addresses.js";
import type { Origin } from "../mappings.js";
import type { Leaf } from "./leaves.js";

const UNITS = [null, "instruction", "data"] as const;
const SOURCES = ["tlb", "tsb", "hash"] as const;
const FLAG_BITS = 8;
const UNIT_SHIFT = 14;
const SOURCE_SHIFT = 16;
/** No space has it: 2^32 − 1 stands for what is not known. */
export const NOBODY = 0xffff_ffff;

/** A few bytes a leaf. */
export class LeafColumns {
  #count = 0;
  #page = new Float64Array(256);
  #bytes = new Float64Array(256);
  #physical = new Float64Array(256);
  #index = new Float64Array(256);
  #asid = new Uint32Array(256);
  #space = new Uint32Array(256);
  #what = new Uint32Array(256);
  readonly #addresses: Addresses;

  /** @param addresses that count in the smallest pages there are */
  constructor(addresses: Addresses) {
    this.#addresses = addresses;
  }

  add({ virtual, bytes, physical, rights, flags, origin }: Leaf): void {
    const at = this.#count;
    if (at === this.#page.length) this.#grow();
    this.#page[at] = this.#addresses.pageOf(virtual);
    this.#bytes[at] = bytes;
    this.#physical[at] = physical;
    this.#index[at] = origin.index ?? 0;
    this.#asid[at] = origin.asid ?? NOBODY;
    this.#space[at] = origin.space ?? NOBODY;
    this.#what[at] = rights | (flags << 6) | (UNITS.indexOf(origin.unit) << UNIT_SHIFT) | (SOURCES.indexOf(origin.source) << SOURCE_SHIFT);
    this.#count += 1;
  }

  /** By space, by buffer, by address. */
  *sorted(): Generator<Leaf, void, void> {
    const unitOf = (at: number): number => (this.#what[at] >>> UNIT_SHIFT) & 3;
    const [page, index] = [this.#page, this.#index];
    // A tag is another name of the space, where that has a number.
    const ownerOf = (at: number): number => (this.#space[at] === NOBODY ? this.#asid[at] : this.#space[at]);
    const groups = Float64Array.from({ length: this.#count }, (_, at) => ownerOf(at) * UNITS.length + unitOf(at));
    const order = Uint32Array.from({ length: this.#count }, (_, at) => at).sort(
      (one, other) => groups[one] - groups[other] || page[one] - page[other] || index[one] - index[other],
    );
    for (const at of order) {
      const what = this.#what[at];
      const known = (value: number): number | null => (value === NOBODY ? null : value);
      const origin: Origin = {
        source: SOURCES[(what >>> SOURCE_SHIFT) & 3],
        unit: UNITS[unitOf(at)],
        index: this.#index[at],
        asid: known(this.#asid[at]),
        space: known(this.#space[at]),
      };
      yield {
        virtual: this.#addresses.addressOf(this.#page[at]),
        bytes: this.#bytes[at],
        physical: this.#physical[at],
        rights: what & 0o77,
        flags: (what >>> 6) & (2 ** FLAG_BITS - 1),
        origin,
      };
    }
  }

  #grow(): void {
    const wider = <T extends Float64Array | Uint32Array>(column: T, make: (length: number) => T): T => {
      const grown = make(column.length * 2);
      grown.set(column);
      return grown;
    };
    const doubles = (length: number): Float64Array<ArrayBuffer> => new Float64Array(length);
    const words = (length: number): Uint32Array<ArrayBuffer> => new Uint32Array(length);
    this.#page = wider(this.#page, doubles);
    this.#bytes = wider(this.#bytes, doubles);
    this.#physical = wider(this.#physical, doubles);
    this.#index = wider(this.#index, doubles);
    this.#asid = wider(this.#asid, words);
    this.#space = wider(this.#space, words);
    this.#what = wider(this.#what, words);
  }
}
