/**
 * Memory objects as they stand behind the areas of all spaces: what pictures, reports and checks of chains look at. A
 * copy, taken when asked, in the order in which a walk through the spaces meets the objects.
 */
import type { AddressSpace } from "../address-space/address-space.js";
import { COPY_ON_WRITE, type AreaFlags } from "../area/area-flags.js";
import type { MemoryObject } from "./memory-object.js";
import { BUSY, DIRTY, SWAPPED_OUT, type PageCache } from "./page-cache.js";

/** A page that an object has. */
export interface PageView {
  /** In pages from the start of the object. */
  readonly offset: number;
  /** Null where the page lies in the swap device. */
  readonly frame: number | null;
  readonly isDirty: boolean;
  readonly isBusy: boolean;
}

/** An object of the graph. */
export interface ObjectView {
  /** Its number in this graph, from 1. */
  readonly id: number;
  readonly kind: MemoryObject["kind"];
  /** A file's name; empty for objects that have none. */
  readonly name: string;
  /** The next object of the stack, by number; null at the bottom. */
  readonly below: number | null;
  /** May it still get pages? False for frozen shadows only. */
  readonly isWritable: boolean;
  /** Pages that it holds itself, ascending; those that only page-table entries know are in no object. */
  readonly pages: readonly PageView[];
}

/** An area, and the object whose pages it shows first. */
export interface AreaView {
  /** Number of its space. */
  readonly space: number;
  readonly base: bigint;
  readonly pages: number;
  readonly flags: AreaFlags;
  /** Writes make copies that nobody else sees. */
  readonly isPrivate: boolean;
  /** The front of its stack, by number; null for areas that are mapped by hand. */
  readonly object: number | null;
  /** Page of the object that its first page shows. */
  readonly offset: number;
  readonly usedPages: number;
}

/** All objects behind the areas of a machine. */
export interface ObjectGraph {
  readonly objects: readonly ObjectView[];
  readonly areas: readonly AreaView[];
}

/**
 * The objects behind the areas of some spaces.
 * @param spaces whose areas are looked at; every object of their stacks is in the graph
 */
export const objectGraph = (spaces: Iterable<AddressSpace>): ObjectGraph => {
  const numbers = new Map<MemoryObject, number>();
  const objects: ObjectView[] = [];
  const numberOf = (object: MemoryObject): number => {
    const known = numbers.get(object);
    if (known !== undefined) return known;
    const id = numbers.size + 1;
    numbers.set(object, id);
    const below = object.below ?? null;
    // A place of its own before what lies below gets one: numbers follow the stack downwards.
    objects[id - 1] = viewOf(object, id, null);
    if (below !== null) objects[id - 1] = viewOf(object, id, numberOf(below));
    return id;
  };
  const areas: AreaView[] = [];
  for (const space of spaces) {
    const table = space.parts.areas;
    for (let area = space.tree.first(); area >= 0; area = space.tree.next(area)) {
      const object = table.objectOf(area);
      const isPrivate =
        (table.traitsOf(area) & COPY_ON_WRITE) !== 0 ||
        (object !== null && (object.kind === "shadow" || object.kind === "anonymous" || object.kind === "image"));
      areas.push({
        space: space.id,
        base: space.parts.units.addressOf(table.firstOf(area)),
        pages: table.pagesOf(area),
        flags: table.flagsOf(area),
        isPrivate,
        object: object === null ? null : numberOf(object),
        offset: table.offsetOf(area),
        usedPages: table.used.pagesOf(area),
      });
    }
  }
  return { objects, areas };
};

/** The longest stack of an area, in shadows; 0 where there are none. */
export const deepestChain = (graph: ObjectGraph): number => {
  const depth = (id: number | null): number => {
    const object = id === null ? undefined : graph.objects[id - 1];
    return object?.kind === "shadow" ? 1 + depth(object.below) : 0;
  };
  return Math.max(0, ...graph.areas.map(({ object }) => depth(object)));
};

const viewOf = (object: MemoryObject, id: number, below: number | null): ObjectView => ({
  id,
  kind: object.kind,
  name: "name" in object && typeof object.name === "string" ? object.name : "",
  below,
  isWritable: !("isWritable" in object) || object.isWritable === true,
  pages: pagesOf(object),
});

const pagesOf = (object: MemoryObject): PageView[] => {
  const pages: PageView[] = [];
  if ("cache" in object) {
    const cache = object.cache as PageCache;
    cache.eachPresent(0, (offset, frame) => {
      const marks = cache.marksOf(offset);
      pages.push({ offset, frame: frame === SWAPPED_OUT ? null : frame, isDirty: (marks & DIRTY) !== 0, isBusy: (marks & BUSY) !== 0 });
      return true;
    });
  } else object.eachHeld((frame, offset) => pages.push({ offset, frame, isDirty: false, isBusy: false }));
  return pages;
};
