/**
 * UltraSPARC I and II (sun4u) as HelenOS runs them: one page hash table for all address spaces, which no hardware reads;
 * a pair of translation storage buffers per space, read by trap handlers; two TLBs that those handlers fill; 13-bit
 * contexts; kernel and user spaces that both have all addresses. A page of the core is two hardware pages, so that the
 * virtually indexed data cache has no colours.
 */
import { CONTRACT_VERSION, REFILL, SOFTWARE_CACHES, type Architecture, type TlbGeometry } from "@portolan/core/architecture";
import { faults } from "./faults.js";
import { SoftwareRefill } from "./refill.js";
import { softwareTlb } from "./software-tlb.js";
import { TsbCaches } from "./tsb-caches.js";

export { dataTte, instructionTte, tsbTagFields } from "./formats.js";
export {
  demapContext,
  demapPage,
  tagAccess,
  tagTarget,
  tsbPointer,
  tsbRegister,
  type DemapContext,
  type TsbRegister,
} from "./registers.js";
export { TsbPair, TSB_SLOTS } from "./tsb-pair.js";

/** @see UltraSPARC I/II User's Manual §6.1 and §6.11.2 */
const buffer: TlbGeometry = {
  entries: 64,
  ways: "full",
  replacement: "used-bit",
  pageShifts: [13, 16, 19, 22],
  wired: 0,
  lockable: true,
  paired: false,
};

/** Both spaces have every address that 44 bits, sign-extended, can name. */
const everything = { first: 0n, last: 0xffff_ffff_ffff_ffffn };

/** The description of UltraSPARC I and II. @see UltraSPARC I/II User's Manual, chapter 6 */
export const sparc64: Architecture = {
  contract: CONTRACT_VERSION,
  name: "sparc64",
  title: "UltraSPARC I/II (sun4u), 16 KiB pages as two of 8 KiB",
  manuals: ["UltraSPARC I & II User's Manual (Sun, 802-7220), chapter 6"],
  wordBits: 64,
  byteOrder: "big",
  virtualBits: 44,
  virtualRule: "sign-extended",
  physicalBits: 41,
  pageShift: 14,
  hardwarePageShift: 13,
  translation: { kind: "hashed" },
  tlb: {
    refill: "software",
    software: softwareTlb,
    instruction: buffer,
    data: buffer,
    invalidation: {
      // HelenOS rewrites every entry that is not locked, and the global ones whether locked or not.
      all: { sparesGlobal: false, sparesLocked: "unless-global" },
      // Demap context: locks do not protect, G does, also in the entry's own context. @see USUM §6.9.10
      asid: { by: "context", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    },
    honoursGlobal: true,
    manual: "UltraSPARC I/II User's Manual §6.9.10 and §6.11",
  },
  asids: { bits: 13, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 8191 },
  layout: { user: everything, kernel: everything, userStack: 0xffff_ffff_ffff_c000n, kernelAddressSpaceShadowed: true },
  can: { forbidRead: false, forbidExecute: true, global: true, recordAccess: "refill", recordWrite: "refill", kernelObeysWrite: true },
  faults,
  switches: {
    CV: { initially: false, says: "cacheable pages are also cached in the virtually indexed data cache (HelenOS CONFIG_VIRT_IDX_DCACHE)" },
  },
  parts: [
    { token: SOFTWARE_CACHES, useClass: TsbCaches },
    { token: REFILL, useClass: SoftwareRefill },
  ],
};
