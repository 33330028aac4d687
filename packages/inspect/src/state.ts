/**
 * What a processor holds beside the tables in memory: the type is the core's, so that images may carry it and vectors share it.
 * Here is what questions of these walks are asked of it.
 */
export type { SpaceRow, TlbRow, TranslationState } from "@portolan/core/architecture";
