/** A 32-bit RISC-V machine, with what differs between processors left to say. */
import { CONTRACT_VERSION, PortolanError, type Architecture, type TlbGeometry } from "@portolan/core/architecture";
import { faults } from "./faults.js";
import { sv32Levels } from "./sv32-formats.js";

/** What differs between processors and may be chosen. */
export interface Sv32Options {
  /** Bits of a physical address, 32 to 34; 34 where absent. */
  readonly physicalBits?: number;
  /** Bits of satp.ASID: 2 to 9, or 0; 9 where absent. One alone is too few for the kernel's, nobody's and a user's. */
  readonly asidBits?: number;
  /** Who sets A and D: hardware (Svadu), or whoever handles the page fault (Svade). Hardware, where absent. */
  readonly marks?: "hardware" | "fault";
  /** What `--arch` takes; `"sv32"` where absent. */
  readonly name?: string;
}

/** As the generic hart of 64 bits; a megapage is 4 MiB. */
const BUFFER: TlbGeometry = {
  entries: 64,
  ways: "full",
  replacement: "used-bit",
  pageShifts: [12, 22],
  wired: 0,
  lockable: false,
  paired: false,
};

/**
 * Describes a machine. The lower half of the addresses is the user's, the upper one the kernel's.
 * @throws PortolanError ERR_BAD_ARGUMENT for widths that none has
 */
export const sv32With = ({ physicalBits = 34, asidBits = 9, marks = "hardware", name = "sv32" }: Sv32Options = {}): Architecture => {
  if (!Number.isInteger(physicalBits) || physicalBits < 32 || physicalBits > 34)
    throw new PortolanError("ERR_BAD_ARGUMENT", { physicalBits, lowest: 32, highest: 34 });
  if (!Number.isInteger(asidBits) || asidBits < 0 || asidBits === 1 || asidBits > 9)
    throw new PortolanError("ERR_BAD_ARGUMENT", { asidBits, lowest: 2, highest: 9, none: 0 });
  return {
    contract: CONTRACT_VERSION,
    name,
    title: "RISC-V with 32 bits, Sv32, 4 KiB pages: no processor in particular",
    manuals: ["RISC-V Instruction Set Manual, volume II: Privileged Architecture (20211203) §4.3"],
    wordBits: 32,
    byteOrder: "little",
    virtualBits: 32,
    virtualRule: "exact",
    physicalBits,
    pageShift: 12,
    hardwarePageShift: 12,
    translation: { kind: "hierarchical", levels: sv32Levels, faultsOnReserved: true, rootRegister: "satp" },
    tlb: {
      refill: "hardware",
      instruction: BUFFER,
      data: BUFFER,
      invalidation: {
        // SFENCE.VMA x0, x0
        all: { sparesGlobal: false, sparesLocked: false },
        // SFENCE.VMA x0, asid
        asid: { by: asidBits === 0 ? "all" : "context", sparesGlobal: true, sparesLocked: false },
        // SFENCE.VMA va, asid; of the kernel's pages, which are global, SFENCE.VMA va, x0
        page: { dropsGlobal: true, anyAsid: false },
        // Nor does a write of satp order anything: software says so with SFENCE.VMA. @see §4.2.1
        rootLoadInvalidates: false,
      },
      honoursGlobal: true,
      manual: "RISC-V Privileged §4.2.1",
    },
    asids:
      asidBits === 0
        ? { bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 }
        : { bits: asidBits, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 2 ** asidBits - 1 },
    layout: {
      user: { first: 0n, last: 0x7fff_ffffn },
      kernel: { first: 0x8000_0000n, last: 0xffff_ffffn },
      userStack: 0x7fff_f000n,
      kernelAddressSpaceShadowed: false,
    },
    can: {
      // What may be written may be read: W without R is reserved. A page to execute alone cannot be read.
      forbidRead: false,
      forbidExecute: true,
      global: true,
      recordAccess: marks,
      recordWrite: marks,
      kernelObeysWrite: true,
    },
    faults,
    switches: {
      SUM: { initially: true, says: "sstatus.SUM: the kernel may read and write the user's pages" },
      MXR: { initially: false, says: "sstatus.MXR: what may be executed may be read" },
    },
  };
};
