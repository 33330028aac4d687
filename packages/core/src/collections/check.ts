/** What must be true of every tree at any time. For tests and invariant checkers; it reads the whole map. */
import { type OrderedPool } from "./ordered-map.js";
import { ORDER } from "./node-pool.js";
import { LOW_WATER } from "./rebalance.js";

/** The size of a tree, as it was found while it was checked. */
export interface TreeFigures {
  readonly entries: number;
  readonly leaves: number;
  readonly inners: number;
  readonly height: number;
}

/**
 * Checks one map: keys ascend and lie between their separators, unused keys are infinite, all leaves are equally deep,
 * every node but the root and those at the right edge is at least half full, leaves are linked in key order both ways,
 * and no bound is below one under it.
 *
 * @throws Error naming the first thing that is wrong
 */
export const checkTree = (pool: OrderedPool, root: number): TreeFigures => {
  const height = pool.height(root);
  let entries = 0;
  let leaves = 0;
  let inners = 0;
  let lastLeaf = 0;
  const must = (isTrue: boolean, what: string): void => {
    if (!isTrue) throw new Error(`broken tree: ${what}`);
  };
  const visit = (node: number, level: number, low: number, high: number, isRightEdge: boolean, bound: number): void => {
    const isLeaf = node > 0;
    must(isLeaf === (level === height), "leaves at different depths");
    const number = Math.abs(node);
    const count = isLeaf ? pool.leafCount[number] : pool.innerCount[number];
    const least = node === root ? (isLeaf ? 1 : 2) : isRightEdge ? 1 : LOW_WATER;
    must(count >= least && count <= ORDER, `node ${node} has ${count} entries`);
    const keys = isLeaf ? pool.leafKeys : pool.innerKeys;
    const used = isLeaf ? count : count - 1;
    const base = number * ORDER;
    for (let i = 0; i < ORDER; i += 1) {
      const key = keys[base + i];
      if (i >= used) must(key === Infinity, `node ${node} has a key left over`);
      else must(key >= low && key < high && (i === 0 || key > keys[base + i - 1]), `key ${key} out of order in ${node}`);
    }
    if (isLeaf) {
      must(pool.leafPrevious[number] === lastLeaf, `leaf ${node} follows another leaf than it says`);
      if (lastLeaf !== 0) must(pool.leafNext[lastLeaf] === number, `leaf ${lastLeaf} leads elsewhere`);
      lastLeaf = number;
      leaves += 1;
      entries += count;
      return;
    }
    inners += 1;
    for (let i = 0; i < count; i += 1) {
      const below = pool.hasBounds ? pool.innerBounds[base + i] : bound;
      must(below <= bound, `bound ${below} in ${node} is above its parent's ${bound}`);
      visit(
        pool.innerChildren[base + i],
        level + 1,
        i === 0 ? low : keys[base + i - 1],
        i === count - 1 ? high : keys[base + i],
        isRightEdge && i === count - 1,
        below,
      );
    }
  };
  if (root !== 0) visit(root, 1, -Infinity, Infinity, true, Infinity);
  if (lastLeaf !== 0) must(pool.leafNext[lastLeaf] === 0, "something follows the last leaf");
  return { entries, leaves, inners, height };
};
