/** The page cache on the machine's ordered-map pool: an empty one costs nothing. */
import { OrderedMap, type OrderedPool } from "../collections/ordered-map.js";
import type { PageCache } from "./page-cache.js";

/** The usual page cache of a shared object: O(log n) a page, in the machine's pool. */
export class OrderedPageCache implements PageCache {
  readonly #map: OrderedMap;
  pages = 0;

  constructor(pool: OrderedPool) {
    this.#map = new OrderedMap(pool);
  }

  get(offset: number): number {
    return this.#map.has(offset) ? this.#map.value : -1;
  }

  insert(offset: number, frame: number): void {
    this.#map.insert(offset, frame);
    this.pages += 1;
  }

  remove(offset: number): number {
    const frame = this.get(offset);
    if (frame < 0) return frame;
    this.#map.remove(offset);
    this.pages -= 1;
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
