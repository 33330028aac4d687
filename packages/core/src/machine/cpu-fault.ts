/** What a processor keeps of an access that it has refused. */
import { NO_FAULT, type FaultReason } from "../architecture/faults.js";
import { KERNEL, READ, type Access, type Privilege } from "../architecture/rights.js";

/**
 * The last refused access of a processor; one object, used again. While refill code runs it is the access that missed,
 * but for `reason`.
 */
export interface CpuFault {
  /**
   * An access was refused, and what became of it is not known yet: from the refusal until the next access that misses, or
   * until the machine's `serveFault`. Hits leave it alone, as they leave everything.
   */
  isPending: boolean;
  reason: FaultReason;
  page: number;
  /** Byte within the page. */
  offset: number;
  access: Access;
  privilege: Privilege;
}

/** Where a fault was found: the level of the tree, the domain, and whether by the walker or by an entry of a TLB. */
export interface CpuFaultSite {
  depth: number;
  domain: number;
  onWalk: boolean;
}

/** What a load of a word answers where the access was refused, if `fault.isPending` says so as well. */
export const REFUSED = 0xffff_ffff;

export const noFault = (): CpuFault => ({ isPending: false, reason: NO_FAULT, page: 0, offset: 0, access: READ, privilege: KERNEL });
