/** The page cache on the machine's ordered-map pool: an empty one costs nothing. */
import type { OrderedPool } from "../collections/ordered-map.js";
import { OrderedMap } from "../collections/ordered-map.js";
import type { PageCache } from "./page-cache.js";

export class OrderedPageCache implements PageCache {
  readonly #map: OrderedMap;

  constructor(pool: OrderedPool) {
    this.#map = new OrderedMap(pool);
  }

  get pages(): number {
    return this.#map.size;
  }

  get(offset: number): number {
    return this.#map.has(offset) ? this.#map.value : -1;
  }

  insert(offset: number, frame: number): void {
    this.#map.insert(offset, frame);
  }

  remove(offset: number): number {
    if (!this.#map.has(offset)) return -1;
    const frame = this.#map.value;
    this.#map.remove(offset);
    return frame;
  }

  each(first: number, visit: (offset: number, frame: number) => boolean): void {
    let found = this.#map.findAtOrAbove(first);
    while (found) {
      const { key, value } = this.#map;
      if (!visit(key, value)) return;
      found = this.#map.findAtOrAbove(key + 1);
    }
  }
}
