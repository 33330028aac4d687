/**
 * A file: pages that a pager keeps, a length in bytes, and those who have it open or mapped. Its resident pages are in its
 * page cache, whoever reads, writes or maps it: there is one copy of a page, so all of them see the same bytes.
 *
 * ```
 *   page 0            page 1            page 2
 *   |pppppppppppppppp|pppppppppp000000|0000000000······|
 *                              ^kept: what the pager has of it        ^length: what there is of it
 * ```
 *
 * Pages wholly beyond `kept` were never anywhere but here: they begin as zeroes, and the pager is not asked. A page that
 * a shared area maps is mapped read-only until it is written, then it is DIRTY until it is flushed; so `isClean` and
 * `markDirty` see every first write. Pages beyond the length are bus errors, mapped before or not.
 *
 * @see POSIX.1-2017 mmap(), ftruncate(), msync()
 */
import { NO_AREA } from "../area/area-table.js";
import type { SpaceParts } from "../address-space/parts.js";
import { PortolanError } from "../errors.js";
import { readFile, writeFile, type FileVerdict } from "./file-io.js";
import { dropClean, truncateFile } from "./file-pages.js";
import { flushAgain, flushFile, hasToBeKept } from "./file-writeback.js";
import { Flush, type PageWrite } from "./flush.js";
import { NO_PAGE, ON_ITS_WAY, type MemoryObject } from "./memory-object.js";
import { BUSY, DIRTY, type PageCache } from "./page-cache.js";
import type { Pager, PagerFailure } from "./pager.js";
import type { PageOwner, Transfer } from "./transfer.js";

/** What a file is like besides its pager. */
export interface FileOptions {
  /** Bytes that the pager has now; 0 where absent. */
  readonly length?: number;
  /** May it be written and change its length? True where absent. */
  readonly isWritable?: boolean;
}

/** Most bytes of a file: its pages have numbers that stay exact. */
export const LONGEST_FILE = 2 ** 52;

/**
 * A file object. It exists while somebody has it open, maps it, or waits for its dirty pages to be kept. Offsets are pages
 * unless their names say bytes. What changes it or its pager is to be called while no lock is held.
 */
export class FileObject implements MemoryObject, PageOwner {
  readonly kind = "file";
  readonly isResizable = true;
  readonly name: string;
  readonly isWritable: boolean;
  /** Names its lock. */
  readonly number: number;
  readonly parts: SpaceParts;
  readonly pager: Pager;
  /** Resident pages; BUSY while the pager has not brought them, DIRTY from the first write to the next flush. */
  readonly cache: PageCache;
  readonly areas = new Set<number>();
  readonly shadowers = new Set<MemoryObject>();
  /** Who has it open. */
  openers = 1;
  links = 0;
  /** Bytes. Changed by `write` and `truncate`. */
  length: number;
  /** Bytes that the pager knows of. */
  kept: number;
  /** Pages that are DIRTY. */
  dirtyPages = 0;
  /** Why the last `read` or `write` ended where it did. */
  readonly verdict: FileVerdict = { rule: "done", waitsFor: null };
  /** What its pager did last that it may not do; null: nothing yet. */
  complaint: PortolanError | null = null;
  /** @internal Pages on their way in, by offset. */
  readonly coming = new Map<number, Transfer>();
  /** @internal Pages on their way out, by offset. */
  readonly writing = new Map<number, PageWrite>();
  #isGone = false;

  /**
   * Opens a file over a pager. It is in `machine.parts.files` until it goes.
   * @throws PortolanError ERR_BAD_ARGUMENT, ERR_OUT_OF_MEMORY; nothing has changed then
   */
  constructor(parts: SpaceParts, pager: Pager, options: FileOptions = {}) {
    const { length = 0, isWritable = true } = options;
    checkLength(length);
    parts.gate.pass("file object");
    this.parts = parts;
    this.pager = pager;
    this.name = pager.name;
    this.isWritable = isWritable;
    this.length = length;
    this.kept = length;
    this.number = parts.locks.name();
    this.cache = parts.objects.newCache();
    parts.files.add(this);
  }

  /** Pages, the last one perhaps not whole. */
  get pages(): number {
    return Math.ceil(this.length / this.parts.memory.frameSize);
  }

  /** Has it been closed and unmapped, and its pages released? */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Does the pager not know everything yet? */
  get isDirty(): boolean {
    return hasToBeKept(this);
  }

  supply(offset: number): number {
    const frame = this.resident(offset);
    if (frame >= 0) this.parts.frames.share(frame);
    return frame;
  }

  show(offset: number): number {
    return this.supply(offset);
  }

  /**
   * @internal The frame of a page, to which the cache has a reference; NO_PAGE beyond the end; ON_ITS_WAY while the pager
   * has it. The file is locked.
   * @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then
   */
  resident(offset: number): number {
    if (offset >= this.pages || this.#isGone) return NO_PAGE;
    const { cache, parts } = this;
    const frame = cache.get(offset);
    if (frame < 0) return this.#fetch(offset);
    if ((cache.marksOf(offset) & BUSY) === 0) return frame;
    parts.transfers.latest = this.coming.get(offset) ?? null;
    return ON_ITS_WAY;
  }

  isPrivate(_offset: number): boolean {
    return false;
  }

  describe(offset: number): string {
    if (offset >= this.pages) return `${this.name}: beyond the end`;
    if (this.cache.get(offset) < 0) return `${this.name}: a page that the pager has`;
    return (this.cache.marksOf(offset) & BUSY) === 0 ? `${this.name}: a resident page` : `${this.name}: a page on its way`;
  }

  /** Is the page in memory? Not while it is on its way. */
  isResident(offset: number): boolean {
    return this.cache.get(offset) >= 0 && (this.cache.marksOf(offset) & BUSY) === 0;
  }

  isClean(offset: number): boolean {
    return (this.cache.marksOf(offset) & DIRTY) === 0;
  }

  markDirty(offset: number): void {
    if (!this.isClean(offset)) return;
    this.cache.mark(offset, DIRTY);
    this.dirtyPages += 1;
  }

  /** @internal The page is what the pager has. */
  markClean(offset: number): void {
    if (this.isClean(offset)) return;
    this.cache.clear(offset, DIRTY);
    this.dirtyPages -= 1;
  }

  link(area: number): void {
    this.links += 1;
    if (area !== NO_AREA) this.areas.add(area);
  }

  unlink(area: number): void {
    this.links -= 1;
    if (area !== NO_AREA) this.areas.delete(area);
    // The pager is called at a door, where nobody holds a lock.
    if (this.links === 0 && this.openers === 0) this.parts.transfers.later(() => this.#retire(), true);
  }

  eachHeld(visit: (frame: number, offset: number) => void): void {
    this.cache.each(0, (offset, frame) => {
      visit(frame, offset);
      return true;
    });
  }

  /** One opener more. @throws PortolanError ERR_FILE_GONE */
  open(): void {
    this.#alive();
    this.openers += 1;
  }

  /**
   * One opener less. Dirty pages are flushed, as POSIX has it for the last one; the file goes when nobody maps it either,
   * and every page is kept. A page that could not be kept keeps the file: `flush` tries again, `discard` gives up.
   * @returns the flush; over, unless the pager answers later
   * @throws PortolanError ERR_FILE_GONE if nobody has it open, ERR_OUT_OF_MEMORY; nothing has changed then
   */
  close(): Flush {
    if (this.openers === 0) throw new PortolanError("ERR_FILE_GONE", { file: this.name });
    this.openers -= 1;
    let flush: Flush;
    try {
      flush = flushFile(this, 0, Infinity);
    } catch (error) {
      this.openers += 1;
      throw error;
    }
    flush.whenOver(() => this.#goIfUnused());
    return flush;
  }

  /**
   * Reads from a byte of the file on, as far as it goes.
   * @returns bytes read; fewer than asked at the end of the file, or where `verdict` says why
   * @throws PortolanError ERR_BAD_ARGUMENT, ERR_FILE_GONE; nothing has changed then
   */
  read(offsetBytes: number, target: Uint8Array): number {
    this.#alive();
    checkLength(offsetBytes);
    return readFile(this, offsetBytes, target);
  }

  /**
   * Writes from a byte of the file on. Behind the end the file grows; a gap between reads as zeroes.
   * @returns bytes written; fewer than asked where `verdict` says why: those are in the file, and no others
   * @throws PortolanError ERR_BAD_ARGUMENT, ERR_FILE_GONE, ERR_FILE_READ_ONLY; nothing has changed then
   */
  write(offsetBytes: number, source: Uint8Array): number {
    this.#writable();
    checkLength(offsetBytes);
    checkLength(offsetBytes + source.length);
    return writeFile(this, offsetBytes, source);
  }

  /**
   * Has dirty pages of [first, first + count) kept by the pager. From here on every store to one of them is seen again.
   * @returns over, unless the pager answers later; its `failure` says what could not be kept and is dirty as before
   * @throws PortolanError ERR_FILE_GONE, ERR_OUT_OF_MEMORY; nothing has changed then
   */
  flush(first = 0, count = Infinity): Flush {
    this.#alive();
    const flush = flushFile(this, first, count);
    flush.whenOver(() => this.#goIfUnused());
    return flush;
  }

  /**
   * Makes the file shorter or longer. What lies beyond its new end goes from every space, private copies of whole pages
   * included; should it grow again, there are zeroes.
   * @throws PortolanError ERR_BAD_ARGUMENT, ERR_FILE_GONE, ERR_FILE_READ_ONLY, ERR_PAGER_FAILED (with the `failure` of the
   *   pager); nothing has changed then
   */
  truncate(length: number): void {
    this.#writable();
    checkLength(length);
    truncateFile(this, length);
  }

  /**
   * Takes resident pages of [first, first + count) that are clean out of memory, and out of every space.
   * @returns how many went
   */
  dropClean(first = 0, count = Infinity): number {
    this.#alive();
    return dropClean(this, first, count);
  }

  /**
   * Forgets a file that nobody has open or maps, dirty pages and all: they could not be kept.
   * @throws PortolanError ERR_BAD_ARGUMENT while somebody uses it; nothing has changed then
   */
  discard(): void {
    if (this.openers > 0 || this.links > 0)
      throw new PortolanError("ERR_BAD_ARGUMENT", { file: this.name, openers: this.openers, links: this.links });
    this.#release();
  }

  pageArrived(offset: number): void {
    this.cache.clear(offset, BUSY);
    this.coming.delete(offset);
  }

  pageLost(offset: number): void {
    this.cache.remove(offset);
    this.coming.delete(offset);
  }

  /** @internal A page's write has ended; `failure` says how it failed. */
  pageWritten(offset: number, failure: PagerFailure | null): void {
    const write = this.writing.get(offset);
    this.writing.delete(offset);
    if (failure !== null && this.cache.get(offset) >= 0) this.markDirty(offset);
    if (write === undefined || write.again.length === 0) return;
    this.parts.transfers.later(() => flushAgain(this, offset, write.again), true);
  }

  /** @internal A write has ended: the file may go, if it was waited for. */
  writeOver(): void {
    this.parts.transfers.start();
  }

  complain(error: PortolanError): void {
    this.complaint = error;
  }

  /** A page that is not resident: zeroes, or the pager has it. */
  #fetch(offset: number): number {
    const { frames, memory, transfers } = this.parts;
    const bytes = Math.min(this.kept - offset * memory.frameSize, memory.frameSize);
    const frame = bytes > 0 ? frames.take() : frames.takeZeroed();
    let isIn = false;
    try {
      this.cache.insert(offset, frame);
      isIn = true;
      if (bytes <= 0) return frame;
      this.coming.set(
        offset,
        transfers.begin(this, offset, frame, bytes, (request) => this.pager.pageIn(request)),
      );
      this.cache.mark(offset, BUSY);
      return ON_ITS_WAY;
    } catch (error) {
      if (isIn) this.cache.remove(offset);
      frames.release(frame);
      throw error;
    }
  }

  /** Nobody uses it: it goes when its dirty pages are kept. */
  #retire(): void {
    if (this.#isGone || this.openers > 0 || this.links > 0) return;
    let flush: Flush;
    try {
      flush = flushFile(this, 0, Infinity);
    } catch (error) {
      // No memory to write with: the file stays until somebody flushes or discards it.
      if (error instanceof PortolanError && error.errno === "ENOMEM") return;
      throw error;
    }
    flush.whenOver(() => this.#goIfUnused());
  }

  #goIfUnused(): void {
    if (!this.#isGone && this.openers === 0 && this.links === 0 && !this.isDirty && this.writing.size === 0) this.#release();
  }

  #release(): void {
    if (this.#isGone) return;
    const { locks, frames, transfers, files } = this.parts;
    locks.acquire("object", this.number);
    this.#isGone = true;
    for (const transfer of this.coming.values()) transfer.cancel();
    for (const write of this.writing.values()) write.cancel((work) => transfers.later(work));
    this.writing.clear();
    this.dirtyPages = 0;
    this.cache.removeRange(
      0,
      Infinity,
      (frame) => void frames.release(frame),
      () => {},
    );
    locks.release("object", this.number);
    files.delete(this);
    transfers.outdated(this);
    try {
      this.pager.release();
    } catch (error) {
      this.complain(new PortolanError("ERR_PAGER_FAILED", { file: this.name }, error));
    }
    transfers.start();
  }

  /** @throws PortolanError ERR_FILE_GONE */
  #alive(): void {
    if (this.#isGone) throw new PortolanError("ERR_FILE_GONE", { file: this.name });
  }

  /** @throws PortolanError ERR_FILE_GONE, ERR_FILE_READ_ONLY */
  #writable(): void {
    this.#alive();
    if (!this.isWritable) throw new PortolanError("ERR_FILE_READ_ONLY", { file: this.name });
  }
}

/** @throws PortolanError ERR_BAD_ARGUMENT */
const checkLength = (bytes: number): void => {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > LONGEST_FILE)
    throw new PortolanError("ERR_BAD_ARGUMENT", { bytes, most: LONGEST_FILE });
};
