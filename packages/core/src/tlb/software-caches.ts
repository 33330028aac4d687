/** Gives every address space the software cache its machine wants. */
import type { TranslationContext } from "../machine/translation-context.js";
import { token } from "../token.js";

export interface SoftwareCaches {
  /** Sets `context.cache`. @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then */
  create(context: TranslationContext): void;
  /** Takes it away again, with its memory. */
  destroy(context: TranslationContext): void;
}

export const SOFTWARE_CACHES = token<SoftwareCaches>("software caches");

/** Machines without. */
export class NoSoftwareCaches implements SoftwareCaches {
  create(_context: TranslationContext): void {
    // page tables are all there is
  }

  destroy(_context: TranslationContext): void {
    // nothing was created
  }
}
