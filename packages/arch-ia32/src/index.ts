/** IA-32 as HelenOS runs it: two levels of 4 KiB tables walked by hardware, no PAE, no no-execute, no ASIDs. */
import { CONTRACT_VERSION, type Architecture } from "@portolan/core/architecture";
import { faults } from "./faults.js";
import { levels } from "./formats.js";
import { asids, buffersWith, layout } from "./processor.js";

/** 4 MiB, as a number of address bits. */
const LARGE_PAGE = 22;

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
  tlb: buffersWith(LARGE_PAGE),
  asids,
  layout,
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
