/**
 * Memory that several areas show. It stands in front of what supplies its pages, and keeps each frame that came in, so
 * that every sharer is handed the same one. HelenOS's share info is this: its page map is the page cache, its reference
 * count the links. System V segments and shared anonymous mappings are this too.
 *
 * @see HelenOS kernel/generic/src/mm/as.c, share_info_t
 */
import { NO_AREA } from "../area/area-table.js";
import { NO_PAGE, type MemoryObject } from "./memory-object.js";
import type { ObjectParts } from "./object-parts.js";
import { ABSENT, SWAPPED_OUT, type PageCache } from "./page-cache.js";

export { lockObject, unlockObject } from "./object-lock.js";

/** Keeps every page that sharers must be handed the very frame of, until the last of them goes. Offsets are pages. */
export class SharedObject implements MemoryObject {
  readonly kind = "shared";
  /** Names its lock. */
  readonly number: number;
  readonly cache: PageCache;
  readonly areas = new Set<number>();
  readonly shadowers = new Set<MemoryObject>();
  /** What supplies pages that nobody has touched yet. */
  readonly below: MemoryObject;
  readonly #parts: ObjectParts;
  /** Others who keep it: shadows, and whoever gave it a name. */
  #holders = 0;

  /** @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  constructor(parts: ObjectParts, below: MemoryObject) {
    parts.gate.pass("shared object");
    this.#parts = parts;
    this.number = parts.locks.name();
    this.cache = parts.newCache();
    this.below = below;
  }

  get isResizable(): boolean {
    return this.below.isResizable;
  }

  get links(): number {
    return this.areas.size + this.#holders;
  }

  /** Pages that are resident. */
  get pages(): number {
    return this.cache.pages;
  }

  supply(offset: number): number {
    const { frames } = this.#parts;
    const resident = this.#resident(offset);
    if (resident >= 0) frames.share(resident);
    if (resident !== NO_PAGE) return resident;
    const frame = this.below.supply(offset);
    if (frame < 0 || !this.below.isPrivate(offset)) return frame;
    try {
      this.cache.insert(offset, frame);
    } catch (error) {
      frames.release(frame);
      throw error;
    }
    // One reference is the cache's, one the entry's that is about to map it.
    frames.share(frame);
    return frame;
  }

  /** The page that all sharers see: one that nobody has touched comes into being, so that a later write is seen too. */
  show(offset: number): number {
    return this.supply(offset);
  }

  /** Takes a page that an area mapped before it was shared. @throws PortolanError ERR_OUT_OF_MEMORY; unchanged then */
  publish(offset: number, frame: number): void {
    if (!this.below.isPrivate(offset)) return;
    this.cache.insert(offset, frame);
    this.#parts.frames.share(frame);
  }

  /** Forgets pages of [first, first + count): the only area left no longer reaches them. */
  trim(first: number, count: number): void {
    this.cache.removeRange(first, count, this.#parts.frameGone, this.#parts.slotGone);
  }

  isResident(offset: number): boolean {
    return this.cache.get(offset) >= 0;
  }

  isPrivate(offset: number): boolean {
    return this.below.isPrivate(offset);
  }

  describe(offset: number): string {
    const frame = this.cache.get(offset);
    if (frame === ABSENT) return `shared memory over ${this.below.describe(offset)}`;
    return frame === SWAPPED_OUT ? "shared memory: swapped out" : "shared memory: resident";
  }

  link(area: number): void {
    if (this.links === 0) this.below.link(NO_AREA);
    if (area === NO_AREA) this.#holders += 1;
    else this.areas.add(area);
  }

  unlink(area: number): void {
    if (area === NO_AREA) this.#holders -= 1;
    else this.areas.delete(area);
    if (this.links > 0) return;
    this.trim(0, Infinity);
    this.below.unlink(NO_AREA);
  }

  /** Its page has a copy in a slot that is good until the page is written. */
  isClean(offset: number): boolean {
    return this.cache.slots > 0 && this.cache.slotOf(offset) >= 0;
  }

  markDirty(offset: number): void {
    if (this.isClean(offset)) this.#parts.slotGone(this.cache.clearSlot(offset));
  }

  eachHeld(visit: (frame: number, offset: number) => void): void {
    this.cache.each(0, (offset, frame) => {
      visit(frame, offset);
      return true;
    });
  }

  #resident(offset: number): number {
    const frame = this.cache.get(offset);
    if (frame >= 0) return frame;
    return frame === ABSENT ? NO_PAGE : this.#parts.swapIn(this, offset);
  }
}
