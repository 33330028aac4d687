/** Traces through TLBs of any geometry, on any machine's translation. Pure: bytes come from the caller. */
export { Batcher, CONTINUED, GRANULE_BITS, Touched, type Batch } from "./batch.js";
export { chart } from "./chart.js";
export { designsOf, ownDesign, REPLACEMENTS, type LevelDesign, type StudyReplacement, type TlbDesign } from "./design.js";
export { Hierarchy, type TlbCounts, type Translation } from "./hierarchy.js";
export { study, type Finding, type Study, type StudyOptions, type Subject, type TraceFacts } from "./study.js";
export { csv, COLUMNS, shortened } from "./columns.js";
export { Turns } from "./turns.js";
export { Numbering } from "./numbering.js";
export { LargePageTranslation, MachineTranslation, type CountedTranslation, type TranslationCounts } from "./translation.js";
