/** A swap device for tests: it fails when told to, and answers later when told to. */
import { MemorySwap } from "#src/swap/memory-swap.js";
import type { SwapDevice, TransferDone } from "#src/swap/swap-device.js";

export class TestSwap implements SwapDevice {
  readonly slots: number;
  readonly kept: MemorySwap;
  /** Every transfer, in order: "write 3" and the like. */
  readonly log: string[] = [];
  failsReads = false;
  failsWrites = false;
  throws = false;
  /** The transfer with this number fails, counted from 1; none where 0. */
  failing = 0;
  /** Transfers wait for `answer`. */
  isSlow = false;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number) {
    this.slots = slots;
    this.kept = new MemorySwap(slots);
  }

  read(slot: number, bytes: Uint8Array, done: TransferDone): void {
    this.log.push(`read ${slot}`);
    const fails = this.log.length === this.failing;
    this.#end(() => {
      if (fails || this.failsReads) done(false);
      else this.kept.read(slot, bytes, done);
    });
  }

  write(slot: number, bytes: Uint8Array, done: TransferDone): void {
    this.log.push(`write ${slot}`);
    const fails = this.log.length === this.failing;
    this.#end(() => {
      if (fails || this.failsWrites) done(false);
      else this.kept.write(slot, bytes, done);
    });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Ends the oldest transfers that wait; all of them where no number is said. */
  answer(count = this.#waiting.length): void {
    for (const end of this.#waiting.splice(0, count)) end();
  }

  count(kind: "read" | "write"): number {
    return this.log.filter((line) => line.startsWith(kind)).length;
  }

  #end(end: () => void): void {
    if (this.throws) throw new Error("the device is on fire");
    if (this.isSlow) this.#waiting.push(end);
    else end();
  }
}
