/**
 * The resident pages of one object, ordered by offset. Presence is separate from value: frame 0 is a frame.
 */
export interface PageCache {
  /** The frame at `offset`, or −1. */
  get(offset: number): number;
  /** Adds an absent offset. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  insert(offset: number, frame: number): void;
  /** Removes; the frame that was there, or −1. */
  remove(offset: number): number;
  /** Ascending by offset, from `first` on; stops when `visit` returns false. `visit` does not change the cache. */
  each(first: number, visit: (offset: number, frame: number) => boolean): void;
  readonly pages: number;
}
