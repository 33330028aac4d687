/**
 * The middle door, `@portolan/core/parts`: what a port's own parts are made with, refill code for one. All that the light door
 * has, the marks by which the container makes a part, and the tokens of the parts that it may ask for; no part itself.
 */
export * from "./architecture.js";
export { ASID_POLICY, type AsidPolicy } from "./asid/asid-policy.js";
export { inject, injectable } from "./compose/inject.js";
export { ARCHITECTURE, CPUS, EVENTS, LOCKS, PREEMPTION, SHOOTDOWN } from "./compose/tokens.js";
export type { Events } from "./events.js";
export { FRAMES, type FrameAllocator } from "./frames/frame-allocator.js";
export type { Locks } from "./machine/locks.js";
export { PHYSICAL_MEMORY } from "./machine/physical-memory.js";
export type { Preemption } from "./machine/scheduler.js";
export { PAGE_TABLES, type FoundMapping, type PageTables } from "./paging/page-tables.js";
export { ALL_LOCKED } from "./tlb/tlb-entry.js";
