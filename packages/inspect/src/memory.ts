/** The memory that is looked into: whatever image it comes from. */

/** Physical memory that can be read piece by piece; every opened image is one. Addresses are numbers, in bytes. */
export interface Memory {
  /** What there is, ascending and disjoint. */
  readonly regions: readonly { readonly first: number; readonly bytes: number }[];
  /** Fills as much of `target` as is there without a gap, from `physical` on, and answers how many bytes that was. */
  read(physical: number, target: Uint8Array): Promise<number>;
}

/** Physical addresses end here; entries may hold more, and lead nowhere then. */
export const PHYSICAL_END = 2 ** 52;

/** Is there a byte at a physical address? By binary search. */
export const holds = ({ regions }: Memory, physical: number): boolean => {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (regions[middle].first <= physical) low = middle + 1;
    else high = middle;
  }
  return low > 0 && physical < regions[low - 1].first + regions[low - 1].bytes;
};

/** Reads what is there; nothing for an address that no memory can have. */
export const readSome = (memory: Memory, physical: number, target: Uint8Array): Promise<number> =>
  physical < PHYSICAL_END && physical >= 0 ? memory.read(physical, target) : Promise.resolve(0);

/** Bytes as a memory, for tests and for what was dumped elsewhere. */
export const memoryOf = (bytes: Uint8Array, base = 0): Memory => ({
  regions: [{ first: base, bytes: bytes.length }],
  read(physical, target) {
    const from = physical - base;
    if (from < 0 || from >= bytes.length) return Promise.resolve(0);
    const piece = bytes.subarray(from, from + target.length);
    target.set(piece);
    return Promise.resolve(piece.length);
  },
});
