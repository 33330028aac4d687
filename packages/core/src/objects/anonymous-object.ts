/**
 * Fresh zeroes on first touch. One object serves every unshared anonymous area of a machine: it keeps no page cache,
 * because the page tables of the only user already know its frames. Sharing puts a page cache in front of it.
 *
 * @see HelenOS kernel/generic/src/mm/backend_anon.c
 */
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { MemoryObject } from "./memory-object.js";

/** The one object behind all anonymous areas that are not shared: it has no state but a count. */
export class AnonymousObject implements MemoryObject {
  readonly kind = "anonymous";
  readonly isResizable = true;
  links = 0;
  readonly #frames: FrameAllocator;

  constructor(frames: FrameAllocator) {
    this.#frames = frames;
  }

  supply(_offset: number): number {
    return this.#frames.takeZeroed();
  }

  isPrivate(_offset: number): boolean {
    return true;
  }

  describe(_offset: number): string {
    return "anonymous memory: a zeroed frame on first touch";
  }

  link(_area: number): void {
    this.links += 1;
  }

  unlink(_area: number): void {
    this.links -= 1;
  }

  eachHeld(): void {
    // nothing: the frames belong to the entries that map them
  }
}
