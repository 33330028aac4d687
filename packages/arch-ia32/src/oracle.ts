/** Tables 4-4 to 4-6 of the manual read once more: bit by bit, without the list of fields. @see Intel SDM vol 3A §4.3 and §4.6 */
import { EXECUTE, READ, rightsFor, WRITE, type DecodedEntry, type Oracle, type Switches } from "@portolan/core/architecture";

const isSet = (word: bigint, bit: number): boolean => (word & (1n << BigInt(bit))) !== 0n;

/** Reading and fetching are never forbidden; the supervisor writes what it likes while CR0.WP is clear. */
const rightsOf = (word: bigint, switches: Switches): number => {
  const mayWrite = isSet(word, 1);
  const supervisor = READ + EXECUTE + (mayWrite || !switches["WP"] ? WRITE : 0);
  const user = isSet(word, 2) ? READ + EXECUTE + (mayWrite ? WRITE : 0) : 0;
  return rightsFor(supervisor, user);
};

const common = (word: bigint, switches: Switches) => ({
  rights: rightsOf(word, switches),
  isAccessed: isSet(word, 5),
});

const directory = (word: bigint, switches: Switches): DecodedEntry => {
  if (!isSet(word, 0)) return { kind: "absent" };
  if (!isSet(word, 7) || !switches["PSE"])
    return { kind: "table", physical: word & 0xffff_f000n, hasReserved: false, ...common(word, switches) };
  return {
    kind: "leaf",
    physical: word & 0xffc0_0000n,
    hasReserved: (word & 0x003f_e000n) !== 0n,
    isGlobal: isSet(word, 8),
    isDirty: isSet(word, 6),
    isCacheable: !isSet(word, 4),
    ...common(word, switches),
  };
};

const table = (word: bigint, switches: Switches): DecodedEntry => {
  if (!isSet(word, 0)) return { kind: "absent" };
  return {
    kind: "leaf",
    physical: word & 0xffff_f000n,
    hasReserved: false,
    isGlobal: isSet(word, 8),
    isDirty: isSet(word, 6),
    isCacheable: !isSet(word, 4),
    ...common(word, switches),
  };
};

export const oracle: Oracle = { manual: "Intel SDM vol 3A §4.3, tables 4-4, 4-5 and 4-6; §4.6.1", levels: [directory, table] };
