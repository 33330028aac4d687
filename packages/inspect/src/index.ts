/** What does this address map to, and why does it fault? Over any image of memory and any machine that has a description. */
export {
  conventionNamed,
  CONVENTIONS,
  softwareInWords,
  type Beside,
  type Convention,
  type ConventionName,
  type FoundConvention,
  type SoftwareEntry,
} from "./conventions.js";
export type { Culprit } from "./culprit.js";
export { entryInWords } from "./in-words.js";
export { explainAccess, refuserInWords, type AccessExplanation, type Refusal } from "./explain-access.js";
export { eachMapping, listMappings, type LeafVisitor, type ListOptions } from "./list-mappings.js";
export type { ListTotals, Mapping, MappingFilter, Origin, Sums } from "./mappings.js";
export { passedOver } from "./marks.js";
export { MemoryTypes, TYPE_REGISTERS, typeRegistersOf, untoldFlags, type MemoryType, type Registers } from "./memory-types.js";
export { memoryOf, type Memory } from "./memory.js";
export { readVirtual, type ReadStop, type VirtualRead } from "./read-virtual.js";
export { Scan, type Budget, type Oddity, type ScanEnd, type ScanOptions, type ScanTotals, type Visitor } from "./scan.js";
export { Tree, treeOf, type Roots, type RootSpan, type TreeLevel, type TreeOptions } from "./tree.js";
export { walkAddress, type BesideEntry, type ImageStep, type ImageWalk, type WalkOptions } from "./walk-address.js";
export { checkTables, type CheckOptions, type CheckReport } from "./check-tables.js";
export { FINDINGS, isAsSevere, SEVERITIES, type CountByCode, type Finding, type FindingCode, type Severity } from "./check/findings.js";
export { diffMappings, rightsInWords, type DiffSide, type DiffTotals, type MappingChange } from "./diff-mappings.js";
export { candidateInWords, findRoots, type FindRootsOptions, type FoundRoots, type RootCandidate } from "./find-roots.js";
export { headOf, lineOf, sizeInWords, type MappingStyle } from "./render/mappings.js";
export { changeAsText, findingAsText, walkAsData, walkAsText } from "./render/walk.js";
export { renderAs, type ForeignStyle, type RenderOptions, type Write } from "./render/x86.js";
export {
  bestOf,
  placesIn,
  sourcesInWords,
  sourcesOf,
  SOURCES,
  type SoftwareSources,
  type SourceName,
  type SourcesAsked,
} from "./software/sources.js";
export { switchesIn, switchesOf } from "./switches.js";
export type { SpaceRow, TlbRow, TranslationState } from "./state.js";
