/** The machine with five levels of tables: `--arch sv57`. */
import type { Architecture } from "@portolan/core/architecture";
import { riscv64With } from "./machine.js";

/** Sv57, otherwise as `riscv64`. */
export const sv57: Architecture = riscv64With({ mode: "sv57" });
