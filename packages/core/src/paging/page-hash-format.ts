/**
 * An entry of the global page hash table as it lies in memory: four 64-bit words in the machine's byte order. Hardware
 * never reads it, so the form is the core's own; it is described like any other so that it can be explained and found in
 * a memory image.
 *
 * word 0: virtual address of the page; word 1: number of the address space; word 2: physical address of the frame, and
 * flags in the low byte; word 3: the next entry of the chain. A link, in word 3 and in the heads of chains, is a physical
 * address with bit 0 set; 0 ends the chain.
 */
import type { Architecture } from "../architecture/architecture.js";
import type { Field } from "../architecture/entry-format.js";
import { EXECUTE, PAGE_USER, READ, rightsFor, WRITE, type PageFlags, type Rights } from "../architecture/rights.js";

/** Bytes of an entry: four words. */
export const HASH_ENTRY_BYTES = 32;
/** Bytes of the head of a chain: one link. */
export const HASH_HEAD_BYTES = 8;
/** Offsets in an entry, in bytes. */
export const SPACE_WORD = 8;
/** Physical address of the frame, flags in its low byte. */
export const FRAME_WORD = 16;
/** Link to the next entry of the chain. */
export const NEXT_WORD = 24;

/** Bit 255 is the most significant bit of word 0, as if the entry were one number written in big-endian order. */
export const hashEntryFields: readonly Field[] = [
  { name: "page", bits: [255, 192], role: "tag", says: "virtual address of the page" },
  { name: "space", bits: [191, 128], role: "tag", says: "number of the address space" },
  { name: "frame", bits: [127, 72], role: "frame", says: "physical address of the frame", unitShift: 8 },
  { name: "d", bits: 71, role: "dirty", says: "written" },
  { name: "a", bits: 70, role: "accessed", says: "accessed" },
  { name: "c", bits: 69, role: "attribute", says: "cacheable" },
  { name: "g", bits: 68, role: "global", says: "global" },
  { name: "u", bits: 67, role: "control", says: "the user may access it" },
  { name: "x", bits: 66, role: "control", says: "may be executed" },
  { name: "w", bits: 65, role: "control", says: "may be written" },
  { name: "r", bits: 64, role: "control", says: "may be read" },
  { name: "next", bits: [63, 1], role: "software", says: "physical address of the next entry of the chain, halved" },
  { name: "more", bits: 0, role: "software", says: "another entry follows in the chain" },
];

/** The head of a chain. */
export const hashHeadFields: readonly Field[] = [
  { name: "first", bits: [63, 1], role: "software", says: "physical address of the first entry of the chain, halved" },
  { name: "more", bits: 0, role: "software", says: "the chain has an entry" },
];

/** What refill code can make of an entry, by what the machine can forbid. */
export const hashEntryRights = ({ can }: Pick<Architecture, "can">, flags: PageFlags): Rights => {
  const granted = (flags & 7) | (can.forbidRead ? 0 : READ) | (can.forbidExecute ? 0 : EXECUTE);
  const kernel = can.kernelObeysWrite === true ? granted : granted | WRITE;
  return rightsFor(kernel, (flags & PAGE_USER) === 0 ? 0 : granted);
};

/**
 * The hash of a page of a space, whose low bits are the number of its chain: every bit of the key reaches every bit of the result (the
 * finalizer of MurmurHash3, Appleby 2011).
 */
export const hashOfPage = (space: number, page: number): number => {
  let hash = (page | 0) ^ Math.imul(Math.floor(page / 0x1_0000_0000), 0x9e3779b1) ^ Math.imul(space, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};
