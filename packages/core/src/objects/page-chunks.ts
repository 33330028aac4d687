/**
 * The pages of all page caches of a machine, in chunks of 64 neighbouring offsets:
 *
 *     chunk c   frames [64c … 64c+63]   the frame's low 32 bits
 *               states [64c … 64c+63]   RESIDENT and the page's marks; 0 for a page that has no frame
 *               highs  [64c … 64c+63]   the rest of the frame; a column that the first frame beyond 32 bits makes
 *               slots  [64c … 64c+63]   one more than the slot, 0 for none; a column that the first slot makes
 *
 * A cache is an ordered map from chunk numbers (offset / 64) to chunks, all in one pool of nodes; an empty one is 0.
 *
 * The nodes that any distribution of the chunks over the caches can need are there before a chunk is: so chunks change
 * hands without an allocation, and a merge of two caches cannot fail.
 */
import { allocated, type AllocationGate, grownCapacity } from "../allocation-gate.js";
import { NONE, OrderedPool } from "../collections/ordered-map.js";
import { PortolanError } from "../errors.js";

/** Pages of a chunk. */
export const CHUNK = 64;
/** In a page's state: it has a frame. */
export const RESIDENT = 1;
/** Frames below this need no entry in the column of high bits. */
export const LOW_FRAMES = 2 ** 32;

const CHUNK_NAME = "page cache chunk";
/** Places of pages have to stay 31-bit integers. */
const MOST_CHUNKS = 2 ** 24;
/** log2 of the entries of a node that is half full. */
const HALF_SHIFT = 4;

/** Chunks in arrays that grow; a chunk is its number. */
export class PageChunks {
  frames: Uint32Array = new Uint32Array(4 * CHUNK);
  states: Uint8Array = new Uint8Array(4 * CHUNK);
  /** Empty until there is a frame beyond 32 bits. */
  highs: Uint32Array = new Uint32Array(0);
  /** Empty until somebody has a slot. */
  slots: Int32Array = new Int32Array(0);
  /** Pages of the chunk that have a frame. */
  residents: Uint8Array = new Uint8Array(4);
  /** Pages of the chunk that have a slot. */
  slotted: Uint8Array = new Uint8Array(4);
  readonly nodes: OrderedPool;
  /** The chunk that `add` added last. */
  added = NONE;
  readonly #gate: AllocationGate;
  #nextFree: Int32Array = new Int32Array(4);
  #free = NONE;
  #fresh = 0;
  #inUse = 0;
  #trees = 0;

  constructor(gate: AllocationGate) {
    this.#gate = gate;
    this.nodes = new OrderedPool({ values: "int32", gate, name: "page cache node" });
  }

  /** Chunks that belong to some cache. */
  get chunksInUse(): number {
    return this.#inUse;
  }

  /** Caches that have a page. */
  get treesInUse(): number {
    return this.#trees;
  }

  /** Bytes of the arrays, room to grow included. */
  get bytes(): number {
    const own = this.frames.byteLength + this.states.byteLength + this.highs.byteLength + this.slots.byteLength;
    return own + this.residents.byteLength + this.slotted.byteLength + this.#nextFree.byteLength + this.nodes.bytes;
  }

  /** The chunk of this number in a map, or −1. */
  find(root: number, number: number): number {
    const at = this.nodes.find(root, number);
    return at === NONE ? NONE : this.nodes.valueAt(at);
  }

  /**
   * Puts an empty chunk into a map that has none of this number: `added` says which.
   * @returns the map's root from now on
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  add(root: number, number: number): number {
    this.#gate.pass(CHUNK_NAME);
    if (this.#free === NONE && this.#fresh === this.residents.length) this.#grow(this.#fresh + 1);
    const leaves = (this.#inUse >> HALF_SHIFT) + this.#trees + 3;
    this.nodes.keepRoom(leaves, ((this.#inUse + leaves * 2) >> HALF_SHIFT) + 3);
    let chunk = this.#free;
    if (chunk === NONE) {
      chunk = this.#fresh;
      this.#fresh += 1;
    } else {
      this.#free = this.#nextFree[chunk];
    }
    this.#inUse += 1;
    this.added = chunk;
    return this.link(root, number, chunk);
  }

  /** Takes an empty chunk out of its map and away. @returns the map's root from now on */
  drop(root: number, number: number, chunk: number): number {
    this.#nextFree[chunk] = this.#free;
    this.#free = chunk;
    this.#inUse -= 1;
    return this.unlink(root, number);
  }

  /** Puts a chunk that is in no map into one. Its nodes are there: never fails. @returns the map's root from now on */
  link(root: number, number: number, chunk: number): number {
    if (root === 0) this.#trees += 1;
    this.nodes.reinstate(1);
    return this.nodes.insert(root, number, chunk);
  }

  /** Takes a chunk out of its map, to be linked elsewhere. @returns the map's root from now on */
  unlink(root: number, number: number): number {
    const after = this.nodes.remove(root, number);
    if (after === 0) this.#trees -= 1;
    return after;
  }

  /** Makes the column of high bits. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  makeHighs(): void {
    if (this.highs.length > 0) return;
    this.#gate.pass("page cache frames");
    this.highs = allocated("page cache frames", () => new Uint32Array(this.residents.length * CHUNK));
  }

  /** Makes the column of slots. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  makeSlots(): void {
    if (this.slots.length > 0) return;
    this.#gate.pass("page cache slots");
    this.slots = allocated("page cache slots", () => new Int32Array(this.residents.length * CHUNK));
  }

  // All new columns exist before the first is put in its place.
  #grow(needed: number): void {
    if (needed > MOST_CHUNKS) throw new PortolanError("ERR_OUT_OF_MEMORY", { allocation: CHUNK_NAME, most: MOST_CHUNKS });
    const chunks = Math.min(grownCapacity(this.residents.length, needed), MOST_CHUNKS);
    const [frames, states, highs, slots, residents, slotted, nextFree] = allocated(
      CHUNK_NAME,
      () =>
        [
          new Uint32Array(chunks * CHUNK),
          new Uint8Array(chunks * CHUNK),
          this.highs.length === 0 ? this.highs : new Uint32Array(chunks * CHUNK),
          this.slots.length === 0 ? this.slots : new Int32Array(chunks * CHUNK),
          new Uint8Array(chunks),
          new Uint8Array(chunks),
          new Int32Array(chunks),
        ] as const,
    );
    frames.set(this.frames);
    states.set(this.states);
    if (highs !== this.highs) highs.set(this.highs);
    if (slots !== this.slots) slots.set(this.slots);
    residents.set(this.residents);
    slotted.set(this.slotted);
    nextFree.set(this.#nextFree);
    this.frames = frames;
    this.states = states;
    this.highs = highs;
    this.slots = slots;
    this.residents = residents;
    this.slotted = slotted;
    this.#nextFree = nextFree;
  }
}
