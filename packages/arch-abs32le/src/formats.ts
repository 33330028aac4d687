/** The two entry formats of the paper machine. Every bit is named; the codec, the explanations and the tests read this. */
import {
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  rightsFor,
  type EntryFormat,
  type Field,
  type Level,
  type PageFlags,
  type Rule,
} from "@portolan/core/architecture";

const V: Field = { name: "V", bits: 0, role: "control", says: "the entry is valid" };
const R: Field = { name: "R", bits: 1, role: "control", says: "may be read" };
const W: Field = { name: "W", bits: 2, role: "control", says: "may be written" };
const X: Field = { name: "X", bits: 3, role: "control", says: "may be executed" };
const U: Field = { name: "U", bits: 4, role: "control", says: "belongs to the user" };
const G: Field = { name: "G", bits: 5, role: "global", says: "is the same in every address space" };
const A: Field = { name: "A", bits: 6, role: "accessed", says: "has been accessed" };
const D: Field = { name: "D", bits: 7, role: "dirty", says: "has been written" };
const C: Field = { name: "C", bits: 8, role: "attribute", says: "may be cached" };
const FRAME: Field = { name: "frame", bits: [31, 12], role: "frame", says: "physical address" };

const bit = (flags: PageFlags, flag: number): number => ((flags & flag) === 0 ? 0 : 1);

const isValid: Rule<"absent" | "table" | "leaf">["reads"] = [V];

/** Rights are the same for kernel and user, except that the user needs U. */
const rights: Rule<number> = {
  reads: [R, W, X, U],
  tell(values) {
    const allowed = (values["R"] ?? 0) | ((values["W"] ?? 0) << 1) | ((values["X"] ?? 0) << 2);
    return rightsFor(allowed, values["U"] === 1 ? allowed : 0);
  },
};

/** An entry of the root table that leads to a leaf table. */
export const pointer: EntryFormat = {
  name: "pointer",
  bytes: 4,
  fields: [
    FRAME,
    { name: "software", bits: [11, 9], role: "software", says: "for the operating system" },
    { name: "reserved", bits: [8, 7], role: "reserved", says: "must be zero" },
    A,
    { name: "zero", bits: [5, 1], role: "reserved", says: "must be zero: rights are the leaf's" },
    V,
  ],
  encode: () => ({ V: 1 }),
};

/** An entry of a leaf table: one page of 4 KiB. */
export const mapping: EntryFormat = {
  name: "mapping",
  bytes: 4,
  fields: [FRAME, { name: "software", bits: [11, 9], role: "software", says: "for the operating system" }, C, D, A, G, U, X, W, R, V],
  rights,
  attributes: {
    reads: [G, C],
    tell: (values) => (values["G"] === 1 ? PAGE_GLOBAL : 0) | (values["C"] === 1 ? PAGE_CACHEABLE : 0),
  },
  encode: (flags) => ({
    V: 1,
    R: bit(flags, 1),
    W: bit(flags, 2),
    X: bit(flags, 4),
    U: bit(flags, PAGE_USER),
    G: bit(flags, PAGE_GLOBAL),
    C: bit(flags, PAGE_CACHEABLE),
  }),
};

/** Root table, leaf table: ten index bits each. */
export const levels: readonly Level[] = [
  {
    name: "root table",
    indexBits: 10,
    table: pointer,
    manual: "README, Tables",
    kind: { reads: isValid, tell: (values) => (values["V"] === 1 ? "table" : "absent") },
  },
  {
    name: "leaf table",
    indexBits: 10,
    leaf: mapping,
    manual: "README, Tables",
    kind: { reads: isValid, tell: (values) => (values["V"] === 1 ? "leaf" : "absent") },
  },
];
