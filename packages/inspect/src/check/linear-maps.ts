/** The kernel's maps of all of physical memory, page beside page: every page that is mapped elsewhere has a twin there. */
import type { Memory } from "../memory.js";
import type { Tree } from "../tree.js";
import type { Leaves } from "./leaves.js";

/** One map: virtual address less physical address is the same everywhere in it. */
export interface LinearMap {
  /** In pages, and one behind the last. */
  page: number;
  end: number;
  bytes: number;
}

/** A map is one of all memory if it has at least so much of what there is. */
const LEAST_SHARE = 1 / 4;

/** The maps, and of each leaf the one that it belongs to; −1 where it is in none. */
export const linearMapsOf = (
  tree: Tree,
  memory: Memory,
  leaves: Leaves,
): { readonly maps: readonly LinearMap[]; readonly mapOf: Int32Array } => {
  const pageBytes = 2 ** tree.pageShift;
  const present = memory.regions.reduce((sum, { bytes }) => sum + bytes, 0);
  const distance = (leaf: number): number => leaves.page[leaf] - Math.floor(leaves.physical[leaf] / pageBytes);
  const byDistance = new Map<number, LinearMap>();
  for (let leaf = 0; leaf < leaves.count; leaf += 1) {
    // What the user may touch is a process's.
    if (((leaves.what[leaf] >>> 3) & 7) !== 0) continue;
    const bytes = leaves.end[leaf] - leaves.physical[leaf];
    const page = leaves.page[leaf];
    const end = page + Math.floor(bytes / pageBytes);
    const map = byDistance.get(distance(leaf));
    if (map === undefined) byDistance.set(distance(leaf), { page, end, bytes });
    else {
      map.end = end;
      map.bytes += bytes;
    }
  }
  const numbers = new Map<number, number>();
  const maps: LinearMap[] = [];
  for (const [far, map] of byDistance) {
    if (present === 0 || map.bytes < present * LEAST_SHARE) continue;
    numbers.set(far, maps.length);
    maps.push(map);
  }
  const mapOf = new Int32Array(leaves.count).fill(-1);
  if (maps.length > 0)
    for (let leaf = 0; leaf < leaves.count; leaf += 1)
      if (((leaves.what[leaf] >>> 3) & 7) === 0) mapOf[leaf] = numbers.get(distance(leaf)) ?? -1;
  return { maps, mapOf };
};
