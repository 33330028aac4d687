/** Machines whose TLB entries carry no tag: every user space has the same number, and loading a root forgets the rest. */
import type { Architecture } from "../architecture/architecture.js";
import type { TranslationContext } from "../machine/translation-context.js";
import type { AsidPolicy } from "./asid-policy.js";

/** The policy `"fixed"`. */
export class FixedAsid implements AsidPolicy {
  readonly stolen = 0;
  readonly #asids: Architecture["asids"];

  constructor(architecture: Architecture) {
    this.#asids = architecture.asids;
  }

  switch(from: TranslationContext | null, to: TranslationContext): void {
    if (from !== null) from.installedOn -= 1;
    to.installedOn += 1;
    if (!to.isKernel) to.asid = this.#asids.first;
  }

  release(context: TranslationContext): void {
    context.asid = this.#asids.invalid;
  }
}
