/** Making an area of an object that is there already: mappings of POSIX, in pages. @see POSIX.1-2017 mmap() */
import type { AreaFlags, AreaMappingTraits } from "../area/area-flags.js";
import type { Backend } from "../backends/backend.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import type { MemoryObject } from "../objects/memory-object.js";
import type { AddressSpace } from "./address-space.js";
import { mergeAround } from "./merge-areas.js";
import { prepareUnmap, unmapPrepared } from "./unmap-range.js";

/** What is to be mapped where. All numbers are pages. */
export interface MapRequest {
  /** First page; absent: wherever there is room between the bounds. */
  readonly first?: number;
  /** At least 1. */
  readonly pages: number;
  /** Any rights, none and all three included. */
  readonly flags: AreaFlags;
  readonly traits: AreaMappingTraits;
  readonly backend: Backend;
  /** What the area shows. It is linked once more. */
  readonly object: MemoryObject;
  /** Page of the object that the first page shows. */
  readonly offset: number;
  /** With `first`: whatever lies there is unmapped; otherwise it is in the way. */
  readonly replaces?: boolean;
  /** Without `first`: lowest and highest page (included) to consider; the range for areas where absent. */
  readonly lowest?: number;
  readonly highest?: number;
  /** Without `first`: the highest free place instead of the lowest. */
  readonly fromTop?: boolean;
  /** Stays an area of its own though its neighbours are alike. */
  readonly isApart?: boolean;
}

/**
 * @returns its first page
 * @throws PortolanError ERR_AREA_RANGE, ERR_AREA_OVERLAP, ERR_NO_FREE_RANGE, ERR_AREA_BUSY, ERR_OUT_OF_MEMORY; nothing has
 *   changed then, and what was to be replaced is still there
 */
export const mapArea = (space: AddressSpace, request: MapRequest): number => {
  const first = mapLocked(space, request);
  // What was replaced may have been the last mapping of a file.
  space.parts.transfers.start();
  return first;
};

const mapLocked = (space: AddressSpace, request: MapRequest): number => {
  const { locks } = space.parts;
  locks.acquire("address-space", space.id);
  try {
    const first = place(space, request);
    mapAt(space, first, request);
    if (request.isApart !== true) mergeAround(space, first, first + request.pages);
    return first;
  } finally {
    locks.release("address-space", space.id);
  }
};

const place = ({ placement }: AddressSpace, request: MapRequest): number => {
  const { first, pages, lowest = 0, highest = Infinity, fromTop = false } = request;
  if (first === undefined) return placement.choosePages(pages, lowest, highest, false, fromTop);
  if (request.replaces === true) placement.checkRange(first, pages);
  else placement.check(first, pages, -1, false);
  return first;
};

const NOTHING_ELSE = { partial: false, guard: false } as const;

/** Makes the area where there is nothing else, or where what is there has to go. */
const mapAt = (space: AddressSpace, first: number, request: MapRequest): void => {
  const { areas, locks, events } = space.parts;
  const { pages, object } = request;
  const splits = space.splits.begin();
  const area = areas.create(space.id, first, pages, request.flags, NOTHING_ELSE);
  try {
    areas.setTraits(area, request.traits);
    areas.setBackend(area, request.backend);
    areas.setObject(area, object, request.offset);
    if (request.replaces === true) prepareUnmap(space, first, pages, splits);
    splits.promiseInsert();
  } catch (error) {
    areas.destroy(area);
    throw error;
  }
  // Linked before anything is unmapped: what goes may be the last that shows this very object.
  lockObject(locks, object);
  object.link(area);
  unlockObject(locks, object);
  splits.carryOut();
  if (request.replaces === true) unmapPrepared(space, first, pages);
  space.tree.insert(area);
  if (events.sink !== null) events.sink({ kind: "area", space: space.id, first, pages, action: "create" });
};
