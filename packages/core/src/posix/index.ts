/** The POSIX face of the core. */
export { ERRNOS, errnoOf, type PosixErrno } from "./errno.js";
export type { Program, ProgramSegment } from "./execution.js";
export type { FileNode, FileSystem, OpenFile } from "./file-system.js";
export { limitsOf, type PosixLimits } from "./limits.js";
export { mapsOf, type MapEntry } from "./maps.js";
export type { PosixMemory } from "./memory.js";
export * from "./numbers.js";
export { NO_VALUE, type Process } from "./process.js";
export type { Segments, SegmentStatus } from "./segments.js";
export type { Signal, SignalCode, SignalName } from "./signal.js";
export { PosixSystem, type PosixMachine } from "./system.js";
