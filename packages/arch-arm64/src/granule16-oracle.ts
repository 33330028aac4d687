/** The second decoder for `arm64g16`, where it is looked for. */
import type { Oracle } from "@portolan/core/architecture";
import { oracleOf } from "./oracle.js";

/** The figures with a granule of 16 KiB. */
export const oracle: Oracle = oracleOf({ granule: 16, bits: 47 });
