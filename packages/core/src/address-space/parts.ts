/** What operations on address spaces work with: the services of one machine. */
import type { AllocationGate } from "../allocation-gate.js";
import type { Architecture } from "../architecture/architecture.js";
import type { Switches } from "../architecture/entry-format.js";
import type { AreaTable } from "../area/area-table.js";
import type { AsidPolicy } from "../asid/asid-policy.js";
import type { BackendParts } from "../backends/backend.js";
import type { Events } from "../events.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { Locks } from "../machine/locks.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { Preemption } from "../machine/scheduler.js";
import type { FileObject } from "../objects/file-object.js";
import type { ObjectParts } from "../objects/object-parts.js";
import type { PageChunks } from "../objects/page-chunks.js";
import type { Transfers } from "../objects/transfer.js";
import type { PageTables } from "../paging/page-tables.js";
import type { Withdrawals } from "../paging/withdrawal.js";
import type { Reclaimer } from "../swap/reclaimer.js";
import type { Refill } from "../tlb/refill.js";
import type { SoftwareCaches } from "../tlb/software-caches.js";
import type { AddressUnits } from "../units/address-units.js";
import type { AddressSpace } from "./address-space.js";

/** The parts of one machine that operations on address spaces use: `machine.parts`. One of each, shared by all spaces. */
export interface SpaceParts {
  readonly architecture: Architecture;
  /** The processors' when the machine was built: what entries are written for. */
  readonly switches: Switches;
  readonly units: AddressUnits;
  readonly memory: PhysicalMemory;
  readonly frames: FrameAllocator;
  readonly gate: AllocationGate;
  readonly tables: PageTables;
  readonly withdrawals: Withdrawals;
  readonly asids: AsidPolicy;
  readonly caches: SoftwareCaches;
  readonly refill: Refill;
  readonly areas: AreaTable;
  /** Pages of all page caches. */
  readonly cachePool: PageChunks;
  readonly locks: Locks;
  readonly events: Events;
  readonly preemption: Preemption;
  readonly backends: BackendParts;
  readonly objects: ObjectParts;
  /** Pages on their way, and what waits for a door without locks. */
  readonly transfers: Transfers;
  /** File objects that exist: opened, mapped, or with pages that have to be written first. */
  readonly files: Set<FileObject>;
  /** Frees frames when they are short: pages go to the swap device, or back to their files. */
  readonly reclaimer: Reclaimer;
  /** The space that an area belongs to. */
  readonly spaceOf: (area: number) => AddressSpace;
}
