/** The second decoder for `sv48`, where it is looked for. */
import type { Oracle } from "@portolan/core/architecture";
import { oracleOf } from "./oracle.js";

/** The figure with four levels. */
export const oracle: Oracle = oracleOf({ levels: 4 });
