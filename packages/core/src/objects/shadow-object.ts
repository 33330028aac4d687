/**
 * A shadow: the pages in which a private memory differs from what lies below. Reads fall through to the objects below
 * until one has the page; writes go into the front only.
 *
 * ```
 *   area of the parent ──► P {3}  ─┐
 *                                  ├─► S {0,1,2,3} ──► anonymous memory
 *   area of the child  ──► C {1}  ─┘      frozen by the fork: both read it, nobody writes it
 * ```
 *
 * A shadow that nothing stands on and that one address space links is writable; a fork freezes it. Who changes the shape
 * of a tree of shadows is collapse.ts alone.
 *
 * The history of such chains is Mach's (Rashid et al., "Machine-independent virtual memory management", 1987).
 */
import { NO_AREA } from "../area/area-table.js";
import { NO_PAGE, type MemoryObject } from "./memory-object.js";
import { AnonymousObject } from "./anonymous-object.js";
import { reparent, settle, tellShadow, UNKNOWN } from "./collapse.js";
import type { ObjectParts } from "./object-parts.js";
import { SWAPPED_OUT, type PageCache } from "./page-cache.js";
import { releaseHidden } from "./windows.js";

/** Pages of one's own over what lies below. Offsets are the same throughout a stack. */
export class ShadowObject implements MemoryObject {
  readonly kind = "shadow";
  readonly parts: ObjectParts;
  /** Names the lock of the whole tree of shadows. */
  readonly number: number;
  cache: PageCache;
  readonly areas = new Set<number>();
  readonly shadowers = new Set<ShadowObject>();
  /** Null until it is in its place. Changed by `reparent` alone; one that is gone remembers where it stood. */
  below: MemoryObject | null = null;
  /** May pages be added and written? False once frozen. */
  isWritable = true;
  /** Objects in front of it that are no shadows: memory that was shared after a fork. */
  holders = 0;
  /** A page that the shadow below has, and that is seen here and not present; −1 = none is known. */
  lacks: number = UNKNOWN;
  /** Deleted, or merged into the one above. */
  isGone = false;

  /** @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  constructor(parts: ObjectParts, below: MemoryObject) {
    parts.gate.pass("shadow object");
    this.parts = parts;
    this.number = below instanceof ShadowObject ? below.number : parts.locks.name();
    this.cache = parts.newCache();
    reparent(this, below);
    tellShadow(this, "create");
  }

  get isResizable(): boolean {
    return this.below === null || this.below.isResizable;
  }

  /** Areas whose front it is, and objects that are no shadows in front of it. */
  get links(): number {
    return this.areas.size + this.holders;
  }

  /** The frame of its own page, resident from now on; NO_PAGE if it has none, else as `show`. No reference is added. */
  resident(offset: number): number {
    const frame = this.cache.get(offset);
    if (frame >= 0) return frame;
    return frame === SWAPPED_OUT ? this.parts.swapIn(this, offset) : NO_PAGE;
  }

  /** A frame of one's own with the bytes that are seen here. */
  supply(offset: number): number {
    const { frames, memory } = this.parts;
    const source = findPage(this, offset);
    if (source === ZERO_PAGE) return frames.takeZeroed();
    if (source < 0) return source;
    try {
      const frame = frames.take();
      memory.copyFrame(source, frame);
      return frame;
    } finally {
      frames.release(source);
    }
  }

  show(offset: number): number {
    return showPage(this, offset);
  }

  /** Ends a shadow that nobody has come to use. */
  discard(): void {
    settle(this);
  }

  isPrivate(_offset: number): boolean {
    return true;
  }

  describe(offset: number): string {
    if (this.cache.get(offset) !== -1) return "a page of one's own";
    return this.below === null ? "nothing" : this.below.describe(offset);
  }

  link(area: number): void {
    if (area === NO_AREA) this.holders += 1;
    else this.areas.add(area);
  }

  /** The area's record is still there: what only its window showed goes, and the tree is kept within its bounds. */
  unlink(area: number): void {
    const { areas } = this.parts;
    if (area === NO_AREA) this.holders -= 1;
    else this.areas.delete(area);
    if (area !== NO_AREA) releaseHidden(this, areas.offsetOf(area), areas.pagesOf(area));
    settle(this);
  }

  /** Its page has a copy in a slot that is good until the page is written. */
  isClean(offset: number): boolean {
    return this.cache.slots > 0 && this.cache.slotOf(offset) >= 0;
  }

  markDirty(offset: number): void {
    if (!this.isClean(offset)) return;
    this.parts.slotGone(this.cache.clearSlot(offset));
  }

  eachHeld(visit: (frame: number, offset: number) => void): void {
    this.cache.each(0, (offset, frame) => {
      visit(frame, offset);
      return true;
    });
  }
}

/** `findPage`: no object of the stack has the page, and at its bottom every page is zeroes. */
export const ZERO_PAGE = -4;

/**
 * The page that is seen at `offset` from `front` down: its frame with one reference more, or {@link ZERO_PAGE}, NO_PAGE,
 * ON_ITS_WAY, UNREADABLE. The locks of the stack are held.
 * @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const findPage = (front: MemoryObject, offset: number): number => {
  const frame = findInShadows(front, offset);
  if (frame >= 0 && front instanceof ShadowObject) front.parts.frames.share(frame);
  return frame === NO_PAGE ? findAtBottom(front, offset) : frame;
};

/**
 * The page that the shadows of a stack show: its frame, or NO_PAGE, ON_ITS_WAY, UNREADABLE. No reference is added: it stays
 * while the locks of the stack are held.
 */
export const findInShadows = (front: MemoryObject, offset: number): number => {
  for (let object: MemoryObject | null = front; object instanceof ShadowObject; object = object.below) {
    const frame = object.resident(offset);
    // An error is an answer: what lies further down is older, and not what is there.
    if (frame !== NO_PAGE) return frame;
  }
  return NO_PAGE;
};

/** What {@link findPage} finds where no shadow has the page, with a reference more. */
export const findAtBottom = (front: MemoryObject, offset: number): number => {
  const object = bottomOf(front);
  if (object instanceof AnonymousObject) return ZERO_PAGE;
  return object.show === undefined ? object.supply(offset) : object.show(offset);
};

/** The first object of a stack that is no shadow. */
const bottomOf = (front: MemoryObject): MemoryObject => {
  let object: MemoryObject | null = front;
  while (object instanceof ShadowObject) object = object.below;
  if (object === null) throw new Error("a stack of memory objects has no bottom");
  return object;
};

/** As {@link findPage}, with the zero page where everything is zeroes: for entries that only read. */
export const showPage = (front: MemoryObject, offset: number): number => {
  const frame = findPage(front, offset);
  if (frame !== ZERO_PAGE) return frame;
  const bottom = bottomOf(front);
  if (!(bottom instanceof AnonymousObject)) throw new Error("a page of zeroes over something else");
  return bottom.show(offset);
};
