/** What memory objects work with: the services of one machine that they need, and the seam to swap. */
import type { AllocationGate } from "../allocation-gate.js";
import type { AreaTable } from "../area/area-table.js";
import type { Events } from "../events.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { Locks } from "../machine/locks.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { AnonymousObject } from "./anonymous-object.js";
import type { PageCache } from "./page-cache.js";

/** An object with a page cache of its own, whose pages can be found again from the outside. */
export interface PagedObject {
  readonly kind: string;
  /** Names its lock. */
  readonly number: number;
  readonly cache: PageCache;
  /** Rows of the areas whose front it is. */
  readonly areas: ReadonlySet<number>;
}

/** Brings pages back that objects have in slots. */
export interface SwapSource {
  /**
   * Makes a page resident that `cache.get` answered SWAPPED_OUT for; its slot stays. Called with the object's lock held.
   * @returns its frame, to which the cache holds a reference; or ON_ITS_WAY, or UNREADABLE
   * @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then
   */
  swapIn(object: PagedObject, offset: number): number;
  /** The bytes in a slot are needed no more. */
  releaseSlot(slot: number): void;
}

/** The parts of one machine that its memory objects share: `machine.parts.objects`. */
export class ObjectParts {
  readonly frames: FrameAllocator;
  readonly memory: PhysicalMemory;
  readonly areas: AreaTable;
  readonly gate: AllocationGate;
  readonly locks: Locks;
  readonly events: Events;
  /** The bottom of all anonymous memory. */
  readonly anonymous: AnonymousObject;
  /** A page cache with nothing in it. Costs nothing until it is used. */
  readonly newCache: () => PageCache;
  /** Null on a machine without swap. */
  swap: SwapSource | null = null;
  /** Gives back a cache's reference to a frame. One function for all, so that none is made on the way. */
  readonly frameGone: (frame: number) => void;
  /** Gives back a slot. */
  readonly slotGone: (slot: number) => void;

  constructor(parts: Pick<ObjectParts, "frames" | "memory" | "areas" | "gate" | "locks" | "events" | "anonymous" | "newCache">) {
    this.frames = parts.frames;
    this.memory = parts.memory;
    this.areas = parts.areas;
    this.gate = parts.gate;
    this.locks = parts.locks;
    this.events = parts.events;
    this.anonymous = parts.anonymous;
    this.newCache = parts.newCache;
    this.frameGone = (frame) => void this.frames.release(frame);
    this.slotGone = (slot) => this.swap?.releaseSlot(slot);
  }

  /** The frame of a present page that is not resident. As {@link SwapSource.swapIn}. */
  swapIn(object: PagedObject, offset: number): number {
    if (this.swap === null) throw new Error("a page lies in swap, and the machine has none");
    return this.swap.swapIn(object, offset);
  }
}
