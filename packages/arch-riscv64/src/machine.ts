/** A 64-bit RISC-V machine, with what differs between processors left to say. */
import { CONTRACT_VERSION, PortolanError, type Architecture } from "@portolan/core/architecture";
import { faults } from "./faults.js";
import { levelsOf, MODES, type Mode } from "./formats.js";
import { PROCESSORS, type Processor, type ProcessorName } from "./processors.js";

/** What differs between processors and may be chosen; as the processor has it where absent and nothing else is said. */
export interface Riscv64Options {
  /** `"generic"` where absent. */
  readonly processor?: ProcessorName;
  /** Which of its TLBs the machine has: those next to the core where absent, or the larger one behind them. */
  readonly buffers?: "first" | "second";
  /** How many levels of tables: three (Sv39), four (Sv48) or five (Sv57). */
  readonly mode?: Mode;
  /** Bits of a physical address, 32 to 52. */
  readonly physicalBits?: number;
  /** Bits of satp.ASID: 2 to 16, or 0. One alone is too few for the kernel's, nobody's and a user's. */
  readonly asidBits?: number;
  /** Who sets A and D: hardware (Svadu), or whoever handles the page fault (Svade). */
  readonly marks?: "hardware" | "fault";
  /** Has it 64 KiB pages of sixteen entries? They are read, never written. */
  readonly svnapot?: boolean;
  /** Have leaves a memory type? */
  readonly svpbmt?: boolean;
  /** What `--arch` takes; `"riscv64"`, or the mode where it is another, if absent. */
  readonly name?: string;
}

const TITLES: Readonly<Record<Mode, string>> = { sv39: "Sv39", sv48: "Sv48", sv57: "Sv57" };
const SECTIONS: Readonly<Record<Mode, string>> = { sv39: "§4.4", sv48: "§4.5", sv57: "§4.6" };

/**
 * Describes a machine. The lower half of the addresses is the user's, the upper one the kernel's.
 * @throws PortolanError ERR_BAD_ARGUMENT for a processor or a mode that is not in the list, buffers that it has not got or that are not
 *   known, and widths that none has
 */
export const riscv64With = (options: Riscv64Options = {}): Architecture => {
  const { name: ownName, processor: processorName = "generic", buffers = "first", ...choices } = options;
  if (!Object.hasOwn(PROCESSORS, processorName))
    throw new PortolanError("ERR_BAD_ARGUMENT", { processor: processorName, known: Object.keys(PROCESSORS) });
  const processor: Processor = { ...PROCESSORS[processorName], ...choices };
  const { mode, physicalBits, asidBits, marks, forgetsOnSatp } = processor;
  const tlbs = processor[buffers];
  if (tlbs === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { processor: processorName, buffers, known: ["first"] });
  if (!Object.hasOwn(MODES, mode)) throw new PortolanError("ERR_BAD_ARGUMENT", { mode, known: Object.keys(MODES) });
  if (!Number.isInteger(physicalBits) || physicalBits < 32 || physicalBits > 52)
    throw new PortolanError("ERR_BAD_ARGUMENT", { physicalBits, lowest: 32, highest: 52 });
  if (!Number.isInteger(asidBits) || asidBits < 0 || asidBits === 1 || asidBits > 16)
    throw new PortolanError("ERR_BAD_ARGUMENT", { asidBits, lowest: 2, highest: 16, none: 0 });
  const virtualBits = 12 + 9 * MODES[mode];
  const half = 1n << BigInt(virtualBits - 1);
  return {
    contract: CONTRACT_VERSION,
    name: ownName ?? (mode === "sv39" ? "riscv64" : mode),
    title: `RISC-V with 64 bits, ${TITLES[mode]}, 4 KiB pages: ${processor.title}`,
    manuals: [`RISC-V Instruction Set Manual, volume II: Privileged Architecture (20211203) ${SECTIONS[mode]}`, processor.manual],
    wordBits: 64,
    byteOrder: "little",
    virtualBits,
    virtualRule: "sign-extended",
    physicalBits,
    pageShift: 12,
    hardwarePageShift: 12,
    translation: { kind: "hierarchical", levels: levelsOf(processor), faultsOnReserved: true, rootRegister: "satp" },
    tlb: {
      refill: "hardware",
      ...tlbs,
      invalidation: {
        // SFENCE.VMA x0, x0
        all: { sparesGlobal: false, sparesLocked: false },
        // SFENCE.VMA x0, asid
        asid: { by: asidBits === 0 ? "all" : "context", sparesGlobal: true, sparesLocked: false },
        // SFENCE.VMA va, asid; of the kernel's pages, which are global, SFENCE.VMA va, x0
        page: { dropsGlobal: true, anyAsid: forgetsOnSatp },
        // Nor does a write of satp order anything: software says so with SFENCE.VMA. @see §4.2.1
        rootLoadInvalidates: forgetsOnSatp,
      },
      honoursGlobal: !forgetsOnSatp,
      manual: "RISC-V Privileged §4.2.1",
    },
    asids:
      asidBits === 0
        ? { bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 }
        : { bits: asidBits, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 2 ** asidBits - 1 },
    layout: {
      user: { first: 0n, last: half - 1n },
      kernel: { first: (1n << 64n) - half, last: (1n << 64n) - 1n },
      userStack: half - 4096n,
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
