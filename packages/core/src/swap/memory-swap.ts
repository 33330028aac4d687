/** A swap device in the memory of the simulation: for tests, studies, and machines whose host has more memory than they have. */
import { PortolanError } from "../errors.js";
import type { SwapDevice, TransferDone } from "./swap-device.js";

/** Slots are made in stretches of so many. */
const STRETCH = 64;

/** Transfers end at once and never fail. It occupies what was written to it, in stretches of 64 pages. */
export class MemorySwap implements SwapDevice {
  readonly slots: number;
  /** Pages written so far, and read. */
  writes = 0;
  reads = 0;
  readonly #stretches = new Map<number, Uint8Array>();

  /** @param slots pages that it holds. @throws PortolanError ERR_BAD_ARGUMENT */
  constructor(slots: number) {
    if (!Number.isInteger(slots) || slots < 0 || slots > 2 ** 30) throw new PortolanError("ERR_BAD_ARGUMENT", { slots, most: 2 ** 30 });
    this.slots = slots;
  }

  read(slot: number, bytes: Uint8Array, done: TransferDone): void {
    const stretch = this.#stretches.get(Math.floor(slot / STRETCH));
    if (stretch === undefined) throw new Error(`slot ${slot} is read before it was written`);
    const from = (slot % STRETCH) * bytes.length;
    bytes.set(stretch.subarray(from, from + bytes.length));
    this.reads += 1;
    done(true);
  }

  write(slot: number, bytes: Uint8Array, done: TransferDone): void {
    const number = Math.floor(slot / STRETCH);
    let stretch = this.#stretches.get(number);
    if (stretch === undefined) {
      stretch = new Uint8Array(STRETCH * bytes.length);
      this.#stretches.set(number, stretch);
    }
    stretch.set(bytes, (slot % STRETCH) * bytes.length);
    this.writes += 1;
    done(true);
  }
}
