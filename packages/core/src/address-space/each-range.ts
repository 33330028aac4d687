/** Looking at the areas of a range of pages, lowest first. Ranges are half-open: [first, end). */
import { COPY_ON_WRITE, type AreaMappingTraits } from "../area/area-flags.js";
import { NO_AREA } from "../area/area-table.js";
import { PortolanError } from "../errors.js";
import type { MemoryObject } from "../objects/memory-object.js";
import type { AddressSpace } from "./address-space.js";

/**
 * The lowest area with a page of [first, end), or −1. From area to area:
 * `for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, areas.endOf(area), end))`.
 */
export const areaIn = (space: AddressSpace, first: number, end: number): number => {
  if (first >= end) return NO_AREA;
  const area = space.tree.atOrAbove(first);
  return area >= 0 && space.parts.areas.firstOf(area) < end ? area : NO_AREA;
};

/** Refuses a range that an unfinished area reaches into. @throws PortolanError ERR_AREA_BUSY */
export const checkComplete = (space: AddressSpace, first: number, end: number): void => {
  const { areas, units } = space.parts;
  for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, areas.endOf(area), end)) {
    if (areas.isPartial(area)) throw new PortolanError("ERR_AREA_BUSY", { address: units.addressOf(areas.firstOf(area)) });
  }
};

/** Refuses a range with a page that no area has. @throws PortolanError ERR_AREA_NOT_FOUND, ERR_AREA_BUSY */
export const checkCovered = (space: AddressSpace, first: number, end: number): void => {
  const { areas, units } = space.parts;
  for (let page = first; page < end;) {
    const area = space.tree.find(page);
    if (area < 0) throw new PortolanError("ERR_AREA_NOT_FOUND", { address: units.addressOf(page) });
    if (areas.isPartial(area)) throw new PortolanError("ERR_AREA_BUSY", { address: units.addressOf(page) });
    page = areas.endOf(area);
  }
};

/** What lies under the shadows of a stack: the object that a private mapping was made of. */
export const bottomOf = (object: MemoryObject): MemoryObject => {
  let bottom = object;
  while (bottom.kind === "shadow" && bottom.below !== undefined && bottom.below !== null) bottom = bottom.below;
  return bottom;
};

/** Traits of an area that shows `bottom` as this one does, without its shadows. Fresh zeroes are private without a copy. */
export const traitsOver = (space: AddressSpace, area: number, bottom: MemoryObject | null): AreaMappingTraits => {
  const { areas, backends } = space.parts;
  return bottom === backends.anonymous ? areas.traitsOf(area) & ~COPY_ON_WRITE : areas.traitsOf(area);
};

/**
 * The page of the area's object that its page `into` shows. Unshared anonymous memory is the same everywhere, and has no
 * offsets.
 */
export const offsetInto = (space: AddressSpace, area: number, into: number): number => {
  const { areas, backends } = space.parts;
  const offset = areas.offsetOf(area);
  return areas.objectOf(area) === backends.anonymous ? offset : offset + into;
};
