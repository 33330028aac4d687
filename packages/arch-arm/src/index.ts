/**
 * 32-bit ARM with short descriptors, walked by hardware: a first level of 4096 descriptors in 16 KiB, a second of 256 in
 * 1 KiB. `arm32` is the machine that HelenOS ran on first (ARMv5 descriptors); `arm(options)` describes the others.
 */
import { CONTRACT_VERSION, PortolanError, type Architecture, type TlbGeometry } from "@portolan/core/architecture";
import { faultsOf } from "./faults.js";
import { levelsV5 } from "./formats-v5.js";
import { levelsV6 } from "./formats-v6.js";
import type { Format } from "./permissions.js";
import { PROCESSORS, type Processor, type ProcessorName } from "./processors.js";
import { dacrDescriptions, domainAccessOf, DOMAINS } from "./registers.js";

export { DATA_ABORT, faultStatusInWords, PREFETCH_ABORT, WNR } from "./faults.js";
export { oracle, oracleOf, type OracleOptions } from "./oracle.js";
export type { Format } from "./permissions.js";
export { PROCESSORS, type Processor, type ProcessorName } from "./processors.js";
export {
  contextId,
  DACR_CLIENTS,
  dacrOf,
  dacrSwitches,
  DOMAINS,
  tlbOperations,
  ttbr0,
  withDomain,
  writeDacr,
  type DomainAccess,
} from "./registers.js";

/** What may differ from one ARM to the next; all of it may be left out. */
export interface ArmOptions {
  /** A real processor; every other option overrides one of its figures. Absent: as HelenOS has it, on an ARM926EJ-S's TLB. */
  readonly processor?: ProcessorName;
  /** `"v5"`, also for ARMv4 and for ARMv6 with SCTLR.XP clear; `"v6"`, before ARMv6K; `"v7"`, from ARMv6K on. */
  readonly format?: Format;
  /** TTBCR.N, 0 to 7, from ARMv6 on: TTBR0 translates the lowest 2^(32 − N) bytes for the user, TTBR1 the rest for the kernel. 0: all by TTBR0. */
  readonly ttbcrN?: number;
  /** From ARMv6 on: TLB entries carry the 8-bit ASID. Absent: yes. */
  readonly asids?: boolean;
  /** SCTLR.AFE, from ARMv6K on: AP[0] is an access flag, and the first access to a page faults so that software sets it. */
  readonly accessFlag?: boolean;
  /** Bit 4 of descriptors of second-level tables is set (ARMv5). */
  readonly writesImp?: boolean;
  /** Second-level descriptors of type 3 are extended small pages, in the format of ARMv5: XScale, and ARMv6 with SCTLR.XP clear. */
  readonly extendedSmallPages?: boolean;
  /** Sections with bit 18 set are supersections, in the format of ARMv5: ARMv6 with SCTLR.XP clear. The new formats always have them. */
  readonly supersections?: boolean;
  /** `"big"`: SCTLR.B with words as they are (BE-32), or SCTLR.EE from ARMv6 on. */
  readonly byteOrder?: "little" | "big";
  readonly data?: TlbGeometry;
  /** null: the one above serves fetches too. */
  readonly instruction?: TlbGeometry | null;
}

/** What contradicts itself, with what to do instead. */
const check = (options: ArmOptions): Processor => {
  const { processor = "arm926ejs" } = options;
  if (!Object.hasOwn(PROCESSORS, processor)) throw new PortolanError("ERR_BAD_ARGUMENT", { processor, known: Object.keys(PROCESSORS) });
  const real: Processor = PROCESSORS[processor];
  const {
    format = real.format,
    ttbcrN = 0,
    asids,
    accessFlag = false,
    extendedSmallPages = false,
    supersections = true,
    writesImp = false,
  } = options;
  const isOld = format === "v5";
  const refuse = (option: string, reason: string): never => {
    throw new PortolanError("ERR_BAD_ARGUMENT", { option, format, reason });
  };
  const canRead = options.processor === undefined || format === real.format || (isOld && real.readsOldFormat === true);
  if (!canRead) refuse("format", `the ${real.title} reads no such descriptors`);
  if (!Number.isInteger(ttbcrN) || ttbcrN < 0 || ttbcrN > 7) refuse("ttbcrN", "TTBCR.N is 0 to 7");
  if (isOld && ttbcrN > 0) refuse("ttbcrN", "TTBCR came with ARMv6");
  if (isOld && asids === true) refuse("asids", "they came with ARMv6");
  if (accessFlag && format !== "v7") refuse("accessFlag", "it came with ARMv6K");
  if (!isOld && extendedSmallPages) refuse("extendedSmallPages", "the new formats have none");
  if (!isOld && !supersections) refuse("supersections", "the new formats have them");
  if (!isOld && writesImp) refuse("writesImp", "bit 4 should be zero in the new formats");
  return real;
};

/**
 * Describes an ARM.
 * @throws PortolanError ERR_BAD_ARGUMENT if no ARM is like that
 */
export const arm = (options: ArmOptions = {}): Architecture => {
  const processor = check(options);
  const format = options.format ?? processor.format;
  const isOld = format === "v5";
  const { ttbcrN = 0, asids = !isOld, accessFlag = false, byteOrder = "little" } = options;
  const writesImp = options.writesImp ?? (options.processor !== undefined && processor.writesImp);
  const { extendedSmallPages = processor.extendedSmallPages, supersections = processor.supersections } = options;
  const instruction = options.instruction === undefined ? processor.instruction : options.instruction;
  /** Where TTBR1, and the kernel, begin. */
  const split = ttbcrN < 2 ? 0x8000_0000n : 1n << BigInt(32 - ttbcrN);
  return {
    contract: CONTRACT_VERSION,
    name: isOld ? "arm" : `arm${format}`,
    title: `${options.processor === undefined ? "ARM" : processor.title}, short descriptors${isOld ? " of ARMv5" : format === "v6" ? " of ARMv6" : " of ARMv7"}`,
    manuals: [processor.manual, isOld ? "ARM Architecture Reference Manual (DDI 0100), part B" : "ARMv7-A ARM (DDI 0406C), chapter B3"],
    wordBits: 32,
    byteOrder,
    virtualBits: 32,
    virtualRule: "exact",
    physicalBits: 32,
    pageShift: 12,
    hardwarePageShift: 12,
    translation: {
      kind: "hierarchical",
      levels: isOld ? levelsV5({ writesImp, extendedSmallPages, supersections }) : levelsV6({ format, accessFlag }),
      // What should be zero and is not, is ignored.
      faultsOnReserved: false,
      rootRegister: isOld ? "TTBR" : "TTBR0",
      ...(ttbcrN === 0 ? {} : { kernelRootRegister: "TTBR1" }),
      domains: { count: DOMAINS, tell: domainAccessOf },
    },
    tlb: {
      refill: "hardware",
      data: options.data ?? processor.data,
      ...(instruction === undefined || instruction === null ? {} : { instruction }),
      invalidation: {
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: asids ? "context" : "all", sparesGlobal: true, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: false },
        // A write of a translation table base drops nothing: software does. @see ARM ARM §B3, §B4
        rootLoadInvalidates: false,
      },
      honoursGlobal: asids,
      manual: processor.manual,
    },
    asids: asids
      ? { bits: 8, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 255 }
      : { bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 },
    layout: {
      user: { first: 0n, last: split - 1n },
      kernel: { first: split, last: 0xffff_ffffn },
      userStack: split - 0x1000n,
      kernelAddressSpaceShadowed: false,
    },
    can: {
      // Whoever may write may read, and so may who may execute.
      forbidRead: false,
      forbidExecute: !isOld,
      global: asids,
      recordAccess: accessFlag ? "fault" : "no",
      recordWrite: "no",
      // Permissions of ARMv5 let the kernel write whatever it may read.
      kernelObeysWrite: !isOld,
    },
    // A processor keeps its registers when it is told to read older descriptors.
    faults: faultsOf(options.processor === undefined ? format : processor.format, processor.hasInstructionStatus),
    switches: {
      ...(format === "v7"
        ? {}
        : {
            S: { initially: false, says: "SCTLR.S: without permissions (AP = 00) the kernel may read" },
            R: { initially: false, says: "SCTLR.R: without permissions (AP = 00) kernel and user may read" },
          }),
      ...dacrDescriptions(),
    },
  };
};

/** As HelenOS ran it first: ARMv5 descriptors, no ASIDs, everything in domain 0. */
export const arm32: Architecture = arm();
