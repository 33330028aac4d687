/**
 * What processors, TLBs and page tables need to know of an address space. The address space itself lives upstairs and
 * holds one of these.
 */
import type { SoftwareCache } from "../tlb/software-cache.js";

/** `root` of a context that has no tree. */
export const NO_ROOT = -1;

/** An address space as the hardware sees it: root, tag and software cache. */
export class TranslationContext {
  /** Unique for the life of the machine, never reused; 0 is the kernel's. */
  readonly id: number;
  readonly isKernel: boolean;
  /** Physical address of the root table, in bytes; `NO_ROOT` on machines without trees. */
  root = NO_ROOT;
  /** The tag of this space's TLB entries; the architecture's `invalid` while it has none. Guarded by the ASID lock. */
  asid: number;
  /** On how many processors it is installed. Guarded by the ASID lock. */
  installedOn = 0;
  /** Pages mapped; kept by page tables that are shared by all spaces and cannot tell otherwise. */
  mappedPages = 0;
  /** The software cache of translations that belongs to this space (a TSB), where the machine has such. */
  cache: SoftwareCache | null = null;

  constructor(id: number, isKernel: boolean, asid: number) {
    this.id = id;
    this.isKernel = isKernel;
    this.asid = asid;
  }
}
