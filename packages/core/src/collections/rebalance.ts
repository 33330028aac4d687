/**
 * How nodes share their entries when one overflows or runs low. Two neighbours are laid side by side on a bench, and
 * cut again elsewhere: one way of moving entries serves splits, spills, merges and evening out.
 */
import { NodePool, ORDER } from "./node-pool.js";

/** No tree of 2^30 entries with at least sixteen children per node is higher. */
const MOST_STOREYS = 16;
/** Below this a node that is not at the right edge takes from a neighbour, or melts into it. */
export const LOW_WATER = ORDER / 2;
/** A neighbour with more entries than this is not worth moving entries into. */
const SPILL_LIMIT = ORDER - 4;

/** A pool whose nodes stay at least half full, but for those at the right edge of a map. */
export class BalancedPool extends NodePool {
  // The way from the root to the finger's leaf; valid as long as the finger is.
  protected readonly pathNode = new Int32Array(MOST_STOREYS);
  protected readonly pathIndex = new Int32Array(MOST_STOREYS);
  protected pathDepth = 0;
  protected fingerRoot = 0;
  readonly #benchKeys = new Float64Array(2 * ORDER + 1);
  readonly #benchValues = new Float64Array(2 * ORDER + 1);
  readonly #benchChildren = new Int32Array(2 * ORDER + 1);
  readonly #benchBounds = new Float64Array(2 * ORDER + 1);

  /**
   * Puts an entry into a full leaf, the one the path leads to. The neighbours take some if they have room; else the
   * leaf splits. Ascending keys at the very end leave full leaves behind instead of half empty ones.
   *
   * @returns the new root; or throws ERR_OUT_OF_MEMORY and nothing has changed
   */
  protected insertIntoFull(root: number, leaf: number, index: number, key: number, value: number): number {
    const depth = this.pathDepth - 1;
    const isAppending = index === ORDER && this.leafNext[leaf] === 0;
    if (depth >= 0 && !isAppending) {
      const parent = this.pathNode[depth];
      const place = this.pathIndex[depth];
      if (place + 1 < this.innerCount[parent]) {
        const right = this.innerChildren[parent * ORDER + place + 1];
        if (this.leafCount[right] <= SPILL_LIMIT) {
          this.#spill(parent, place, leaf, right, index, key, value);
          return root;
        }
      }
      if (place > 0) {
        const left = this.innerChildren[parent * ORDER + place - 1];
        const count = this.leafCount[left];
        if (count <= SPILL_LIMIT) {
          this.#spill(parent, place - 1, left, leaf, count + index, key, value);
          return root;
        }
      }
    }
    let inners = 0;
    let level = depth;
    while (level >= 0 && this.innerCount[this.pathNode[level]] === ORDER) {
      inners += 1;
      level -= 1;
    }
    this.prepare(1, level < 0 ? inners + 1 : inners);
    this.fingerRoot = 0;
    const right = this.takeLeaf();
    const next = this.leafNext[leaf];
    this.leafNext[right] = next;
    this.leafPrevious[right] = leaf;
    this.leafNext[leaf] = right;
    if (next !== 0) this.leafPrevious[next] = right;
    this.#benchLeaf(leaf, 0);
    this.#benchInsert(ORDER, index, key, value);
    this.#cutLeaves(leaf, right, ORDER + 1, isAppending ? ORDER : LOW_WATER);
    return this.#insertChild(root, depth, this.leafKeys[right * ORDER], right, isAppending);
  }

  /** The leaf the path leads to has run low. @returns the new root */
  protected refillLeaf(root: number): number {
    this.fingerRoot = 0;
    const depth = this.pathDepth - 1;
    const parent = this.pathNode[depth];
    const place = this.pathIndex[depth] > 0 ? this.pathIndex[depth] - 1 : 0;
    const left = this.innerChildren[parent * ORDER + place];
    const right = this.innerChildren[parent * ORDER + place + 1];
    const count = this.leafCount[left];
    const total = count + this.leafCount[right];
    this.#benchLeaf(left, 0);
    this.#benchLeaf(right, count);
    if (total > ORDER) {
      this.#cutLeaves(left, right, total, total >> 1);
      this.innerKeys[parent * ORDER + place] = this.leafKeys[right * ORDER];
      this.#levelBounds(parent, place);
      return root;
    }
    this.#cutLeaves(left, right, total, total);
    const next = this.leafNext[right];
    this.leafNext[left] = next;
    if (next !== 0) this.leafPrevious[next] = left;
    this.giveLeaf(right);
    return this.#removeChild(root, depth, place);
  }

  /** Largest bound of an inner node's children. */
  protected largestBound(inner: number): number {
    const base = inner * ORDER;
    const end = base + this.innerCount[inner];
    let largest = -Infinity;
    for (let at = base; at < end; at += 1) if (this.innerBounds[at] > largest) largest = this.innerBounds[at];
    return largest;
  }

  #spill(parent: number, place: number, left: number, right: number, at: number, key: number, value: number): void {
    this.fingerRoot = 0;
    const count = this.leafCount[left];
    const total = count + this.leafCount[right];
    this.#benchLeaf(left, 0);
    this.#benchLeaf(right, count);
    this.#benchInsert(total, at, key, value);
    this.#cutLeaves(left, right, total + 1, (total + 1) >> 1);
    this.innerKeys[parent * ORDER + place] = this.leafKeys[right * ORDER];
    this.#levelBounds(parent, place);
  }

  // Entries moved between children `place` and `place` + 1: either bound may now be needed on either side.
  #levelBounds(parent: number, place: number): void {
    if (!this.hasBounds) return;
    const at = parent * ORDER + place;
    const largest = Math.max(this.innerBounds[at], this.innerBounds[at + 1]);
    this.innerBounds[at] = largest;
    this.innerBounds[at + 1] = largest;
  }

  #benchLeaf(leaf: number, to: number): void {
    const base = leaf * ORDER;
    const count = this.leafCount[leaf];
    for (let i = 0; i < count; i += 1) {
      this.#benchKeys[to + i] = this.leafKeys[base + i];
      this.#benchValues[to + i] = this.leafValues[base + i];
    }
  }

  #benchInsert(count: number, at: number, key: number, value: number): void {
    for (let i = count; i > at; i -= 1) {
      this.#benchKeys[i] = this.#benchKeys[i - 1];
      this.#benchValues[i] = this.#benchValues[i - 1];
    }
    this.#benchKeys[at] = key;
    this.#benchValues[at] = value;
  }

  #cutLeaves(left: number, right: number, total: number, cut: number): void {
    this.#fillLeaf(left, 0, cut);
    this.#fillLeaf(right, cut, total - cut);
  }

  #fillLeaf(leaf: number, from: number, count: number): void {
    const base = leaf * ORDER;
    for (let i = 0; i < count; i += 1) {
      this.leafKeys[base + i] = this.#benchKeys[from + i];
      this.leafValues[base + i] = this.#benchValues[from + i];
    }
    this.leafKeys.fill(Infinity, base + count, base + ORDER);
    this.leafCount[leaf] = count;
  }

  /** Puts `child`, whose keys start at `separator`, behind the child that the path takes at `depth`. */
  #insertChild(root: number, depth: number, separator: number, child: number, isAppending: boolean): number {
    if (depth < 0) {
      const top = this.takeInner();
      const base = top * ORDER;
      this.innerChildren[base] = root;
      this.innerChildren[base + 1] = child;
      this.innerKeys[base] = separator;
      // Nobody has looked yet: no bound is known.
      if (this.hasBounds) this.innerBounds.fill(Infinity, base, base + 2);
      this.innerCount[top] = 2;
      return -top;
    }
    const inner = this.pathNode[depth];
    const place = this.pathIndex[depth] + 1;
    const base = inner * ORDER;
    const count = this.innerCount[inner];
    // Both halves of what was split keep its bound.
    const bound = this.hasBounds ? this.innerBounds[base + place - 1] : 0;
    if (count < ORDER) {
      this.innerChildren.copyWithin(base + place + 1, base + place, base + count);
      this.innerChildren[base + place] = child;
      this.innerKeys.copyWithin(base + place, base + place - 1, base + count - 1);
      this.innerKeys[base + place - 1] = separator;
      if (this.hasBounds) {
        this.innerBounds.copyWithin(base + place + 1, base + place, base + count);
        this.innerBounds[base + place] = bound;
      }
      this.innerCount[inner] = count + 1;
      return root;
    }
    this.#benchInner(inner, 0);
    this.#benchChildren.copyWithin(place + 1, place, ORDER);
    this.#benchChildren[place] = child;
    this.#benchBounds.copyWithin(place + 1, place, ORDER);
    this.#benchBounds[place] = bound;
    this.#benchKeys.copyWithin(place, place - 1, ORDER - 1);
    this.#benchKeys[place - 1] = separator;
    const right = this.takeInner();
    const cut = isAppending ? ORDER - 1 : LOW_WATER;
    this.#fillInner(inner, 0, cut);
    this.#fillInner(right, cut, ORDER + 1 - cut);
    return this.#insertChild(root, depth - 1, this.#benchKeys[cut - 1], -right, isAppending);
  }

  /** Removes child `place` + 1 of the node at `depth`, whose entries child `place` has taken over. */
  #removeChild(root: number, depth: number, place: number): number {
    const inner = this.pathNode[depth];
    const base = inner * ORDER;
    const count = this.innerCount[inner];
    this.#levelBounds(inner, place);
    this.innerChildren.copyWithin(base + place + 1, base + place + 2, base + count);
    if (this.hasBounds) this.innerBounds.copyWithin(base + place + 1, base + place + 2, base + count);
    this.innerKeys.copyWithin(base + place, base + place + 1, base + count - 1);
    this.innerKeys[base + count - 2] = Infinity;
    this.innerCount[inner] = count - 1;
    if (depth === 0) {
      if (count - 1 > 1) return root;
      const only = this.innerChildren[base];
      this.giveInner(inner);
      return only;
    }
    return count - 1 >= LOW_WATER ? root : this.#refillInner(root, depth - 1);
  }

  /** The inner node that the path takes below `depth` has run low. */
  #refillInner(root: number, depth: number): number {
    const parent = this.pathNode[depth];
    const place = this.pathIndex[depth] > 0 ? this.pathIndex[depth] - 1 : 0;
    const at = parent * ORDER + place;
    const left = -this.innerChildren[at];
    const right = -this.innerChildren[at + 1];
    const count = this.innerCount[left];
    const total = count + this.innerCount[right];
    this.#benchInner(left, 0);
    this.#benchKeys[count - 1] = this.innerKeys[at];
    this.#benchInner(right, count);
    if (total > ORDER) {
      const cut = total >> 1;
      this.#fillInner(left, 0, cut);
      this.#fillInner(right, cut, total - cut);
      this.innerKeys[at] = this.#benchKeys[cut - 1];
      this.#levelBounds(parent, place);
      return root;
    }
    this.#fillInner(left, 0, total);
    this.giveInner(right);
    return this.#removeChild(root, depth, place);
  }

  #benchInner(inner: number, to: number): void {
    const base = inner * ORDER;
    const count = this.innerCount[inner];
    for (let i = 0; i < count; i += 1) {
      this.#benchChildren[to + i] = this.innerChildren[base + i];
      if (this.hasBounds) this.#benchBounds[to + i] = this.innerBounds[base + i];
      if (i + 1 < count) this.#benchKeys[to + i] = this.innerKeys[base + i];
    }
  }

  #fillInner(inner: number, from: number, count: number): void {
    const base = inner * ORDER;
    for (let i = 0; i < count; i += 1) {
      this.innerChildren[base + i] = this.#benchChildren[from + i];
      if (this.hasBounds) this.innerBounds[base + i] = this.#benchBounds[from + i];
      if (i + 1 < count) this.innerKeys[base + i] = this.#benchKeys[from + i];
    }
    this.innerKeys.fill(Infinity, base + count - 1, base + ORDER);
    this.innerCount[inner] = count;
  }
}
