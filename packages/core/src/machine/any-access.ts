/**
 * Loads and stores of any width at any place: across the border of two pages as well, and in memory that the hit path does
 * not reach.
 */
import { WRITE, type Access, type Privilege } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";
import type { MissPath } from "./miss-path.js";
import type { PhysicalMemory } from "./physical-memory.js";

export type Width = 1 | 2 | 4;

/** The slow road of one processor's accesses. */
export class AnyAccess {
  readonly #memory: PhysicalMemory;
  readonly #misses: MissPath;
  readonly #pageSize: number = 0;

  constructor(memory: PhysicalMemory, misses: MissPath, pageSize: number) {
    this.#memory = memory;
    this.#misses = misses;
    this.#pageSize = pageSize;
  }

  /** The value, or −1 with `fault` filled. */
  load(page: number, offset: number, width: Width, access: Access, privilege: Privilege): number {
    this.#checkOffset(offset);
    const inFirst = Math.min(width, this.#pageSize - offset);
    const address = this.#misses.locate(page, offset, access, privilege);
    if (address < 0) return -1;
    const memory = this.#memory;
    if (inFirst === width) return width === 4 ? memory.read32(address) : width === 2 ? memory.read16(address) : memory.read8(address);
    const second = this.#misses.locate(page + 1, 0, access, privilege);
    if (second < 0) return -1;
    let value = 0;
    for (let byte = 0; byte < width; byte += 1) {
      const read = memory.read8(byte < inFirst ? address + byte : second + byte - inFirst);
      value += read * 256 ** this.#placeOf(byte, width);
    }
    return value;
  }

  /** False with `fault` filled where refused; nothing has been written then. */
  store(page: number, offset: number, value: number, width: Width, privilege: Privilege): boolean {
    this.#checkOffset(offset);
    const inFirst = Math.min(width, this.#pageSize - offset);
    const address = this.#misses.locate(page, offset, WRITE, privilege);
    if (address < 0) return false;
    const memory = this.#memory;
    if (inFirst === width) {
      if (width === 4) memory.write32(address, value);
      else if (width === 2) memory.write16(address, value);
      else memory.write8(address, value);
      return true;
    }
    // Both pages are known to be writable before the first byte changes.
    const second = this.#misses.locate(page + 1, 0, WRITE, privilege);
    if (second < 0) return false;
    for (let byte = 0; byte < width; byte += 1) {
      const at = byte < inFirst ? address + byte : second + byte - inFirst;
      memory.write8(at, (value >>> (this.#placeOf(byte, width) * 8)) & 0xff);
    }
    return true;
  }

  /** Which byte of a value, counted from the lowest, the machine keeps at this place. */
  #placeOf(byte: number, width: Width): number {
    return this.#memory.byteOrder === "big" ? width - 1 - byte : byte;
  }

  #checkOffset(offset: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset >= this.#pageSize)
      throw new PortolanError("ERR_BAD_ARGUMENT", { offset, pageSize: this.#pageSize });
  }
}
