/** Why a translation is refused, and how a machine reports it. */
import type { Switches } from "./entry-format.js";
import type { Access, AccessMask, Privilege } from "./rights.js";

/** 0 is success, so that a reason can be tested as a truth. */
export const NO_FAULT = 0;
/** No translation exists: an entry on the way is absent. */
export const ABSENT = 1;
/** A translation exists and forbids this access. */
export const PROTECTION = 2;
/** A reserved bit is set, or an entry has a form the manual forbids. */
export const RESERVED = 3;
/** The address is in the hole, or not one this privilege can name at all. */
export const BAD_ADDRESS = 4;
/** The walk or the access left physical memory. */
export const BUS = 5;
/** A translation exists for the kernel only, on machines that report this apart from other protection. */
export const PRIVILEGED = 6;
/** The domain that the translation belongs to is closed to everybody. */
export const DOMAIN = 7;
/** A translation exists, and software has to mark the page as accessed before it may be used, or as written before it is. */
export const UNMARKED = 8;
/** Why hardware refuses an access; `NO_FAULT` if it does not. {@link FAULT_REASONS} has them in words. */
export type FaultReason = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** In words, by reason; for reports. */
export const FAULT_REASONS = [
  "none",
  "absent",
  "protection",
  "reserved",
  "bad-address",
  "bus",
  "privileged",
  "domain",
  "unmarked",
] as const satisfies readonly string[];

/** What the hardware leaves in its registers. */
export interface FaultReport {
  /** The manual's name and number of the exception, e.g. `"#PF"` or `"fast_data_access_MMU_miss (0x68)"`. */
  readonly trap: string;
  /** The error code or fault status the handler reads; 0 where the machine has none. */
  readonly code: number;
}

/** Where a fault was found; some machines report it. */
export interface FaultSite {
  /** Level of the entry that decided, 0 at the root; −1 where no table translates this part of the addresses. */
  readonly depth: number;
  /** Domain of the translation; 0 where the machine has none, or where the walk did not come to know it. */
  readonly domain: number;
  /** The walk itself ended there; false where it led to a frame, or an entry of the TLB did. */
  readonly onWalk: boolean;
}

/**
 * How a machine reports a refused access to its operating system, and what can be read from the report. `switches` are those
 * of the processor that faults, where they change what it tells; absent: as after reset.
 */
export interface FaultDecoding {
  /**
   * The accesses that the machine's report is consistent with. A machine that tells exactly returns `access`; ia32
   * without no-execute reports a fetch as a read, so it returns READ | EXECUTE for both.
   */
  readonly told: (reason: FaultReason, access: Access, privilege: Privilege, switches?: Switches) => AccessMask;
  /** What the hardware shows for this fault. Pure. `site` is absent where nobody knows it. */
  readonly report: (reason: FaultReason, access: Access, privilege: Privilege, switches?: Switches, site?: FaultSite) => FaultReport;
  /** Reads a report back; the inverse of `report` as far as the machine tells. */
  readonly decode: (
    report: FaultReport,
    switches?: Switches,
  ) => {
    readonly accesses: AccessMask;
    readonly privilege: Privilege | "unknown";
    /** Was nothing there? `"unknown"` where one report stands for that and for a right that is missing. */
    readonly absent: boolean | "unknown";
  };
  /** True where the hardware does not tell the access at all and handlers guess (ARMv4/v5 data aborts). */
  readonly guessesAccess: boolean;
  /** True where the report names the level that decided, also when an entry of the TLB refused: `FaultSite.depth`. */
  readonly tellsLevel?: boolean;
  readonly manual: string;
}
