/** The second decoder for `arm64g64`, where it is looked for. */
import type { Oracle } from "@portolan/core/architecture";
import { oracleOf } from "./oracle.js";

/** The figures with a granule of 64 KiB. */
export const oracle: Oracle = oracleOf({ granule: 64, bits: 48 });
