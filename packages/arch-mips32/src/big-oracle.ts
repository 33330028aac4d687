/** The second decoder of the big-endian twin, where whoever loads `./big` looks for it. */
import type { Oracle } from "@portolan/core/architecture";
import { oracleOf } from "./oracle.js";

export const oracle: Oracle = oracleOf("big");
