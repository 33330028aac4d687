/**
 * A translation storage buffer: a direct-mapped table of pairs of 64-bit words, tag and data, in physical memory and in
 * the machine's byte order. A trap handler looks into one slot and nowhere else; what tags and data mean is the port's.
 *
 * A slot is written under a mark: bit 63 of the tag, which no tag that is looked for has. So a handler on another
 * processor sees the old pair, a miss, or the new pair, and never half of each.
 *
 * @see UltraSPARC I/II User's Manual §6.3; HelenOS kernel/arch/sparc64/src/mm/tsb.c
 */
import type { PhysicalMemory } from "../machine/physical-memory.js";

/** Bytes in a slot: a tag and its data, eight each. */
export const TSB_ENTRY_BYTES = 16;
const DATA = 8;
const INVALID_HIGH = 0x8000_0000;

/** A buffer at a fixed place in physical memory. It neither allocates nor frees what it lies in. */
export class Tsb {
  /** Physical address of the first slot. */
  readonly base: number;
  /** Slots, a power of two. */
  readonly entries: number;
  readonly #memory: PhysicalMemory;

  /** @param base physical address, aligned to the size of the buffer */
  constructor(memory: PhysicalMemory, base: number, entries: number) {
    this.#memory = memory;
    this.base = base;
    this.entries = entries;
  }

  /** Physical memory that it occupies, in bytes. */
  get bytes(): number {
    return this.entries * TSB_ENTRY_BYTES;
  }

  /** The slot of a hardware page. */
  slotOf(page: number): number {
    return page % this.entries;
  }

  /** The physical address of a slot. */
  addressOf(slot: number): number {
    return this.base + slot * TSB_ENTRY_BYTES;
  }

  /** Is this the tag in a slot? All 64 bits count, so a marked slot matches nothing. */
  holds(slot: number, tagLow: number, tagHigh: number): boolean {
    const address = this.addressOf(slot);
    return this.#memory.readLow(address) === tagLow && this.#memory.readHigh(address) === tagHigh;
  }

  /** Bits 31:0 of the tag in a slot. */
  tagLow(slot: number): number {
    return this.#memory.readLow(this.addressOf(slot));
  }

  /** Bits 63:32 of the tag in a slot; bit 31 of them is the mark. */
  tagHigh(slot: number): number {
    return this.#memory.readHigh(this.addressOf(slot));
  }

  /** Bits 31:0 of the data in a slot. */
  dataLow(slot: number): number {
    return this.#memory.readLow(this.addressOf(slot) + DATA);
  }

  /** Bits 63:32 of the data in a slot. */
  dataHigh(slot: number): number {
    return this.#memory.readHigh(this.addressOf(slot) + DATA);
  }

  /** Is the slot marked: empty, invalidated, or being written? */
  isMarked(slot: number): boolean {
    return this.tagHigh(slot) >= INVALID_HIGH;
  }

  /** Fills a slot: mark, data, then the tag, which takes the mark away. `tagHigh` leaves the mark's bit clear. */
  write(slot: number, tagLow: number, tagHigh: number, dataLow: number, dataHigh: number): void {
    this.#mark(slot);
    this.#memory.write64(this.addressOf(slot) + DATA, dataLow, dataHigh);
    this.#memory.write64(this.addressOf(slot), tagLow, tagHigh);
  }

  /** Marks the slots of `count` hardware pages from `page`, whoever they belong to; all for Infinity. */
  invalidate(page: number, count: number): void {
    const first = this.slotOf(page);
    const slots = Math.min(count, this.entries);
    for (let each = 0; each < slots; each += 1) this.#mark((first + each) % this.entries);
  }

  #mark(slot: number): void {
    const address = this.addressOf(slot);
    this.#memory.write64(address, this.#memory.readLow(address), (this.#memory.readHigh(address) | INVALID_HIGH) >>> 0);
  }
}
