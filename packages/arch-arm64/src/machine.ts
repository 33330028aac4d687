/** A 64-bit ARM at EL1, with what differs between processors and operating systems left to say. */
import { CONTRACT_VERSION, PortolanError, type Architecture, type TlbGeometry } from "@portolan/core/architecture";
import { faultsOf } from "./faults.js";
import { combined, firstLevelOf, levelsOf, pageShiftOf, pageShiftsOf, type Granule, type Layout } from "./formats.js";
import { PROCESSORS, type Buffer, type Processor, type ProcessorName } from "./processors.js";
import { OUTPUT_SIZES } from "./registers.js";

/** What may be chosen; as the processor has it where absent and nothing else is said. */
export interface Arm64Options {
  /** `"generic"` where absent. */
  readonly processor?: ProcessorName;
  /** Which of its TLBs the machine has: those next to the core where absent, or the larger one behind them. */
  readonly buffers?: "first" | "second";
  /** KiB of a page: TCR_EL1.TG0 and TG1. The processor's usual one where absent. */
  readonly granule?: Granule;
  /** Address bits of each half, 64 − T0SZ, 25 to 48. Absent: 48, and 47 with pages of 16 KiB, where one more needs another level. */
  readonly bits?: number;
  /** Bits of an output address, TCR_EL1.IPS: 32, 36, 40, 42, 44 or 48. */
  readonly physicalBits?: number;
  /** Bits of an ASID, TCR_EL1.AS: 8 or 16. */
  readonly asidBits?: 8 | 16;
  /** Who sets AF: the handler of the access flag fault where absent, or hardware (TCR_EL1.HA, from ARMv8.1 on). */
  readonly accessFlag?: "fault" | "hardware";
  /** What `--arch` takes; `"arm64"`, with `"g16"` or `"g64"` for the larger granules, if absent. */
  readonly name?: string;
}

const refuse = (values: PortolanError["values"]): never => {
  throw new PortolanError("ERR_BAD_ARGUMENT", values);
};

/** Bits of a half where nobody says how many. */
const BITS: Readonly<Record<Granule, number>> = { 4: 48, 16: 47, 64: 48 };

/**
 * Describes a machine. TTBR0_EL1 translates the lower half of the addresses, the user's, and TTBR1_EL1 the upper one, the kernel's.
 * @throws PortolanError ERR_BAD_ARGUMENT for a processor that is not in the list, buffers or a granule that it has not got, and
 *   widths that none has
 */
export const arm64With = (options: Arm64Options = {}): Architecture => {
  const { processor: processorName = "generic", buffers = "first", accessFlag = "fault" } = options;
  if (!Object.hasOwn(PROCESSORS, processorName)) refuse({ processor: processorName, known: Object.keys(PROCESSORS) });
  const processor: Processor = PROCESSORS[processorName];
  const tlbs = processor[buffers] ?? refuse({ processor: processorName, buffers, known: ["first"] });
  const { granule = processor.granules[0], physicalBits = processor.physicalBits, asidBits = processor.asidBits } = options;
  if (!processor.granules.includes(granule)) refuse({ processor: processorName, granule, known: processor.granules.map(String) });
  const { bits = BITS[granule] } = options;
  if (!Number.isInteger(bits) || bits < 25 || bits > 48) refuse({ bits, lowest: 25, highest: 48 });
  if (!OUTPUT_SIZES.includes(physicalBits)) refuse({ physicalBits, known: OUTPUT_SIZES.map(String) });
  if (asidBits !== 8 && asidBits !== 16) refuse({ asidBits, known: ["8", "16"] });
  if (accessFlag !== "fault" && accessFlag !== "hardware") refuse({ accessFlag, known: ["fault", "hardware"] });
  const layout: Layout = { granule, bits, physicalBits };
  const pageShift = pageShiftOf(granule);
  const half = 1n << BigInt(bits);
  const geometry = (buffer: Buffer): TlbGeometry => ({
    ...buffer,
    pageShifts: pageShiftsOf(layout),
    wired: 0,
    lockable: false,
    paired: false,
  });
  return {
    contract: CONTRACT_VERSION,
    name: options.name ?? (granule === 4 ? "arm64" : `arm64g${granule}`),
    title: `64-bit ARM, ${granule} KiB pages in halves of ${bits} bits: ${processor.title}`,
    manuals: ["Arm Architecture Reference Manual for A-profile architecture (DDI 0487), chapter D5", processor.manual],
    wordBits: 64,
    byteOrder: "little",
    virtualBits: bits + 1,
    virtualRule: "sign-extended",
    physicalBits,
    pageShift,
    hardwarePageShift: pageShift,
    translation: {
      kind: "hierarchical",
      levels: levelsOf(layout),
      // Only what an output address has beyond its size: an address size fault.
      faultsOnReserved: true,
      rootRegister: "TTBR0_EL1",
      kernelRootRegister: "TTBR1_EL1",
      combined,
    },
    tlb: {
      refill: "hardware",
      ...(tlbs.instruction === undefined ? {} : { instruction: geometry(tlbs.instruction) }),
      data: geometry(tlbs.data),
      invalidation: {
        // TLBI VMALLE1
        all: { sparesGlobal: false, sparesLocked: false },
        // TLBI ASIDE1
        asid: { by: "context", sparesGlobal: true, sparesLocked: false },
        // TLBI VAE1: the ASID's, and what is global
        page: { dropsGlobal: true, anyAsid: false },
        // A write of a base register drops nothing: software does. @see D5.10
        rootLoadInvalidates: false,
      },
      honoursGlobal: true,
      manual: "Arm ARM (DDI 0487) D5.10",
    },
    asids: { bits: asidBits, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 2 ** asidBits - 1 },
    layout: {
      user: { first: 0n, last: half - 1n },
      kernel: { first: (1n << 64n) - half, last: (1n << 64n) - 1n },
      userStack: half - (1n << BigInt(pageShift)),
      kernelAddressSpaceShadowed: false,
    },
    can: {
      // Whoever may write may read, and so may the kernel what it executes.
      forbidRead: false,
      forbidExecute: true,
      global: true,
      recordAccess: accessFlag,
      recordWrite: "no",
      kernelObeysWrite: true,
    },
    faults: faultsOf(firstLevelOf(layout)),
    switches: {
      PAN: { initially: false, says: "PSTATE.PAN: the kernel does not access data that the user may" },
      WXN: { initially: false, says: "SCTLR_EL1.WXN: nobody executes what is writable" },
    },
  };
};
