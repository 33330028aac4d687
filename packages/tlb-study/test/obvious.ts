/** TLBs as a textbook tells them, slowly: what studies are compared with. */
import { FETCH, LOAD, MODIFY, STORE, type TraceKind } from "@portolan/workload";
import type { LevelDesign, TlbCounts, TlbDesign } from "#src/index.js";

export interface Access {
  readonly kind: TraceKind;
  readonly address: number;
  readonly size: number;
}

interface Entry {
  readonly key: number;
  readonly came: number;
  used: number;
  isMarked: boolean;
}

/** A buffer: sets of ways, each with its key, the times of its arrival and last use, and its used bit. */
class ObviousLevel {
  readonly #sets: (Entry | undefined)[][];
  /** By set, the tree's bits by their path from the root: "", "0", "1", "00" … */
  readonly #trees: Map<string, number>[];
  readonly #design: LevelDesign;
  #time = 0;

  constructor(design: LevelDesign) {
    this.#design = design;
    this.#sets = Array.from({ length: design.entries / design.ways }, () => Array.from({ length: design.ways }));
    this.#trees = this.#sets.map(() => new Map());
  }

  touch(page: number): boolean {
    const key = this.#design.paired ? Math.floor(page / 2) : page;
    this.#time += 1;
    const index = key % this.#sets.length;
    const set = this.#sets[index];
    let way = set.findIndex((entry) => entry?.key === key);
    const isThere = way >= 0;
    if (!isThere) {
      way = set.indexOf(undefined);
      if (way < 0) way = this.#victim(set, this.#trees[index]);
      set[way] = { key, came: this.#time, used: this.#time, isMarked: true };
    }
    const entry = set[way];
    if (entry === undefined) throw new Error("it has just been put there");
    entry.used = this.#time;
    entry.isMarked = true;
    const path = this.#pathOf(way);
    for (let depth = 0; depth < path.length; depth += 1) this.#trees[index].set(path.slice(0, depth), path[depth] === "0" ? 1 : 0);
    return isThere;
  }

  #pathOf(way: number): string {
    const bits = Math.log2(this.#design.ways);
    return bits === 0 || !Number.isInteger(bits) ? "" : way.toString(2).padStart(bits, "0");
  }

  #victim(set: readonly (Entry | undefined)[], tree: ReadonlyMap<string, number>): number {
    const entries = set.filter((entry) => entry !== undefined);
    const first = (of: (entry: Entry) => number): number => {
      const least = Math.min(...entries.map(of));
      return entries.findIndex((entry) => of(entry) === least);
    };
    switch (this.#design.replacement) {
      case "lru":
        return first(({ used }) => used);
      case "fifo":
        return first(({ came }) => came);
      case "plru": {
        let path = "";
        while (2 ** path.length < entries.length) path += tree.get(path) ?? 0;
        return path === "" ? 0 : Number.parseInt(path, 2);
      }
      case "used-bit":
        if (entries.every(({ isMarked }) => isMarked)) for (const entry of entries) entry.isMarked = false;
        return entries.findIndex(({ isMarked }) => !isMarked);
      default:
        throw new Error("nobody can foresee what is random");
    }
  }
}

/** What a design counts on pages of a size. */
export const obvious = (accesses: readonly Access[], design: TlbDesign, shift: number): TlbCounts => {
  const levels = {
    data: new ObviousLevel(design.data),
    code: design.instruction === null ? null : new ObviousLevel(design.instruction),
    second: design.second === null ? null : new ObviousLevel(design.second),
  };
  const counts = { fetches: 0, data: 0, fetchMisses: 0, dataMisses: 0, translations: 0 };
  for (const { kind, address, size } of accesses) {
    for (const one of kind === MODIFY ? [LOAD, STORE] : [kind]) {
      for (let page = Math.floor(address / 2 ** shift); page <= Math.floor((address + size - 1) / 2 ** shift); page += 1) {
        if (one === FETCH) counts.fetches += 1;
        else counts.data += 1;
        if ((one === FETCH ? (levels.code ?? levels.data) : levels.data).touch(page)) continue;
        if (one === FETCH) counts.fetchMisses += 1;
        else counts.dataMisses += 1;
        if (levels.second?.touch(page) !== true) counts.translations += 1;
      }
    }
  }
  return counts;
};
