/**
 * An unforked private area pays nothing for what it could become: its frames are known by its entries alone. Before
 * somebody else has to know them (a fork, swap) a shadow is put in front of the area that holds them.
 */
import { COPY_ON_WRITE } from "../area/area-flags.js";
import type { MemoryObject } from "../objects/memory-object.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { ShadowObject } from "../objects/shadow-object.js";
import type { AddressSpace } from "./address-space.js";

/** Pages that are published at a time. */
const RUN = 512;
const frames = new Float64Array(RUN);

/** Has the area pages that only its entries know, or may it get some? Its front is no shadow then, but could be put behind one. */
export const isUnmaterialised = (space: AddressSpace, area: number): boolean => {
  const { areas } = space.parts;
  const object = areas.objectOf(area);
  if (object === null || (areas.traitsOf(area) & COPY_ON_WRITE) !== 0) return false;
  return object.kind === "anonymous" || object.kind === "image" || (object.kind === "custom" && object.isPrivate(areas.offsetOf(area)));
};

/**
 * Puts a shadow in front of a private area that has none, and the pages into it that are the area's own. Entries stay as
 * they are, and no frame is needed. The area is copy-on-write from then on. The space is locked.
 *
 * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const materialise = (space: AddressSpace, area: number): ShadowObject => {
  const { areas, locks, objects } = space.parts;
  const object = areas.objectOf(area);
  if (object === null || !isUnmaterialised(space, area)) throw new Error("an area is given a shadow that has one, or wants none");
  locks.acquire("area", area);
  lockObject(locks, object);
  try {
    const shadow = new ShadowObject(objects, object);
    shadow.link(area);
    try {
      publish(space, area, object, shadow);
    } catch (error) {
      shadow.unlink(area);
      throw error;
    }
    areas.setObject(area, shadow, areas.offsetOf(area));
    areas.setTraits(area, areas.traitsOf(area) | COPY_ON_WRITE);
    object.unlink(area);
    return shadow;
  } finally {
    unlockObject(locks, object);
    locks.release("area", area);
  }
};

/** Takes back what {@link materialise} did, while nobody has come to depend on it. Never fails. */
export const dematerialise = (space: AddressSpace, area: number): void => {
  const { areas } = space.parts;
  const shadow = areas.objectOf(area);
  if (!(shadow instanceof ShadowObject) || shadow.below === null) throw new Error("an area loses a shadow that it does not have");
  const { below } = shadow;
  below.link(area);
  areas.setObject(area, below, areas.offsetOf(area));
  areas.setTraits(area, areas.traitsOf(area) & ~COPY_ON_WRITE);
  shadow.unlink(area);
};

const publish = (space: AddressSpace, area: number, object: MemoryObject, shadow: ShadowObject): void => {
  const { areas, tables, locks, frames: allocator } = space.parts;
  const { used } = areas;
  const shift = areas.offsetOf(area) - areas.firstOf(area);
  const isImage = object.kind === "image";
  locks.acquire("page-table", space.id);
  try {
    let page = used.nextAtOrAbove(area, areas.firstOf(area));
    while (page >= 0) {
      const end = used.intervalEnd(area, page);
      for (; page < end; page += RUN) {
        const count = Math.min(RUN, end - page);
        tables.framesOf(space.context, page, count, frames);
        // The file's own pages are nobody's; they show through.
        if (isImage) for (let i = 0; i < count; i += 1) if (!object.isPrivate(page + shift + i)) frames[i] = -1;
        shadow.cache.insertRun(page + shift, frames, count);
        allocator.shareEach(frames, count);
      }
      page = used.nextAtOrAbove(area, end);
    }
  } finally {
    locks.release("page-table", space.id);
  }
};
