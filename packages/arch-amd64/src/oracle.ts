/**
 * Tables 4-15 to 4-20 of the manual read once more: bit by bit, without the lists of fields, for a processor with 48 bits of
 * physical address, 1 GiB pages, and AMD's reserved bit 8 of a PML4 entry.
 *
 * @see Intel SDM vol 3A §4.5.4 and §4.6; AMD64 APM vol 2 §5.3.3, §5.3.4 and §5.6
 */
import { EXECUTE, READ, rightsFor, WRITE, type DecodedEntry, type Oracle, type Switches } from "@portolan/core";

const isSet = (word: bigint, bit: number): boolean => (word & (1n << BigInt(bit))) !== 0n;
const anySet = (word: bigint, high: number, low: number): boolean => ((word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n)) !== 0n;
/** Bits 47:`low`. */
const address = (word: bigint, low: number): bigint => ((word & 0xffff_ffff_ffffn) >> BigInt(low)) << BigInt(low);

const rightsOf = (word: bigint, switches: Switches): number => {
  const readOrFetch = READ + (isSet(word, 63) && switches["NXE"] ? 0 : EXECUTE);
  const mayWrite = isSet(word, 1);
  const supervisor = readOrFetch + (mayWrite || !switches["WP"] ? WRITE : 0);
  const user = isSet(word, 2) ? readOrFetch + (mayWrite ? WRITE : 0) : 0;
  return rightsFor(supervisor, user);
};

/** Not there, or not to be looked at: an XD bit while EFER.NXE is clear. */
const refusal = (word: bigint, switches: Switches): DecodedEntry | null => {
  if (!isSet(word, 0)) return { kind: "absent" };
  return isSet(word, 63) && !switches["NXE"] ? { kind: "malformed" } : null;
};

const pointer = (word: bigint, switches: Switches, hasReserved: boolean): DecodedEntry => ({
  kind: "table",
  physical: address(word, 12),
  rights: rightsOf(word, switches),
  isAccessed: isSet(word, 5),
  hasReserved: hasReserved || anySet(word, 51, 48),
});

/** @param low the first bit of the page's address */
const page = (word: bigint, switches: Switches, low: number): DecodedEntry => ({
  kind: "leaf",
  physical: address(word, low),
  rights: rightsOf(word, switches),
  isGlobal: isSet(word, 8),
  isCacheable: !isSet(word, 4),
  isAccessed: isSet(word, 5),
  isDirty: isSet(word, 6),
  // Below the address of a large page stands PAT, at bit 12, and zeroes.
  hasReserved: anySet(word, 51, 48) || (low > 12 && anySet(word, low - 1, 13)),
});

export const oracle: Oracle = {
  manual: "Intel SDM vol 3A §4.5.4, tables 4-15 to 4-20; AMD64 APM vol 2 §5.3.3",
  levels: [
    (word, switches) => refusal(word, switches) ?? pointer(word, switches, isSet(word, 7) || isSet(word, 8)),
    (word, switches) => refusal(word, switches) ?? (isSet(word, 7) ? page(word, switches, 30) : pointer(word, switches, false)),
    (word, switches) => refusal(word, switches) ?? (isSet(word, 7) ? page(word, switches, 21) : pointer(word, switches, false)),
    (word, switches) => refusal(word, switches) ?? page(word, switches, 12),
  ],
};
