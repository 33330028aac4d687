/** The second decoder for `amd64la57`, where it is looked for. */
import type { Oracle } from "@portolan/core/architecture";
import { oracleOf } from "./oracle.js";

/** Five levels, and every bit of an address. */
export const oracle: Oracle = oracleOf({ levels: 5, physicalBits: 52 });
