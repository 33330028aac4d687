/**
 * A cache of translations that lives in memory and that software fills: sparc64's TSB. It is looked into before the
 * page tables are, so whoever removes a translation must purge it here too, before the shootdown is finalized.
 *
 * @see HelenOS as_invalidate_translation_cache() in kernel/generic/include/mm/as.h
 */
export interface SoftwareCache {
  /** Forgets translations of `count` pages (the machine's pages) from `page`; all of them if `count` is Infinity. */
  invalidate(page: number, count: number): void;
  /** Bytes of physical memory it occupies. */
  readonly bytes: number;
  /** Calls `visit` for every frame it lies in. For the checker. */
  eachFrame(visit: (frame: number) => void): void;
}
