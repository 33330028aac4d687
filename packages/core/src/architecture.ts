/**
 * The light door, `@portolan/core/architecture`: what a machine's description is written with, and what reads tables without
 * a machine. Nothing behind it builds one: no container, no parts, and a module of the core is here only if it does without
 * them. The whole door, `@portolan/core`, has all of it too.
 */
export * from "./architecture/architecture.js";
export * from "./architecture/entry-format.js";
export * from "./architecture/faults.js";
export type { DecodedEntry, Oracle, OtherEntry } from "./architecture/oracle.js";
export * from "./architecture/rights.js";
export type { SoftwareTlb, StorageBuffer, TlbException, TlbWord } from "./architecture/software-tlb.js";
export type * from "./architecture/tlb-organisation.js";
export type { SpaceRow, TlbRow, TranslationState } from "./architecture/translation-state.js";
export { checkArchitecture, reasonsAgainst } from "./architecture/validate.js";
export type { Walk, WalkField, WalkStep } from "./architecture/walk.js";
export { loadArchitecture, type Importer, type LoadedModule } from "./compose/load-architecture.js";
export { ERRORS, PortolanError, type Errno, type ErrorCode, type ErrorEntry, type ErrorValue } from "./errors.js";
export type { Cpu } from "./machine/cpu.js";
export type { PhysicalMemory } from "./machine/physical-memory.js";
export { TranslationContext } from "./machine/translation-context.js";
export { ABSENT_ENTRY, FormatCodec, LEAF_ENTRY, LevelCodec, MALFORMED_ENTRY, TABLE_ENTRY } from "./paging/entry-codec.js";
export { explainFields } from "./paging/explain-entry.js";
export {
  HASH_ENTRY_BYTES,
  HASH_HEAD_BYTES,
  hashEntryFields,
  hashEntryRights,
  hashHeadFields,
  hashOfPage,
} from "./paging/page-hash-format.js";
export { Random } from "./random.js";
export { REFILL, type Refill } from "./tlb/refill.js";
export type { SoftwareCache } from "./tlb/software-cache.js";
export { SOFTWARE_CACHES, type SoftwareCaches } from "./tlb/software-caches.js";
export { ENTRY_GLOBAL, ENTRY_LOCKED } from "./tlb/tlb-entry.js";
export type { Tlb } from "./tlb/tlb.js";
export { Tsb } from "./tlb/tsb.js";
export { token, type Token } from "./token.js";
export type { Wide } from "./units/address-units.js";
