/** TLB contents as text, whoever printed it. */
import type { TranslationState } from "@portolan/core/architecture";
import { linesOf } from "./cursor.js";
import { MOST_CHARACTERS } from "./limits.js";
import { isLinuxMips, readLinuxMips } from "./linux-mips.js";
import { readOwn } from "./own.js";
import { isQemuSparc64, readQemuSparc64 } from "./qemu-sparc64.js";
import { badListing } from "./trouble.js";

/**
 * Reads listings of TLB contents: one state for each processor that the text tells of, at least one. The kind is recognised: our own
 * JSON form, `info tlb` of QEMU's monitor for sparc64, and what Linux prints for MIPS, with whatever a log puts before and
 * between their lines.
 *
 * @throws PortolanError `ERR_BAD_LISTING` with line and column, for text that is none of these or breaks off in an entry
 */
export const readListings = (text: string): readonly TranslationState[] => {
  if (text.length > MOST_CHARACTERS)
    throw badListing(1, 1, `the text has ${text.length} characters, and at most ${MOST_CHARACTERS} are read`);
  if (/^\uFEFF?\s*\{/.test(text.slice(0, 4096))) return [readOwn(text.replace(/^\uFEFF/, " "))];
  for (const { text: line, start } of linesOf(text)) {
    const proper = line.slice(start);
    if (isQemuSparc64(proper)) return readQemuSparc64(text);
    if (isLinuxMips(proper)) return readLinuxMips(text);
  }
  throw badListing(1, 1, "no line is one of a listing that is known");
};

/**
 * One processor's state from a listing.
 *
 * @param processor which one, where the text tells of several; 0 is the first
 * @throws PortolanError `ERR_BAD_LISTING`, also for a processor that the text does not have
 */
export const readListing = (text: string, processor = 0): TranslationState => {
  const states = readListings(text);
  const state = states[processor];
  if (state === undefined) throw badListing(1, 1, `it tells of ${states.length} processors, and not of number ${processor}`);
  return state;
};
