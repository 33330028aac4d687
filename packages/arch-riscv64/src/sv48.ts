/** The machine with four levels of tables: `--arch sv48`. */
import type { Architecture } from "@portolan/core/architecture";
import { riscv64With } from "./machine.js";

/** Sv48, otherwise as `riscv64`. */
export const sv48: Architecture = riscv64With({ mode: "sv48" });
