/**
 * One loadable segment of an executable.
 *
 * With v = the segment's address, `lead` = v's offset in its page, the segment's bytes lie at [lead, lead + fileSize)
 * from the start of the object and zeroes follow up to lead + memorySize:
 *
 * ```
 *   page 0            page 1            page 2            page 3
 *   |....LLLLLLLLLLLL|IIIIIIIIIIIIIIII|IIIIIIIZZZZZZZZZ|ZZZZZZZZZZZZZZZZ|
 *     ^lead: mixed     initialised      mixed            zero-filled
 * ```
 *
 * An initialised page of a segment that nobody may write is the image's own frame, if the file is aligned so; every
 * other page is a frame of its own. Offsets count from the segment, never from where an area shows it, so an area at
 * any base sees the same bytes.
 *
 * @see HelenOS kernel/generic/src/mm/backend_elf.c; System V ABI, chapter 5, Program Loading
 */
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { ImageFile } from "./image-file.js";
import { NO_PAGE, type MemoryObject } from "./memory-object.js";
import type { ObjectParts } from "./object-parts.js";
import type { PageCache } from "./page-cache.js";

/** Bytes; checked by the backend that makes the object. */
export interface ImageSegment {
  /** Offset of the segment's address within its first page. */
  readonly lead: number;
  readonly fileOffset: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly writable: boolean;
}

/** One segment of an {@link ImageFile}: pages of the file itself where nobody may write, copies elsewhere. */
export class ImageObject implements MemoryObject {
  readonly kind = "image";
  readonly isResizable = true;
  links = 0;
  /** Names its lock. */
  readonly number: number;
  readonly shadowers = new Set<MemoryObject>();
  /** Pages as the file has them that cannot be the file's own frames, for those who only read. */
  readonly cache: PageCache;
  readonly #parts: ObjectParts;
  readonly #frames: FrameAllocator;
  readonly #file: ImageFile;
  readonly #segment: ImageSegment;
  readonly #pageSize: number;
  /** First byte past the file's part, and past the segment, from the start of the object. */
  readonly #fileEnd: number;
  readonly #pages: number;
  /** Page of the file that page 0 of the object starts in, or −1 if pages of the two do not coincide. */
  readonly #firstFilePage: number;

  constructor(file: ImageFile, segment: ImageSegment, parts: ObjectParts) {
    const { frames, memory } = parts;
    this.number = parts.locks.name();
    this.cache = parts.newCache();
    this.#parts = parts;
    this.#frames = frames;
    this.#file = file;
    this.#segment = segment;
    this.#pageSize = 2 ** memory.frameShift;
    this.#fileEnd = segment.lead + segment.fileSize;
    this.#pages = Math.ceil((segment.lead + segment.memorySize) / this.#pageSize);
    const start = segment.fileOffset - segment.lead;
    this.#firstFilePage = start % this.#pageSize === 0 ? start / this.#pageSize : -1;
  }

  /** May areas of it have pages that differ from what it supplies? */
  get isWritable(): boolean {
    return this.#segment.writable;
  }

  supply(offset: number): number {
    if (offset >= this.#pages) return NO_PAGE;
    if (!this.isPrivate(offset)) {
      const frame = this.#file.frameOf(this.#firstFilePage + offset);
      this.#frames.share(frame);
      return frame;
    }
    return this.#copy(offset);
  }

  /** The file's own frame also where the segment may be written: whoever writes makes a copy first. */
  show(offset: number): number {
    if (offset >= this.#pages) return NO_PAGE;
    let frame = this.shown(offset);
    if (frame < 0) {
      frame = this.#copy(offset);
      try {
        this.cache.insert(offset, frame);
      } catch (error) {
        this.#frames.release(frame);
        throw error;
      }
    }
    this.#frames.share(frame);
    return frame;
  }

  /** The frame that `show` would show, or −1 if it had to make one first. For the checker. */
  shown(offset: number): number {
    const isFiles = this.#firstFilePage >= 0 && this.#isInitialised(offset);
    return isFiles ? this.#file.frameOf(this.#firstFilePage + offset) : this.cache.get(offset);
  }

  /** A frame of one's own with the bytes of a page. */
  #copy(offset: number): number {
    const frame = this.#frames.takeZeroed();
    const from = Math.max(offset * this.#pageSize, this.#segment.lead);
    const to = Math.min((offset + 1) * this.#pageSize, this.#fileEnd);
    if (from < to) {
      const target = frame * this.#pageSize + (from - offset * this.#pageSize);
      this.#file.copyTo(target, this.#segment.fileOffset + (from - this.#segment.lead), to - from);
    }
    return frame;
  }

  isPrivate(offset: number): boolean {
    return this.#segment.writable || this.#firstFilePage < 0 || !this.#isInitialised(offset);
  }

  describe(offset: number): string {
    if (offset >= this.#pages) return "beyond the segment";
    if (this.#isInitialised(offset)) {
      return this.isPrivate(offset) ? "image: a copy of the file's page" : "image: the file's own page";
    }
    return offset * this.#pageSize >= this.#fileEnd ? "image: zero-filled" : "image: part file, part zeroes";
  }

  link(_area: number): void {
    this.links += 1;
    if (this.links === 1) this.#file.hold();
  }

  unlink(_area: number): void {
    this.links -= 1;
    if (this.links > 0) return;
    this.cache.removeRange(0, Infinity, this.#parts.frameGone, this.#parts.slotGone);
    this.#file.release();
  }

  /** The file pins its own frames, and copies that may be written belong to the entries that map them. */
  eachHeld(visit: (frame: number, offset: number) => void): void {
    this.cache.each(0, (offset, frame) => {
      visit(frame, offset);
      return true;
    });
  }

  /** The whole page is the file's. */
  #isInitialised(offset: number): boolean {
    return offset * this.#pageSize >= this.#segment.lead && (offset + 1) * this.#pageSize <= this.#fileEnd;
  }
}
