/**
 * The nodes of all B+trees of one kind, in typed arrays.
 *
 *     leaf n   keys   [32n … 32n+31]   ascending, unused ones +Infinity, so that a search needs no count
 *              values [32n … 32n+31]   next, previous: the neighbours in key order, 0 at the ends
 *     inner n  keys   [32n … 32n+30]   key i separates child i (below it) from child i+1 (at or above it)
 *              children                a leaf's number, or minus an inner node's
 *              bounds                  optional: per child, an upper bound of what the owner keeps per entry
 *
 * A reference to a node is its number if it is a leaf, minus its number if it is an inner node, and 0 if there is none:
 * numbers start at 1. A tree is the reference to its root, so an empty tree costs nothing.
 */
import { type AllocationGate, allocated, grownCapacity } from "../allocation-gate.js";
import { PortolanError } from "../errors.js";

/**
 * Children of an inner node, and entries of a leaf. Thirty-two, so that the inner nodes of a million entries stay in a
 * second-level cache: with sixteen, two more reads of every descent waited for memory.
 */
export const ORDER = 32;
/** log2 of ORDER. */
export const ORDER_SHIFT = 5;

/** Entry positions (32 × node + index) have to stay 31-bit integers. */
const MOST_NODES = 2 ** 25;

/** Inner nodes one insertion can need: a tree of 2^30 entries has eight storeys of them, and may get a new root. */
const MOST_SPLITS = 9;

/** What a pool's nodes hold, and what bounds it. */
export interface PoolOptions {
  /** What the values are: `int32` for handles, `float64` for any integer up to 2^53. */
  readonly values: "int32" | "float64";
  /** Keeps a bound per child of inner nodes. */
  readonly bounds?: boolean;
  readonly gate: AllocationGate;
  /** Named in the error when memory runs out. */
  readonly name?: string;
  /** Leaves and inner nodes, each; to keep a budget. */
  readonly maxNodes?: number;
}

/** Leaves and inner nodes in arrays that grow; a node is its number. */
export class NodePool {
  leafKeys: Float64Array = new Float64Array(4 * ORDER);
  leafValues: Int32Array | Float64Array;
  leafCount: Uint8Array = new Uint8Array(4);
  leafNext: Int32Array = new Int32Array(4);
  leafPrevious: Int32Array = new Int32Array(4);
  innerKeys: Float64Array = new Float64Array(2 * ORDER);
  innerChildren: Int32Array = new Int32Array(2 * ORDER);
  innerBounds: Float64Array;
  innerCount: Uint8Array = new Uint8Array(2);
  readonly hasBounds: boolean;
  readonly #gate: AllocationGate;
  readonly #name: string;
  readonly #mostNodes: number;
  // Freed nodes are chained through leafNext and the first child; fresh ones follow the highest number ever used.
  #freeLeaf = 0;
  #freshLeaf = 1;
  #freeLeaves = 0;
  #freeInner = 0;
  #freshInner = 1;
  #freeInners = 0;
  #reserved = 0;

  constructor(options: PoolOptions) {
    this.leafValues = options.values === "int32" ? new Int32Array(4 * ORDER) : new Float64Array(4 * ORDER);
    this.hasBounds = options.bounds ?? false;
    this.innerBounds = new Float64Array(this.hasBounds ? 2 * ORDER : 0);
    this.#gate = options.gate;
    this.#name = options.name ?? "ordered map node";
    this.#mostNodes = Math.min(options.maxNodes ?? MOST_NODES, MOST_NODES);
  }

  /** Bytes of the arrays, room to grow included. */
  get bytes(): number {
    return (
      this.leafKeys.byteLength +
      this.leafValues.byteLength +
      this.leafCount.byteLength +
      this.leafNext.byteLength +
      this.leafPrevious.byteLength +
      this.innerKeys.byteLength +
      this.innerChildren.byteLength +
      this.innerBounds.byteLength +
      this.innerCount.byteLength
    );
  }

  /** Leaves that belong to some map. */
  get leavesInUse(): number {
    return this.#freshLeaf - 1 - this.#freeLeaves;
  }

  /** Inner nodes that belong to some map. */
  get innersInUse(): number {
    return this.#freshInner - 1 - this.#freeInners;
  }

  /** Insertions that are promised their nodes. */
  get reserved(): number {
    return this.#reserved;
  }

  /**
   * Promises `inserts` insertions, into any maps of this pool, that they find their nodes, whatever they split. An
   * insertion uses one promise up, whether it needed it or not; who does not insert after all says `unreserve`.
   *
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  reserve(inserts: number): void {
    this.#gate.pass(this.#name);
    const promised = this.#reserved + inserts;
    this.#ensure(promised, promised * MOST_SPLITS);
    this.#reserved = promised;
  }

  /** Takes promises back. */
  unreserve(inserts: number): void {
    this.#reserved = Math.max(0, this.#reserved - inserts);
  }

  /**
   * Makes the arrays so large that so many nodes can be in use at once: for who keeps a bound of them and makes sure of it
   * before it counts.
   *
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  keepRoom(leaves: number, inners: number): void {
    if (leaves < this.leafCount.length && inners < this.innerCount.length) return;
    this.#ensure(Math.max(0, leaves - this.leavesInUse), Math.max(0, inners - this.innersInUse));
  }

  /** Corrects the number of promises, by whoever knows that an insertion took no node. */
  reinstate(reserved: number): void {
    this.#reserved = reserved;
  }

  /** Makes sure that so many nodes can be taken. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  protected prepare(leaves: number, inners: number): void {
    if (this.#reserved > 0) return;
    this.#gate.pass(this.#name);
    this.#ensure(leaves, inners);
  }

  #ensure(leaves: number, inners: number): void {
    const lastLeaf = this.#freshLeaf + Math.max(0, leaves - this.#freeLeaves);
    const lastInner = this.#freshInner + Math.max(0, inners - this.#freeInners);
    if (lastLeaf > this.#mostNodes + 1 || lastInner > this.#mostNodes + 1) {
      throw new PortolanError("ERR_OUT_OF_MEMORY", { allocation: this.#name, most: this.#mostNodes });
    }
    if (lastLeaf > this.leafCount.length) this.#growLeaves(grownCapacity(this.leafCount.length, lastLeaf));
    if (lastInner > this.innerCount.length) this.#growInners(grownCapacity(this.innerCount.length, lastInner));
  }

  protected takeLeaf(): number {
    let leaf = this.#freeLeaf;
    if (leaf === 0) {
      leaf = this.#freshLeaf;
      this.#freshLeaf += 1;
    } else {
      this.#freeLeaf = this.leafNext[leaf];
      this.#freeLeaves -= 1;
    }
    this.leafKeys.fill(Infinity, leaf * ORDER, leaf * ORDER + ORDER);
    this.leafCount[leaf] = 0;
    this.leafNext[leaf] = 0;
    this.leafPrevious[leaf] = 0;
    return leaf;
  }

  protected giveLeaf(leaf: number): void {
    this.leafNext[leaf] = this.#freeLeaf;
    this.#freeLeaf = leaf;
    this.#freeLeaves += 1;
  }

  protected takeInner(): number {
    let inner = this.#freeInner;
    if (inner === 0) {
      inner = this.#freshInner;
      this.#freshInner += 1;
    } else {
      this.#freeInner = this.innerChildren[inner * ORDER];
      this.#freeInners -= 1;
    }
    this.innerKeys.fill(Infinity, inner * ORDER, inner * ORDER + ORDER);
    this.innerCount[inner] = 0;
    return inner;
  }

  protected giveInner(inner: number): void {
    this.innerChildren[inner * ORDER] = this.#freeInner;
    this.#freeInner = inner;
    this.#freeInners += 1;
  }

  // All new arrays exist before the first is put in its place.
  #growLeaves(capacity: number): void {
    const entries = capacity * ORDER;
    const isInt = this.leafValues instanceof Int32Array;
    const [keys, values, count, next, previous] = allocated(
      this.#name,
      () =>
        [
          new Float64Array(entries),
          isInt ? new Int32Array(entries) : new Float64Array(entries),
          new Uint8Array(capacity),
          new Int32Array(capacity),
          new Int32Array(capacity),
        ] as const,
    );
    keys.set(this.leafKeys);
    values.set(this.leafValues);
    count.set(this.leafCount);
    next.set(this.leafNext);
    previous.set(this.leafPrevious);
    this.leafKeys = keys;
    this.leafValues = values;
    this.leafCount = count;
    this.leafNext = next;
    this.leafPrevious = previous;
  }

  #growInners(capacity: number): void {
    const entries = capacity * ORDER;
    const [keys, children, bounds, count] = allocated(
      this.#name,
      () =>
        [
          new Float64Array(entries),
          new Int32Array(entries),
          new Float64Array(this.hasBounds ? entries : 0),
          new Uint8Array(capacity),
        ] as const,
    );
    keys.set(this.innerKeys);
    children.set(this.innerChildren);
    bounds.set(this.innerBounds);
    count.set(this.innerCount);
    this.innerKeys = keys;
    this.innerChildren = children;
    this.innerBounds = bounds;
    this.innerCount = count;
  }
}
