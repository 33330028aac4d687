/** The machine with three levels of tables, of eight-byte entries: `--arch ia32pae`. */
import type { Architecture } from "@portolan/core/architecture";
import { ia32PaeWith } from "./pae-machine.js";

export { ia32PaeWith, type Ia32PaeOptions } from "./pae-machine.js";
export { PaeRegisters } from "./pae-registers.js";

/** 36 bits of physical address and no-execute, without SMEP and SMAP. */
export const ia32pae: Architecture = ia32PaeWith();
