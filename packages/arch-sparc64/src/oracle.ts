/** Figure 6-1 of the manual read once more: bit by bit, without the list of fields. @see UltraSPARC I/II User's Manual §6.2 */
import { EXECUTE, READ, rightsFor, WRITE, type DecodedEntry, type Oracle } from "@portolan/core/architecture";
import { dataTte, instructionTte } from "./formats.js";

const isSet = (word: bigint, bit: number): boolean => (word & (1n << BigInt(bit))) !== 0n;

/** PA[40:13] stands where it stands in the address. */
const physical = (word: bigint): bigint => word & 0x1ff_ffff_e000n;

/** Bit 60 makes a page for loads that do not fault; bit 2 is P, bit 1 is W. */
const data = (word: bigint): DecodedEntry => {
  const may = isSet(word, 60) ? 0 : isSet(word, 1) ? READ + WRITE : READ;
  return {
    kind: "leaf",
    physical: physical(word),
    rights: rightsFor(may, isSet(word, 2) ? 0 : may),
    isGlobal: isSet(word, 0),
    isCacheable: isSet(word, 5),
    hasReserved: false,
  };
};

const instruction = (word: bigint): DecodedEntry => ({
  kind: "leaf",
  physical: physical(word),
  rights: rightsFor(EXECUTE, isSet(word, 2) ? 0 : EXECUTE),
  isGlobal: isSet(word, 0),
  isCacheable: isSet(word, 5),
  hasReserved: false,
});

export const oracle: Oracle = {
  manual: "UltraSPARC I/II User's Manual §6.2, figure 6-1",
  others: [
    { format: dataTte(false), decode: data },
    { format: dataTte(true), decode: data },
    { format: instructionTte, decode: instruction },
  ],
};
