/** What a machine's translation look-aside buffers look like, and what its invalidation instructions do. Data only. */
import type { SoftwareTlb } from "./software-tlb.js";

/**
 * Which entry goes when a set is full.
 * - `used-bit`: the first invalid; else the first unused and unlocked; else clear all used bits and look again
 *   (UltraSPARC User's Manual §6.11.2; the usual clock elsewhere)
 * - `lru`: the least recently used; `fifo`: the oldest; `random`: any, from the machine's seed
 */
export type Replacement = "used-bit" | "lru" | "fifo" | "random";

/** The size and shape of one buffer. */
export interface TlbGeometry {
  /** Number of entries. */
  readonly entries: number;
  /** Entries per set, or `"full"`. */
  readonly ways: number | "full";
  readonly replacement: Replacement;
  /** Page sizes an entry can have, as shifts (12 = 4 KiB), ascending; the first is the hardware page. */
  readonly pageShifts: readonly number[];
  /** Entries 0 to `wired` − 1 are never chosen for replacement. */
  readonly wired: number;
  /** May an entry be locked against replacement? */
  readonly lockable: boolean;
  /** Does one tag serve an even and an odd page (MIPS)? */
  readonly paired: boolean;
}

/** What each of the machine's ways to forget translations drops, and what it spares. */
export interface Invalidation {
  /** What remains after "invalidate everything". `"unless-global"`: locked entries stay, but not the global ones. */
  readonly all: { readonly sparesGlobal: boolean; readonly sparesLocked: boolean | "unless-global" };
  /**
   * How one address space is forgotten: `"context"` drops the entries tagged with it, `"all"` drops everything because
   * entries carry no tag.
   */
  readonly asid: { readonly by: "context" | "all"; readonly sparesGlobal: boolean; readonly sparesLocked: boolean };
  /** Does invalidating one page drop global entries for it, and entries of other address spaces? */
  readonly page: { readonly dropsGlobal: boolean; readonly anyAsid: boolean };
  /** Does loading a new root table drop entries by itself, as a CR3 write does? Global ones are spared where honoured. */
  readonly rootLoadInvalidates: boolean;
}

/** A machine's buffers, who fills them, and how they forget. */
export interface TlbOrganisation {
  /** Who fills it: a table walker in hardware, or code that runs on a miss. */
  readonly refill: "hardware" | "software";
  /** Of one that software fills: what its entries say to somebody who looks from outside. Absent: their rows alone are told. */
  readonly software?: SoftwareTlb;
  /** Absent: one unified TLB serves fetches too. */
  readonly instruction?: TlbGeometry;
  readonly data: TlbGeometry;
  readonly invalidation: Invalidation;
  /** Is the global bit honoured? A switch name where a register decides (CR4.PGE). */
  readonly honoursGlobal: boolean | { readonly switch: string };
  /** Manual section. */
  readonly manual: string;
}
