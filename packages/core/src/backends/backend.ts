/**
 * A backend decides what an area's pages show, by naming the memory object at the bottom of the area's stack. Three
 * come with the core; anybody can add one by returning an object of their own.
 */
import type { AreaFlags, AreaMappingTraits } from "../area/area-flags.js";
import type { MemoryObject } from "../objects/memory-object.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { AnonymousObject } from "../objects/anonymous-object.js";
import type { ObjectParts } from "../objects/object-parts.js";

/** What a backend may use to make its object. */
export interface BackendParts {
  readonly frames: FrameAllocator;
  readonly memory: PhysicalMemory;
  /** The one object behind all unshared anonymous areas. */
  readonly anonymous: AnonymousObject;
  /** What the machine's own objects work with: page caches, names of locks, swap. */
  readonly objects: ObjectParts;
}

/**
 * What an area is made of. A plain object; one may serve any number of areas and machines, since what belongs to an area
 * is in the object that `open` returns.
 *
 * @see HelenOS kernel/generic/include/mm/as.h, mem_backend_t
 */
export interface Backend {
  /** `"anonymous"`, `"image"`, `"physical"`, or a name of your own. */
  readonly name: string;
  /** May areas of it be shared with another space? */
  readonly isShareable: boolean;
  /** May the rights of its areas be changed later? In HelenOS only anonymous memory's. */
  readonly canChangeFlags: boolean;
  /** Page of the object that an area begins with; 0 where absent. */
  readonly offset?: number;
  /** What else its areas are: private, growing downwards; nothing where absent. */
  readonly traits?: AreaMappingTraits;
  /**
   * The object of a new area of `pages` pages.
   * @throws PortolanError for data that makes no sense; nothing has changed then
   */
  open(parts: BackendParts, pages: number, flags: AreaFlags): MemoryObject;
}
