/**
 * A range of physical addresses as it is: device memory, a frame buffer. Its frames are nobody's to count or free.
 *
 * @see HelenOS kernel/generic/src/mm/backend_phys.c
 */
import type { FrameAllocator } from "../frames/frame-allocator.js";
import { NO_PAGE, type MemoryObject } from "./memory-object.js";

/** A range of frames as they are. It owns none of them: nothing is counted, nothing freed. */
export class DeviceObject implements MemoryObject {
  readonly kind = "physical";
  readonly isResizable = false;
  links = 0;
  readonly #frames: FrameAllocator;
  readonly #firstFrame: number;
  readonly #frameCount: number;

  /** @param firstFrame and @param frameCount the range in frames; checked by the backend that makes the object */
  constructor(frames: FrameAllocator, firstFrame: number, frameCount: number) {
    this.#frames = frames;
    this.#firstFrame = firstFrame;
    this.#frameCount = frameCount;
  }

  supply(offset: number): number {
    if (offset >= this.#frameCount) return NO_PAGE;
    const frame = this.#firstFrame + offset;
    // Inside a memory zone (a frame buffer in RAM) a frame is counted like any other, and a free one belongs to whoever
    // gets it next: it is not shown. Outside, nobody counts.
    const references = this.#frames.references(frame);
    if (references === 0) return NO_PAGE;
    if (references > 0) this.#frames.share(frame);
    return frame;
  }

  show(offset: number): number {
    return this.supply(offset);
  }

  isPrivate(_offset: number): boolean {
    return false;
  }

  describe(offset: number): string {
    return offset < this.#frameCount ? `physical frame ${this.#firstFrame + offset}` : "beyond the physical range";
  }

  link(_area: number): void {
    this.links += 1;
  }

  unlink(_area: number): void {
    this.links -= 1;
  }

  eachHeld(): void {
    // nothing is held: device frames are not counted
  }
}
