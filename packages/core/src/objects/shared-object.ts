/**
 * Memory that several areas show. It stands in front of the object that areas used before they were shared, and keeps
 * each frame that came in, so that every sharer is handed the same one. HelenOS's share info is this: its page map is
 * the page cache, its reference count the links.
 *
 * @see HelenOS kernel/generic/src/mm/as.c, share_info_t
 */
import { NO_AREA } from "../area/area-table.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { Locks } from "../machine/locks.js";
import { NO_PAGE, type MemoryObject } from "./memory-object.js";
import type { PageCache } from "./page-cache.js";

/** Keeps every page that sharers must be handed the very frame of, until the last of them goes. Offsets are pages. */
export class SharedObject implements MemoryObject {
  readonly kind = "shared";
  links = 0;
  /** What supplies pages that nobody has touched yet. */
  readonly below: MemoryObject;
  readonly #frames: FrameAllocator;
  readonly #cache: PageCache;
  /** Names its lock. */
  readonly number: number;

  constructor(below: MemoryObject, cache: PageCache, frames: FrameAllocator, number: number) {
    this.number = number;
    this.below = below;
    this.#cache = cache;
    this.#frames = frames;
  }

  get isResizable(): boolean {
    return this.below.isResizable;
  }

  /** Pages it holds. */
  get pages(): number {
    return this.#cache.pages;
  }

  supply(offset: number): number {
    const resident = this.#cache.get(offset);
    if (resident >= 0) {
      this.#frames.share(resident);
      return resident;
    }
    const frame = this.below.supply(offset);
    if (frame === NO_PAGE || !this.below.isPrivate(offset)) return frame;
    try {
      this.#cache.insert(offset, frame);
    } catch (error) {
      this.#frames.release(frame);
      throw error;
    }
    // One reference is the cache's, one the entry's that is about to map it.
    this.#frames.share(frame);
    return frame;
  }

  /** Takes a page that an area mapped before it was shared. @throws PortolanError ERR_OUT_OF_MEMORY; unchanged then */
  publish(offset: number, frame: number): void {
    if (!this.below.isPrivate(offset)) return;
    this.#cache.insert(offset, frame);
    this.#frames.share(frame);
  }

  /** Forgets pages of [first, first + count): the only area left no longer reaches them. */
  trim(first: number, count: number): void {
    const offsets: number[] = [];
    this.#cache.each(first, (offset) => {
      if (offset >= first + count) return false;
      offsets.push(offset);
      return true;
    });
    for (const offset of offsets) this.#frames.release(this.#cache.remove(offset));
  }

  isPrivate(offset: number): boolean {
    return this.below.isPrivate(offset);
  }

  describe(offset: number): string {
    return this.#cache.get(offset) >= 0 ? "shared memory: resident" : `shared memory over ${this.below.describe(offset)}`;
  }

  link(_area: number): void {
    this.links += 1;
    if (this.links === 1) this.below.link(NO_AREA);
  }

  unlink(_area: number): void {
    this.links -= 1;
    if (this.links > 0) return;
    this.trim(0, Number.MAX_SAFE_INTEGER);
    this.below.unlink(NO_AREA);
  }

  eachHeld(visit: (frame: number, offset: number) => void): void {
    this.#cache.each(0, (offset, frame) => {
      visit(frame, offset);
      return true;
    });
  }
}

/** Only shared objects have a state that two address spaces can meet in, so only they have a lock. */
export const lockObject = (locks: Locks, object: MemoryObject | null): void => {
  if (locks.discipline !== null && object instanceof SharedObject) locks.acquire("object", object.number);
};

/** Gives back what {@link lockObject} took. */
export const unlockObject = (locks: Locks, object: MemoryObject | null): void => {
  if (locks.discipline !== null && object instanceof SharedObject) locks.release("object", object.number);
};
