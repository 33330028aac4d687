/**
 * 64-bit RISC-V: Sv39, and by option Sv48 and Sv57, walked by hardware, with address space identifiers. `riscv64` is Sv39;
 * the modules `@portolan/arch-riscv64/sv48` and `sv57` export those with four and five levels, and `@portolan/arch-riscv64/sv32` that with 32 bits.
 */
import type { Architecture } from "@portolan/core/architecture";
import { riscv64With } from "./machine.js";

export { EXCEPTIONS } from "./faults.js";
export { MODES, type EntryOptions, type Mode } from "./formats.js";
export { riscv64With, type Riscv64Options } from "./machine.js";
export { PROCESSORS, type Buffers, type Processor, type ProcessorName } from "./processors.js";
export * from "./registers.js";
export { SupervisorRegisters } from "./supervisor-registers.js";

/** Sv39 with everything that the manual leaves open at its plainest: 16 bits of ASID, A and D set by hardware. */
export const riscv64: Architecture = riscv64With();
