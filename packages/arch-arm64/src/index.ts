/**
 * 64-bit ARM at EL1: VMSAv8-64, stage 1, walked by hardware, with a root and a half of the addresses for the user and for the
 * kernel. `arm64` has pages of 4 KiB; the modules `@portolan/arch-arm64/granule16` and `/granule64` export the machines with
 * larger ones.
 */
import type { Architecture } from "@portolan/core/architecture";
import { arm64With } from "./machine.js";

export { El1Registers, type TlbiKind } from "./el1-registers.js";
export { DATA_ABORT, faultStatusInWords, INSTRUCTION_ABORT, WNR } from "./faults.js";
export type { Granule } from "./formats.js";
export { arm64With, type Arm64Options } from "./machine.js";
export { PROCESSORS, type Buffer, type Buffers, type Processor, type ProcessorName } from "./processors.js";
export * from "./registers.js";

/** Pages of 4 KiB, 48 bits in each half and out: what operating systems choose mostly. */
export const arm64: Architecture = arm64With();
