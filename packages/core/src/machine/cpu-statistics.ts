/** What a processor counts. Hits are not counted: counting them would cost more than they do. */
export class CpuStatistics {
  /** Misses of data accesses (and, where one buffer serves both, of fetches), and of fetches alone. */
  tlbMisses = 0;
  itlbMisses = 0;
  /** Misses that ended with a new entry. */
  refills = 0;
  /** Accesses that an entry did not let through and that the refill code settled (first writes). */
  upgrades = 0;
  /** Page-table walks and the entries they read; counted by whoever walks. */
  walks = 0;
  walkReads = 0;
  /** Lookups in a translation storage buffer; counted by the refill code. */
  tsbHits = 0;
  tsbMisses = 0;
  /** Accesses refused. */
  refusals = 0;
  /** Invalidation operations, and the entries they dropped. */
  invalidations = 0;
  invalidated = 0;
  /** Contexts installed. */
  installs = 0;

  /** Every count is zero again. */
  reset(): void {
    Object.assign(this, new CpuStatistics());
  }
}
