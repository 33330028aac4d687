/** Logs of operations: read, written, performed on any machine, and drawn. */
export { readLog, writeLog } from "./log/read-log.js";
export type { Advice, Expectation, Kind, Log, LogHeader, Operation, RightsInWords } from "./log/operation.js";
export { performLog, type Difference, type Performance, type PerformOptions } from "./perform/perform.js";
export type { Counts } from "./perform/counts.js";
export { objectDot } from "./picture/dot.js";
export type { Names } from "./picture/graph.js";
export { objectSvg } from "./picture/svg.js";
export { objectTree } from "./picture/text.js";
