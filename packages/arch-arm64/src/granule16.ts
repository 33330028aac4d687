/** The machine with pages of 16 KiB: `--arch arm64g16`. */
import type { Architecture } from "@portolan/core/architecture";
import { arm64With } from "./machine.js";

/** Pages of 16 KiB and 47 bits in each half, otherwise as `arm64`. */
export const arm64g16: Architecture = arm64With({ granule: 16 });
