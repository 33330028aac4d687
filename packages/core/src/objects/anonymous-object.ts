/**
 * Fresh zeroes on first touch. One object stands behind all anonymous memory of a machine: it keeps no page cache,
 * because the page tables of the only user already know its frames. Sharing, and a fork, put an object with a page cache
 * in front of it; what such an object does not have is zeroes, and one frame of them is enough for all who only read.
 *
 * @see HelenOS kernel/generic/src/mm/backend_anon.c
 */
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { MemoryObject } from "./memory-object.js";

const NONE = -1;

/** The one object behind all anonymous areas: it has no state but a count and the zero page. */
export class AnonymousObject implements MemoryObject {
  readonly kind = "anonymous";
  readonly isResizable = true;
  links = 0;
  readonly shadowers = new Set<MemoryObject>();
  /** The frame of zeroes, or −1 while nobody needs one. */
  zeroFrame = NONE;
  readonly #frames: FrameAllocator;

  constructor(frames: FrameAllocator) {
    this.#frames = frames;
  }

  supply(_offset: number): number {
    return this.#frames.takeZeroed();
  }

  /** The zero page. It stays as long as anybody has it. */
  show(_offset: number): number {
    if (this.zeroFrame === NONE) this.zeroFrame = this.#frames.takeZeroed();
    this.#frames.share(this.zeroFrame);
    return this.zeroFrame;
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
    this.rest();
  }

  /** Lets the zero page go if nobody has it. */
  rest(): void {
    if (this.zeroFrame === NONE || this.#frames.references(this.zeroFrame) > 1) return;
    this.#frames.release(this.zeroFrame);
    this.zeroFrame = NONE;
  }

  eachHeld(visit: (frame: number, offset: number) => void): void {
    // All other frames belong to the entries that map them.
    if (this.zeroFrame !== NONE) visit(this.zeroFrame, 0);
  }
}
