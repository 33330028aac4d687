/**
 * A machine that nobody would build: 43 bits, sign-extended, big-endian, 52 physical bits, four levels of tables of
 * 1 KiB, 256 bytes, 4 KiB and 8 KiB, so that frames hold several tables and tables several frames; ASIDs of three bits,
 * a small first-in-first-out TLB for each of fetches and data.
 */
import {
  CONTRACT_VERSION,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  rightsFor,
  USER,
  type Architecture,
  type EntryFormat,
  type Field,
  type Level,
  type Rule,
  type TlbGeometry,
} from "#src/index.js";

const V: Field = { name: "V", bits: 63, role: "control", says: "valid" };
const R: Field = { name: "R", bits: 62, role: "control", says: "may be read" };
const W: Field = { name: "W", bits: 61, role: "control", says: "may be written" };
const X: Field = { name: "X", bits: 60, role: "control", says: "may be executed" };
const U: Field = { name: "U", bits: 59, role: "control", says: "the user's" };
const A: Field = { name: "A", bits: 58, role: "accessed", says: "accessed" };
const D: Field = { name: "D", bits: 57, role: "dirty", says: "written" };
const G: Field = { name: "G", bits: 56, role: "global", says: "everybody's" };
const C: Field = { name: "C", bits: 55, role: "attribute", says: "cacheable" };
const bit = (flags: number, flag: number): number => ((flags & flag) === 0 ? 0 : 1);

const rights: Rule<number> = {
  reads: [R, W, X, U],
  tell(values) {
    const allowed = (values["R"] ?? 0) | ((values["W"] ?? 0) << 1) | ((values["X"] ?? 0) << 2);
    return rightsFor(allowed, values["U"] === 1 ? allowed : 0);
  },
};

const pointer: EntryFormat = {
  name: "pointer",
  bytes: 8,
  fields: [
    V,
    R,
    W,
    X,
    U,
    A,
    { name: "ignored", bits: [57, 52], role: "ignored", says: "ignored" },
    { name: "table", bits: [51, 8], role: "frame", says: "table" },
    { name: "zero", bits: [7, 0], role: "reserved", says: "must be zero" },
  ],
  rights,
  encode: () => ({ V: 1, R: 1, W: 1, X: 1, U: 1 }),
};

const mapping: EntryFormat = {
  name: "mapping",
  bytes: 8,
  fields: [
    V,
    R,
    W,
    X,
    U,
    A,
    D,
    G,
    C,
    { name: "zero", bits: [54, 52], role: "reserved", says: "must be zero" },
    { name: "frame", bits: [51, 12], role: "frame", says: "page frame" },
    { name: "software", bits: [11, 0], role: "software", says: "free" },
  ],
  rights,
  attributes: { reads: [G, C], tell: (values) => (values["G"] === 1 ? PAGE_GLOBAL : 0) | (values["C"] === 1 ? PAGE_CACHEABLE : 0) },
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

const inner = (name: string, indexBits: number): Level => ({
  name,
  indexBits,
  table: pointer,
  manual: "chapter 1",
  kind: { reads: [V], tell: (values) => (values["V"] === 1 ? "table" : "absent") },
});

const buffer: TlbGeometry = { entries: 8, ways: 4, replacement: "fifo", pageShifts: [12], wired: 0, lockable: false, paired: false };

export const wide64: Architecture = {
  contract: CONTRACT_VERSION,
  name: "wide64",
  title: "A wide machine for tests",
  manuals: ["none"],
  wordBits: 64,
  byteOrder: "big",
  virtualBits: 43,
  virtualRule: "sign-extended",
  physicalBits: 52,
  pageShift: 12,
  hardwarePageShift: 12,
  translation: {
    kind: "hierarchical",
    levels: [
      inner("root", 7),
      inner("second", 5),
      inner("third", 9),
      {
        name: "last",
        indexBits: 10,
        leaf: mapping,
        manual: "chapter 1",
        kind: { reads: [V], tell: (values) => (values["V"] === 1 ? "leaf" : "absent") },
      },
    ],
    faultsOnReserved: true,
    rootRegister: "ROOT",
  },
  tlb: {
    refill: "hardware",
    instruction: buffer,
    data: buffer,
    invalidation: {
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "context", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    },
    honoursGlobal: true,
    manual: "chapter 2",
  },
  asids: { bits: 3, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 7 },
  layout: {
    user: { first: 0n, last: 2n ** 42n - 1n },
    kernel: { first: 2n ** 64n - 2n ** 42n, last: 2n ** 64n - 1n },
    userStack: 2n ** 42n - 0x1000n,
    kernelAddressSpaceShadowed: false,
  },
  can: { forbidRead: true, forbidExecute: true, global: true, recordAccess: "hardware", recordWrite: "hardware", kernelObeysWrite: true },
  faults: {
    told: (_reason, access) => access,
    report: (reason, access, privilege) => ({ trap: "fault", code: reason | (access << 4) | (privilege << 8) }),
    decode: ({ code }) => ({ accesses: (code >>> 4) & 7, privilege: (code & 256) === 0 ? KERNEL : USER, absent: (code & 15) === 1 }),
    guessesAccess: false,
    manual: "chapter 3",
  },
  switches: {},
};
