/** Stacks: areas that grow downwards when a page below them is touched. @see Linux man-pages mmap(2), MAP_GROWSDOWN */
import { AREA_EXECUTE, AREA_READ, AREA_WRITE, GROWS_DOWN } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { ShadowObject } from "../objects/shadow-object.js";
import type { AddressSpace } from "./address-space.js";
import { destroyArea } from "./destroy-area.js";
import { bottomOf, traitsOver } from "./each-range.js";
import { FAULT, type FaultResult } from "./verdict.js";

/** Pages that stay free between a stack and other memory below it, so that running over its end is noticed. */
export const STACK_GAP = 256;

const RIGHTS = AREA_READ | AREA_WRITE | AREA_EXECUTE;
const NOTHING_ELSE = { partial: false, guard: false } as const;

/**
 * Lets the area above `page` grow down to it, if it is one that does, stays within the space's limit and keeps its distance
 * from what lies below. The space is locked, and no area has the page.
 *
 * @returns true if an area has the page now; nothing has changed otherwise
 */
export const tryGrowDown = (space: AddressSpace, page: number): boolean => {
  const { areas, events } = space.parts;
  const { tree } = space;
  const area = tree.atOrAbove(page);
  if (area < 0 || (areas.traitsOf(area) & GROWS_DOWN) === 0 || areas.isPartial(area)) return false;
  const first = areas.firstOf(area);
  if (stackEnd(space, area) - page > space.stackLimit || !space.placement.isFree(page, first - page, area)) return false;
  const below = tree.previous(area);
  if (below >= 0) {
    const isOther = (areas.traitsOf(below) & GROWS_DOWN) === 0 && (areas.flagsOf(below) & RIGHTS) !== 0;
    if (isOther && page - areas.endOf(below) < STACK_GAP) return false;
  }
  if (areas.objectOf(area) === space.parts.backends.anonymous) {
    tree.frontMoved(area, page);
    if (events.sink !== null) events.sink({ kind: "area", space: space.id, first: page, pages: areas.pagesOf(area), action: "resize" });
    return true;
  }
  return areas.objectOf(area) instanceof ShadowObject && addBelow(space, area, page);
};

/**
 * A fault where no area is: a stack above may grow down to it. If it cannot be served there either, nothing has changed.
 *
 * @param serve decides again when there is an area
 * @returns what it answers, or null if there is no area even so
 */
export const faultBelow = (space: AddressSpace, page: number, serve: () => FaultResult): FaultResult | null => {
  const above = space.tree.atOrAbove(page);
  if (above < 0) return null;
  const before = space.parts.areas.firstOf(above);
  if (!tryGrowDown(space, page)) return null;
  let result: FaultResult = FAULT;
  try {
    result = serve();
  } finally {
    if (result === FAULT) shrinkBack(space, page, above, before);
  }
  return result;
};

const shrinkBack = (space: AddressSpace, page: number, above: number, before: number): void => {
  const { areas, events } = space.parts;
  const area = space.tree.find(page);
  if (area !== above) {
    destroyArea(space, area);
    return;
  }
  space.tree.frontMoved(area, before);
  if (events.sink !== null) events.sink({ kind: "area", space: space.id, first: before, pages: areas.pagesOf(area), action: "resize" });
};

/** Where the stack ends, of which the area is a part: after a fork it may be several areas. */
const stackEnd = (space: AddressSpace, area: number): number => {
  const { areas } = space.parts;
  let end = areas.endOf(area);
  for (let above = space.tree.find(end); above >= 0 && (areas.traitsOf(above) & GROWS_DOWN) !== 0; above = space.tree.find(end))
    end = areas.endOf(above);
  return end;
};

/** Pages below a shadow's window are none of its own: they are an area of what lies under it. False if there is no memory for it. */
const addBelow = (space: AddressSpace, area: number, page: number): boolean => {
  const { areas, locks, events } = space.parts;
  const object = areas.objectOf(area);
  if (object === null) return false;
  const bottom = bottomOf(object);
  if (bottom !== space.parts.backends.anonymous) return false;
  let added = -1;
  const pages = areas.firstOf(area) - page;
  try {
    added = areas.create(space.id, page, pages, areas.flagsOf(area), NOTHING_ELSE);
    areas.setTraits(added, traitsOver(space, area, bottom));
    areas.setBackend(added, areas.backendOf(area));
    areas.setObject(added, bottom, 0);
    space.tree.insert(added);
  } catch (error) {
    if (added >= 0) areas.destroy(added);
    if (error instanceof PortolanError && error.errno === "ENOMEM") return false;
    throw error;
  }
  lockObject(locks, bottom);
  bottom.link(added);
  unlockObject(locks, bottom);
  if (events.sink !== null) events.sink({ kind: "area", space: space.id, first: page, pages, action: "create" });
  return true;
};
