/**
 * Traps of the UltraSPARC MMU, and the fault status register. A miss tells the handler an address and nothing about the
 * access but which MMU missed; the status register is written for the exceptions only.
 *
 * @see UltraSPARC I/II User's Manual §6.4 (table 6-4), §6.9.4 (tables 6-11 and 6-12)
 */
import {
  ABSENT,
  BAD_ADDRESS,
  BUS,
  EXECUTE,
  KERNEL,
  PRIVILEGED,
  PROTECTION,
  READ,
  RESERVED,
  USER,
  WRITE,
  type Access,
  type FaultDecoding,
  type FaultReason,
  type Privilege,
} from "@portolan/core/architecture";

const INSTRUCTION_EXCEPTION = "instruction_access_exception (0x08)";
const INSTRUCTION_ERROR = "instruction_access_error (0x0a)";
const DATA_EXCEPTION = "data_access_exception (0x30)";
const DATA_ERROR = "data_access_error (0x32)";
const INSTRUCTION_MISS = "fast_instruction_access_MMU_miss (0x64)";
const DATA_MISS = "fast_data_access_MMU_miss (0x68)";
const DATA_PROTECTION = "fast_data_access_protection (0x6c)";

/** Bits of the status register. */
const FAULT_VALID = 1;
const WRITTEN = 4;
const BY_KERNEL = 8;
const PRIVILEGE_VIOLATION = 0x01 << 7;
const NO_FAULT_ONLY = 0x10 << 7;
const OUT_OF_RANGE = 0x20 << 7;

/**
 * The code is the status register's value; 0 after a miss and after errors of memory, which do not write it. RESERVED are
 * loads and stores to a page that is only for loads that must not fault.
 */
export const faults: FaultDecoding = {
  told: (reason, access) => (reason === ABSENT && access !== EXECUTE ? READ | WRITE : access),
  report: (reason, access, privilege) => ({ trap: trapOf(reason, access), code: statusOf(reason, access, privilege) }),
  decode({ trap, code }) {
    const absent = trap === INSTRUCTION_MISS || trap === DATA_MISS;
    const isFetch = trap === INSTRUCTION_MISS || trap === INSTRUCTION_EXCEPTION || trap === INSTRUCTION_ERROR;
    const accesses = isFetch ? EXECUTE : absent || code === 0 ? READ | WRITE : (code & WRITTEN) === 0 ? READ : WRITE;
    return { accesses, absent, privilege: code === 0 ? "unknown" : (code & BY_KERNEL) === 0 ? USER : KERNEL };
  },
  guessesAccess: false,
  manual: "UltraSPARC I/II User's Manual §6.4 and §6.9.4",
};

const trapOf = (reason: FaultReason, access: Access): string => {
  const isFetch = access === EXECUTE;
  switch (reason) {
    case ABSENT:
      return isFetch ? INSTRUCTION_MISS : DATA_MISS;
    case PROTECTION:
      return isFetch ? INSTRUCTION_EXCEPTION : DATA_PROTECTION;
    case BUS:
      return isFetch ? INSTRUCTION_ERROR : DATA_ERROR;
    default:
      return isFetch ? INSTRUCTION_EXCEPTION : DATA_EXCEPTION;
  }
};

const statusOf = (reason: FaultReason, access: Access, privilege: Privilege): number => {
  if (reason === ABSENT || reason === BUS) return 0;
  return FAULT_VALID | typeOf(reason) | (access === WRITE ? WRITTEN : 0) | (privilege === KERNEL ? BY_KERNEL : 0);
};

const typeOf = (reason: FaultReason): number => {
  switch (reason) {
    case PRIVILEGED:
      return PRIVILEGE_VIOLATION;
    case RESERVED:
      return NO_FAULT_ONLY;
    case BAD_ADDRESS:
      return OUT_OF_RANGE;
    default:
      return 0;
  }
};
