/** Real programs for machines: ELF files and memory traces. Pure: bytes come from the caller, time is the caller's. */
export { readElf, type ElfFile, type ElfSegment } from "./elf/elf-file.js";
export {
  DEFAULT_HEAP,
  DEFAULT_STACK,
  fillFromFile,
  loadProgram,
  type LoadedArea,
  type LoadedProgram,
  type LoadOptions,
} from "./load/load-program.js";
export { AccessEngine, type Places, type Refusal } from "./run/access-engine.js";
export type { RunReport } from "./run/report.js";
export { runWorkload, type RunOptions, type Workload } from "./run/run-workload.js";
export { MOST_REFUSED, sweep } from "./run/sweep.js";
export { Footprint } from "./trace/footprint.js";
export { ChampSimReader } from "./trace/champsim.js";
export { CompactReader, CompactWriter } from "./trace/compact.js";
export { LackeyReader } from "./trace/lackey.js";
export { AnyTraceReader, PATIENCE, readTrace, TRACE_FORMATS, traceFormatOf, type TraceFormat, type TraceRead } from "./trace/read-trace.js";
export {
  FETCH,
  LARGEST_ACCESS,
  LOAD,
  MODIFY,
  STORE,
  type TraceKind,
  type TraceReader,
  type TraceSource,
  type TraceVisitor,
} from "./trace/trace.js";
export { settle, type Homes } from "./trace/settle.js";
