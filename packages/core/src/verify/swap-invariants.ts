/**
 * What must hold of swap whenever no operation is under way: each slot that is taken holds a page of one object, or is
 * being written for one; no other slot is anybody's.
 */
import type { Machine } from "../compose/machine.js";
import type { MemoryObject } from "../objects/memory-object.js";
import { NO_SLOT, type PageCache } from "../objects/page-cache.js";

/**
 * Adds every violation, in words.
 * @param objects all objects there are
 * @param count told of frames that pages on their way in are read into
 */
export const checkSwap = (machine: Machine, objects: Iterable<MemoryObject>, found: string[], count: (frame: number) => void): void => {
  const { swapper } = machine.parts.reclaimer;
  const owners = new Map<number, string>();
  const own = (slot: number, name: string): void => {
    const other = owners.get(slot);
    if (other !== undefined) found.push(`slot ${slot} is ${name}'s and ${other}'s`);
    owners.set(slot, name);
    if (swapper?.slots.isTaken(slot) !== true) found.push(`slot ${slot} of ${name} counts as free`);
  };
  for (const object of objects) {
    if (!("cache" in object)) continue;
    const cache = object.cache as PageCache;
    cache.eachPresent(0, (offset) => {
      const slot = cache.slotOf(offset);
      if (slot !== NO_SLOT) own(slot, `page ${offset} of ${object.kind} object ${object.number ?? 0}`);
      return true;
    });
  }
  if (swapper === null) return;
  swapper.eachHeld(count);
  swapper.eachPromised((slot) => own(slot, "a page on its way out"));
  if (owners.size !== swapper.slots.inUse) found.push(`${swapper.slots.inUse} slots count as taken, ${owners.size} are`);
};
