/**
 * The records of all areas of one machine: a struct of arrays, one column per property, and an area is a row number.
 * With its place in the tree of its space an area takes about 64 bytes.
 *
 * An area's used space is the slot of its own number; the trees of all spaces share one pool of nodes.
 */
import { AllocationGate, allocated, grownCapacity } from "../allocation-gate.js";
import type { Backend } from "../backends/backend.js";
import { OrderedPool } from "../collections/ordered-map.js";
import { PortolanError } from "../errors.js";
import type { MemoryObject } from "../objects/memory-object.js";
import { UsedSpaces } from "../used-space/used-space.js";
import type { AreaFlags } from "./area-flags.js";
import { Interned } from "./interned.js";

/** No area. */
export const NO_AREA = -1;

/** What else a new area is. */
export interface AreaTraits {
  /** Being built: faults are refused until `setPartial(area, false)`. @see HelenOS AS_AREA_ATTR_PARTIAL */
  readonly partial: boolean;
  /** Wants a free page between itself and its neighbours. @see HelenOS AS_AREA_GUARD */
  readonly guard: boolean;
}

/** The word of an area: its flags below, and above them what only the core says. */
const FLAGS = 0x0fff;
const PARTIAL = 0x1000;
const GUARDED = 0x2000;

/** Names keep the row in the low 26 bits and the generation above, and stay exact integers. */
const ROWS = 2 ** 26;
const GENERATIONS = 2 ** 26;
/** Backends that sixteen bits can name; the column widens when there are more. */
const NARROW = 0xffff;

export class AreaTable {
  /** Which pages of an area have a mapping; slot = area. */
  readonly used: UsedSpaces;
  /** Nodes of the trees that order areas by address; one map per space, first page → area. */
  readonly trees: OrderedPool;
  readonly #gate: AllocationGate;
  readonly #objects = new Interned<MemoryObject>();
  readonly #backends = new Interned<Backend>();
  #first: Float64Array;
  #pages: Float64Array;
  #word: Uint16Array;
  // −1 = no area in this row.
  #space: Int32Array;
  // Of a free row: the next free one.
  #object: Int32Array;
  #generation: Uint32Array;
  // One more than the backend's number, 0 = none.
  #backend: Uint16Array | Int32Array;
  // Where in its object an area begins. Few areas begin elsewhere than at 0: the first of them makes the column.
  #offset: Float64Array | null = null;
  #freeRow = NO_AREA;
  #rowsEver = 0;
  #count = 0;

  /** @param rows room for so many areas at first */
  constructor(gate: AllocationGate = new AllocationGate(), rows = 16) {
    this.#gate = gate;
    this.trees = new OrderedPool({ values: "int32", bounds: true, gate, name: "area tree node" });
    this.used = new UsedSpaces(gate, rows);
    this.#first = new Float64Array(rows);
    this.#pages = new Float64Array(rows);
    this.#word = new Uint16Array(rows);
    this.#space = new Int32Array(rows).fill(-1);
    this.#object = new Int32Array(rows);
    this.#generation = new Uint32Array(rows);
    this.#backend = new Uint16Array(rows);
  }

  /** Areas that exist. */
  get count(): number {
    return this.#count;
  }

  /** Rows ever in use: areas are numbered below this. */
  get rows(): number {
    return this.#rowsEver;
  }

  /** Bytes of all columns, trees and used spaces, room to grow included. */
  get bytes(): number {
    return (
      this.#first.byteLength +
      this.#pages.byteLength +
      this.#word.byteLength +
      this.#space.byteLength +
      this.#object.byteLength +
      this.#generation.byteLength +
      this.#backend.byteLength +
      (this.#offset?.byteLength ?? 0) +
      this.used.bytes +
      this.trees.bytes
    );
  }

  /**
   * A record for a new area: no object, no backend, nothing used. It is in no tree yet. The row freed last comes first.
   *
   * @param space number of its address space, 0 or more
   * @param first page number
   * @param pages at least 1
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  create(space: number, first: number, pages: number, flags: AreaFlags, traits: AreaTraits): number {
    this.#gate.pass("area record");
    let area = this.#freeRow;
    if (area === NO_AREA) {
      area = this.#rowsEver;
      if (area === this.#space.length) this.#grow(area + 1);
      this.#rowsEver = area + 1;
    } else {
      this.#freeRow = this.#object[area];
    }
    this.#first[area] = first;
    this.#pages[area] = pages;
    this.#word[area] = (flags & FLAGS) | (traits.partial ? PARTIAL : 0) | (traits.guard ? GUARDED : 0);
    this.#space[area] = space;
    this.#object[area] = -1;
    this.#count += 1;
    return area;
  }

  /** Ends an area that is in no tree any more: its used space is forgotten, its names are stale. Never fails. */
  destroy(area: number): void {
    if (!this.isArea(area)) throw new Error(`row ${area} holds no area`);
    this.used.clear(area);
    this.#objects.drop(this.#object[area]);
    this.#backends.drop(this.#backend[area] - 1);
    this.#backend[area] = 0;
    if (this.#offset !== null) this.#offset[area] = 0;
    this.#space[area] = -1;
    this.#generation[area] = (this.#generation[area] + 1) % GENERATIONS;
    this.#object[area] = this.#freeRow;
    this.#freeRow = area;
    this.#count -= 1;
  }

  /** True if the row holds an area now. */
  isArea(area: number): boolean {
    return area >= 0 && area < this.#rowsEver && this.#space[area] >= 0;
  }

  /** First page. */
  firstOf(area: number): number {
    return this.#first[area];
  }

  /** Pages, at least 1. */
  pagesOf(area: number): number {
    return this.#pages[area];
  }

  /** The tree of the space has to be told: `AreaTree.resized`. */
  setPages(area: number, pages: number): void {
    this.#pages[area] = pages;
  }

  /** Number of the space it belongs to. */
  spaceOf(area: number): number {
    return this.#space[area];
  }

  flagsOf(area: number): AreaFlags {
    return this.#word[area] & FLAGS;
  }

  setFlags(area: number, flags: AreaFlags): void {
    this.#word[area] = (this.#word[area] & ~FLAGS) | (flags & FLAGS);
  }

  isPartial(area: number): boolean {
    return (this.#word[area] & PARTIAL) !== 0;
  }

  setPartial(area: number, isPartial: boolean): void {
    this.#word[area] = isPartial ? this.#word[area] | PARTIAL : this.#word[area] & ~PARTIAL;
  }

  isGuarded(area: number): boolean {
    return (this.#word[area] & GUARDED) !== 0;
  }

  /** The front of its stack of memory objects; null = none, and faults are not served. */
  objectOf(area: number): MemoryObject | null {
    return this.#objects.at(this.#object[area]);
  }

  /** Page of the object that the area's first page shows. */
  offsetOf(area: number): number {
    return this.#offset === null ? 0 : this.#offset[area];
  }

  /**
   * Says which pages of which object an area shows. Links are the caller's business.
   *
   * @param offset page of the object that the area's first page shows
   * @throws PortolanError ERR_OUT_OF_MEMORY, only for an offset when no area of the table ever had one; nothing has
   *   changed then
   */
  setObject(area: number, object: MemoryObject | null, offset: number): void {
    if (this.#offset === null && offset !== 0) {
      this.#gate.pass("area object offsets");
      this.#offset = allocated("area object offsets", () => new Float64Array(this.#space.length));
    }
    const before = this.#object[area];
    this.#object[area] = this.#objects.use(object);
    this.#objects.drop(before);
    if (this.#offset !== null) this.#offset[area] = offset;
  }

  backendOf(area: number): Backend | null {
    return this.#backends.at(this.#backend[area] - 1);
  }

  setBackend(area: number, backend: Backend | null): void {
    const before = this.#backend[area];
    const number = this.#backends.use(backend) + 1;
    if (number > NARROW && this.#backend instanceof Uint16Array) this.#backend = Int32Array.from(this.#backend);
    this.#backend[area] = number;
    this.#backends.drop(before - 1);
  }

  /** A name to hand out: an integer that no later area in the same row has. */
  nameOf(area: number): number {
    return this.#generation[area] * ROWS + area;
  }

  /** The area of a name, or −1 if it is gone or never was. */
  areaNamed(name: number): number {
    const area = name % ROWS;
    return this.isArea(area) && this.#generation[area] === Math.floor(name / ROWS) ? area : NO_AREA;
  }

  // All new columns exist before the first is put in its place.
  #grow(needed: number): void {
    if (needed > ROWS) throw new PortolanError("ERR_OUT_OF_MEMORY", { allocation: "area record", most: ROWS });
    const rows = grownCapacity(this.#space.length, needed);
    const [first, pages, word, space, object, generation, backend, offset] = allocated(
      "area record",
      () =>
        [
          new Float64Array(rows),
          new Float64Array(rows),
          new Uint16Array(rows),
          new Int32Array(rows),
          new Int32Array(rows),
          new Uint32Array(rows),
          this.#backend instanceof Uint16Array ? new Uint16Array(rows) : new Int32Array(rows),
          this.#offset === null ? null : new Float64Array(rows),
        ] as const,
    );
    this.used.grow(rows);
    first.set(this.#first);
    pages.set(this.#pages);
    word.set(this.#word);
    space.set(this.#space);
    object.set(this.#object);
    generation.set(this.#generation);
    backend.set(this.#backend);
    if (offset !== null && this.#offset !== null) offset.set(this.#offset);
    this.#first = first;
    this.#pages = pages;
    this.#word = word;
    this.#space = space;
    this.#object = object;
    this.#generation = generation;
    this.#backend = backend;
    this.#offset = offset;
  }
}
