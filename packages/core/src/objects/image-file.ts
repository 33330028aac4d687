/**
 * The bytes of an executable, resident in physical frames and pinned there: pages of read-only segments are mapped in
 * place, so the frames must not go while anyone maps them. Each mapping takes a reference of its own besides the pin.
 */
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";

/** A file in memory. Whoever loads it closes it when it is mapped; frames go when nobody shows or maps them. */
export class ImageFile {
  /** Length of the file in bytes. */
  readonly bytes: number;
  readonly #frames: FrameAllocator;
  readonly #memory: PhysicalMemory;
  readonly #frameSize: number;
  #pages: Float64Array;
  /** Whoever opened it, and every object that shows a part of it. */
  #holders = 1;
  #isClosed = false;

  readonly #closed: (file: ImageFile) => void;

  /**
   * Loads a file into frames.
   * @param closed called when the last user has closed it
   * @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then
   */
  constructor(content: Uint8Array, frames: FrameAllocator, memory: PhysicalMemory, closed: (file: ImageFile) => void = () => {}) {
    this.#closed = closed;
    this.bytes = content.length;
    this.#frames = frames;
    this.#memory = memory;
    this.#frameSize = 2 ** memory.frameShift;
    const pages = new Float64Array(Math.ceil(content.length / this.#frameSize));
    let taken = 0;
    try {
      for (; taken < pages.length; taken += 1) pages[taken] = frames.takeZeroed();
    } catch (error) {
      for (let i = 0; i < taken; i += 1) frames.release(pages[i]);
      throw error;
    }
    pages.forEach((frame, i) => {
      const from = i * this.#frameSize;
      memory.writeBytes(frame * this.#frameSize, content.subarray(from, from + this.#frameSize));
    });
    this.#pages = pages;
  }

  /** The frame that holds page `page` of the file. */
  frameOf(page: number): number {
    return this.#pages[page];
  }

  /** Copies `count` bytes of the file from `offset` to physical address `to`. */
  copyTo(to: number, offset: number, count: number): void {
    let done = 0;
    while (done < count) {
      const at = offset + done;
      const page = Math.floor(at / this.#frameSize);
      const within = at - page * this.#frameSize;
      const part = Math.min(count - done, this.#frameSize - within);
      const bytes = new Uint8Array(part);
      this.#memory.readBytes(this.frameOf(page) * this.#frameSize + within, bytes);
      this.#memory.writeBytes(to + done, bytes);
      done += part;
    }
  }

  /** Was it loaded into this memory? An image of another machine has nothing to show here. */
  isIn(memory: PhysicalMemory): boolean {
    return this.#memory === memory;
  }

  /** Whoever opened it has closed it: no new area may show it. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The opener needs it no more; areas that show it keep it. Closing twice does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.release();
  }

  /** One more object shows it. */
  hold(): void {
    this.#holders += 1;
  }

  /** One user less. At the last one the frames are unpinned, and go when nobody maps them. */
  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    for (const frame of this.#pages) this.#frames.release(frame);
    this.#pages = new Float64Array(0);
    this.#closed(this);
  }

  /** Calls `visit` for every frame that the file keeps. For the checker. */
  eachPinned(visit: (frame: number) => void): void {
    this.#pages.forEach((frame) => visit(frame));
  }
}
