import type { ImageRegion } from "./image.js";

/** What becomes of stretches that overlap. */
export interface Disjoint {
  readonly regions: readonly ImageRegion[];
  /** How many of them tell of memory that an earlier one tells of otherwise. */
  readonly contradictions: number;
}

/**
 * Ascending and disjoint: where stretches overlap, the one that comes first in the list counts. (QEMU's dump by virtual addresses
 * tells of the same memory several times, at the same place of the file.)
 *
 * Takes O(n log n) for whatever a header says.
 */
export const disjoint = (stretches: readonly ImageRegion[]): Disjoint => {
  const byStart = stretches.map((_, i) => i).sort((a, b) => startOf(stretches, a) - startOf(stretches, b));
  const bounds = [...new Set(stretches.flatMap(({ first, bytes }) => [first, first + bytes]))].sort((a, b) => a - b);
  const open = new Heap();
  const regions: ImageRegion[] = [];
  let contradictions = 0;
  let next = 0;
  for (const [i, bound] of bounds.entries()) {
    // What ended further down in the heap goes when it comes up.
    while (open.top !== undefined && endOf(stretches, open.top) <= bound) open.pop();
    for (; next < byStart.length && startOf(stretches, byStart[next] ?? 0) === bound; next++) {
      const number = byStart[next] ?? 0;
      const { top } = open;
      if (top !== undefined && shiftOf(stretches, top) !== shiftOf(stretches, number)) contradictions += 1;
      open.push(number);
    }
    const { top } = open;
    const end = bounds[i + 1];
    if (top === undefined || end === undefined) continue;
    const offset = bound + shiftOf(stretches, top);
    const last = regions.at(-1);
    if (last !== undefined && last.first + last.bytes === bound && last.offset + last.bytes === offset) {
      regions[regions.length - 1] = { ...last, bytes: last.bytes + end - bound };
    } else regions.push({ first: bound, bytes: end - bound, offset });
  }
  return { regions, contradictions };
};

const startOf = (stretches: readonly ImageRegion[], i: number): number => stretches[i]?.first ?? 0;
const endOf = (stretches: readonly ImageRegion[], i: number): number => startOf(stretches, i) + (stretches[i]?.bytes ?? 0);
const shiftOf = (stretches: readonly ImageRegion[], i: number): number => (stretches[i]?.offset ?? 0) - startOf(stretches, i);

/** The least of some numbers. */
class Heap {
  readonly #items: number[] = [];

  get top(): number | undefined {
    return this.#items[0];
  }

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = items[parent] ?? 0;
      if (above <= item) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.#items;
    const item = items.pop();
    if (item === undefined || items.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const least = (items[right] ?? Infinity) < (items[left] ?? Infinity) ? right : left;
      const below = items[least];
      if (below === undefined || below >= item) break;
      items[at] = below;
      at = least;
    }
    items[at] = item;
  }
}
