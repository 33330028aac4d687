/**
 * Cutting areas in two. Everything that may fail is done first, for all cuts of an operation together; what follows
 * cannot fail.
 */
import type { AreaTable } from "../area/area-table.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import type { AddressSpace } from "./address-space.js";
import { offsetInto } from "./each-range.js";
import { mergeWithNext } from "./merge-areas.js";

/** Cuts of one operation at most: a mapping that moves onto others has three, and they one. */
const MOST = 4;

/**
 * The cuts of one operation under the lock of its space: `begin`, `at` every page, then `carryOut`, or `abandon`. Where
 * something that may fail comes after them they are made undoable: `undo` or `settle` is the end then. One for a space,
 * so that an operation makes no garbage.
 */
export class Splits {
  readonly #space: AddressSpace;
  readonly #areas: AreaTable;
  readonly #lowers = new Int32Array(MOST);
  readonly #uppers = new Int32Array(MOST);
  #count = 0;
  /** Promises of others, which are none of ours. */
  #promised = 0;
  /** Insertions of areas that are no part of another. */
  #insertions = 0;
  #isUndoable = false;

  constructor(space: AddressSpace) {
    this.#space = space;
    this.#areas = space.parts.areas;
  }

  /** Cuts so far. */
  get count(): number {
    return this.#count;
  }

  /** The area that begins, or will begin, at the page of the last cut. */
  get latest(): number {
    return this.#uppers[this.#count - 1];
  }

  /** Forgets the cuts of the operation before. */
  begin(isUndoable = false): this {
    this.#count = 0;
    this.#insertions = 0;
    this.#isUndoable = isUndoable;
    this.#promised = this.#areas.used.trees.reserved;
    return this;
  }

  /**
   * There shall be an area that begins at `page`. If none has pages on both sides of it, there is nothing to do.
   * @throws PortolanError ERR_OUT_OF_MEMORY; all cuts are abandoned then
   */
  at(page: number): void {
    const area = this.#space.tree.find(page);
    if (area >= 0) this.cut(area, page);
  }

  /** As `at`, where the area that has the page is known. */
  cut(area: number, page: number): void {
    const areas = this.#areas;
    if (areas.firstOf(area) === page) return;
    for (let index = 0; index < this.#count; index += 1) if (areas.firstOf(this.#uppers[index]) === page) return;
    try {
      this.#uppers[this.#count] = this.#prepare(area, page);
    } catch (error) {
      this.abandon();
      throw error;
    }
    this.#lowers[this.#count] = area;
    this.#count += 1;
  }

  /**
   * One area may lose the used pages of a part of it that has others on both sides.
   * @throws PortolanError ERR_OUT_OF_MEMORY; all cuts are abandoned then
   */
  promiseGap(): void {
    try {
      this.#areas.used.trees.reserve(1);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** An area shall lose its front. @throws PortolanError ERR_OUT_OF_MEMORY; all cuts are abandoned then */
  prepareOffsets(): void {
    try {
      this.#areas.prepareOffsets();
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
    const { trees } = this.#areas;
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
    for (let index = 0; index < this.#count; index += 1) this.#carryOut(this.#lowerOf(index), this.#uppers[index]);
    if (!keepsPromises) this.settle();
  }

  /** Nothing can fail any more: what was promised for undoing is not needed. */
  settle(): void {
    this.#areas.used.settlePromises(this.#promised);
  }

  /** After `carryOut`: what was cut is one again. Never fails. */
  undo(): void {
    const { tree } = this.#space;
    for (let index = this.#count - 1; index >= 0; index -= 1) {
      const upper = this.#uppers[index];
      if (!mergeWithNext(this.#space, tree.previous(upper), upper, true)) throw new Error("what was one area cannot be one again");
    }
    this.settle();
  }

  /** Gives back what was prepared: nothing has happened. Never fails. */
  abandon(): void {
    const areas = this.#areas;
    areas.trees.unreserve(this.#count + this.#insertions);
    for (let index = 0; index < this.#count; index += 1) areas.destroy(this.#uppers[index]);
    this.#count = 0;
    this.#insertions = 0;
    areas.used.settlePromises(this.#promised);
  }

  /** A record for what will lie above `page`, in no tree yet, and promises for its place and its used pages. */
  #prepare(area: number, page: number): number {
    const areas = this.#areas;
    const upper = areas.createPart(area, page, offsetInto(this.#space, area, page - areas.firstOf(area)));
    try {
      areas.used.reserveDivision(area, page);
      if (this.#isUndoable) areas.used.reserveDivision(area, page);
      areas.trees.reserve(1);
    } catch (error) {
      areas.destroy(upper);
      throw error;
    }
    return upper;
  }

  /** The area that a cut is made in, when those before it are made: what was one may be two by now. */
  #lowerOf(index: number): number {
    let lower = this.#lowers[index];
    if (index === 0) return lower;
    const areas = this.#areas;
    const page = areas.firstOf(this.#uppers[index]);
    for (let before = 0; before < index; before += 1) {
      const upper = this.#uppers[before];
      if (this.#lowers[before] !== this.#lowers[index] || areas.firstOf(upper) > page) continue;
      if (areas.firstOf(upper) > areas.firstOf(lower)) lower = upper;
    }
    return lower;
  }

  #carryOut(area: number, upper: number): void {
    const space = this.#space;
    const { areas, locks, events } = space.parts;
    const page = areas.firstOf(upper);
    locks.acquire("area", area);
    areas.cutAt(area, upper);
    if (areas.used.pagesOf(area) > 0) areas.used.divide(area, page, upper);
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
