/** What a machine does when frames are short: a clock that chooses pages, and a swap device where they go, if there is one. */
import type { SpaceParts } from "../address-space/parts.js";
import { Clock, type Progress } from "./clock.js";
import type { SwapDevice } from "./swap-device.js";
import { Swapper } from "./swapper.js";

/** The reclaimer of one machine: `machine.parts.reclaimer`. */
export class Reclaimer {
  /** Null on a machine without a swap device. */
  swapper: Swapper | null = null;
  #clock: Clock | null = null;

  /** Sets it up, once the machine has its other parts. @throws PortolanError ERR_OUT_OF_MEMORY, ERR_BAD_ARGUMENT */
  attach(parts: SpaceParts, device: SwapDevice | null): void {
    if (device !== null) this.swapper = new Swapper(parts, device);
    parts.objects.swap = this.swapper;
    this.#clock = new Clock(parts, this.swapper);
  }

  /**
   * Tries to free frames, where some may be had. No lock is held.
   * @param wanted how many it tries for
   */
  reclaim(wanted: number): Progress {
    return this.#clock === null ? "nothing" : this.#clock.reclaim(wanted);
  }

  /** Pages that the clock's hand has passed. */
  get passed(): number {
    return this.#clock?.passed ?? 0;
  }
}
