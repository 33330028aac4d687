/**
 * Ordered maps from integers to integers, many of them in one pool of nodes: B+trees of order 32.
 *
 * A map is a number, the reference to its root; 0 is the empty map. Whoever changes a map keeps the root that comes back.
 * An entry is named by its position, a number too, good until something of the pool changes; −1 is no entry. So nothing
 * here makes garbage, and presence is never mistaken for a value: 0 is a value like any other.
 *
 * The pool remembers the leaf it was in last (its finger) with the keys that belong there: work that stays in one place
 * does not come down from the root again.
 */
import { LOW_WATER, BalancedPool } from "./rebalance.js";
import { ORDER, ORDER_SHIFT } from "./node-pool.js";

/** No such entry. */
export const NONE = -1;

/** A pool of nodes with the operations of ordered maps. Operations take the map's root and, where they change it, answer the new one. */
export class OrderedPool extends BalancedPool {
  #fingerLeaf = 0;
  // Keys from #low to before #high belong in the finger's leaf, whether it is in use there or not.
  #low = -Infinity;
  #high = Infinity;

  keyAt(position: number): number {
    return this.leafKeys[position];
  }

  valueAt(position: number): number {
    return this.leafValues[position];
  }

  setValueAt(position: number, value: number): void {
    this.leafValues[position] = value;
  }

  /** The entry with exactly this key, or −1. */
  find(root: number, key: number): number {
    if (root === 0) return NONE;
    const leaf = this.#leafFor(root, key);
    const position = (leaf << ORDER_SHIFT) + this.#countUpTo(leaf, key) - 1;
    return position >= leaf << ORDER_SHIFT && this.leafKeys[position] === key ? position : NONE;
  }

  /** The entry with the greatest key ≤ `key`, or −1. */
  findAtOrBelow(root: number, key: number): number {
    if (root === 0) return NONE;
    const leaf = this.#leafFor(root, key);
    const count = this.#countUpTo(leaf, key);
    return count > 0 ? (leaf << ORDER_SHIFT) + count - 1 : this.#lastOf(this.leafPrevious[leaf]);
  }

  /** The entry with the smallest key > `key`, or −1. */
  findAbove(root: number, key: number): number {
    if (root === 0) return NONE;
    const leaf = this.#leafFor(root, key);
    const count = this.#countUpTo(leaf, key);
    return count < this.leafCount[leaf] ? (leaf << ORDER_SHIFT) + count : this.#firstOf(this.leafNext[leaf]);
  }

  /** The entry with the greatest key < `key`, or −1. */
  findBelow(root: number, key: number): number {
    const position = this.findAtOrBelow(root, key);
    return position !== NONE && this.leafKeys[position] === key ? this.previous(position) : position;
  }

  /** The entry with the smallest key ≥ `key`, or −1. */
  findAtOrAbove(root: number, key: number): number {
    const position = this.findAtOrBelow(root, key);
    if (position !== NONE && this.leafKeys[position] === key) return position;
    return position === NONE ? this.first(root) : this.next(position);
  }

  first(root: number): number {
    let node = root;
    while (node < 0) node = this.innerChildren[-node * ORDER];
    return this.#firstOf(node);
  }

  last(root: number): number {
    let node = root;
    while (node < 0) node = this.innerChildren[-node * ORDER + this.innerCount[-node] - 1];
    return this.#lastOf(node);
  }

  /** The entry after this one, or −1. */
  next(position: number): number {
    const leaf = position >> ORDER_SHIFT;
    return (position & (ORDER - 1)) + 1 < this.leafCount[leaf] ? position + 1 : this.#firstOf(this.leafNext[leaf]);
  }

  /** The entry before this one, or −1. */
  previous(position: number): number {
    return (position & (ORDER - 1)) > 0 ? position - 1 : this.#lastOf(this.leafPrevious[position >> ORDER_SHIFT]);
  }

  /** Entries of a map. It visits every leaf: who asks often keeps a count. */
  count(root: number): number {
    let total = 0;
    for (let leaf = this.first(root) >> ORDER_SHIFT; leaf > 0; leaf = this.leafNext[leaf]) total += this.leafCount[leaf];
    return total;
  }

  /** True for a map of exactly one entry. */
  isSingle(root: number): boolean {
    return root > 0 && this.leafCount[root] === 1;
  }

  /** Nodes that an operation on this map reads on its way down: the tree's height. */
  height(root: number): number {
    let levels = root === 0 ? 0 : 1;
    for (let node = root; node < 0; node = this.innerChildren[-node * ORDER]) levels += 1;
    return levels;
  }

  /**
   * Adds an entry whose key the map does not have yet.
   *
   * @returns the map's root from now on
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  insert(root: number, key: number, value: number): number {
    const after = this.#insert(root, key, value);
    if (this.reserved > 0) this.unreserve(1);
    return after;
  }

  #insert(root: number, key: number, value: number): number {
    if (root === 0) {
      this.prepare(1, 0);
      const only = this.takeLeaf();
      this.leafKeys[only * ORDER] = key;
      this.leafValues[only * ORDER] = value;
      this.leafCount[only] = 1;
      return only;
    }
    const leaf = this.#leafFor(root, key);
    const at = this.#countUpTo(leaf, key);
    const base = leaf << ORDER_SHIFT;
    const keys = this.leafKeys;
    if (at > 0 && keys[base + at - 1] === key) throw new Error(`key ${key} is in the map already`);
    const count = this.leafCount[leaf];
    if (count === ORDER) return this.insertIntoFull(root, leaf, at, key, value);
    const values = this.leafValues;
    for (let i = base + count; i > base + at; i -= 1) {
      keys[i] = keys[i - 1];
      values[i] = values[i - 1];
    }
    keys[base + at] = key;
    values[base + at] = value;
    this.leafCount[leaf] = count + 1;
    return root;
  }

  /**
   * Adds an entry, or replaces the value of the one that is there.
   *
   * @returns the map's root from now on
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  set(root: number, key: number, value: number): number {
    const position = this.find(root, key);
    if (position === NONE) return this.insert(root, key, value);
    this.leafValues[position] = value;
    return root;
  }

  /** Removes an entry that is there. Never fails. @returns the map's root from now on */
  remove(root: number, key: number): number {
    const position = this.find(root, key);
    if (position === NONE) throw new Error(`key ${key} is not in the map`);
    return this.removeFound(root, position);
  }

  /** As `remove`, where the entry was found just now by its key: nothing was asked of the pool since. */
  removeFound(root: number, position: number): number {
    const leaf = position >> ORDER_SHIFT;
    const keys = this.leafKeys;
    const values = this.leafValues;
    const count = this.leafCount[leaf] - 1;
    const end = (leaf << ORDER_SHIFT) + count;
    for (let i = position; i < end; i += 1) {
      keys[i] = keys[i + 1];
      values[i] = values[i + 1];
    }
    keys[end] = Infinity;
    this.leafCount[leaf] = count;
    if (root < 0) return count >= LOW_WATER ? root : this.refillLeaf(root);
    if (count > 0) return root;
    this.fingerRoot = 0;
    this.giveLeaf(leaf);
    return 0;
  }

  /**
   * Gives an entry another key that lies between the same neighbours. Never fails: no node is needed, but the
   * separators above may have to move with the key.
   */
  rekey(root: number, oldKey: number, newKey: number): void {
    const position = this.find(root, oldKey);
    if (position === NONE) throw new Error(`key ${oldKey} is not in the map`);
    this.leafKeys[position] = newKey;
    if (newKey >= this.#low && newKey < this.#high) return;
    // The deepest inner node that has a separator on that side is the one that keeps these keys out of the leaf.
    const goesDown = newKey < this.#low;
    for (let level = this.pathDepth - 1; level >= 0; level -= 1) {
      const inner = this.pathNode[level];
      const index = this.pathIndex[level];
      if (goesDown && index > 0) {
        this.innerKeys[inner * ORDER + index - 1] = newKey;
        break;
      }
      if (!goesDown && index + 1 < this.innerCount[inner]) {
        this.innerKeys[inner * ORDER + index] = this.leafKeys[this.leafNext[position >> ORDER_SHIFT] * ORDER];
        break;
      }
    }
    this.fingerRoot = 0;
  }

  /** Gives all nodes of a map back. Never fails; the map is 0 from now on. */
  clear(root: number): void {
    this.fingerRoot = 0;
    this.#giveAll(root);
  }

  /** The bound of the leaf where `key` belongs; infinite where the leaf is the root. */
  boundOf(root: number, key: number): number {
    if (root >= 0) return Infinity;
    this.#leafFor(root, key);
    const level = this.pathDepth - 1;
    return this.innerBounds[this.pathNode[level] * ORDER + this.pathIndex[level]];
  }

  /** Raises the bounds above the leaf where `key` belongs to at least `bound`. */
  raiseBound(root: number, key: number, bound: number): void {
    if (root >= 0) return;
    this.#leafFor(root, key);
    for (let level = this.pathDepth - 1; level >= 0; level -= 1) {
      const at = this.pathNode[level] * ORDER + this.pathIndex[level];
      // A bound is never below the bounds under it, so those above are high enough too.
      if (this.innerBounds[at] >= bound) return;
      this.innerBounds[at] = bound;
    }
  }

  /** The leaf where `key` belongs, 0 in an empty map; `leafAfter` goes on from here. */
  leafOf(root: number, key: number): number {
    return root === 0 ? 0 : this.#leafFor(root, key);
  }

  /** Corrects the bound of the leaf that the last `leafOf` or `leafAfter` answered. */
  tightenBound(bound: number): void {
    if (this.pathDepth > 0) {
      const level = this.pathDepth - 1;
      this.innerBounds[this.pathNode[level] * ORDER + this.pathIndex[level]] = bound;
    }
  }

  /**
   * The next leaf whose bound is at least `least`, after the one that `leafOf` or `leafAfter` answered last; 0 if there
   * is none. Bounds of inner nodes that it leaves behind are corrected, so that a hopeless subtree is entered once.
   */
  leafAfter(root: number, least: number): number {
    if (root >= 0) return 0;
    // The path moves on; the finger stays behind.
    this.fingerRoot = 0;
    let level = this.pathDepth - 1;
    while (level >= 0) {
      const inner = this.pathNode[level];
      const base = inner * ORDER;
      const count = this.innerCount[inner];
      let index = this.pathIndex[level] + 1;
      while (index < count && this.innerBounds[base + index] < least) index += 1;
      if (index < count) {
        this.pathIndex[level] = index;
        const child = this.innerChildren[base + index];
        if (child > 0) {
          this.pathDepth = level + 1;
          return child;
        }
        level += 1;
        this.pathNode[level] = -child;
        this.pathIndex[level] = -1;
        continue;
      }
      if (level > 0) {
        this.innerBounds[this.pathNode[level - 1] * ORDER + this.pathIndex[level - 1]] = this.largestBound(inner);
      }
      level -= 1;
    }
    return 0;
  }

  /** As `leafAfter`, downwards: the leaf before, whose bound is at least `least`. */
  leafBefore(root: number, least: number): number {
    if (root >= 0) return 0;
    this.fingerRoot = 0;
    let level = this.pathDepth - 1;
    while (level >= 0) {
      const inner = this.pathNode[level];
      const base = inner * ORDER;
      let index = this.pathIndex[level] - 1;
      while (index >= 0 && this.innerBounds[base + index] < least) index -= 1;
      if (index >= 0) {
        this.pathIndex[level] = index;
        const child = this.innerChildren[base + index];
        if (child > 0) {
          this.pathDepth = level + 1;
          return child;
        }
        level += 1;
        this.pathNode[level] = -child;
        this.pathIndex[level] = this.innerCount[-child];
        continue;
      }
      if (level > 0) {
        this.innerBounds[this.pathNode[level - 1] * ORDER + this.pathIndex[level - 1]] = this.largestBound(inner);
      }
      level -= 1;
    }
    return 0;
  }

  /** Adds the same to all keys of a map. Never fails. */
  shiftKeys(root: number, by: number): void {
    this.fingerRoot = 0;
    this.#shift(root, by);
  }

  // Unused keys are infinite, and stay so.
  #shift(node: number, by: number): void {
    const base = Math.abs(node) * ORDER;
    const keys = node > 0 ? this.leafKeys : this.innerKeys;
    for (let at = base; at < base + ORDER; at += 1) keys[at] += by;
    if (node >= 0) return;
    for (let index = 0; index < this.innerCount[-node]; index += 1) this.#shift(this.innerChildren[base + index], by);
  }

  #giveAll(node: number): void {
    if (node > 0) this.giveLeaf(node);
    if (node >= 0) return;
    const base = -node * ORDER;
    const end = base + this.innerCount[-node];
    for (let at = base; at < end; at += 1) this.#giveAll(this.innerChildren[at]);
    this.giveInner(-node);
  }

  #firstOf(leaf: number): number {
    return leaf === 0 ? NONE : leaf << ORDER_SHIFT;
  }

  #lastOf(leaf: number): number {
    return leaf === 0 ? NONE : (leaf << ORDER_SHIFT) + this.leafCount[leaf] - 1;
  }

  /** How many keys of a leaf are ≤ `key`: five halvings, and the last key. */
  #countUpTo(leaf: number, key: number): number {
    const keys = this.leafKeys;
    const base = leaf << ORDER_SHIFT;
    // A node's places begin with zeroes: bits do for sums, and nobody asks whether they are too large.
    let at = base;
    if (keys[at | 15] <= key) at |= 16;
    if (keys[at | 7] <= key) at |= 8;
    if (keys[at | 3] <= key) at |= 4;
    if (keys[at | 1] <= key) at |= 2;
    if (keys[at] <= key) at |= 1;
    const index = at & (ORDER - 1);
    return index === ORDER - 1 && keys[at] <= key ? ORDER : index;
  }

  #leafFor(root: number, key: number): number {
    if (root === this.fingerRoot && key >= this.#low && key < this.#high) return this.#fingerLeaf;
    return this.#descend(root, key);
  }

  #descend(root: number, key: number): number {
    const keys = this.innerKeys;
    let node = root;
    let depth = 0;
    let low = -Infinity;
    let high = Infinity;
    while (node < 0) {
      const base = -node << ORDER_SHIFT;
      let at = base;
      if (keys[at | 15] <= key) at |= 16;
      if (keys[at | 7] <= key) at |= 8;
      if (keys[at | 3] <= key) at |= 4;
      if (keys[at | 1] <= key) at |= 2;
      if (keys[at] <= key) at |= 1;
      this.pathNode[depth] = -node;
      this.pathIndex[depth] = at - base;
      depth += 1;
      if (at > base) low = keys[at - 1];
      if (keys[at] < high) high = keys[at];
      node = this.innerChildren[at];
    }
    this.pathDepth = depth;
    this.fingerRoot = root;
    this.#fingerLeaf = node;
    this.#low = low;
    this.#high = high;
    return node;
  }
}

/**
 * One ordered map as an object that keeps its root and its size: for whoever has a few and wants no bookkeeping. A
 * question that finds an entry answers true and leaves it in `key` and `value`.
 */
export class OrderedMap {
  /** The entry found last. */
  key = 0;
  value = 0;
  readonly #pool: OrderedPool;
  #root = 0;
  #size = 0;

  constructor(pool: OrderedPool) {
    this.#pool = pool;
  }

  /** Entries. */
  get size(): number {
    return this.#size;
  }

  /** The reference to the tree, for checkers. */
  get root(): number {
    return this.#root;
  }

  /** The value, or `absent` if there is no such key. */
  get(key: number, absent: number): number {
    const at = this.#pool.find(this.#root, key);
    return at === NONE ? absent : this.#pool.valueAt(at);
  }

  has(key: number): boolean {
    return this.#found(this.#pool.find(this.#root, key));
  }

  findAtOrBelow(key: number): boolean {
    return this.#found(this.#pool.findAtOrBelow(this.#root, key));
  }

  findBelow(key: number): boolean {
    return this.#found(this.#pool.findBelow(this.#root, key));
  }

  findAtOrAbove(key: number): boolean {
    return this.#found(this.#pool.findAtOrAbove(this.#root, key));
  }

  findAbove(key: number): boolean {
    return this.#found(this.#pool.findAbove(this.#root, key));
  }

  findFirst(): boolean {
    return this.#found(this.#pool.first(this.#root));
  }

  findLast(): boolean {
    return this.#found(this.#pool.last(this.#root));
  }

  /** Adds an entry. False, and nothing changed, if the key is there. @throws PortolanError ERR_OUT_OF_MEMORY; unchanged */
  insert(key: number, value: number): boolean {
    if (this.#pool.find(this.#root, key) !== NONE) return false;
    this.#root = this.#pool.insert(this.#root, key, value);
    this.#size += 1;
    return true;
  }

  /** Adds or replaces. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  set(key: number, value: number): void {
    const at = this.#pool.find(this.#root, key);
    if (at === NONE) this.insert(key, value);
    else this.#pool.setValueAt(at, value);
  }

  /** Removes. False if there was no such key. */
  remove(key: number): boolean {
    if (this.#pool.find(this.#root, key) === NONE) return false;
    this.#root = this.#pool.remove(this.#root, key);
    this.#size -= 1;
    return true;
  }

  /** Ascending from the first key ≥ `from`; stops when `visit` returns false. `visit` does not change the pool. */
  each(from: number, visit: (key: number, value: number) => boolean): void {
    let at = this.#pool.findAtOrAbove(this.#root, from);
    while (at !== NONE && visit(this.#pool.keyAt(at), this.#pool.valueAt(at))) at = this.#pool.next(at);
  }

  clear(): void {
    this.#pool.clear(this.#root);
    this.#root = 0;
    this.#size = 0;
  }

  #found(at: number): boolean {
    if (at === NONE) return false;
    this.key = this.#pool.keyAt(at);
    this.value = this.#pool.valueAt(at);
    return true;
  }
}
