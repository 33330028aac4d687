/**
 * ASIDs are handed out until there are none left; then the space that has been inactive longest loses its own. Every
 * ASID is purged from every TLB before somebody gets it, whether it was free or stolen: its last owner's translations
 * may still be there.
 *
 * ASIDs of inactive spaces form a doubly linked list in the order in which their spaces became inactive.
 *
 * @see HelenOS kernel/genarch/src/mm/asid.c and kernel/generic/src/mm/as.c, as_switch()
 */
import type { Architecture } from "../architecture/architecture.js";
import { PortolanError } from "../errors.js";
import type { Events } from "../events.js";
import type { Locks } from "../machine/locks.js";
import type { TranslationContext } from "../machine/translation-context.js";
import { ASID, type Invalidating } from "../tlb/shootdown-queue.js";
import type { Shootdown } from "../tlb/shootdown.js";
import type { AsidPolicy } from "./asid-policy.js";

const NONE = -1;

/** The policy `"steal-oldest"`. */
export class StealOldest implements AsidPolicy {
  stolen = 0;
  readonly #asids: Architecture["asids"];
  readonly #shootdown: Shootdown;
  readonly #local: () => Invalidating;
  readonly #locks: Locks;
  readonly #events: Events;
  /** Never handed out so far, and handed back, oldest first. */
  #fresh: number;
  readonly #returned: number[] = [];
  #returnedHead = 0;
  /** By ASID: the inactive space that has it, as far as ASIDs have been handed out, and its neighbours in the list. */
  readonly #idle: (TranslationContext | null)[];
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #oldest = NONE;
  #newest = NONE;

  /**
   * @param local the running processor
   * @throws PortolanError ERR_BAD_ARGUMENT if processors could have every ASID installed, leaving none to steal
   */
  constructor(
    architecture: Architecture,
    processors: number,
    shootdown: Shootdown,
    local: () => Invalidating,
    locks: Locks,
    events: Events,
  ) {
    this.#asids = architecture.asids;
    const allocable = this.#asids.last - this.#asids.first + 1;
    if (allocable <= processors)
      throw new PortolanError("ERR_BAD_ARGUMENT", { processors, asids: allocable, rule: "more ASIDs than processors" });
    this.#fresh = this.#asids.first;
    this.#idle = Array.from({ length: this.#asids.first }, () => null);
    this.#older = new Int32Array(this.#asids.last + 1);
    this.#newer = new Int32Array(this.#asids.last + 1);
    this.#shootdown = shootdown;
    this.#local = local;
    this.#locks = locks;
    this.#events = events;
  }

  switch(from: TranslationContext | null, to: TranslationContext): void {
    this.#locks.assertHeld("asid", 0);
    if (from !== null) {
      from.installedOn -= 1;
      if (from.installedOn === 0 && !from.isKernel) this.#append(from);
    }
    if (to.asid === this.#asids.invalid) this.#give(to);
    else this.#unlink(to);
    to.installedOn += 1;
  }

  release(context: TranslationContext): void {
    this.#locks.assertHeld("asid", 0);
    if (context.asid !== this.#asids.invalid && !context.isKernel) {
      this.#unlink(context);
      this.#returned.push(context.asid);
      const sink = this.#events.sink;
      if (sink !== null) sink({ kind: "asid", space: context.id, asid: context.asid, action: "release" });
      context.asid = this.#asids.invalid;
    }
  }

  #give(context: TranslationContext): void {
    const sink = this.#events.sink;
    let asid = this.#free();
    if (asid < 0) {
      const victim = this.#oldest === NONE ? null : this.#idle[this.#oldest];
      if (victim === null) throw new Error("every ASID is installed on a processor");
      this.#unlink(victim);
      asid = victim.asid;
      victim.asid = this.#asids.invalid;
      if (victim.cache !== null) victim.cache.invalidate(0, Infinity);
      this.stolen += 1;
      if (sink !== null) sink({ kind: "asid", space: victim.id, asid, action: "steal" });
    }
    this.#shootdown.start(ASID, asid, 0, 0);
    this.#local().invalidateAsid(asid);
    this.#shootdown.finalize();
    context.asid = asid;
    if (sink !== null) sink({ kind: "asid", space: context.id, asid, action: "allocate" });
  }

  #free(): number {
    if (this.#fresh <= this.#asids.last) {
      this.#idle.push(null);
      this.#fresh += 1;
      return this.#fresh - 1;
    }
    if (this.#returnedHead === this.#returned.length) return -1;
    const asid = this.#returned[this.#returnedHead];
    this.#returnedHead += 1;
    if (this.#returnedHead > 1024 && this.#returnedHead * 2 > this.#returned.length) {
      this.#returned.splice(0, this.#returnedHead);
      this.#returnedHead = 0;
    }
    return asid;
  }

  #append(context: TranslationContext): void {
    const { asid } = context;
    this.#idle[asid] = context;
    this.#older[asid] = this.#newest;
    this.#newer[asid] = NONE;
    if (this.#newest === NONE) this.#oldest = asid;
    else this.#newer[this.#newest] = asid;
    this.#newest = asid;
  }

  /** What is installed somewhere is not in the list, nor ever the kernel. */
  #unlink(context: TranslationContext): void {
    const { asid } = context;
    if (this.#idle[asid] !== context) return;
    const older = this.#older[asid];
    const newer = this.#newer[asid];
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    this.#idle[asid] = null;
  }
}
