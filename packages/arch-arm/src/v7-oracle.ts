/** The second decoder for `armv7`, where it is looked for. */
import type { Oracle } from "@portolan/core/architecture";
import { oracleOf } from "./oracle.js";

export const oracle: Oracle = oracleOf({ format: "v7" });
