/** The explanation of one translation: every word on the way, its bits, and the rule that decided. Plain data. */
import type { Access, AccessMask, Privilege } from "./rights.js";
import type { FaultReason } from "./faults.js";

/** One field of an entry that was read. Bits are numbered from 0, the least significant. */
export interface WalkField {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly value: bigint;
  /** What this value means, in words. */
  readonly means: string;
}

/** One word, or pair of words, that was looked at: where it lay, what it held, what that means. Addresses are physical. */
export interface WalkStep {
  /** The manual's name of the table, e.g. `"page directory"`, `"TSB"`, `"TLB"`, `"page hash table"`. */
  readonly table: string;
  /** Physical address of the table's first byte; null for what does not lie in memory. */
  readonly tableAddress: bigint | null;
  readonly index: number;
  /** Physical address of the entry; null for what does not lie in memory. */
  readonly entryAddress: bigint | null;
  /** Size of the entry. */
  readonly bytes: 4 | 8 | 16 | 32;
  /** The entry as one number, whatever the byte order. */
  readonly raw: bigint;
  readonly fields: readonly WalkField[];
  /** What the entry is, in words: "leads to the page table at 0x124000", "absent", "maps frame 0x789a000". */
  readonly says: string;
  readonly manual: string;
}

/** The explanation of one access to one address: what `Machine.walk` returns. A copy; nothing in it changes later. */
export interface Walk {
  readonly address: bigint;
  readonly access: Access;
  readonly privilege: Privilege;
  /** In the order in which they were looked at. */
  readonly steps: readonly WalkStep[];
  /** Where the byte is, or why it cannot be reached. */
  readonly physical: bigint | null;
  readonly reason: FaultReason;
  /** The rule that decided, in one sentence. */
  readonly rule: string;
  readonly manual: string;
  /** What the translation lets each privilege do: the AND of every level; 0 where there is none. */
  readonly kernelRights: AccessMask;
  readonly userRights: AccessMask;
}
