/**
 * Cutting areas in two. Everything that may fail is done first, for all cuts of an operation together; what follows
 * cannot fail.
 */
import { lockObject, unlockObject } from "../objects/object-lock.js";
import type { AddressSpace } from "./address-space.js";
import { offsetInto } from "./each-range.js";
import { mergeWithNext } from "./merge-areas.js";

const WHOLE = { guarded: { partial: false, guard: true }, plain: { partial: false, guard: false } } as const;

/**
 * The cuts of one operation: `at` every page first, then `carryOut`, or `abandon`. Where something that may fail comes after
 * them they are made undoable: `undo` or `settle` is the end then.
 */
export class Splits {
  readonly #space: AddressSpace;
  /** Promises of others, which are none of ours. */
  readonly #promised: number;
  readonly #uppers: number[] = [];
  /** Insertions of areas that are no part of another. */
  #insertions = 0;

  readonly #isUndoable: boolean;

  constructor(space: AddressSpace, isUndoable = false) {
    this.#space = space;
    this.#isUndoable = isUndoable;
    this.#promised = space.parts.areas.used.trees.reserved;
  }

  /**
   * There shall be an area that begins at `page`. If none has pages on both sides of it, there is nothing to do.
   * @throws PortolanError ERR_OUT_OF_MEMORY; all cuts are abandoned then
   */
  at(page: number): void {
    const { areas } = this.#space.parts;
    const area = this.#space.tree.find(page);
    if (area < 0 || areas.firstOf(area) === page || this.#uppers.some((upper) => areas.firstOf(upper) === page)) return;
    try {
      this.#uppers.push(this.#prepare(area, page));
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /**
   * One area may lose the used pages of a part of it that has others on both sides.
   * @throws PortolanError ERR_OUT_OF_MEMORY; all cuts are abandoned then
   */
  promiseGap(): void {
    try {
      this.#space.parts.areas.used.trees.reserve(1);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** An area shall lose its front. @throws PortolanError ERR_OUT_OF_MEMORY; all cuts are abandoned then */
  prepareOffsets(): void {
    try {
      this.#space.parts.areas.prepareOffsets();
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /**
   * Promises the next insertion of another area into the tree that it cannot fail; `abandon` takes it back.
   * @throws PortolanError ERR_OUT_OF_MEMORY; all cuts are abandoned then
   */
  promiseInsert(): void {
    const { trees } = this.#space.parts.areas;
    try {
      trees.reserve(1);
      this.#insertions += 1;
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** Cuts. Never fails. @param keepsPromises until `settle` */
  carryOut(keepsPromises = this.#isUndoable): void {
    const { areas } = this.#space.parts;
    for (let index = 0; index < this.#uppers.length; index += 1) {
      const upper = this.#uppers[index];
      this.#carryOut(this.#space.tree.find(areas.firstOf(upper)), upper);
    }
    if (!keepsPromises) this.settle();
  }

  /** Nothing can fail any more: what was promised for undoing is not needed. */
  settle(): void {
    this.#space.parts.areas.used.settlePromises(this.#promised);
  }

  /** After `carryOut`: what was cut is one again. Never fails. */
  undo(): void {
    const { tree } = this.#space;
    for (const upper of this.#uppers.reverse()) {
      if (!mergeWithNext(this.#space, tree.previous(upper), true)) throw new Error("what was one area cannot be one again");
    }
    this.settle();
  }

  /** Gives back what was prepared: nothing has happened. Never fails. */
  abandon(): void {
    const { areas } = this.#space.parts;
    areas.trees.unreserve(this.#uppers.length + this.#insertions);
    this.#insertions = 0;
    for (const upper of this.#uppers) areas.destroy(upper);
    this.#uppers.length = 0;
    areas.used.settlePromises(this.#promised);
  }

  /** A record for what will lie above `page`, in no tree yet, and promises for its place and its used pages. */
  #prepare(area: number, page: number): number {
    const { areas } = this.#space.parts;
    const traits = areas.isGuarded(area) ? WHOLE.guarded : WHOLE.plain;
    const upper = areas.create(this.#space.id, page, areas.endOf(area) - page, areas.flagsOf(area), traits);
    try {
      areas.setTraits(upper, areas.traitsOf(area));
      areas.setBackend(upper, areas.backendOf(area));
      areas.setObject(upper, areas.objectOf(area), offsetInto(this.#space, area, page - areas.firstOf(area)));
      areas.used.reserveDivision(area, page);
      if (this.#isUndoable) areas.used.reserveDivision(area, page);
      areas.trees.reserve(1);
    } catch (error) {
      areas.destroy(upper);
      throw error;
    }
    return upper;
  }

  #carryOut(area: number, upper: number): void {
    const space = this.#space;
    const { areas, locks, events } = space.parts;
    const page = areas.firstOf(upper);
    locks.acquire("area", area);
    areas.setPages(upper, areas.endOf(area) - page);
    areas.setPages(area, page - areas.firstOf(area));
    areas.used.divide(area, page, upper);
    space.tree.insert(upper);
    const object = areas.objectOf(upper);
    if (object !== null) {
      lockObject(locks, object);
      object.link(upper);
      unlockObject(locks, object);
    }
    locks.release("area", area);
    if (events.sink !== null) events.sink({ kind: "area", space: space.id, first: page, pages: areas.pagesOf(upper), action: "split" });
  }
}
