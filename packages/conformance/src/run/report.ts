/** What a run says: plain data, versioned, from which every format is made. */
import type { Group, Trait } from "../clause.js";
import type { Policy } from "../policies.js";

/**
 * - `PASS`, `FAIL`: the rule holds, or does not
 * - `XFAIL`, `XPASS`: it does not hold, as an expectation file says; it holds though one says that it does not
 * - `UNSUPPORTED`: the machine lacks what the clause needs, and the negative was tested and holds
 * - `UNRESOLVED`: it could not be decided with what was at hand
 * - `ERROR`: it could not be asked
 */
export const OUTCOMES = ["PASS", "FAIL", "XFAIL", "XPASS", "UNSUPPORTED", "UNRESOLVED", "ERROR"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Result {
  readonly clause: string;
  readonly group: Group;
  readonly trait: Trait;
  readonly policy: Policy;
  readonly outcome: Outcome;
  /** The rule that was checked: the clause's, or the negative's. */
  readonly rule: string;
  readonly source: string;
  /** What is wrong, lacking, or undecided; empty for PASS. */
  readonly detail: string;
  /** The smallest operations that show it, one JSON value a line. */
  readonly log: string;
  /** The command that does this one again. */
  readonly repeat: string;
}

export type Counts = Readonly<Record<Outcome, number>>;

export const REPORT_FORMAT = 1;

export interface Report {
  readonly format: typeof REPORT_FORMAT;
  readonly suite: { readonly version: string; readonly hash: string; readonly clauses: number };
  readonly subject: { readonly name: string; readonly title: string; readonly way: "in-process" | "child" };
  readonly profile: string;
  readonly profileHash: string;
  readonly seed: number;
  readonly policies: readonly Policy[];
  readonly isLong: boolean;
  /** Clauses that a filter left out. */
  readonly leftOut: number;
  readonly counts: Counts;
  /** No clause left out, none undecided, none expected to fail, none failed. */
  readonly isCertified: boolean;
  readonly results: readonly Result[];
}

export const countOutcomes = (results: readonly Result[]): Counts => {
  const counts: Record<Outcome, number> = { PASS: 0, FAIL: 0, XFAIL: 0, XPASS: 0, UNSUPPORTED: 0, UNRESOLVED: 0, ERROR: 0 };
  for (const { outcome } of results) counts[outcome] += 1;
  return counts;
};

/** Exit status 0 is for runs without FAIL, XPASS and ERROR; a certified profile wants a certified run. */
export const isGood = ({ counts, profile, isCertified }: Report): boolean =>
  counts.FAIL + counts.XPASS + counts.ERROR === 0 && (profile !== "certified" || isCertified);
