/**
 * Four words of a TLB entry, read as the manual says and with nothing of the port's: which addresses it answers for. The
 * judge wants it to keep out of the way of judged accesses, and to tell what a deviation could come from.
 *
 * @see MIPS32 PRA vol III, "Address Translation", EntryHi, PageMask, EntryLo0 and EntryLo1
 */
import type { JudgedEntry } from "../../case.js";

const VPN2 = 0xffff_e000n;
const ASID = 0xffn;
const GLOBAL = 1n;

/** Bits of the address that are compared. */
const comparedBy = ([, mask = 0n]: readonly bigint[]): bigint => VPN2 & ~mask;

/** Does it answer for any address at all while this ASID is current? */
export const isTagged = ({ words: [hi = 0n, , lo0 = 0n, lo1 = 0n] }: JudgedEntry, asid: number): boolean =>
  (lo0 & lo1 & GLOBAL) === GLOBAL || (hi & ASID) === BigInt(asid);

/** Does it answer for an address while this ASID is current? */
export const answers = (entry: JudgedEntry, address: bigint, asid: number): boolean => {
  const [hi = 0n] = entry.words;
  return ((hi ^ address) & comparedBy(entry.words)) === 0n && isTagged(entry, asid);
};

/** Is there an address, with an ASID, for which both answer? */
export const clash = (one: JudgedEntry, other: JudgedEntry): boolean => {
  const [hi = 0n, , lo0 = 0n, lo1 = 0n] = one.words;
  const [otherHi = 0n] = other.words;
  const isSameSpace = (lo0 & lo1 & GLOBAL) === GLOBAL || isTagged(other, Number(hi & ASID));
  return isSameSpace && ((hi ^ otherHi) & comparedBy(one.words) & comparedBy(other.words)) === 0n;
};
