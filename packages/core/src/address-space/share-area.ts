/** @see HelenOS kernel/generic/src/mm/as.c, as_area_share() */
import { AREA_CACHEABLE, checkAreaFlags, COPY_ON_WRITE, type AreaFlags, type AreaMappingTraits } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import type { MemoryObject } from "../objects/memory-object.js";
import { ShadowObject } from "../objects/shadow-object.js";
import { SharedObject, lockObject, unlockObject } from "../objects/shared-object.js";
import type { Wide } from "../units/address-units.js";
import type { AddressSpace, AreaInfo } from "./address-space.js";
import { areaAt } from "./create-area.js";
import { withdrawPages } from "./destroy-area.js";

/** Which area is to be seen where, and with which rights. */
export interface ShareRequest {
  readonly from: AddressSpace;
  /** Any address inside the source area. */
  readonly sourceBase: Wide;
  /** Bytes; must be the whole area's. */
  readonly size: Wide;
  readonly to: AddressSpace;
  readonly base: Wide;
  /** Rights of the destination, at most the source's; CACHEABLE follows the source. */
  readonly flags: AreaFlags;
}

/**
 * Makes the pages of one area appear in another space. Everything about the destination is checked before the source is
 * touched, so a refusal leaves the source unshared.
 *
 * @returns what the new area is like
 * @throws PortolanError ERR_AREA_NOT_FOUND, ERR_AREA_BUSY, ERR_AREA_KIND, ERR_AREA_FLAGS, ERR_SHARE_SIZE,
 *   ERR_SHARE_RIGHTS, ERR_MISALIGNED, ERR_AREA_RANGE, ERR_AREA_OVERLAP, ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const shareArea = (request: ShareRequest): AreaInfo => {
  const { from, to } = request;
  const { locks } = from.parts;
  if (to.parts !== from.parts) throw new PortolanError("ERR_BAD_ARGUMENT", { space: to.id, machine: "another" });
  // Two spaces are locked in the order of their numbers, so that two shares in opposite directions cannot wait for
  // each other.
  const [one, two] = from.id <= to.id ? [from, to] : [to, from];
  locks.acquire("address-space", one.id);
  if (two !== one) locks.acquire("address-space", two.id);
  try {
    return shareLocked(request);
  } finally {
    if (two !== one) locks.release("address-space", two.id);
    locks.release("address-space", one.id);
  }
};

const shareLocked = ({ from, sourceBase, size, to, base, flags: asked }: ShareRequest): AreaInfo => {
  const { areas, units, locks, preemption, events } = from.parts;
  const bytes = units.wholeBytes(size);
  const source = areaAt(from, sourceBase);
  const object = areas.objectOf(source);
  const backend = areas.backendOf(source);
  if (object === null || backend === null || !backend.isShareable) {
    throw new PortolanError("ERR_AREA_KIND", { address: BigInt(sourceBase), backend: backend === null ? "none" : backend.name });
  }
  const sourceFlags = areas.flagsOf(source);
  // Before bits are joined: that would make a whole number of any other.
  checkAreaFlags(asked);
  const flags = asked | (sourceFlags & AREA_CACHEABLE);
  const pages = areas.pagesOf(source);
  if (bytes !== units.bytesOf(pages)) throw new PortolanError("ERR_SHARE_SIZE", { size: bytes, area: units.bytesOf(pages) });
  if ((sourceFlags & flags) !== flags) throw new PortolanError("ERR_SHARE_RIGHTS", { flags, source: sourceFlags });
  const first = units.alignedPageOf(base, "base");
  to.placement.check(first, pages, -1, false);

  const area = areas.create(to.id, first, pages, flags, { partial: false, guard: false });
  let inserted = false;
  try {
    areas.setBackend(area, backend);
    to.tree.insert(area);
    inserted = true;
    // The last step that can fail; an object that is shared already has its offset column too.
    const shared = isCommon(object, areas.traitsOf(source)) ? object : shareObject(from, source, object);
    lockObject(locks, shared);
    shared.link(area);
    areas.setObject(area, shared, areas.offsetOf(source));
    unlockObject(locks, shared);
  } catch (error) {
    if (inserted) to.tree.remove(area);
    areas.destroy(area);
    throw error;
  }
  preemption.at("share-published");
  if (events.sink !== null) events.sink({ kind: "area", space: to.id, first, pages, action: "share" });
  return to.info(area);
};

/** Does the object show all its areas one memory, as it is? Shared objects do, and files whose areas are not private. */
const isCommon = (object: MemoryObject, traits: AreaMappingTraits): boolean =>
  object instanceof SharedObject || (object.kind === "file" && (traits & COPY_ON_WRITE) === 0);

/** Puts a shared object in front of what the area used so far, and publishes the pages that are its own. */
const shareObject = (space: AddressSpace, area: number, object: MemoryObject): SharedObject => {
  const { areas, tables, locks } = space.parts;
  if ((areas.traitsOf(area) & COPY_ON_WRITE) !== 0) return sharePrivate(space, area, object);
  const shared = new SharedObject(space.parts.objects, object);
  locks.acquire("area", area);
  // Nobody else knows the new object yet; it is locked all the same, and before the tables, so that there is one order.
  lockObject(locks, shared);
  locks.acquire("page-table", space.id);
  shared.link(area);
  const shift = areas.offsetOf(area) - areas.firstOf(area);
  try {
    let page = areas.used.nextAtOrAbove(area, areas.firstOf(area));
    while (page >= 0) {
      const end = areas.used.intervalEnd(area, page);
      for (; page < end; page += 1) {
        if (!tables.find(space.context, page)) throw new Error("a used page has no mapping");
        shared.publish(page + shift, tables.found.frame);
      }
      page = areas.used.nextAtOrAbove(area, page);
    }
  } catch (error) {
    shared.unlink(area);
    throw error;
  } finally {
    locks.release("page-table", space.id);
    unlockObject(locks, shared);
    locks.release("area", area);
  }
  areas.setObject(area, shared, areas.offsetOf(area));
  object.unlink(area);
  return shared;
};

/**
 * Shares an area whose pages are copied when they are written. Those that are its own already become everybody's; of the
 * others the shared object makes copies, one each, when somebody wants them. All come in anew.
 */
const sharePrivate = (space: AddressSpace, area: number, object: MemoryObject): SharedObject => {
  const { areas, locks, objects } = space.parts;
  const first = areas.offsetOf(area);
  const end = first + areas.pagesOf(area);
  const isStacked = object instanceof ShadowObject;
  locks.acquire("area", area);
  lockObject(locks, object);
  let under: ShadowObject | null = null;
  try {
    under = isStacked ? object : new ShadowObject(objects, object);
    const { cache: own } = under;
    const shared = new SharedObject(objects, under);
    shared.link(area);
    if (under.isWritable) {
      try {
        own.each(first, (offset, frame) => {
          if (offset < end) shared.publish(offset, frame);
          return offset < end;
        });
      } catch (error) {
        shared.unlink(area);
        throw error;
      }
      const { cache } = shared;
      for (let offset = cache.nextResident(first); offset >= 0; offset = cache.nextResident(offset + 1))
        own.removeRange(offset, 1, objects.frameGone, objects.slotGone);
    }
    withdrawPages(space, area, areas.firstOf(area), areas.pagesOf(area));
    areas.setObject(area, shared, first);
    areas.setTraits(area, areas.traitsOf(area) & ~COPY_ON_WRITE);
    object.unlink(area);
    return shared;
  } catch (error) {
    if (!isStacked) under?.discard();
    throw error;
  } finally {
    unlockObject(locks, object);
    locks.release("area", area);
  }
};
