/**
 * Tables 4-14 to 4-20 of the manual read once more: bit by bit, without the lists of fields, for a processor with 1 GiB pages,
 * AMD's reserved bit 8 of an entry above them, and 48 bits of physical address, or as many as are said.
 *
 * @see Intel SDM vol 3A §4.5.4 and §4.6; AMD64 APM vol 2 §5.3.3, §5.3.4 and §5.6
 */
import { EXECUTE, READ, rightsFor, WRITE, type DecodedEntry, type Oracle, type Switches } from "@portolan/core/architecture";

const isSet = (word: bigint, bit: number): boolean => (word & (1n << BigInt(bit))) !== 0n;
const anySet = (word: bigint, high: number, low: number): boolean => ((word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n)) !== 0n;
/** Bits 51:`low`. */
const address = (word: bigint, low: number): bigint => ((word & 0xf_ffff_ffff_ffffn) >> BigInt(low)) << BigInt(low);

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

/** What differs between machines. */
export interface OracleOptions {
  readonly levels: 4 | 5;
  /** MAXPHYADDR: bits of an entry's address from there on must be zero, and lead nowhere. */
  readonly physicalBits: number;
}

/** A second decoder for the machines of AMD's that `amd64With` describes, with 1 GiB pages. */
export const oracleOf = ({ levels, physicalBits }: OracleOptions): Oracle => {
  const known = (1n << BigInt(physicalBits)) - 1n;
  const isTooFar = (word: bigint): boolean => physicalBits < 52 && anySet(word, 51, physicalBits);
  const pointer = (word: bigint, switches: Switches, hasReserved: boolean): DecodedEntry => ({
    kind: "table",
    physical: address(word, 12) & known,
    rights: rightsOf(word, switches),
    isAccessed: isSet(word, 5),
    hasReserved: hasReserved || isTooFar(word),
  });
  /** @param low the first bit of the page's address */
  const page = (word: bigint, switches: Switches, low: number): DecodedEntry => ({
    kind: "leaf",
    physical: address(word, low) & known,
    rights: rightsOf(word, switches),
    isGlobal: isSet(word, 8),
    isCacheable: !isSet(word, 4),
    isAccessed: isSet(word, 5),
    isDirty: isSet(word, 6),
    // Below the address of a large page stands PAT, at bit 12, and zeroes.
    hasReserved: isTooFar(word) || (low > 12 && anySet(word, low - 1, 13)),
  });
  /** PML5 and PML4: bits 7 and 8 are zero. */
  const upper = (word: bigint, switches: Switches): DecodedEntry =>
    refusal(word, switches) ?? pointer(word, switches, isSet(word, 7) || isSet(word, 8));
  return {
    manual: `Intel SDM vol 3A §4.5.4, tables ${levels === 5 ? "4-14" : "4-15"} to 4-20; AMD64 APM vol 2 §5.3.3`,
    levels: [
      ...(levels === 5 ? [upper] : []),
      upper,
      (word, switches) => refusal(word, switches) ?? (isSet(word, 7) ? page(word, switches, 30) : pointer(word, switches, false)),
      (word, switches) => refusal(word, switches) ?? (isSet(word, 7) ? page(word, switches, 21) : pointer(word, switches, false)),
      (word, switches) => refusal(word, switches) ?? page(word, switches, 12),
    ],
  };
};

/** For `amd64`. */
export const oracle: Oracle = oracleOf({ levels: 4, physicalBits: 48 });
