/** Tables 4-8 to 4-11 of the manual read once more: bit by bit, without the lists of fields. @see Intel SDM vol 3A §4.4 and §4.6 */
import { EXECUTE, READ, rightsFor, WRITE, type DecodedEntry, type Oracle, type Switches } from "@portolan/core/architecture";

const isSet = (word: bigint, bit: number): boolean => (word & (1n << BigInt(bit))) !== 0n;
const anySet = (word: bigint, high: number, low: number): boolean => ((word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n)) !== 0n;

/** Nothing forbids reading; the supervisor writes what it likes while CR0.WP is clear. */
const rightsOf = (word: bigint, switches: Switches): number => {
  const readOrFetch = READ + (isSet(word, 63) && switches["NXE"] ? 0 : EXECUTE);
  const mayWrite = isSet(word, 1);
  const supervisor = readOrFetch + (mayWrite || !switches["WP"] ? WRITE : 0);
  const user = isSet(word, 2) ? readOrFetch + (mayWrite ? WRITE : 0) : 0;
  return rightsFor(supervisor, user);
};

/**
 * A second decoder for the formats that `ia32PaeWith` makes.
 * @param physicalBits MAXPHYADDR
 */
export const oracleOf = (physicalBits: number): Oracle => {
  /** Bits from `low` to the last that the processor has. */
  const address = (word: bigint, low: number): bigint => ((word & ((1n << BigInt(physicalBits)) - 1n)) >> BigInt(low)) << BigInt(low);

  /** Its rights are everybody's, and it has no flags but P that processors look at. */
  const root = (word: bigint): DecodedEntry => {
    if (!isSet(word, 0)) return { kind: "absent" };
    const hasReserved = anySet(word, 63, physicalBits) || anySet(word, 8, 5) || anySet(word, 2, 1);
    return { kind: "table", physical: address(word, 12), hasReserved };
  };

  const below = (word: bigint, switches: Switches, isLast: boolean): DecodedEntry => {
    if (!isSet(word, 0)) return { kind: "absent" };
    if (isSet(word, 63) && !switches["NXE"]) return { kind: "malformed" };
    const isLarge = !isLast && isSet(word, 7);
    const common = { rights: rightsOf(word, switches), isAccessed: isSet(word, 5) };
    const isTooFar = anySet(word, 62, physicalBits);
    if (!isLast && !isLarge) return { kind: "table", physical: address(word, 12), hasReserved: isTooFar, ...common };
    return {
      kind: "leaf",
      physical: address(word, isLarge ? 21 : 12),
      // Below the address of a large page stands PAT, at bit 12, and zeroes.
      hasReserved: isTooFar || (isLarge && anySet(word, 20, 13)),
      isGlobal: isSet(word, 8),
      isDirty: isSet(word, 6),
      isCacheable: !isSet(word, 4),
      ...common,
    };
  };

  return {
    manual: "Intel SDM vol 3A §4.4, tables 4-8 to 4-11; §4.6.1",
    levels: [root, (word, switches) => below(word, switches, false), (word, switches) => below(word, switches, true)],
  };
};

/** For `ia32pae`. */
export const oracle: Oracle = oracleOf(36);
