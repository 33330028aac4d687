/** What is asked, and what a place answers. */
import type { Access, FaultReason, Privilege, Rights } from "@portolan/core/architecture";

/** An access. */
export interface Asked {
  readonly access: Access;
  readonly privilege: Privilege;
}

/** What one place says of an access, once it says anything. */
export interface Verdict {
  readonly reason: FaultReason;
  readonly rule: string;
  readonly manual: string;
  readonly rights: Rights;
  readonly physical: bigint | null;
}
