/** IA-32 as HelenOS runs it: two levels of 4 KiB tables walked by hardware, no PAE, no no-execute, no ASIDs. */
import { CONTRACT_VERSION, type Architecture, type TlbGeometry } from "@portolan/core/architecture";
import { faults } from "./faults.js";
import { levels } from "./formats.js";

/** The P6 family's buffers: 64 entries for data and 32 for instructions, four ways. @see Intel SDM vol 3A, table 12-1 */
const buffer = (entries: number): TlbGeometry => ({
  entries,
  ways: 4,
  replacement: "used-bit",
  pageShifts: [12, 22],
  wired: 0,
  lockable: false,
  paired: false,
});

/** The description of IA-32 without PAE. @see Intel SDM vol 3A §4.3, 32-bit paging */
export const ia32: Architecture = {
  contract: CONTRACT_VERSION,
  name: "ia32",
  title: "Intel IA-32, 4 KiB pages without PAE",
  manuals: ["Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A, chapter 4"],
  wordBits: 32,
  byteOrder: "little",
  virtualBits: 32,
  virtualRule: "exact",
  physicalBits: 32,
  pageShift: 12,
  hardwarePageShift: 12,
  translation: { kind: "hierarchical", levels, faultsOnReserved: true, rootRegister: "CR3" },
  tlb: {
    refill: "hardware",
    instruction: buffer(32),
    data: buffer(64),
    invalidation: {
      // CR4.PGE turned off and on where it is set, a CR3 write where not: global entries go as well. @see SDM vol 3A §4.10.4.1
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "all", sparesGlobal: true, sparesLocked: false },
      // INVLPG drops the page whatever its G bit.
      page: { dropsGlobal: true, anyAsid: true },
      rootLoadInvalidates: true,
    },
    honoursGlobal: { switch: "PGE" },
    manual: "Intel SDM vol 3A §4.10",
  },
  asids: { bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 },
  layout: {
    user: { first: 0n, last: 0x7fff_ffffn },
    kernel: { first: 0x8000_0000n, last: 0xffff_ffffn },
    userStack: 0x7fff_f000n,
    kernelAddressSpaceShadowed: false,
  },
  can: {
    forbidRead: false,
    forbidExecute: false,
    global: true,
    recordAccess: "hardware",
    recordWrite: "hardware",
    kernelObeysWrite: { switch: "WP" },
  },
  faults,
  switches: {
    WP: { initially: false, says: "CR0.WP: supervisor writes obey R/W" },
    PGE: { initially: false, says: "CR4.PGE: global entries survive a CR3 write" },
    PSE: { initially: true, says: "CR4.PSE: page-directory entries may map 4 MiB" },
  },
};
