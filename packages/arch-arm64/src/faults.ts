/**
 * Aborts at EL1, and what ESR_EL1 says of them. The code is what of the syndrome tells why: the fault status code in bits 5:0,
 * and WnR, bit 6, where data was written. The address is in FAR_EL1.
 *
 * Status codes name the level at which the walk ended, as the manual counts: 3 is the last. An address that neither half
 * has is a translation fault of level 0, wherever walks begin; so is one in a half that no walk is made for (TCR_EL1.EPD0).
 *
 * @see Arm ARM (DDI 0487) D13.2.37 (ESR_EL1: ISS encoding for an exception from a Data Abort, and from an Instruction Abort),
 *   D5.9 (memory aborts, and their order)
 */
import {
  ABSENT,
  BAD_ADDRESS,
  BUS,
  EXECUTE,
  READ,
  RESERVED,
  UNMARKED,
  WRITE,
  type FaultDecoding,
  type FaultReason,
  type FaultSite,
} from "@portolan/core/architecture";
import { LAST_LEVEL } from "./formats.js";

/** The exception of a fetch that is refused. */
export const INSTRUCTION_ABORT = "Instruction Abort";
/** The exception of a load or a store that is refused. */
export const DATA_ABORT = "Data Abort";
/** ISS.WnR: the access was a write. */
export const WNR = 1 << 6;

/** Fault status codes with the level in bits 1:0. */
const ADDRESS_SIZE = 0b0000_00;
const TRANSLATION = 0b0001_00;
const ACCESS_FLAG = 0b0010_00;
const PERMISSION = 0b0011_00;
/** An access that finds no memory, and a walk that does. */
const EXTERNAL = 0b0100_00;
const EXTERNAL_ON_WALK = 0b0101_00;

const NAMES: Readonly<Record<number, string>> = {
  [ADDRESS_SIZE]: "address size fault",
  [TRANSLATION]: "translation fault",
  [ACCESS_FLAG]: "access flag fault",
  [PERMISSION]: "permission fault",
  [EXTERNAL_ON_WALK]: "synchronous external abort on a walk",
};

/** A fault status code in words, for people: `"translation fault, level 2"`. */
export const faultStatusInWords = (code: number): string => {
  const status = code & 0x3f;
  if (status === EXTERNAL) return "synchronous external abort";
  const name = NAMES[status & ~3];
  return name === undefined ? "no fault of the MMU's" : `${name}, level ${status & 3}`;
};

const statusOf = (reason: FaultReason, level: number, onWalk: boolean): number => {
  if (reason === BAD_ADDRESS) return TRANSLATION;
  if (reason === ABSENT) return TRANSLATION + level;
  // Nothing is reserved but what an output address has beyond its size.
  if (reason === RESERVED) return ADDRESS_SIZE + level;
  if (reason === UNMARKED) return ACCESS_FLAG + level;
  if (reason === BUS) return onWalk ? EXTERNAL_ON_WALK + level : EXTERNAL;
  return PERMISSION + level;
};

/** @param first number of the level where walks begin */
export const faultsOf = (first: number): FaultDecoding => {
  /** Where nothing else is said, a page was at fault. */
  const somewhere: FaultSite = { depth: LAST_LEVEL - first, domain: 0, onWalk: false };
  return {
    told: (_reason, access) => access,
    report(reason, access, _privilege, _switches, { depth, onWalk } = somewhere) {
      const status = statusOf(reason, depth < 0 ? 0 : first + depth, onWalk);
      if (access === EXECUTE) return { trap: INSTRUCTION_ABORT, code: status };
      return { trap: DATA_ABORT, code: status | (access === WRITE ? WNR : 0) };
    },
    decode({ trap, code }) {
      const data = (code & WNR) === 0 ? READ : WRITE;
      return {
        accesses: trap === INSTRUCTION_ABORT ? EXECUTE : data,
        privilege: "unknown",
        // Between the halves, and in a half that nobody walks, nothing is there either.
        absent: (code & 0x3c) === TRANSLATION,
      };
    },
    guessesAccess: false,
    tellsLevel: true,
    manual: "Arm ARM (DDI 0487) D13.2.37",
  };
};
