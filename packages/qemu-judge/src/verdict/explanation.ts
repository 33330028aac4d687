/** A deviation that has been looked into: which manual says what, and which side follows it. */
import type { JudgedCase, JudgedQuery } from "../case.js";
import type { Actual } from "./actual.js";

/** A word of a table that is not the same after the accesses. */
export interface WordDifference {
  readonly at: number;
  readonly found: bigint;
  readonly wanted: bigint;
}

export interface Explanation {
  /** Stable: `"amd64.frame-above-40-bits"`. */
  readonly id: string;
  /** What differs, in one sentence. */
  readonly says: string;
  /** The section that decides. */
  readonly manual: string;
  /** Which side follows it; `"either"` where the manual leaves it open. */
  readonly follows: "portolan" | "qemu" | "either";
  /** Memory after the accesses is the same in spite of it, and compared. Where absent, nothing is said of the memory of such a case. */
  readonly keepsMemory?: true;
  /** Is it this? As narrow as can be: an explanation that matches too much hides defects. */
  readonly matches: (query: JudgedQuery, actual: Actual, judged: JudgedCase) => boolean;
  /** Does it explain a word that differs after accesses that agree? As narrow. */
  readonly matchesWord?: (word: WordDifference, judged: JudgedCase) => boolean;
}
