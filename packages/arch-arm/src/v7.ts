/** An ARMv7 under the name `armv7`: a Cortex-A9, whose descriptors can forbid execution and whose TLB carries ASIDs. */
import type { Architecture } from "@portolan/core/architecture";
import { arm } from "./index.js";

export const armv7: Architecture = arm({ processor: "cortexa9" });
