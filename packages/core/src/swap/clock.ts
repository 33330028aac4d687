/**
 * Which pages leave memory when frames are short: a clock. Its hand goes round over the resident pages of all objects that
 * may lose some, shadows, shared memory and files. A page that was used since the hand was there last is spared, and its
 * mark of use is taken away; one that was not goes. A page that came in since is passed once, whatever it did.
 *
 * Machines tell what was used by the accessed marks of their entries, be it hardware, refill code or a fault handler that
 * sets them. Where entries have no such mark the hand takes the entries away instead: who uses the page faults, and a page
 * that is still unmapped when the hand comes again was not used.
 *
 * Private areas whose pages are known to their entries alone are given a shadow when a round begins: a page must belong to
 * an object before it can go.
 *
 * @see Corbató, "A Paging Experiment with the Multics System", 1968; second chance in any textbook
 */
import { isUnmaterialised, materialise } from "../address-space/materialise.js";
import type { SpaceParts } from "../address-space/parts.js";
import { PAGE_ACCESSED } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";
import { FileObject } from "../objects/file-object.js";
import { ImageObject } from "../objects/image-object.js";
import type { MemoryObject } from "../objects/memory-object.js";
import { BUSY, DIRTY, NO_SLOT, PASSED, WIRED } from "../objects/page-cache.js";
import type { Swapper } from "./swapper.js";
import { dropPage, eachMappingUnlocked, unmapPage, type SwappableObject } from "./unmap-page.js";

/** What a round of reclaiming came to. */
export type Progress = "frames" | "later" | "nothing";

/** Rounds of the hand in one call: one may end what another began, one takes marks away, one takes pages. */
const MOST_ROUNDS = 3;
/** Dirty pages of a file that are written together. */
const FLUSHED_TOGETHER = 16;
/** Pages that may be on their way out at once, for slow devices. */
const MOST_DEPARTING = 64;

/** The clock of one machine. */
export class Clock {
  /** Pages that the hand has passed, ever. */
  passed = 0;
  readonly #parts: SpaceParts;
  readonly #swapper: Swapper | null;
  readonly #recordsAccess: boolean;
  /** The objects of this round; one that has gone since has no pages. */
  #ring: readonly SwappableObject[] = [];
  #at = 0;
  #offset = 0;
  #isAtWork = false;

  /** @param swapper null where there is no swap device: clean pages of files are all that goes then */
  constructor(parts: SpaceParts, swapper: Swapper | null) {
    this.#parts = parts;
    this.#swapper = swapper;
    this.#recordsAccess = parts.architecture.can.recordAccess !== "no";
  }

  /**
   * Tries to free frames. No lock is held.
   * @param wanted how many it tries for
   * @returns "frames" if there are more than before; "later" if there will be when pages have been written; else "nothing"
   */
  reclaim(wanted: number): Progress {
    // Somebody who writes a page for us may be short of frames too.
    if (this.#isAtWork) return "nothing";
    this.#isAtWork = true;
    try {
      return this.#turn(wanted);
    } finally {
      this.#isAtWork = false;
    }
  }

  #turn(wanted: number): Progress {
    const { frames } = this.#parts;
    const before = frames.free;
    // What is on its way out already counts: with a slow device nothing is free at once, and not everything shall go.
    for (let rounds = 0; frames.free < before + wanted && this.#departing() < Math.min(wanted, MOST_DEPARTING);) {
      if (this.#findNext()) {
        this.#visitIfPossible(this.#ring[this.#at], this.#offset);
        this.#offset += 1;
      } else {
        rounds += 1;
        if (rounds > MOST_ROUNDS) break;
        this.#gather();
        if (!this.#ring.some((object) => this.#couldFree(object))) break;
      }
    }
    if (frames.free > before) return "frames";
    return this.#departing() > 0 ? "later" : "nothing";
  }

  #departing(): number {
    return this.#swapper === null ? 0 : this.#swapper.departing;
  }

  /** Moves the hand to the next resident page. False at the end of the round. */
  #findNext(): boolean {
    for (; this.#at < this.#ring.length; this.#at += 1) {
      const offset = this.#ring[this.#at].cache.nextResident(this.#offset);
      if (offset >= 0) {
        this.#offset = offset;
        return true;
      }
      this.#offset = 0;
    }
    return false;
  }

  /** A new round: every object that areas show, and every file. */
  #gather(): void {
    const { areas, files } = this.#parts;
    const found = new Set<SwappableObject>(files);
    const kernels = new Set<MemoryObject>();
    for (let area = 0; area < areas.rows; area += 1) {
      if (!areas.isArea(area)) continue;
      const { isKernel } = this.#parts.spaceOf(area).context;
      if (this.#swapper !== null && !isKernel) this.#giveShadow(area);
      for (let object = areas.objectOf(area); object !== null; object = object.below ?? null) {
        if (isKernel) kernels.add(object);
        else if (this.#swapper !== null && isSwappable(object)) found.add(object);
      }
    }
    // The kernel does not expect its memory to be away.
    this.#ring = Array.from(found).filter((object) => !kernels.has(object) && object.cache.pages > 0);
    this.#at = 0;
    this.#offset = 0;
  }

  /** Pages that only entries know come to belong to an object. Where there is no memory for one, they stay. */
  #giveShadow(area: number): void {
    const { areas, locks, spaceOf } = this.#parts;
    if (areas.used.pagesOf(area) === 0) return;
    const space = spaceOf(area);
    locks.acquire("address-space", space.id);
    try {
      if (areas.isArea(area) && areas.spaceOf(area) === space.id && !areas.isPartial(area) && isUnmaterialised(space, area))
        materialise(space, area);
    } catch (error) {
      if (!isShortage(error)) throw error;
    } finally {
      locks.release("address-space", space.id);
    }
  }

  /** Has the object a page that could go, as far as slots allow? */
  #couldFree(object: SwappableObject): boolean {
    const { cache } = object;
    const swapper = this.#swapper;
    if (object instanceof FileObject) return swapper !== null || object.dirtyPages < cache.pages;
    if (object instanceof ImageObject) return true;
    return swapper !== null && (swapper.slots.free > 0 || cache.slots > cache.swapped);
  }

  /** A page that could not be unmapped for want of memory stays. */
  #visitIfPossible(object: SwappableObject, offset: number): void {
    try {
      this.#visit(object, offset);
    } catch (error) {
      if (!isShortage(error)) throw error;
    }
  }

  /** The hand is at a page: it is passed, or goes. */
  #visit(object: SwappableObject, offset: number): void {
    const { frames } = this.#parts;
    const { cache } = object;
    this.passed += 1;
    const marks = cache.marksOf(offset);
    const frame = cache.get(offset);
    if ((marks & (BUSY | WIRED)) !== 0 || frames.references(frame) < 1 || this.#swapper?.isDeparting(frame) === true) return;
    if (!this.#mayGo(object, offset)) return;
    const wasUsed = this.#wasUsed(object, offset, frame);
    if (cache.get(offset) !== frame) return;
    if (wasUsed || (marks & PASSED) === 0) cache.mark(offset, PASSED);
    else if (object instanceof FileObject) this.#dropFrom(object, offset);
    // What an image shows is as it was loaded: it is made again when it is wanted.
    else if (object instanceof ImageObject) dropPage(this.#parts, object, offset);
    else this.#swapper?.pageOut(object, offset);
  }

  /** Is there a place for the page to go to? */
  #mayGo(object: SwappableObject, offset: number): boolean {
    if (object instanceof FileObject) return this.#swapper !== null || (object.cache.marksOf(offset) & DIRTY) === 0;
    if (object instanceof ImageObject) return true;
    return this.#swapper !== null && (this.#swapper.slots.free > 0 || object.cache.slotOf(offset) !== NO_SLOT);
  }

  #dropFrom(file: FileObject, offset: number): void {
    if (!file.isClean(offset)) file.flush(offset, FLUSHED_TOGETHER);
    if (!file.isGone) file.dropClean(offset, 1);
  }

  /** Was a page used since the hand was here last? Whoever uses it from now on leaves a mark, or faults. */
  #wasUsed(object: SwappableObject, offset: number, frame: number): boolean {
    if (!this.#recordsAccess) return unmapPage(this.#parts, object, offset) > 0;
    const { areas, tables, withdrawals, spaceOf } = this.#parts;
    let wasUsed = false;
    const isAccessed = (): boolean => (tables.found.flags & PAGE_ACCESSED) !== 0;
    eachMappingUnlocked(this.#parts, object, offset, isAccessed, (area, page) => {
      wasUsed = true;
      if (!areas.isArea(area)) return;
      const { context } = spaceOf(area);
      const debt = withdrawals.begin(context, page, 1);
      if (tables.find(context, page) && tables.found.frame === frame) tables.testAndClearAccessed(context, page, debt);
      withdrawals.settle();
    });
    return wasUsed;
  }
}

const isSwappable = (object: MemoryObject): object is SwappableObject =>
  object.kind === "shadow" || object.kind === "shared" || object instanceof ImageObject;

const isShortage = (error: unknown): boolean => error instanceof PortolanError && error.errno === "ENOMEM";
