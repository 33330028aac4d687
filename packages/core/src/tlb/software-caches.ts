/** Gives every address space the software cache its machine wants. */
import type { TranslationContext } from "../machine/translation-context.js";
import { token } from "../token.js";

/** Makes and unmakes the {@link SoftwareCache} of each space; the machine's port brings one where it has such caches. */
export interface SoftwareCaches {
  /** Sets `context.cache`. @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then */
  create(context: TranslationContext): void;
  /** Takes it away again, with its memory. */
  destroy(context: TranslationContext): void;
}

/** The maker of software caches; {@link NoSoftwareCaches} unless the port brings its own. */
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
