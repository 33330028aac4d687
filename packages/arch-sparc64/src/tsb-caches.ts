/** Gives every address space its pair of TSBs: one run of 64 KiB, aligned to its size. */
import {
  FRAMES,
  PHYSICAL_MEMORY,
  type FrameAllocator,
  type PhysicalMemory,
  type SoftwareCaches,
  type TranslationContext,
} from "@portolan/core";
import { inject, injectable } from "tsyringe";
import { TSB_PAIR_BYTES, TsbPair } from "./tsb-pair.js";

@injectable()
export class TsbCaches implements SoftwareCaches {
  readonly #frames: FrameAllocator;
  readonly #memory: PhysicalMemory;

  constructor(@inject(FRAMES) frames: FrameAllocator, @inject(PHYSICAL_MEMORY) memory: PhysicalMemory) {
    this.#frames = frames;
    this.#memory = memory;
  }

  create(context: TranslationContext): void {
    const count = TSB_PAIR_BYTES / this.#memory.frameSize;
    const first = this.#frames.takeRun(count, count);
    for (let frame = first; frame < first + count; frame += 1) this.#memory.zeroFrame(frame);
    context.cache = new TsbPair(this.#memory, context, first);
  }

  destroy(context: TranslationContext): void {
    const { cache } = context;
    if (cache === null) return;
    context.cache = null;
    cache.eachFrame((frame) => void this.#frames.release(frame));
  }
}
