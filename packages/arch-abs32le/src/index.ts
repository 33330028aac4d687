/**
 * abs32le, the paper machine: 32 bits, little-endian, nobody ever built it. It can express everything the core asks
 * for and nothing else, so it is the smallest legal port and the one to copy.
 */
import {
  ABSENT,
  CONTRACT_VERSION,
  KERNEL,
  USER,
  type Architecture,
  type FaultDecoding,
  type TlbGeometry,
} from "@portolan/core/architecture";
import { levels } from "./formats.js";

const tlb: TlbGeometry = { entries: 16, ways: "full", replacement: "used-bit", pageShifts: [12], wired: 0, lockable: false, paired: false };

/** The fault code is readable: bit 0 = something was there, bits 3:1 = the access, bit 4 = user. */
const faults: FaultDecoding = {
  told: (_reason, access) => access,
  report: (reason, access, privilege) => ({ trap: "page fault", code: (reason === ABSENT ? 0 : 1) | (access << 1) | (privilege << 4) }),
  decode: ({ code }) => ({ accesses: (code >>> 1) & 7, privilege: (code & 16) === 0 ? KERNEL : USER, absent: (code & 1) === 0 }),
  guessesAccess: false,
  manual: "README, Faults",
};

/** The description of the paper machine. The README of this package is its manual. */
export const abs32le: Architecture = {
  contract: CONTRACT_VERSION,
  name: "abs32le",
  title: "Abstract 32-bit little-endian machine",
  manuals: ["README of this package"],
  wordBits: 32,
  byteOrder: "little",
  virtualBits: 32,
  virtualRule: "exact",
  physicalBits: 32,
  pageShift: 12,
  hardwarePageShift: 12,
  translation: { kind: "hierarchical", levels, faultsOnReserved: true, rootRegister: "ROOT" },
  tlb: {
    refill: "hardware",
    data: tlb,
    invalidation: {
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "context", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    },
    honoursGlobal: true,
    manual: "README, TLB",
  },
  asids: { bits: 4, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 15 },
  layout: {
    user: { first: 0n, last: 0x7fff_ffffn },
    kernel: { first: 0x8000_0000n, last: 0xffff_ffffn },
    userStack: 0x7fff_f000n,
    kernelAddressSpaceShadowed: false,
  },
  can: { forbidRead: true, forbidExecute: true, global: true, recordAccess: "hardware", recordWrite: "hardware", kernelObeysWrite: true },
  faults,
  switches: {},
};
