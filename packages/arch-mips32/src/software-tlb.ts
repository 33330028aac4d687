/**
 * The TLB as somebody sees it who has its entries: pairs of pages with one tag, and three exceptions of two codes. Refill has a vector
 * of its own, Invalid and Modified share the general one.
 *
 * @see MIPS32 PRA vol III, TLB-based virtual address translation and TLB exceptions
 */
import {
  ABSENT,
  EXECUTE,
  PROTECTION,
  WRITE,
  type FaultReason,
  type SoftwareTlb,
  type TlbException,
  type TlbRow,
  type TlbWord,
} from "@portolan/core/architecture";
import { faults } from "./faults.js";
import { entryLoFormat, registerFields } from "./formats.js";
import type { MultipleMatches } from "./multiple-matches.js";
import { halfOf } from "./registers.js";

const trapOf = (name: string, reason: FaultReason, access: Parameters<SoftwareTlb["miss"]>[0]): string =>
  `${name}, ${faults.report(reason, access, 0).trap}`;

const set = (name: string): NonNullable<TlbException["field"]> => ({ name, is: 0, wouldBe: 1 });

/** Is an entry one of the core's pages, which the handlers look after? A row is a half of it, or the pair. */
const isMachines = ({ bytes }: TlbRow, pageShift: number): boolean => bytes === 2 ** pageShift || bytes === 2 ** (pageShift + 1);

const wordsOf = ({ words, bytes }: TlbRow, address: bigint): readonly TlbWord[] => {
  // Sizes of pages are powers of four, so the others are of pairs.
  const pair = Math.log2(bytes) % 2 === 0 ? bytes * 2 : bytes;
  const mask = words?.["PageMask"] === undefined ? pair - 0x2000 : Number(words["PageMask"]);
  return [
    { name: "EntryHi", bits: 32, fields: registerFields.EntryHi },
    { name: "PageMask", bits: 32, fields: registerFields.PageMask },
    { name: `EntryLo${halfOf(mask, Number(address))}`, bits: 32, fields: entryLoFormat.fields },
  ];
};

/** Of a machine whose pages are 2^`pageShift` bytes, and whose processor answers so to two entries that match. */
export const softwareTlb = (pageShift: number, multipleMatches: MultipleMatches): SoftwareTlb => ({
  tagName: "ASID",
  asidOf: ({ EntryHi }) => (EntryHi === undefined ? undefined : EntryHi & 0xffn),
  matchesInvalid: true,
  words: wordsOf,
  entryOf: () => entryLoFormat,
  miss: (access) => ({ reason: ABSENT, trap: trapOf("TLB Refill", ABSENT, access), asks: "all" }),
  refusal(row, access) {
    const asks = isMachines(row, pageShift) ? "tables" : "nothing";
    if (row.valid === false) return { reason: ABSENT, trap: trapOf("TLB Invalid", ABSENT, access), field: set("V"), asks };
    if (access === WRITE) return { reason: PROTECTION, trap: trapOf("TLB Modified", PROTECTION, access), field: set("D"), asks };
    // RI and XI, which processors have that are younger than the R4000.
    return { reason: PROTECTION, trap: access === EXECUTE ? "TLB Execute-Inhibit" : "TLB Read-Inhibit", asks: "nothing" };
  },
  overlap: multipleMatches.isWritten
    ? "the processor sets Status.TS when the second is written, and promises nothing from then on"
    : "the processor takes a machine check when the second is written",
  manual: "MIPS32 PRA vol III, TLB-based virtual address translation",
});
