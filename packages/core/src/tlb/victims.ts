/** Which entry of a set makes room for a new translation, and what that does to those that stay. */
import type { ReplacementOrder } from "./replacement.js";
import { ENTRY_LOCKED, ENTRY_USED, ENTRY_WIRED, NO_FRONT, TOLD_FRONTS, type TlbEntry, type TlbSet } from "./tlb-entry.js";
import type { ToldFronts } from "./told-fronts.js";

/** What is imported is looked up at every use; these are constants to a compiler. */
const USED = ENTRY_USED;
/** An entry with one of these is not chosen while others are left. */
const STAYS = ENTRY_USED | ENTRY_LOCKED | ENTRY_WIRED;
const NOBODY = NO_FRONT;
const TOLD = TOLD_FRONTS;

/** The victims of one buffer. Where used bits say who goes, the fronts may know an entry only while its bit is set. */
export class Victims {
  readonly #order: ReplacementOrder;
  readonly #told: ToldFronts;
  /** 1 where used bits say which entry goes: a comparison of integers, where a boolean would be asked whether it is one. */
  readonly #byUse: number = 0;

  constructor(order: ReplacementOrder, told: ToldFronts, isByUse: boolean) {
    this.#order = order;
    this.#told = told;
    this.#byUse = isByUse ? 1 : 0;
  }

  /** The entry that a new translation goes into, or null where all are locked or wired. */
  choose(set: TlbSet): TlbEntry | null {
    const free = set.vacant > 0 ? this.#order.free(set) : null;
    if (free !== null) return free;
    return this.#byUse === 1 ? (this.#order.unused(set) ?? this.#startOver(set)) : this.#order.leaving(set);
  }

  /** The same for an access that uses the entry at once; null where the set has free entries as well. */
  chooseUsed(set: TlbSet): TlbEntry | null {
    if (set.vacant !== 0) return null;
    if (this.#byUse === 0) return this.#order.leaving(set);
    const { entries } = set;
    for (let way = set.hand; way < entries.length; way += 1) {
      const entry = entries[way];
      if ((entry.flags & STAYS) !== 0) continue;
      set.hand = way + 1;
      return entry;
    }
    return this.#startOver(set);
  }

  /** Every candidate is used: used bits go, those of locked entries too, and the next hit on each sets it again. */
  #startOver(set: TlbSet): TlbEntry | null {
    const first = this.#order.first(set);
    if (first === null) return null;
    const { starts } = this.#told;
    const { entries } = set;
    for (let way = 0; way < entries.length; way += 1) {
      const entry = entries[way];
      entry.flags &= ~USED;
      if (entry.at >= 0) {
        starts[entry.at] = 0;
        entry.at = NOBODY;
      } else if (entry.at === TOLD) this.#told.withdraw(entry);
    }
    return first;
  }
}
