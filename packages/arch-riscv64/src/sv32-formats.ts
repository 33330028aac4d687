/**
 * Page-table entries of Sv32: four bytes, with the flags of the larger modes and 22 bits of page number, so that a physical address
 * has 34 bits. What lies below a megapage's own part of it must be zero.
 *
 * @see RISC-V Privileged Architecture (20211203) §4.3.1, figure 4.16
 */
import type { EntryFormat, Level } from "@portolan/core/architecture";
import { attributesWith, encodeWith, flagsOfLeaves, flagsOfPointers, kindWith, ppn, rights, zero } from "./formats.js";

/** Entries of 32 bits have no room for either. */
const NO_EXTENSIONS = { svnapot: false, svpbmt: false };
const MANUAL = "RISC-V Privileged §4.3.1";

const pointer: EntryFormat = {
  name: "pointer",
  bytes: 4,
  fields: [ppn("PPN", 10, "physical page number of the next table", 31), ...flagsOfPointers],
  encode: () => ({ V: 1 }),
};

/** A leaf at level 1, which maps 4 MiB. The core never writes one. */
const megapage: EntryFormat = {
  name: "4 MiB page",
  bytes: 4,
  fields: [
    ppn("PPN[1]", 20, "physical page number, high bits", 31),
    zero("PPN[0]", 19, 10, "must be zero: a megapage begins at a multiple of its size"),
    ...flagsOfLeaves,
  ],
  rights,
  attributes: attributesWith(NO_EXTENSIONS),
};

const page: EntryFormat = {
  name: "page",
  bytes: 4,
  fields: [ppn("PPN", 10, "physical page number", 31), ...flagsOfLeaves],
  rights,
  attributes: attributesWith(NO_EXTENSIONS),
  encode: encodeWith(NO_EXTENSIONS),
};

/** Two levels of 1024 entries, root first. */
export const sv32Levels: readonly Level[] = [
  { name: "root table", indexBits: 10, table: pointer, leaf: megapage, kind: kindWith(NO_EXTENSIONS, false), manual: MANUAL },
  { name: "level 0 table", indexBits: 10, leaf: page, kind: kindWith(NO_EXTENSIONS, true), manual: MANUAL },
];
