/**
 * The shape of trees of shadows, and the rules that bound it:
 *
 * - D: a shadow that no area links and nothing stands on is deleted;
 * - M: a shadow that no area links and one shadow stands on is merged into that one: its pages move up;
 * - B: a front that has every page a shadow below it could show is put past it;
 * - T: a front that one area links and nothing stands on becomes writable again, instead of getting a shadow in front.
 *
 * After D and M every shadow has an area of its own or two shadows on it. So a stack is no deeper than there are areas,
 * and n areas have at most 2n − 1 shadows between them. B and T save memory.
 *
 * Everything here happens under the lock of the tree.
 */
import { NO_AREA } from "../area/area-table.js";
import type { MemoryObject } from "./memory-object.js";
import { ShadowObject } from "./shadow-object.js";
import { isReachable, releaseHidden } from "./windows.js";

/** `lacks`: no page is known. */
export const UNKNOWN = -1;

/** Puts a shadow on another object: the only way to change what lies below. Who calls it looks after the old one. */
export const reparent = (shadow: ShadowObject, below: MemoryObject): void => {
  const before = shadow.below;
  // The new one first: it may be the only thing that keeps what they share.
  below.shadowers?.add(shadow);
  if (!(below instanceof ShadowObject)) below.link(NO_AREA);
  shadow.below = below;
  shadow.lacks = UNKNOWN;
  if (before !== null) leave(shadow, before);
};

/** A shadow is not on `below` any more. */
const leave = (shadow: ShadowObject, below: MemoryObject): void => {
  if (shadow.below !== below || shadow.isGone) below.shadowers?.delete(shadow);
  if (!(below instanceof ShadowObject)) below.unlink(NO_AREA);
};

/** Rules D and M, on a shadow that lost a link or a shadow above it, and on those below that this reaches. Never fails. */
export const settle = (shadow: ShadowObject): void => {
  let object: MemoryObject | null = shadow;
  while (object instanceof ShadowObject && object.links === 0 && !object.isGone) {
    const below: MemoryObject | null = object.below;
    if (object.shadowers.size === 0) remove(object);
    else if (object.shadowers.size === 1) mergeUp(object);
    else return;
    object = below;
  }
};

/** Rule D. */
const remove = (shadow: ShadowObject): void => {
  const { parts } = shadow;
  shadow.cache.removeRange(0, Infinity, parts.frameGone, parts.slotGone);
  depart(shadow, "delete");
};

/** Rule M: pages that the shadow above does not have move up into it; nobody can see the others. Entries stay as they are. */
const mergeUp = (shadow: ShadowObject): void => {
  const { parts, below } = shadow;
  const [above] = shadow.shadowers;
  if (below === null) throw new Error("a shadow stands on nothing");
  // Whichever has fewer is moved, and the cache of the other one stays as a whole.
  if (presentIn(shadow) > presentIn(above)) {
    for (let offset = above.cache.nextPresent(0); offset >= 0; offset = above.cache.nextPresent(offset + 1))
      shadow.cache.removeRange(offset, 1, parts.frameGone, parts.slotGone);
    above.cache.moveAllTo(shadow.cache, parts.frameGone, parts.slotGone);
    [above.cache, shadow.cache] = [shadow.cache, above.cache];
  } else {
    shadow.cache.moveAllTo(above.cache, parts.frameGone, parts.slotGone);
  }
  reparent(above, below);
  // Those above stand on more pages than before.
  for (const shadower of above.shadowers) shadower.lacks = UNKNOWN;
  depart(shadow, "merge");
};

const presentIn = ({ cache }: ShadowObject): number => cache.pages + cache.swapped;

/** An empty shadow goes. It remembers where it stood: whoever has locked its stack unlocks it by that. */
const depart = (shadow: ShadowObject, action: "delete" | "merge"): void => {
  shadow.isGone = true;
  if (shadow.below !== null) leave(shadow, shadow.below);
  tellShadow(shadow, action);
};

/**
 * Rule B, after the page at `offset` came into `front`: past every shadow directly below that has nothing to show any
 * more. A page that is missing is remembered: until that one comes, there is nothing to look for.
 */
export const bypassCovered = (front: ShadowObject, offset: number): void => {
  if (front.lacks === UNKNOWN || front.lacks === offset) bypass(front);
};

const bypass = (front: ShadowObject): void => {
  for (let below = front.below; below instanceof ShadowObject && below.below !== null && covers(front, below); below = front.below) {
    tellShadow(below, "bypass");
    reparent(front, below.below);
    // What it had for the front alone nobody sees any more.
    const { areas } = front.parts;
    for (const area of front.areas) releaseHidden(below, areas.offsetOf(area), areas.pagesOf(area));
    settle(below);
  }
};

const covers = (front: ShadowObject, below: ShadowObject): boolean => {
  // The last page first: who writes upwards brings that in when all others are there.
  const from = front.lacks === UNKNOWN ? below.cache.lastPresent() : front.lacks + 1;
  front.lacks = from < 0 ? UNKNOWN : lackedFrom(front, below, from);
  if (front.lacks === UNKNOWN) front.lacks = lackedFrom(front, below, 0);
  return front.lacks === UNKNOWN;
};

/** The first page at or above `first` that the front shows from the shadow below, or −1. */
const lackedFrom = (front: ShadowObject, below: ShadowObject, first: number): number => {
  let offset = below.cache.nextMissing(front.cache, first);
  while (offset >= 0 && !isReachable(front, offset)) offset = below.cache.nextMissing(front.cache, offset + 1);
  return offset;
};

/** Rule T: may the front be written again without anybody else noticing? */
export const isThawable = (front: ShadowObject): boolean => front.links === 1 && front.holders === 0 && front.shadowers.size === 0;

/** A fork has made it everybody's: nobody writes it any more. */
export const freeze = (front: ShadowObject): void => {
  if (!front.isWritable) return;
  front.isWritable = false;
  tellShadow(front, "freeze");
};

/** Rule T, carried out. */
export const thaw = (front: ShadowObject): void => {
  if (front.isWritable) return;
  front.isWritable = true;
  tellShadow(front, "thaw");
};

/** Tells of a change in the shape of a tree. */
export const tellShadow = (shadow: ShadowObject, action: "create" | "merge" | "bypass" | "delete" | "thaw" | "freeze"): void => {
  const { sink } = shadow.parts.events;
  if (sink !== null) sink({ kind: "shadow", tree: shadow.number, pages: shadow.cache.pages, action });
};
