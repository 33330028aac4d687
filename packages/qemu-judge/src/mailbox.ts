/**
 * The words through which host and stub talk: a block of guest RAM in the guest's byte order. The host fills it and rings; the
 * stub performs the accesses one after the other, writes what became of each, and rings back. stubs/README.md draws it for
 * those who write in assembly.
 */
import type { Access, Privilege } from "@portolan/core";

/** Places in words from the beginning of the mailbox. */
export const BELL = 0;
export const COUNT = 1;
/** Machine-specific, 14 words. */
export const REGISTERS = 2;
export const REGISTER_WORDS = 14;
/** TLB entries to load, four words each. Their number is a register of the machine's profile. */
export const ENTRIES = 16;
export const ENTRY_WORDS = 4;
export const MOST_ENTRIES = 128;
/** Accesses, four words each: address, kind (access | privilege × 8), the value that a write writes, 0. */
export const QUERIES = ENTRIES + ENTRY_WORDS * MOST_ENTRIES;
export const QUERY_WORDS = 4;
export const MOST_QUERIES = 1024;
/** Results, eight words each: status, value, trap, code, address, and three that the machine's profile knows. */
export const RESULTS = QUERIES + QUERY_WORDS * MOST_QUERIES;
export const RESULT_WORDS = 8;
export const MAILBOX_WORDS = RESULTS + RESULT_WORDS * MOST_QUERIES;

/** What the bell says: nothing, please begin, it is done, the stub is up. */
export const BELL_IDLE = 0;
export const BELL_GO = 1;
export const BELL_DONE = 2;
export const BELL_READY = 3;

/** Status of a result; 0 where the stub never came to it. */
export const LET_THROUGH = 1;
export const TRAPPED = 2;

/** Adds to the kind of a user's access; READ, WRITE and EXECUTE are 1, 2 and 4, as in the core. */
export const USER_KIND = 8;

export const kindOf = (access: Access, privilege: Privilege): number => access + (privilege === 0 ? 0 : USER_KIND);

/** A result as the stub wrote it. */
export interface RawResult {
  readonly status: number;
  /** What a read read; of a fetch what the slot's code says of itself. */
  readonly value: bigint;
  readonly trap: bigint;
  readonly code: bigint;
  readonly address: bigint;
  readonly extra: readonly [bigint, bigint, bigint];
}

/** Words of 4 or 8 bytes in a byte order, over bytes. */
export class Words {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #size: 4 | 8;
  readonly #isLittle: boolean;

  constructor(bytes: Uint8Array, size: 4 | 8, order: "little" | "big") {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#size = size;
    this.#isLittle = order === "little";
  }

  get(index: number): bigint {
    return this.#size === 8 ? this.#view.getBigUint64(index * 8, this.#isLittle) : BigInt(this.#view.getUint32(index * 4, this.#isLittle));
  }

  set(index: number, value: bigint | number): void {
    if (this.#size === 8) this.#view.setBigUint64(index * 8, BigInt.asUintN(64, BigInt(value)), this.#isLittle);
    else this.#view.setUint32(index * 4, Number(BigInt.asUintN(32, BigInt(value))), this.#isLittle);
  }
}

/** Result number `index`, over words that begin with result 0. */
export const resultAt = (words: Words, index: number): RawResult => {
  const at = index * RESULT_WORDS;
  return {
    status: Number(words.get(at)),
    value: words.get(at + 1),
    trap: words.get(at + 2),
    code: words.get(at + 3),
    address: words.get(at + 4),
    extra: [words.get(at + 5), words.get(at + 6), words.get(at + 7)],
  };
};
