/** Portolan: address spaces, page tables, TLBs, ASIDs and shootdown, true on every machine. */
export * from "./architecture.js";
export { AllocationGate, ALLOCATION_GATE } from "./allocation-gate.js";
export { AREA_CACHEABLE, AREA_EXECUTE, AREA_READ, AREA_WRITE, areaFlagsInWords, type AreaFlags } from "./area/area-flags.js";
export { ASID_POLICY, type AsidPolicy } from "./asid/asid-policy.js";
export type { AddressSpace, AreaInfo } from "./address-space/address-space.js";
export type { ResidentPage } from "./address-space/virt-to-page.js";
export type { AddressSpaces } from "./address-space/address-spaces.js";
export type { AreaRequest } from "./address-space/create-area.js";
export { DEFER, FAULT, OK, WAIT, type FaultResult, type FaultRule } from "./address-space/fault.js";
export { AS_MAP_FAILED, EOK, ERRNO, Syscalls } from "./address-space/syscalls.js";
export { anonymous } from "./backends/anonymous.js";
export type { Backend, BackendParts } from "./backends/backend.js";
export { file, type FileView } from "./backends/file.js";
export { image } from "./backends/image.js";
export { physical } from "./backends/physical.js";
export {
  ARCHITECTURE,
  buildMachine,
  CPUS,
  EVENTS,
  LOCKS,
  PREEMPTION,
  SHOOTDOWN,
  type MachineOptions,
  type MakePart,
  type Replace,
} from "./compose/build-machine.js";
export type { FaultOutcome, Machine } from "./compose/machine.js";
export { Events, type EventSink, type PortolanEvent } from "./events.js";
export { FRAMES, type FrameAllocator } from "./frames/frame-allocator.js";
export { REFUSED, type CpuFault } from "./machine/cpu-fault.js";
export type { CpuStatistics } from "./machine/cpu-statistics.js";
export { Locks, type LockDiscipline, type LockKind } from "./machine/locks.js";
export { PHYSICAL_MEMORY, PhysicalMemory, type PhysicalMemoryOptions } from "./machine/physical-memory.js";
export { Preemption, type PreemptionPoint, type Scheduler } from "./machine/scheduler.js";
export { BytesPager } from "./objects/bytes-pager.js";
export { DevicePager, type BlockDevice, type BlockDone, type DeviceExtent } from "./objects/device-pager.js";
export { MemoryPager } from "./objects/memory-pager.js";
export type { FileVerdict } from "./objects/file-io.js";
export { FileObject, LONGEST_FILE, type FileOptions } from "./objects/file-object.js";
export type { Flush } from "./objects/flush.js";
export type { PageInAnswer, PageInRequest, PageOutAnswer, PageOutRequest, Pager, PagerFailure } from "./objects/pager.js";
export type { PageOnItsWay, Transfer, TransferState } from "./objects/transfer.js";
export type { ImageFile } from "./objects/image-file.js";
export type { ImageSegment } from "./objects/image-object.js";
export { deepestChain, objectGraph, type AreaView, type ObjectGraph, type ObjectView, type PageView } from "./objects/object-graph.js";
export { NO_PAGE, ON_ITS_WAY, UNREADABLE, type MemoryObject } from "./objects/memory-object.js";
export type { ObjectParts, PagedObject, SwapSource } from "./objects/object-parts.js";
export type { ShadowObject } from "./objects/shadow-object.js";
export type { SharedObject } from "./objects/shared-object.js";
export { PAGE_TABLES, type FoundMapping, type PageTables } from "./paging/page-tables.js";
export { StaleTranslations } from "./paging/stale.js";
export { ERRNOS, errnoOf, type PosixErrno } from "./posix/errno.js";
export type { Program, ProgramSegment } from "./posix/execution.js";
export type { FileNode, FileSystem, OpenFile } from "./posix/file-system.js";
export { limitsOf, type PosixLimits } from "./posix/limits.js";
export { mapsOf, type MapEntry } from "./posix/maps.js";
export type { PosixMemory } from "./posix/memory.js";
export * from "./posix/numbers.js";
export { NO_VALUE, type Process } from "./posix/process.js";
export type { Segments, SegmentStatus } from "./posix/segments.js";
export type { Signal, SignalCode, SignalName } from "./posix/signal.js";
export { PosixSystem, type PosixMachine } from "./posix/system.js";
export { NoSoftwareCaches } from "./tlb/software-caches.js";
export { ALL_LOCKED } from "./tlb/tlb.js";
export { AddressUnits } from "./units/address-units.js";
export { MemorySwap } from "./swap/memory-swap.js";
export type { SwapDevice, TransferDone } from "./swap/swap-device.js";
export { assertInvariants, violations } from "./verify/invariants.js";
export { assertSystemInvariants, systemViolations } from "./verify/system-invariants.js";
export { LockOrder, WouldWait } from "./verify/lock-order.js";
export { interleave, type Interleaving } from "./verify/explore.js";
