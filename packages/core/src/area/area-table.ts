/**
 * The records of all areas of one machine: two arrays of numbers, and an area is a row number.
 * With its place in the tree of its space an area takes about 64 bytes. What is asked together lies together, so that a
 * question among a million areas waits for memory once and not once per property.
 *
 * An area's used space is the slot of its own number; the trees of all spaces share one pool of nodes.
 */
import { AllocationGate, allocated, grownCapacity } from "../allocation-gate.js";
import type { Backend } from "../backends/backend.js";
import { OrderedPool } from "../collections/ordered-map.js";
import { PortolanError } from "../errors.js";
import type { MemoryObject } from "../objects/memory-object.js";
import { UsedSpaces } from "../used-space/used-space.js";
import { COPY_ON_WRITE, type AreaFlags, type AreaMappingTraits } from "./area-flags.js";
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

// Places are put together with shifts and bits: a product and a sum would be asked at every use whether they are too large.
/** From an area to its extent, two numbers: first page, pages. */
const EXTENT = 1;
/** From an area to its row of four small numbers. */
const ROW = 2;
/** Its flags, what only the core says, and one more than its backend's number. */
const WORD = 0;
/** The space it belongs to; −1 = no area in this row. */
const SPACE = 1;
/** The object's number, −1 = none; of a free row: the next free one. */
const OBJECT = 2;
const GENERATION = 3;

/** The word of an area: what it permits, what else it is, and what only the core says. */
const FLAGS = 0x000f;
const TRAITS = 0x07f0;
/** Its object wants to know which pages are written. */
const WATCHED = 0x0800;
const PARTIAL = 0x1000;
const GUARDED = 0x2000;
const BACKEND_SHIFT = 14;
const MOST_BACKENDS = 2 ** (32 - BACKEND_SHIFT) - 1;

/** Names keep the row in the low 26 bits and the generation above, and stay exact integers. */
const ROWS = 2 ** 26;
const GENERATIONS = 2 ** 26;

/** The rows of all areas of a machine; who owns a handle returns it with `destroy`. */
export class AreaTable {
  // Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
  /** Which pages of an area have a mapping; slot = area. */
  readonly used: UsedSpaces;
  /** Nodes of the trees that order areas by address; one map per space, first page → area. */
  readonly trees: OrderedPool;
  readonly #gate: AllocationGate;
  readonly #objects = new Interned<MemoryObject>();
  readonly #backends = new Interned<Backend>();
  #extents: Float64Array = new Float64Array(0);
  #words: Int32Array = new Int32Array(0);
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
    this.#extents = new Float64Array(rows << EXTENT);
    this.#words = new Int32Array(rows << ROW);
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
    return this.#extents.byteLength + this.#words.byteLength + (this.#offset?.byteLength ?? 0) + this.used.bytes + this.trees.bytes;
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
    const area = this.#take();
    const words = this.#words;
    this.#extents[area << EXTENT] = first;
    this.#extents[(area << EXTENT) | 1] = pages;
    words[(area << ROW) | WORD] = (flags & FLAGS) | (traits.partial ? PARTIAL : 0) | (traits.guard ? GUARDED : 0);
    words[(area << ROW) | SPACE] = space;
    words[(area << ROW) | OBJECT] = -1;
    return area;
  }

  /**
   * A record for a part of an area, from a page of it to its end: all that the area is, but for its used pages. It is in
   * no tree yet.
   *
   * @param offset page of the object that the part's first page shows
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  createPart(area: number, first: number, offset: number): number {
    if (offset !== 0) this.prepareOffsets();
    const part = this.#take();
    const words = this.#words;
    this.#extents[part << EXTENT] = first;
    this.#extents[(part << EXTENT) | 1] = this.endOf(area) - first;
    if (this.#offset !== null) this.#offset[part] = offset;
    const from = area << ROW;
    const to = part << ROW;
    words[to | WORD] = words[from | WORD];
    words[to | SPACE] = words[from | SPACE];
    words[to | OBJECT] = words[from | OBJECT];
    this.#objects.useAgain(words[from | OBJECT]);
    this.#backends.useAgain((words[from | WORD] >>> BACKEND_SHIFT) - 1);
    return part;
  }

  /** Are two areas complete and equal in all that is no place and no object: rights, traits, backend, guard? Whether they copy before a write is left out. */
  areAlike(one: number, other: number): boolean {
    const word = this.#words[(one << ROW) | WORD];
    return ((word ^ this.#words[(other << ROW) | WORD]) & ~(COPY_ON_WRITE | WATCHED)) === 0 && (word & PARTIAL) === 0;
  }

  /**
   * Does `upper` go on where `lower` ends, being alike, with the same object, used in the same way? Where in the object it
   * goes on is left out.
   */
  continues(lower: number, upper: number): boolean {
    const words = this.#words;
    const word = words[(lower << ROW) | WORD];
    if (((word ^ words[(upper << ROW) | WORD]) & ~WATCHED) !== 0 || (word & PARTIAL) !== 0) return false;
    if (words[(lower << ROW) | OBJECT] !== words[(upper << ROW) | OBJECT]) return false;
    const extents = this.#extents;
    return extents[lower << EXTENT] + extents[(lower << EXTENT) | 1] === extents[upper << EXTENT];
  }

  /** The area ends where a part of it begins that `createPart` made, and the part goes on to where the area ended. */
  cutAt(area: number, part: number): void {
    const extents = this.#extents;
    const low = extents[area << EXTENT];
    const cut = extents[part << EXTENT];
    extents[(part << EXTENT) | 1] = low + extents[(area << EXTENT) | 1] - cut;
    extents[(area << EXTENT) | 1] = cut - low;
  }

  /** Ends an area that is in no tree any more: its used space is forgotten, its names are stale. Never fails. */
  destroy(area: number): void {
    if (!this.isArea(area)) throw new Error(`row ${area} holds no area`);
    const words = this.#words;
    const row = area << ROW;
    this.used.clear(area);
    this.#objects.drop(words[row | OBJECT]);
    this.#backends.drop((words[row | WORD] >>> BACKEND_SHIFT) - 1);
    this.#give(area);
  }

  /**
   * Ends an area that is in no tree any more, and that another one goes on as: what it used is the other's by now, which
   * has the same object and the same backend. Never fails.
   */
  destroyMerged(area: number): void {
    const words = this.#words;
    this.#objects.useLess(words[(area << ROW) | OBJECT]);
    this.#backends.useLess((words[(area << ROW) | WORD] >>> BACKEND_SHIFT) - 1);
    this.#give(area);
  }

  /** True if the row holds an area now. */
  isArea(area: number): boolean {
    return area >= 0 && area < this.#rowsEver && this.#words[(area << ROW) | SPACE] >= 0;
  }

  /** First page. */
  firstOf(area: number): number {
    return this.#extents[area << EXTENT];
  }

  /** Pages, at least 1. */
  pagesOf(area: number): number {
    return this.#extents[(area << EXTENT) | 1];
  }

  /** The first page behind it. */
  endOf(area: number): number {
    return this.#extents[area << EXTENT] + this.#extents[(area << EXTENT) | 1];
  }

  /** The end stays where it is told by `setPages`; the tree of the space does this where the area is in one. */
  setFirst(area: number, first: number): void {
    this.#extents[area << EXTENT] = first;
  }

  /** The tree of the space has to be told: `AreaTree.resized`. */
  setPages(area: number, pages: number): void {
    this.#extents[(area << EXTENT) | 1] = pages;
  }

  /** Number of the space it belongs to. */
  spaceOf(area: number): number {
    return this.#words[(area << ROW) | SPACE];
  }

  flagsOf(area: number): AreaFlags {
    return this.#words[(area << ROW) | WORD] & FLAGS;
  }

  setFlags(area: number, flags: AreaFlags): void {
    this.#words[(area << ROW) | WORD] = (this.#words[(area << ROW) | WORD] & ~FLAGS) | (flags & FLAGS);
  }

  /** What kind of mapping it is: a sum of traits of area-flags.ts. */
  traitsOf(area: number): AreaMappingTraits {
    return this.#words[(area << ROW) | WORD] & TRAITS;
  }

  setTraits(area: number, traits: AreaMappingTraits): void {
    this.#words[(area << ROW) | WORD] = (this.#words[(area << ROW) | WORD] & ~TRAITS) | (traits & TRAITS);
  }

  /** May every entry of the area have all the area's rights, from the first access on? */
  isPlain(area: number): boolean {
    return (this.#words[(area << ROW) | WORD] & (COPY_ON_WRITE | WATCHED)) === 0;
  }

  isPartial(area: number): boolean {
    return (this.#words[(area << ROW) | WORD] & PARTIAL) !== 0;
  }

  setPartial(area: number, isPartial: boolean): void {
    this.#words[(area << ROW) | WORD] = isPartial
      ? this.#words[(area << ROW) | WORD] | PARTIAL
      : this.#words[(area << ROW) | WORD] & ~PARTIAL;
  }

  isGuarded(area: number): boolean {
    return (this.#words[(area << ROW) | WORD] & GUARDED) !== 0;
  }

  /** The front of its stack of memory objects; null = none, and faults are not served. */
  objectOf(area: number): MemoryObject | null {
    return this.#objects.at(this.#words[(area << ROW) | OBJECT]);
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
    if (offset !== 0) this.prepareOffsets();
    const before = this.#words[(area << ROW) | OBJECT];
    this.#words[(area << ROW) | OBJECT] = this.#objects.use(object);
    const isWatched = object !== null && object.isClean !== undefined;
    const word = this.#words[(area << ROW) | WORD];
    this.#words[(area << ROW) | WORD] = isWatched ? word | WATCHED : word & ~WATCHED;
    this.#objects.drop(before);
    if (this.#offset !== null) this.#offset[area] = offset;
  }

  /** Makes room for offsets, so that none fails from now on. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  prepareOffsets(): void {
    if (this.#offset !== null) return;
    this.#gate.pass("area object offsets");
    this.#offset = allocated("area object offsets", () => new Float64Array(this.#words.length >> ROW));
  }

  /** The area begins elsewhere in the object it has. Offsets are prepared, or were needed before. */
  setOffset(area: number, offset: number): void {
    if (this.#offset !== null) this.#offset[area] = offset;
    else if (offset !== 0) throw new Error("an area has an offset where none was prepared");
  }

  backendOf(area: number): Backend | null {
    return this.#backends.at((this.#words[(area << ROW) | WORD] >>> BACKEND_SHIFT) - 1);
  }

  /** @throws PortolanError ERR_OUT_OF_MEMORY beyond 262,142 different backends in use; nothing has changed then */
  setBackend(area: number, backend: Backend | null): void {
    const at = (area << ROW) | WORD;
    const before = this.#words[at] >>> BACKEND_SHIFT;
    const number = this.#backends.use(backend) + 1;
    if (number > MOST_BACKENDS) {
      this.#backends.drop(number - 1);
      throw new PortolanError("ERR_OUT_OF_MEMORY", { allocation: "backend number", most: MOST_BACKENDS });
    }
    this.#words[at] = (this.#words[at] & (2 ** BACKEND_SHIFT - 1)) | (number << BACKEND_SHIFT);
    this.#backends.drop(before - 1);
  }

  /** A name to hand out: an integer that no later area in the same row has. */
  nameOf(area: number): number {
    return this.#words[(area << ROW) | GENERATION] * ROWS + area;
  }

  /** The area of a name, or −1 if it is gone or never was. */
  areaNamed(name: number): number {
    if (!Number.isSafeInteger(name)) return NO_AREA;
    const area = name % ROWS;
    return this.isArea(area) && this.#words[(area << ROW) | GENERATION] === Math.floor(name / ROWS) ? area : NO_AREA;
  }

  /** A row. @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then */
  #take(): number {
    this.#gate.pass("area record");
    const free = this.#freeRow;
    if (free !== NO_AREA) {
      this.#freeRow = this.#words[(free << ROW) | OBJECT];
      this.#count += 1;
      return free;
    }
    const fresh = this.#rowsEver;
    if (fresh << ROW === this.#words.length) this.#grow(fresh + 1);
    this.#rowsEver = fresh + 1;
    this.#count += 1;
    return fresh;
  }

  /** A row is free again, and the names of what was in it are stale. */
  #give(area: number): void {
    const words = this.#words;
    const row = area << ROW;
    if (this.#offset !== null) this.#offset[area] = 0;
    words[row | SPACE] = -1;
    words[row | GENERATION] = (words[row | GENERATION] + 1) % GENERATIONS;
    words[row | OBJECT] = this.#freeRow;
    this.#freeRow = area;
    this.#count -= 1;
  }

  // All new columns exist before the first is put in its place.
  #grow(needed: number): void {
    if (needed > ROWS) throw new PortolanError("ERR_OUT_OF_MEMORY", { allocation: "area record", most: ROWS });
    const rows = grownCapacity(this.#words.length >> ROW, needed);
    const [extents, words, offset] = allocated(
      "area record",
      () => [new Float64Array(rows << EXTENT), new Int32Array(rows << ROW), this.#offset === null ? null : new Float64Array(rows)] as const,
    );
    this.used.grow(rows);
    extents.set(this.#extents);
    words.set(this.#words);
    if (offset !== null && this.#offset !== null) offset.set(this.#offset);
    this.#extents = extents;
    this.#words = words;
    this.#offset = offset;
  }
}
