import type { Access, Rights } from "../architecture/rights.js";
import type { WalkStep } from "../architecture/walk.js";
import type { Cpu } from "../machine/cpu.js";

/**
 * A cache of translations that lives in memory and that software fills: sparc64's TSB. It is looked into before the
 * page tables are, so whoever removes a translation must purge it here too, before the shootdown is finalized.
 *
 * @see HelenOS as_invalidate_translation_cache() in kernel/generic/include/mm/as.h
 */
export interface SoftwareCache {
  /** Forgets translations of `count` pages (the machine's pages) from `page`; all of them if `count` is Infinity. */
  invalidate(page: number, count: number): void;
  /** The space is being installed on a processor, or taken off it: registers that point here are written. */
  install(cpu: Cpu): void;
  /** The space is taken off a processor: its registers point to nothing of this cache afterwards. */
  deinstall(cpu: Cpu): void;
  /** Bytes of physical memory it occupies. */
  readonly bytes: number;
  /** Calls `visit` for every frame it lies in. For the checker. */
  eachFrame(visit: (frame: number) => void): void;
  /** Calls `visit` for every translation it would give: hardware page and frame, tag, rights. For the checker. */
  eachTranslation(visit: (page: number, frame: number, asid: number, rights: Rights) => void): void;
  /** The registers that say where it lies, by the manual's names, as they are while its space is installed. For dumps. Absent: there are none. */
  readonly registers?: Readonly<Record<string, bigint>>;
  /** The slot that an access to this address looks into, in words. */
  explain(address: bigint, access: Access): WalkStep;
}
