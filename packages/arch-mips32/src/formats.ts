/**
 * Entries of the page tables, which no MIPS processor reads: a C structure of bit-fields that HelenOS chose so that PFN
 * and G lie as in EntryLo, and for which a compiler for the other byte order lays the same fields from the other end.
 *
 * @see HelenOS kernel/arch/mips32/include/types.h (pte_t) and include/mm/page.h
 */
import {
  EXECUTE,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  READ,
  WRITE,
  rightsFor,
  type EntryFormat,
  type Field,
  type Level,
  type PageFlags,
} from "@portolan/core/architecture";
import { EXC_CODES } from "./faults.js";

/** Which end the lowest byte of a word is at, and the first field of a C structure. */
export type ByteOrder = "little" | "big";

/** The fields as a little-endian compiler lays them out; for the other order bit `n` becomes bit 31 − `n`. */
const LITTLE = [
  { name: "a", bits: [31, 31], role: "accessed", says: "has been used: set by the refill code" },
  { name: "w", bits: [30, 30], role: "control", says: "may be written" },
  { name: "pfn", bits: [29, 6], role: "frame", says: "physical address in units of 4 KiB", unitShift: 12 },
  { name: "soft_valid", bits: [5, 5], role: "software", says: "a mapping, present or not" },
  { name: "unused", bits: [4, 4], role: "ignored", says: "unused" },
  { name: "cacheable", bits: [3, 3], role: "attribute", says: "cacheable" },
  { name: "d", bits: [2, 2], role: "dirty", says: "has been written: set by the handler of Modified" },
  { name: "p", bits: [1, 1], role: "control", says: "present" },
  { name: "g", bits: [0, 0], role: "global", says: "for every address space, if the other half of the pair says so too" },
] as const satisfies readonly Field[];

/** The fields of an entry in one byte order. */
const laidOut = (byteOrder: ByteOrder): readonly Field[] =>
  LITTLE.map((field): Field => {
    const [high, low] = byteOrder === "little" ? field.bits : [31 - field.bits[1], 31 - field.bits[0]];
    return { ...field, bits: high === low ? high : [high, low] };
  });

const bit = (flags: PageFlags, flag: number): number => ((flags & flag) === 0 ? 0 : 1);

/** A page-table entry. It stores neither USER nor READ nor EXECUTE: addresses decide for the first, nothing for the others. */
export const tableEntry = (byteOrder: ByteOrder): EntryFormat => {
  const fields = laidOut(byteOrder);
  const named = (name: (typeof LITTLE)[number]["name"]): Field => fields[LITTLE.findIndex((field) => field.name === name)];
  return {
    name: "PTE",
    bytes: 4,
    fields,
    rights: {
      reads: [named("w")],
      tell(values) {
        const may = READ | EXECUTE | (values["w"] === 1 ? WRITE : 0);
        return rightsFor(may, may);
      },
    },
    attributes: {
      reads: [named("cacheable"), named("g")],
      tell: (values) => (values["cacheable"] === 1 ? PAGE_CACHEABLE : 0) | (values["g"] === 1 ? PAGE_GLOBAL : 0),
    },
    encode: (flags) => ({
      p: 1,
      soft_valid: 1,
      w: bit(flags, WRITE),
      cacheable: bit(flags, PAGE_CACHEABLE),
      g: bit(flags, PAGE_GLOBAL),
    }),
  };
};

/**
 * An entry of the root: the same structure, with the bits that HelenOS sets in it. Of those that say something about a page
 * none is asked here, by refill code or by anybody.
 */
export const rootEntry = (byteOrder: ByteOrder): EntryFormat => ({
  name: "PTL0 entry",
  bytes: 4,
  fields: laidOut(byteOrder).map((field) =>
    ["a", "w", "cacheable", "d", "g"].includes(field.name)
      ? { ...field, role: "ignored", says: "of a page; of a table nobody asks" }
      : field,
  ),
  encode: () => ({ p: 1, soft_valid: 1, w: 1, cacheable: 1 }),
});

const MANUAL = "HelenOS kernel/arch/mips32/include/mm/page.h: software's own, no MIPS processor reads tables";

/** 64 entries of 64 MiB, then 4096 of 16 KiB. */
export const levels = (byteOrder: ByteOrder): readonly Level[] => {
  const entry = tableEntry(byteOrder);
  const reads = entry.fields.filter(({ name }) => name === "p");
  return [
    {
      name: "PTL0",
      indexBits: 6,
      table: rootEntry(byteOrder),
      manual: MANUAL,
      kind: { reads, tell: (values) => (values["p"] === 1 ? "table" : "absent") },
    },
    {
      name: "PTL3",
      indexBits: 12,
      leaf: entry,
      manual: MANUAL,
      kind: { reads, tell: (values) => (values["p"] === 1 ? "leaf" : "absent") },
    },
  ];
};

const V: Field = { name: "V", bits: 1, role: "control", says: "valid; without it an access that matches takes the Invalid exception" };
const D: Field = { name: "D", bits: 2, role: "control", says: "may be written; without it a store takes the Modified exception" };
const C: Field = {
  name: "C",
  bits: [5, 3],
  role: "attribute",
  says: "coherency",
  values: { 2: "uncached", 3: "cacheable, noncoherent", 5: "cacheable, exclusive on write (R4000; as 3 where there is but one kind)" },
};
const G: Field = { name: "G", bits: 0, role: "global", says: "the ASID is ignored, if the other half says so too" };

/** C of EntryLo for an uncached page, as HelenOS writes it. @see HelenOS kernel/arch/mips32/include/mm/tlb.h */
export const UNCACHED = 2;
/** C of EntryLo for a cacheable page, as HelenOS writes it: on an R4000 exclusive on write, elsewhere the one kind there is. */
export const CACHEABLE = 5;

/** EntryLo0 and EntryLo1: one half of a pair. @see MIPS32 PRA vol III, CP0 registers 2 and 3 */
export const entryLoFormat: EntryFormat = {
  name: "EntryLo",
  bytes: 4,
  fields: [
    { name: "zero", bits: [31, 30], role: "reserved", says: "zero" },
    { name: "PFN", bits: [29, 6], role: "frame", says: "physical address in units of 4 KiB", unitShift: 12 },
    C,
    D,
    V,
    G,
  ],
  rights: {
    reads: [V, D],
    tell(values) {
      const may = values["V"] === 0 ? 0 : READ | EXECUTE | (values["D"] === 1 ? WRITE : 0);
      return rightsFor(may, may);
    },
  },
  attributes: {
    reads: [C, G],
    tell: (values) => (values["C"] === UNCACHED ? 0 : PAGE_CACHEABLE) | (values["G"] === 1 ? PAGE_GLOBAL : 0),
  },
  encode: (flags) => ({
    V: 1,
    D: bit(flags, WRITE),
    C: bit(flags, PAGE_CACHEABLE) === 1 ? CACHEABLE : UNCACHED,
    G: bit(flags, PAGE_GLOBAL),
  }),
};

/** The MMU's registers, but EntryLo0 and EntryLo1, which are entries: `entryLoFormat`. */
export type RegisterName = "Index" | "Random" | "Context" | "PageMask" | "Wired" | "BadVAddr" | "EntryHi" | "Cause";

/** The other registers of the MMU, field by field. @see MIPS32 PRA vol III, CP0 registers 0, 1, 4, 5, 6, 8, 10 and 13 */
export const registerFields: Readonly<Record<RegisterName, readonly Field[]>> = {
  Index: [
    { name: "P", bits: 31, role: "control", says: "the last probe found no entry" },
    { name: "zero", bits: [30, 6], role: "reserved", says: "zero" },
    {
      name: "Index",
      bits: [5, 0],
      role: "control",
      says: "the entry that TLBR reads and TLBWI writes; fewer bits where there are fewer entries",
    },
  ],
  Random: [
    { name: "zero", bits: [31, 6], role: "reserved", says: "zero" },
    { name: "Random", bits: [5, 0], role: "control", says: "the entry that TLBWR writes, never a wired one" },
  ],
  Context: [
    { name: "PTEBase", bits: [31, 23], role: "software", says: "for the operating system" },
    { name: "BadVPN2", bits: [22, 4], role: "tag", says: "VA[31:13] of the last TLB exception" },
    { name: "zero", bits: [3, 0], role: "reserved", says: "zero" },
  ],
  PageMask: [
    {
      name: "zero25",
      bits: [31, 25],
      role: "reserved",
      says: "zero; MIPS32 keeps bits 28:25 for pages beyond 16 MiB, which nothing here has",
    },
    { name: "Mask", bits: [24, 13], role: "control", says: "bits of the address that are not compared" },
    { name: "zero", bits: [12, 0], role: "reserved", says: "zero" },
  ],
  Wired: [
    { name: "zero", bits: [31, 6], role: "reserved", says: "zero" },
    { name: "Wired", bits: [5, 0], role: "control", says: "entries below this one are never replaced at random" },
  ],
  BadVAddr: [{ name: "BadVAddr", bits: [31, 0], role: "tag", says: "the address of the last exception that has one" }],
  EntryHi: [
    { name: "VPN2", bits: [31, 13], role: "tag", says: "VA[31:13]: a pair of pages" },
    { name: "zero", bits: [12, 8], role: "reserved", says: "zero" },
    { name: "ASID", bits: [7, 0], role: "tag", says: "address space" },
  ],
  Cause: [
    { name: "other", bits: [31, 7], role: "ignored", says: "interrupts, delay slots, coprocessors: nothing of the MMU's" },
    { name: "ExcCode", bits: [6, 2], role: "control", says: "the last exception", values: EXC_CODES },
    { name: "zero", bits: [1, 0], role: "reserved", says: "zero" },
  ],
};
