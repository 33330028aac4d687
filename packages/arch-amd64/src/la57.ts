/** The machine with five levels of tables: `--arch amd64la57`. */
import type { Architecture } from "@portolan/core/architecture";
import { amd64With } from "./machine.js";

/** A Zen 4 with CR4.LA57: addresses of 57 bits, physical ones of 52. Otherwise as `amd64`. */
export const amd64la57: Architecture = amd64With({ levels: 5 });
