/**
 * MIPS32 as HelenOS runs it: two levels of software page tables that no hardware reads, a TLB of paired entries with
 * 8-bit ASIDs that exception handlers fill, kernel segments that bypass it.
 */
import type { Architecture } from "@portolan/core/architecture";
import { mips32With } from "./machine.js";

export { Cp0, GENERAL_VECTOR, REFILL_VECTOR } from "./cp0.js";
export { EXC_ADEL, EXC_ADES, EXC_DBE, EXC_IBE, EXC_MCHECK, EXC_MOD, EXC_TLBL, EXC_TLBS } from "./faults.js";
export { CACHEABLE, entryLoFormat, registerFields, rootEntry, tableEntry, UNCACHED, type ByteOrder, type RegisterName } from "./formats.js";
export { mips32With, type Mips32Options } from "./machine.js";
export { MachineCheck, MULTIPLE_MATCHES, Shutdown, type MultipleMatches } from "./multiple-matches.js";
export { PROCESSORS, type Processor, type ProcessorName } from "./processors.js";
export { SoftwareRefill } from "./refill.js";
export {
  contextAfter,
  entryHi,
  entryHiAfter,
  entryLo,
  halfOf,
  matches,
  pageMask,
  pageShiftOf,
  PAGE_SHIFTS,
  PROBE_FAILED,
  type HalfEntry,
} from "./registers.js";

/** Little-endian, an R4000: what HelenOS takes unless told otherwise. The big-endian twin is exported by `./big`. */
export const mips32: Architecture = mips32With();
