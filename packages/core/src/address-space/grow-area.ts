/**
 * Areas that get longer at their end. Where what an area shows behind its end is not its own to show, since other areas
 * keep pages there in the same shadows, the new pages are an area of their own, of what lies under the shadows.
 */
import { NO_AREA } from "../area/area-table.js";
import { PortolanError } from "../errors.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { ShadowObject } from "../objects/shadow-object.js";
import { isVacant } from "../objects/windows.js";
import type { AddressSpace } from "./address-space.js";
import { bottomOf, checkCovered, offsetInto, traitsOver } from "./each-range.js";
import { areOneMapping, mergeAround } from "./merge-areas.js";
import type { Splits } from "./split-area.js";

const NOTHING_ELSE = { partial: false, guard: false } as const;

/**
 * Makes a mapping longer where it lies. It must end with the range, whose pages are one mapping.
 *
 * @param pages the range has so many now, and
 * @param after so many more afterwards
 * @returns false if there is no room behind it, or it goes on there; nothing has changed then
 * @throws PortolanError ERR_AREA_NOT_FOUND (not one mapping), ERR_AREA_BUSY, ERR_AREA_NOT_RESIZABLE, ERR_OUT_OF_MEMORY;
 *   nothing has changed then
 */
export const growRange = (space: AddressSpace, first: number, pages: number, after: number): boolean => {
  const { areas, locks } = space.parts;
  const end = first + pages;
  locks.acquire("address-space", space.id);
  try {
    const last = checkOneMapping(space, first, pages);
    checkResizable(space, last);
    if (areas.endOf(last) !== end || !space.placement.isFree(end, after - pages, last)) return false;
    const splits = space.splits.begin();
    const tail = prepareGrowth(space, last, end, after - pages, splits);
    splits.carryOut();
    grow(space, last, tail, after - pages);
    mergeAround(space, end, first + after);
    return true;
  } finally {
    locks.release("address-space", space.id);
  }
};

/**
 * Pages of a range that look like one mapping, whatever number of areas they are.
 * @returns the last area
 * @throws PortolanError ERR_AREA_NOT_FOUND, ERR_AREA_BUSY
 */
export const checkOneMapping = (space: AddressSpace, first: number, pages: number): number => {
  const { areas, units } = space.parts;
  const end = first + pages;
  checkCovered(space, first, end);
  let area = space.tree.find(first);
  while (areas.endOf(area) < end) {
    const next = space.tree.next(area);
    if (!areOneMapping(space, area, next))
      throw new PortolanError("ERR_AREA_NOT_FOUND", { address: units.addressOf(first), otherMapping: units.addressOf(areas.endOf(area)) });
    area = next;
  }
  return area;
};

/** @throws PortolanError ERR_AREA_NOT_RESIZABLE */
export const checkResizable = (space: AddressSpace, area: number): void => {
  const { areas, units } = space.parts;
  const object = areas.objectOf(area);
  if (object === null || object.isResizable) return;
  throw new PortolanError("ERR_AREA_NOT_RESIZABLE", { address: units.addressOf(areas.firstOf(area)), backend: object.kind });
};

/** May the area show `count` pages more behind page `end`, where it ends or will be cut? Its space is locked. */
export const mayShowMore = (space: AddressSpace, area: number, end: number, count: number): boolean => {
  const { areas, locks } = space.parts;
  const object = areas.objectOf(area);
  if (!(object instanceof ShadowObject)) return true;
  if (areas.endOf(area) !== end) return false;
  lockObject(locks, object);
  const offset = areas.offsetOf(area) + areas.pagesOf(area);
  let isOwn = isVacant(object, offset, count);
  for (const other of object.areas) {
    const from = areas.offsetOf(other);
    if (other !== area && from < offset + count && offset < from + areas.pagesOf(other)) isOwn = false;
  }
  unlockObject(locks, object);
  return isOwn;
};

/**
 * Everything about growing an area that may fail; its place is known to be free, or will be.
 * @param end where the area ends, or will end when the cuts are carried out
 * @returns a record for the new pages, in no tree yet, or −1 if the area itself grows
 * @throws PortolanError ERR_OUT_OF_MEMORY; the cuts are abandoned then
 */
export const prepareGrowth = (space: AddressSpace, area: number, end: number, count: number, splits: Splits): number => {
  const { areas } = space.parts;
  if (mayShowMore(space, area, end, count)) return NO_AREA;
  const object = areas.objectOf(area);
  let tail = NO_AREA;
  try {
    tail = areas.create(space.id, end, count, areas.flagsOf(area), NOTHING_ELSE);
    const bottom = object === null ? null : bottomOf(object);
    areas.setTraits(tail, traitsOver(space, area, bottom));
    areas.setBackend(tail, areas.backendOf(area));
    areas.setObject(tail, bottom, offsetInto(space, area, end - areas.firstOf(area)));
  } catch (error) {
    if (tail >= 0) areas.destroy(tail);
    splits.abandon();
    throw error;
  }
  try {
    splits.promiseInsert();
  } catch (error) {
    areas.destroy(tail);
    throw error;
  }
  return tail;
};

/** Grows what was prepared, at the area's end. Never fails. */
export const grow = (space: AddressSpace, area: number, tail: number, count: number): void => {
  const { areas, locks, events } = space.parts;
  if (tail < 0) {
    areas.setPages(area, areas.pagesOf(area) + count);
    space.tree.resized(area);
  } else {
    areas.setFirst(tail, areas.endOf(area));
    space.tree.insert(tail);
    const object = areas.objectOf(tail);
    lockObject(locks, object);
    object?.link(tail);
    unlockObject(locks, object);
  }
  const grown = tail < 0 ? area : tail;
  if (events.sink !== null) {
    const action = tail < 0 ? "resize" : "create";
    events.sink({ kind: "area", space: space.id, first: areas.firstOf(grown), pages: areas.pagesOf(grown), action });
  }
};
