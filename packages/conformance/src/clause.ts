/** Clauses are data: a rule in words, where it comes from, what it needs, under which traits it is repeated, how it is checked. */
import type { Feature } from "./features.js";
import type { Rig } from "./rig/rig.js";

export const GROUPS = {
  L0: "entry codec",
  L1: "walk and permissions",
  L2: "TLB, software caches and ASIDs",
  L3: "address spaces and areas",
  L4: "memory objects, forks, pagers and swap",
  L5: "several processors",
  L6: "memory images",
} as const;
export type Group = keyof typeof GROUPS;

/**
 * The state in which a clause finds the machine.
 * - `cold`: TLBs are empty at every access that is looked at
 * - `warm`: the page has been accessed before, so TLBs and software caches know what they may know
 * - `recycled`: the space has an ASID (on machines without: a processor) that another one had, with its pages at the same addresses
 * - `forked`: the space was born of a fork, and its parent lives on with pages of its own at the same addresses
 * - `swapped`: every page that can leave memory has left it before each access
 * - `other`: changes are made on one processor and looked at from another
 */
export const TRAITS = ["cold", "warm", "recycled", "forked", "swapped", "other"] as const;
export type Trait = (typeof TRAITS)[number];

/** All that make a difference to translations as they are mapped by hand. */
export const LOOKED_AT = ["cold", "warm", "recycled", "forked", "other"] as const satisfies readonly Trait[];

/** Returns, or resolves, if the rule holds; readers of memory images answer later. @throws Failure, Undecided */
export type Check = (rig: Rig) => void | Promise<void>;

/** What holds where a machine lacks what a clause needs: that it really lacks it. */
export interface Negative {
  readonly rule: string;
  readonly check: Check;
}

interface Common {
  /** Stable for ever: `L2.asid.reuse-must-miss`. */
  readonly id: string;
  readonly rule: string;
  /** A manual's section, or a clause of the contract. */
  readonly source: string;
  /** Version of the suite that brought it. */
  readonly since: string;
  readonly traits: readonly Trait[];
  readonly check: Check;
}

/** A clause that needs something of a machine says what holds where that is absent. */
export type Clause = Common &
  ({ readonly needs?: undefined; readonly otherwise?: undefined } | { readonly needs: readonly Feature[]; readonly otherwise: Negative });

export const groupOf = (id: string): Group => {
  const group = id.slice(0, 2);
  if (!Object.hasOwn(GROUPS, group)) throw new Error(`clause ${id} belongs to no group`);
  return group as Group;
};

/** Nothing to look at more than once. */
export const ONCE: readonly Trait[] = ["cold"];
