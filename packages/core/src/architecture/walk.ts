/** The explanation of one translation: every word on the way, its bits, and the rule that decided. Plain data. */
import type { Access, AccessMask, Privilege } from "./rights.js";
import type { FaultReason } from "./faults.js";

export interface WalkField {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly value: bigint;
  /** What this value means, in words. */
  readonly means: string;
}

export interface WalkStep {
  /** The manual's name of the table, e.g. `"page directory"`, `"TSB"`, `"TLB"`, `"page hash table"`. */
  readonly table: string;
  readonly tableAddress: bigint | null;
  readonly index: number;
  readonly entryAddress: bigint | null;
  readonly bytes: 4 | 8 | 16 | 32;
  readonly raw: bigint;
  readonly fields: readonly WalkField[];
  /** What the entry is, in words: "leads to the page table at 0x124000", "absent", "maps frame 0x789a000". */
  readonly says: string;
  readonly manual: string;
}

export interface Walk {
  readonly address: bigint;
  readonly access: Access;
  readonly privilege: Privilege;
  readonly steps: readonly WalkStep[];
  /** Where the byte is, or why it cannot be reached. */
  readonly physical: bigint | null;
  readonly reason: FaultReason;
  /** The rule that decided, in one sentence. */
  readonly rule: string;
  readonly manual: string;
  readonly kernelRights: AccessMask;
  readonly userRights: AccessMask;
}
