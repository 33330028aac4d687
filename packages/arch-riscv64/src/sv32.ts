/** The machine with 32 bits and two levels of tables: `--arch sv32`. */
import type { Architecture } from "@portolan/core/architecture";
import { sv32With } from "./sv32-machine.js";

export { sv32With, type Sv32Options } from "./sv32-machine.js";

/** 34 bits of physical address, nine of ASID, A and D set by hardware. */
export const sv32: Architecture = sv32With();
