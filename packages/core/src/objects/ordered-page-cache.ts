/** The page cache on the machine's ordered-map pool: an empty one costs nothing. */
import { OrderedMap, type OrderedPool } from "../collections/ordered-map.js";
import type { PageCache } from "./page-cache.js";

export class OrderedPageCache implements PageCache {
  readonly #map: OrderedMap;

  constructor(pool: OrderedPool) {
    this.#map = new OrderedMap(pool);
  }

  get pages(): number {
    return this.#map.count;
  }

  get(offset: number): number {
    return this.#map.get(offset, -1);
  }

  insert(offset: number, frame: number): void {
    if (!this.#map.insert(offset, frame)) throw new Error(`offset ${offset} is resident already`);
  }

  remove(offset: number): number {
    const frame = this.get(offset);
    if (frame >= 0) this.#map.remove(offset);
    return frame;
  }

  each(first: number, visit: (offset: number, frame: number) => boolean): void {
    this.#map.each(first, visit);
  }
}
