/** The machine with pages of 64 KiB: `--arch arm64g64`. */
import type { Architecture } from "@portolan/core/architecture";
import { arm64With } from "./machine.js";

/** Pages of 64 KiB and 48 bits in each half, otherwise as `arm64`. */
export const arm64g64: Architecture = arm64With({ granule: 64 });
