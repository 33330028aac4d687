/**
 * The frame allocator: one zone of RAM, a reference count a frame. Single frames come from a stack of recently freed
 * ones (their bytes are still in the host's cache), then from the frames never used yet. Runs of contiguous frames are
 * cut from the never-used end while it lasts, and searched for afterwards.
 *
 * @see HelenOS kernel/generic/src/mm/frame.c and reserve.c
 */
import type { AllocationGate } from "../allocation-gate.js";
import { PortolanError } from "../errors.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { FrameAllocator } from "./frame-allocator.js";

export class ZonedFrames implements FrameAllocator {
  readonly total: number;
  free: number;
  reserved = 0;
  readonly #memory: PhysicalMemory;
  readonly #gate: AllocationGate;
  readonly #first: number;
  readonly #references: Int32Array;
  /** Freed frames, the last freed on top. A frame taken as part of a run stays in it, stale, until it is popped. */
  #stack: Int32Array = new Int32Array(64);
  #stacked = 0;
  /** 1 while the frame has a live place in the stack. */
  readonly #isStacked: Uint8Array;
  #neverUsed = 0;

  constructor(memory: PhysicalMemory, gate: AllocationGate) {
    this.#memory = memory;
    this.#gate = gate;
    this.#first = memory.firstFrame;
    this.total = memory.frameCount;
    this.free = this.total;
    this.#references = new Int32Array(this.total);
    this.#isStacked = new Uint8Array(this.total);
  }

  take(): number {
    this.#gate.pass("frame");
    const index = this.#pop();
    this.#references[index] = 1;
    this.free -= 1;
    return this.#first + index;
  }

  takeZeroed(): number {
    const frame = this.take();
    this.#memory.zeroFrame(frame);
    return frame;
  }

  takeRun(count: number, alignment: number): number {
    if (!Number.isSafeInteger(count) || count < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { count });
    if (!Number.isSafeInteger(alignment) || alignment < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { alignment });
    this.#gate.pass("run of frames");
    const index = this.free - this.reserved < count ? -1 : this.#findRun(count, alignment);
    if (index < 0) throw new PortolanError("ERR_OUT_OF_FRAMES", { frames: count, alignment, free: this.free });
    for (let i = this.#neverUsed; i < index; i += 1) this.#push(i);
    for (let i = index; i < index + count; i += 1) {
      this.#references[i] = 1;
      this.#isStacked[i] = 0;
    }
    this.#neverUsed = Math.max(this.#neverUsed, index + count);
    this.free -= count;
    return this.#first + index;
  }

  share(frame: number): void {
    const index = frame - this.#first;
    if ((this.#references[index] ?? 0) < 1) throw new Error(`a free frame is shared: ${frame}`);
    this.#references[index] = (this.#references[index] as number) + 1;
  }

  release(frame: number): boolean {
    const index = frame - this.#first;
    if (!(index >= 0 && index < this.total)) return false;
    const left = (this.#references[index] as number) - 1;
    if (left < 0) throw new Error(`a free frame is released: ${frame}`);
    this.#references[index] = left;
    if (left > 0) return false;
    this.#push(index);
    this.free += 1;
    return true;
  }

  references(frame: number): number {
    const index = frame - this.#first;
    return index >= 0 && index < this.total ? (this.#references[index] as number) : -1;
  }

  reserve(count: number): boolean {
    if (!Number.isSafeInteger(count) || count < 0) throw new PortolanError("ERR_BAD_ARGUMENT", { count });
    if (this.free - this.reserved < count) return false;
    this.reserved += count;
    return true;
  }

  unreserve(count: number): void {
    if (count > this.reserved) throw new PortolanError("ERR_BAD_ARGUMENT", { count, reserved: this.reserved });
    this.reserved -= count;
  }

  takeReserved(): number {
    if (this.reserved < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { reserved: this.reserved });
    this.reserved -= 1;
    try {
      return this.take();
    } catch (error) {
      this.reserved += 1;
      throw error;
    }
  }

  #pop(): number {
    if (this.free - this.reserved < 1) throw new PortolanError("ERR_OUT_OF_FRAMES", { frames: 1, free: this.free, reserved: this.reserved });
    while (this.#stacked > 0) {
      this.#stacked -= 1;
      const index = this.#stack[this.#stacked] as number;
      if (this.#isStacked[index] === 1 && this.#references[index] === 0) {
        this.#isStacked[index] = 0;
        return index;
      }
    }
    const index = this.#neverUsed;
    this.#neverUsed += 1;
    return index;
  }

  #push(index: number): void {
    if (this.#isStacked[index] === 1) return;
    if (this.#stacked === this.#stack.length) this.#compactOrGrow();
    this.#isStacked[index] = 1;
    this.#stack[this.#stacked] = index;
    this.#stacked += 1;
  }

  /** Throws stale places out; doubles if that did not make room. */
  #compactOrGrow(): void {
    let kept = 0;
    for (let i = 0; i < this.#stacked; i += 1) {
      const index = this.#stack[i] as number;
      if (this.#isStacked[index] === 1 && this.#references[index] === 0) this.#stack[kept++] = index;
    }
    this.#stacked = kept;
    if (kept <= this.#stack.length / 2) return;
    const larger = new Int32Array(this.#stack.length * 2);
    larger.set(this.#stack);
    this.#stack = larger;
  }

  /** The never-used end first, because it is free for certain; then a search from below. */
  #findRun(count: number, alignment: number): number {
    const fresh = this.#align(this.#neverUsed, alignment);
    if (fresh + count <= this.total) return fresh;
    let start = this.#align(0, alignment);
    while (start + count <= this.total) {
      let i = start + count - 1;
      while (i >= start && this.#references[i] === 0) i -= 1;
      if (i < start) return start;
      start = this.#align(i + 1, alignment);
    }
    return -1;
  }

  /** The first index at or above `index` whose frame number is a multiple of `alignment`. */
  #align(index: number, alignment: number): number {
    const frame = this.#first + index;
    return Math.ceil(frame / alignment) * alignment - this.#first;
  }
}
