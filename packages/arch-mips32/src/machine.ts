/** A MIPS32 machine as HelenOS runs it, with what differs between processors left to say. */
import { CONTRACT_VERSION, KERNEL, PortolanError, REFILL, type Architecture, type TlbGeometry } from "@portolan/core/architecture";
import { faults } from "./faults.js";
import { levels, type ByteOrder } from "./formats.js";
import { MachineCheck, MULTIPLE_MATCHES, Shutdown } from "./multiple-matches.js";
import { PROCESSORS, type Processor, type ProcessorName } from "./processors.js";
import { SoftwareRefill } from "./refill.js";
import { PAGE_SHIFTS } from "./registers.js";
import { softwareTlb } from "./software-tlb.js";

/** 16 KiB, as four of the processor's smallest. */
const PAGE_SHIFT = 14;

/** What differs between machines; an R4000, little-endian, where nothing is said. */
export interface Mips32Options {
  /** `"little"` where absent. */
  readonly byteOrder?: ByteOrder;
  /** R4000 where absent. */
  readonly processor?: ProcessorName;
  /** Paired entries: one of the numbers that the processor is built with, its first where absent. */
  readonly entries?: number;
  /** Wired after reset: entries from 0 that are never replaced at random. 1 where absent, as HelenOS has it. */
  readonly wired?: number;
  /** What `--arch` takes; `"mips32"`, or `"mips32be"` for big-endian machines, where absent. */
  readonly name?: string;
}

/**
 * Describes a machine.
 * @throws PortolanError ERR_BAD_ARGUMENT for a processor that is not in the list, a number of entries that it is not built with, or as
 *   many wired ones as there are
 */
export const mips32With = (options: Mips32Options = {}): Architecture => {
  const { byteOrder = "little", processor = "R4000", wired = 1 } = options;
  if (!Object.hasOwn(PROCESSORS, processor)) throw new PortolanError("ERR_BAD_ARGUMENT", { processor, known: Object.keys(PROCESSORS) });
  const { entries: built, physicalBits, multipleMatches }: Processor = PROCESSORS[processor];
  const { entries = built[0] } = options;
  if (!built.includes(entries)) throw new PortolanError("ERR_BAD_ARGUMENT", { processor, entries, known: built.map(String) });
  if (!Number.isInteger(wired) || wired < 0 || wired >= entries) throw new PortolanError("ERR_BAD_ARGUMENT", { wired, entries });
  const data: TlbGeometry = {
    entries,
    ways: "full",
    replacement: "random",
    pageShifts: PAGE_SHIFTS,
    wired,
    lockable: false,
    paired: true,
  };
  return {
    contract: CONTRACT_VERSION,
    name: options.name ?? (byteOrder === "little" ? "mips32" : "mips32be"),
    title: `MIPS32 (${processor}, ${entries} pairs), 16 KiB pages, ${byteOrder}-endian`,
    manuals: [
      "MIPS32 Architecture For Programmers, volume III: The Privileged Resource Architecture",
      "MIPS R4000 Microprocessor User's Manual, chapter 4",
    ],
    wordBits: 32,
    byteOrder,
    virtualBits: 32,
    virtualRule: "exact",
    physicalBits,
    pageShift: PAGE_SHIFT,
    hardwarePageShift: 12,
    translation: { kind: "hierarchical", levels: levels(byteOrder), faultsOnReserved: false, rootRegister: "none: software's tables" },
    tlb: {
      refill: "software",
      software: softwareTlb(PAGE_SHIFT, multipleMatches === "machine-check" ? new MachineCheck() : new Shutdown()),
      data,
      invalidation: {
        // tlb_invalidate_all() goes from Wired up; tlb_invalidate_asid() over all entries with the tag, G or not;
        // tlb_invalidate_pages() drops what a probe finds, which a global entry is too.
        all: { sparesGlobal: false, sparesLocked: true },
        asid: { by: "context", sparesGlobal: false, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: false },
        rootLoadInvalidates: false,
      },
      honoursGlobal: true,
      manual: "MIPS32 PRA vol III, TLB-based virtual address translation; HelenOS kernel/arch/mips32/src/mm/tlb.c",
    },
    asids: { bits: 8, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 255 },
    layout: {
      user: { first: 0n, last: 0x7fff_ffffn },
      kernel: { first: 0x8000_0000n, last: 0xffff_ffffn },
      userStack: 0x7fff_c000n,
      kernelAddressSpaceShadowed: false,
      privilegeByAddress: true,
      windows: [
        { name: "kseg0", first: 0x8000_0000n, last: 0x9fff_ffffn, physical: 0n, cacheable: true, privilege: KERNEL },
        { name: "kseg1", first: 0xa000_0000n, last: 0xbfff_ffffn, physical: 0n, cacheable: false, privilege: KERNEL },
      ],
    },
    can: { forbidRead: false, forbidExecute: false, global: true, recordAccess: "refill", recordWrite: "refill", kernelObeysWrite: true },
    faults,
    switches: {},
    parts: [
      { token: MULTIPLE_MATCHES, useClass: multipleMatches === "machine-check" ? MachineCheck : Shutdown },
      { token: REFILL, useClass: SoftwareRefill },
    ],
  };
};
