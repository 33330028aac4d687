/**
 * Losing a mapping is a protocol, and this is the one place where it is written down:
 *
 * 1. stop the other processors (the address space's number is read once under the ASID lock, which is held to the end: the
 *    space can neither lose its number nor be given one by a switch meanwhile);
 * 2. edit the tables;
 * 3. forget on this processor and in software caches;
 * 4. let the others go: each carries its messages out before it translates again;
 * 5. only then let frames and empty tables go.
 *
 * A space without a valid ASID has no TLB entries anywhere, so nobody is stopped; its software cache is purged all the
 * same.
 *
 * @see HelenOS kernel/generic/src/mm/as.c, every use of tlb_shootdown_start()
 */
import type { Architecture } from "../architecture/architecture.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { Locks } from "../machine/locks.js";
import type { Preemption } from "../machine/scheduler.js";
import type { TranslationContext } from "../machine/translation-context.js";
import { ALL, PAGES, type Invalidating } from "../tlb/shootdown-queue.js";
import type { Shootdown } from "../tlb/shootdown.js";
import { StaleTranslations } from "./stale.js";

/** Page tables that can free a table which a settled debt no longer needs. */
export interface TableFreeing {
  freeTable(unit: number): void;
}

/** The protocol of one machine. One withdrawal is open at a time; who begins one settles it, whatever happens in between. */
export class Withdrawals {
  readonly #debt = new StaleTranslations();
  readonly #releaseFrame: (frame: number) => void;
  readonly #freeTable: (unit: number) => void;
  readonly #invalid: number;
  readonly #kernelIsEverywhere: boolean;
  readonly #shootdown: Shootdown;
  readonly #local: () => Invalidating;
  readonly #locks: Locks;
  readonly #preemption: Preemption;
  #context: TranslationContext | null = null;
  #asid = 0;
  #first = 0;
  #count = 0;
  /** Others were stopped, and are to be let go. */
  #hasStopped = false;

  constructor(
    architecture: Architecture,
    shootdown: Shootdown,
    local: () => Invalidating,
    frames: FrameAllocator,
    tables: TableFreeing,
    locks: Locks,
    preemption: Preemption,
  ) {
    this.#invalid = architecture.asids.invalid;
    const { tlb, can, asids, layout } = architecture;
    const { anyAsid, dropsGlobal } = tlb.invalidation.page;
    const isFound = asids.bits === 0 || anyAsid || (can.global && tlb.honoursGlobal === true);
    this.#kernelIsEverywhere = !layout.kernelAddressSpaceShadowed && !(isFound && dropsGlobal);
    this.#shootdown = shootdown;
    this.#local = local;
    this.#locks = locks;
    this.#preemption = preemption;
    this.#releaseFrame = (frame) => void frames.release(frame);
    this.#freeTable = (unit) => tables.freeTable(unit);
  }

  /** Somebody owes a settlement. */
  get isOpen(): boolean {
    return this.#context !== null;
  }

  /** What is owed while one is open. */
  get debt(): StaleTranslations {
    return this.#debt;
  }

  /** Opens a withdrawal of pages [first, first + count), of all if `count` is Infinity. What is removed is entered into the debt that is returned. */
  begin(context: TranslationContext, first: number, count: number): StaleTranslations {
    this.#locks.acquire("page-table", context.id);
    this.#locks.acquire("asid", 0);
    if (this.#context !== null) throw new Error("a withdrawal is open already");
    this.#context = context;
    this.#first = first;
    this.#count = count;
    this.#asid = context.asid;
    this.#hasStopped = this.#asid !== this.#invalid && !this.#shootdown.isNeedless;
    if (this.#hasStopped) this.#shootdown.start(this.#isEverywhere(context) ? ALL : PAGES, this.#asid, first, count);
    return this.#debt;
  }

  /** Settles it. Nobody can reach what was removed any more when this returns. */
  settle(): void {
    const context = this.#context;
    if (context === null) throw new Error("no withdrawal is open");
    this.#preemption.at("tables-edited");
    if (this.#asid !== this.#invalid) this.#forget(context, this.#asid, this.#first, this.#count);
    if (context.cache !== null) context.cache.invalidate(this.#first, this.#count);
    this.#preemption.at("invalidated-locally");
    this.#context = null;
    if (this.#hasStopped) this.#shootdown.finalize();
    this.#locks.release("asid", 0);
    this.#locks.release("page-table", context.id);
    this.#debt.settle(this.#releaseFrame, this.#freeTable);
    this.#preemption.at("frames-released");
  }

  /** This processor drops what it holds for one page, because the tables permit more by now. */
  forgetLocally(context: TranslationContext, page: number): void {
    this.#locks.acquire("asid", 0);
    if (context.asid !== this.#invalid) this.#forget(context, context.asid, page, 1);
    if (context.cache !== null) context.cache.invalidate(page, 1);
    this.#locks.release("asid", 0);
  }

  #forget(context: TranslationContext, asid: number, page: number, count: number): void {
    if (this.#isEverywhere(context)) this.#local().invalidateAll();
    else this.#local().invalidatePages(asid, page, count);
  }

  /** Entries for the kernel's pages may lie under any tag, and naming the kernel's does not drop them. */
  #isEverywhere(context: TranslationContext): boolean {
    return context.isKernel && this.#kernelIsEverywhere;
  }
}
