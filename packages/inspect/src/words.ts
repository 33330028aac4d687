/** Tables as halves of words: bit operators and typed arrays, and nothing else, between the bytes and a decoded entry. */
import { readSome, type Memory } from "./memory.js";
import type { TreeLevel } from "./tree.js";

/** A table that was read: bits 31:0 and 63:32 of each entry. Used again for the next table of its level. */
export class TableWords {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  /** Entries that memory had. */
  count = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #isLittle: boolean;
  readonly #entryBytes: 4 | 8;

  constructor({ entries, entryBytes, tableBytes }: TreeLevel, byteOrder: "little" | "big") {
    this.low = new Uint32Array(entries);
    this.high = new Uint32Array(entries);
    this.#bytes = new Uint8Array(tableBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#isLittle = byteOrder === "little";
    this.#entryBytes = entryBytes;
  }

  /** Reads so many entries from `base` on, which become those from `firstIndex` on. */
  async read(memory: Memory, base: number, firstIndex: number, entries: number): Promise<void> {
    const bytes = this.#entryBytes;
    const target = this.#bytes.subarray(0, entries * bytes);
    const got = await readSome(memory, base + firstIndex * bytes, target);
    this.count = firstIndex + Math.floor(got / bytes);
    const isLittle = this.#isLittle;
    const view = this.#view;
    if (bytes === 4) {
      for (let index = firstIndex, at = 0; index < this.count; index += 1, at += 4) this.low[index] = view.getUint32(at, isLittle);
      return;
    }
    const low = isLittle ? 0 : 4;
    for (let index = firstIndex, at = 0; index < this.count; index += 1, at += 8) {
      this.low[index] = view.getUint32(at + low, isLittle);
      this.high[index] = view.getUint32(at + 4 - low, isLittle);
    }
  }
}
