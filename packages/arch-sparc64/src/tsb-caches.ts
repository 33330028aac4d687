/**
 * Gives every address space its pair of TSBs: one run of 64 KiB, aligned to its size, in memory and in the kernel's space,
 * where a single entry maps it. The kernel's address 0 is nobody's, so the first run of RAM is never one.
 */
import {
  PortolanError,
  FRAMES,
  PHYSICAL_MEMORY,
  type FrameAllocator,
  type PhysicalMemory,
  type SoftwareCaches,
  type TranslationContext,
  inject,
  injectable,
} from "@portolan/core/parts";
import { TSB_PAIR_BYTES, TsbPair } from "./tsb-pair.js";

/** Gives each space a {@link TsbPair} in an aligned run of frames; the run goes with the space. */
@injectable()
export class TsbCaches implements SoftwareCaches {
  readonly #frames: FrameAllocator;
  readonly #memory: PhysicalMemory;
  /** Frames of a pair. */
  readonly #run: number;

  /** @throws PortolanError ERR_MISALIGNED where RAM does not begin at a multiple of a pair's size */
  constructor(@inject(FRAMES) frames: FrameAllocator, @inject(PHYSICAL_MEMORY) memory: PhysicalMemory) {
    this.#frames = frames;
    this.#memory = memory;
    this.#run = TSB_PAIR_BYTES / memory.frameSize;
    if (memory.firstFrame % this.#run !== 0)
      throw new PortolanError("ERR_MISALIGNED", { memoryBase: BigInt(memory.firstFrame * memory.frameSize), alignment: TSB_PAIR_BYTES });
  }

  create(context: TranslationContext): void {
    const first = this.#takeRun();
    for (let frame = first; frame < first + this.#run; frame += 1) this.#memory.zeroFrame(frame);
    context.cache = new TsbPair(this.#memory, context, first);
  }

  destroy(context: TranslationContext): void {
    const { cache } = context;
    if (cache === null) return;
    context.cache = null;
    cache.eachFrame((frame) => void this.#frames.release(frame));
  }

  #takeRun(): number {
    const first = this.#frames.takeRun(this.#run, this.#run);
    if (first !== this.#memory.firstFrame) return first;
    try {
      return this.#frames.takeRun(this.#run, this.#run);
    } finally {
      for (let frame = first; frame < first + this.#run; frame += 1) this.#frames.release(frame);
    }
  }
}
