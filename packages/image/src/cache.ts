import type { ByteSource } from "./image.js";

const BLOCK_BYTES = 4096;
/** A run of misses, each where the last one ended, asks for twice as much each time, to this many blocks. */
const MOST_AHEAD = 64;
/** Reads of this many bytes and more go past the cache: they are copies of memory, and would drop the tables from it. */
const DIRECT_BYTES = 32 * BLOCK_BYTES;

/** The last used blocks of a source, a bounded number of them; reads in sequence are done ahead. */
export class CachedSource {
  readonly size: number;
  readonly #source: ByteSource;
  readonly #most: number;
  /** By block number, the least recently used first. */
  readonly #blocks = new Map<number, Uint8Array>();
  /** The block after the last miss's, and how much that one read. */
  #expected = -1;
  #ahead = 1;

  constructor(source: ByteSource, mostBlocks: number) {
    this.size = source.size;
    this.#source = source;
    this.#most = mostBlocks;
  }

  /** Fills `target`; the caller has seen that `offset + target.length` is within the source. */
  async read(offset: number, target: Uint8Array): Promise<void> {
    if (target.length >= DIRECT_BYTES) return this.#source.read(offset, target);
    for (let done = 0; done < target.length;) {
      const at = offset + done;
      const number = Math.floor(at / BLOCK_BYTES);
      const inside = at - number * BLOCK_BYTES;
      const block = this.#held(number) ?? (await this.#fetch(number));
      const piece = block.subarray(inside, inside + target.length - done);
      target.set(piece, done);
      done += piece.length;
    }
  }

  #held(number: number): Uint8Array | undefined {
    const block = this.#blocks.get(number);
    if (block === undefined) return undefined;
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    return block;
  }

  async #fetch(number: number): Promise<Uint8Array> {
    this.#ahead = number === this.#expected ? Math.min(this.#ahead * 2, MOST_AHEAD, this.#most) : 1;
    const first = number * BLOCK_BYTES;
    const bytes = new Uint8Array(Math.min(this.#ahead * BLOCK_BYTES, this.size - first));
    this.#expected = number + this.#ahead;
    await this.#source.read(first, bytes);
    for (let at = bytes.length - 1 - ((bytes.length - 1) % BLOCK_BYTES); at > 0; at -= BLOCK_BYTES) {
      // A copy each, so that one block that stays does not hold the whole read.
      this.#keep(number + at / BLOCK_BYTES, bytes.slice(at, at + BLOCK_BYTES));
    }
    const wanted = bytes.length > BLOCK_BYTES ? bytes.slice(0, BLOCK_BYTES) : bytes;
    this.#keep(number, wanted);
    return wanted;
  }

  #keep(number: number, block: Uint8Array): void {
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    if (this.#blocks.size <= this.#most) return;
    for (const oldest of this.#blocks.keys()) {
      this.#blocks.delete(oldest);
      return;
    }
  }
}
