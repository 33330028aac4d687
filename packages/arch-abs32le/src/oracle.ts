/** The README's table of entries, read once more: bit by bit, without the list of fields. */
import { ALL_RIGHTS, rightsFor, type DecodedEntry, type Oracle } from "@portolan/core/architecture";

const isSet = (word: bigint, bit: number): boolean => (word & (1n << BigInt(bit))) !== 0n;

const root = (word: bigint): DecodedEntry => {
  if (!isSet(word, 0)) return { kind: "absent" };
  return {
    kind: "table",
    physical: word & 0xffff_f000n,
    rights: ALL_RIGHTS,
    isAccessed: isSet(word, 6),
    hasReserved: (word & 0b1_1011_1110n) !== 0n,
  };
};

const leaf = (word: bigint): DecodedEntry => {
  if (!isSet(word, 0)) return { kind: "absent" };
  const allowed = (isSet(word, 1) ? 1 : 0) + (isSet(word, 2) ? 2 : 0) + (isSet(word, 3) ? 4 : 0);
  return {
    kind: "leaf",
    physical: word & 0xffff_f000n,
    rights: rightsFor(allowed, isSet(word, 4) ? allowed : 0),
    isGlobal: isSet(word, 5),
    isAccessed: isSet(word, 6),
    isDirty: isSet(word, 7),
    isCacheable: isSet(word, 8),
    hasReserved: false,
  };
};

export const oracle: Oracle = { manual: "README of this package, Tables", levels: [root, leaf] };
