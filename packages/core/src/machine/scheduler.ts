/**
 * The points at which another processor could run, by name. Production has no scheduler and the cost is one check; a
 * test hands one in and may run other processors' work inside `at`. Whatever it does there happens between the two
 * halves of the interrupted operation, exactly and repeatably.
 */
export type PreemptionPoint =
  | "lock-acquired"
  | "lock-released"
  | "shootdown-sent"
  | "shootdown-wait"
  | "tables-edited"
  | "invalidated-locally"
  | "shootdown-finalized"
  | "frames-released"
  | "fault-before-supply"
  | "fault-before-insert"
  | "switch-asid"
  | "copy-page"
  | "share-published"
  | "fork-frozen"
  | "copy-before-insert"
  | "page-in-started"
  | "page-arrived"
  | "page-out-started"
  | "page-out-unmapped";

/** What a test hands in to run other processors between the halves of an operation. */
export interface Scheduler {
  /** `cpu` is the number of the processor whose work is interrupted. */
  at(point: PreemptionPoint, cpu: number): void;
  /**
   * Does this processor linger in its interrupt handler when a shootdown is finalized? Its messages pile up then, until
   * `Shootdown.receive` lets it go on. Absent: none does.
   */
  isSlow?(cpu: number): boolean;
}

/** What the core calls. `scheduler` is null in production. */
export class Preemption {
  scheduler: Scheduler | null = null;
  /** The processor whose work is being done. */
  cpu = 0;

  /** Reaches a point on behalf of the processor whose work is being done. */
  at(point: PreemptionPoint): void {
    this.scheduler?.at(point, this.cpu);
  }
}
