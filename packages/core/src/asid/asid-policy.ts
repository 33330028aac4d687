/** Who has which address-space identifier. */
import type { TranslationContext } from "../machine/translation-context.js";
import { token } from "../token.js";

/** The ASID lock is held around every call. */
export interface AsidPolicy {
  /**
   * The accounting of a switch: `from` is installed on one processor less, `to` on one more and has an ASID afterwards.
   * A freshly given ASID has been purged everywhere.
   */
  switch(from: TranslationContext | null, to: TranslationContext): void;
  /** The space is going: nobody has it installed. Its ASID may be given to another. */
  release(context: TranslationContext): void;
  /** How often an ASID was taken from an inactive space. */
  readonly stolen: number;
}

/** The part that gives and takes ASIDs: which of the two policies it is, the architecture says (`asids.policy`). */
export const ASID_POLICY = token<AsidPolicy>("ASID policy");
