/** The second decoder for `sv57`, where it is looked for. */
import type { Oracle } from "@portolan/core/architecture";
import { oracleOf } from "./oracle.js";

/** The figure with five levels. */
export const oracle: Oracle = oracleOf({ levels: 5 });
