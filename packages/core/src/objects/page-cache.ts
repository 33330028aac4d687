/**
 * The pages that one object has: resident ones with their frame, and ones whose bytes lie in a slot of the swap device.
 * A page can have both: one that was swapped in keeps its slot until it is written, so that it can go again without a
 * write. Present is what has a frame or a slot; a search through a stack of objects stops at the first present page.
 *
 * Presence is separate from value: frame 0 is a frame, and slot 0 a slot.
 */

/** `get`: no such page. */
export const ABSENT = -1;
/** `get`: the page is present, but not resident: its bytes lie in its slot. */
export const SWAPPED_OUT = -2;
/** `slotOf`, `clearSlot`: the page has no slot. */
export const NO_SLOT = -1;

/** The page was written since it was last equal to what its file or its slot holds. */
export const DIRTY = 0x02;
/** Its bytes are being read or written: whoever wants it waits, and it does not move. */
export const BUSY = 0x04;
/** It stays resident. */
export const WIRED = 0x08;
/** The reclaimer's hand has passed it since it was last seen in use. */
export const PASSED = 0x10;
/** A sum of {@link DIRTY}, {@link BUSY}, {@link WIRED} and {@link PASSED}; a page that leaves or comes has none. */
export type PageMarks = number;

/** Pages of one object by offset. Offsets are pages from the start of the object; frames are frame numbers. */
export interface PageCache {
  /** The frame at `offset`, {@link SWAPPED_OUT}, or {@link ABSENT}. */
  get(offset: number): number;
  /**
   * Makes a page resident that is not. Its slot, if it has one, stays.
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  insert(offset: number, frame: number): void;
  /**
   * Inserts `frames[0]`, `frames[1]`, … at `first` and after, up to `count` of them; a negative one leaves a hole. None of the
   * offsets is resident.
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  insertRun(first: number, frames: Float64Array, count: number): void;
  /** The resident page leaves with its marks; its slot, if it has one, stays. Never fails. @returns what `get` said */
  remove(offset: number): number;

  /** The slot that holds the bytes of the page, or {@link NO_SLOT}. */
  slotOf(offset: number): number;
  /**
   * Gives the page a slot; one that it had is forgotten. An absent page becomes present.
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then. Never for a resident page of a machine on which some
   *   page has had a slot before
   */
  setSlot(offset: number, slot: number): void;
  /** Takes the slot away; a page that was not resident is absent then. Never fails. @returns the slot, or {@link NO_SLOT} */
  clearSlot(offset: number): number;

  /** Marks of a resident page; 0 for any other. */
  marksOf(offset: number): PageMarks;
  /** Adds marks to a resident page. */
  mark(offset: number, marks: PageMarks): void;
  /** Takes marks from a resident page. */
  clear(offset: number, marks: PageMarks): void;

  /** Resident pages ascending, from `first` on; stops when `visit` returns false. `visit` does not change this cache. */
  each(first: number, visit: (offset: number, frame: number) => boolean): void;
  /** Present pages as `each`; the frame is {@link SWAPPED_OUT} where there is none. */
  eachPresent(first: number, visit: (offset: number, frame: number) => boolean): void;
  /** The first resident offset at or above `first`, or −1. For walks during which the cache changes. */
  nextResident(first: number): number;
  /** The first present offset at or above `first`, or −1. */
  nextPresent(first: number): number;
  /** The last present offset, or −1. */
  lastPresent(): number;
  /** The first offset at or above `first` that is present here and absent in `other`, a cache of the same machine; or −1. */
  nextMissing(other: PageCache, first: number): number;

  /** Empties [first, first + count). The page is gone when its frame, and its slot, are handed over. Never fails. */
  removeRange(
    first: number,
    count: number,
    frameGone: (frame: number, offset: number) => void,
    slotGone: (slot: number, offset: number) => void,
  ): void;
  /**
   * The page moves to `target`, where it is absent: frame, slot and marks. Nothing happens to an absent page.
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  moveTo(target: PageCache, offset: number): void;
  /**
   * Every page moves to `target`, unless it is present there: then it is gone when its frame, and its slot, are handed over.
   * This cache is empty afterwards. Never fails.
   */
  moveAllTo(target: PageCache, frameGone: (frame: number, offset: number) => void, slotGone: (slot: number, offset: number) => void): void;

  /** Resident pages. */
  readonly pages: number;
  /** Present pages that are not resident. */
  readonly swapped: number;
  /** Slots held, by pages resident or not. */
  readonly slots: number;
}
