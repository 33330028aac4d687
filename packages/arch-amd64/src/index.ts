/**
 * AMD64 (Intel 64) as HelenOS runs it: four levels of 4 KiB tables walked by hardware, no-execute, no process-context
 * identifiers. The module `@portolan/arch-amd64/la57` exports the machine with five levels.
 */
import type { Architecture } from "@portolan/core/architecture";
import { amd64With } from "./machine.js";

export { ControlRegisters } from "./control-registers.js";
export { GENERAL_PROTECTION, INVALID_OPCODE, MACHINE_CHECK, PAGE_FAULT, PF_ID, PF_P, PF_RSVD, PF_US, PF_WR } from "./faults.js";
export { type EntryOptions } from "./formats.js";
export { amd64With, type Amd64Options } from "./machine.js";
export { PROCESSORS, type Buffers, type Processor, type ProcessorName } from "./processors.js";
export * from "./registers.js";

/** A Zen: 48 bits of physical address, 1 GiB pages, SMEP and SMAP. */
export const amd64: Architecture = amd64With();
