/**
 * Words of the MMU's registers as pure functions, unsigned 32-bit numbers: what software computes before TLBWI, and what
 * hardware leaves behind after an exception.
 *
 * @see MIPS32 PRA vol III, chapter on CP0 registers; R4000 User's Manual, chapter 4
 */

/** Pages of an entry, as shifts: 4 KiB to 16 MiB in steps of four. */
export const PAGE_SHIFTS: readonly number[] = [12, 14, 16, 18, 20, 22, 24];

/** P of Index: the probe found nothing. */
export const PROBE_FAILED = 0x8000_0000;

/** VPN2 and ASID for an address. */
export const entryHi = (address: number, asid: number): number => (address - (address % 0x2000) + (asid & 0xff)) >>> 0;

/** What EntryLo0 or EntryLo1 says. */
export interface HalfEntry {
  /** Physical address of the page, in bytes; a multiple of 4 KiB below 2^36. */
  readonly physical: number;
  /** Coherency, 0 to 7: 2 is uncached, 3 and 5 are cacheable. */
  readonly coherency: number;
  /** D: may be written. */
  readonly writable: boolean;
  readonly valid: boolean;
  readonly global: boolean;
}

/** One half of a pair. */
export const entryLo = ({ physical, coherency, writable, valid, global }: HalfEntry): number =>
  Math.floor(physical / 0x1000) * 64 + coherency * 8 + (writable ? 4 : 0) + (valid ? 2 : 0) + (global ? 1 : 0);

/** PageMask for pages of 2^`pageShift` bytes, one of {@link PAGE_SHIFTS}. */
export const pageMask = (pageShift: number): number => (2 ** (pageShift - 12) - 1) * 0x2000;

/** The page that a PageMask stands for, as a shift; −1 for a mask that stands for none. */
export const pageShiftOf = (mask: number): number => PAGE_SHIFTS.find((shift) => pageMask(shift) === mask) ?? -1;

/** Context after a TLB exception: PTEBase stays, VA[31:13] stands in bits 22:4. */
export const contextAfter = (context: number, badVAddr: number): number =>
  ((context & 0xff80_0000) | (Math.floor(badVAddr / 0x2000) << 4)) >>> 0;

/** EntryHi after a TLB exception: the missed pair in the current address space. */
export const entryHiAfter = (before: number, badVAddr: number): number => entryHi(badVAddr, before);

/** Does an entry match? Bits under the mask are not compared, nor the ASID of an entry that is global in both halves. */
export const matches = (
  entry: { readonly entryHi: number; readonly pageMask: number; readonly entryLo0: number; readonly entryLo1: number },
  address: number,
  asid: number,
): boolean => {
  const compared = (0xffff_e000 & ~entry.pageMask) >>> 0;
  const isGlobal = (entry.entryLo0 & entry.entryLo1 & 1) === 1;
  return ((entry.entryHi ^ address) & compared) === 0 && (isGlobal || (entry.entryHi & 0xff) === (asid & 0xff));
};

/** Which half of a matching entry an address lies in: 0 is EntryLo0's. The lowest bit that is compared no more decides. */
export const halfOf = (mask: number, address: number): 0 | 1 => {
  const pageSize = (mask + 0x2000) / 2;
  return Math.floor(address / pageSize) % 2 === 0 ? 0 : 1;
};
