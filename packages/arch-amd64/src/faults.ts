/**
 * Exceptions of the memory-management unit and the error code of a page fault.
 *
 * An address in the hole is no page fault: it is #GP, or #SS where the instruction refers to the stack (by SS, RSP or
 * RBP), with an error code of 0 either way. Which of the two is the instruction's business; #GP is reported here.
 *
 * @see Intel SDM vol 3A §3.3.7.1 (canonical addresses), §4.7 (error code), chapter 6 (exceptions 12, 13, 14, 18)
 */
import {
  ABSENT,
  BAD_ADDRESS,
  BUS,
  EXECUTE,
  KERNEL,
  READ,
  RESERVED,
  USER,
  WRITE,
  type Access,
  type AccessMask,
  type FaultDecoding,
  type Privilege,
  type Switches,
} from "@portolan/core/architecture";

/** Exception 14: an entry is absent, forbids the access, or has a reserved bit set. */
export const PAGE_FAULT = "#PF";
/** Exception 13: an address in the hole, or a register written as the manual forbids. */
export const GENERAL_PROTECTION = "#GP";
/** Exception 18: nothing answers at a physical address. */
export const MACHINE_CHECK = "#MC";
/** Exception 6: an instruction that the processor has not got. */
export const INVALID_OPCODE = "#UD";

/** Error code of a page fault: every level was present. */
export const PF_P = 1;
/** Error code of a page fault: it was a write. */
export const PF_WR = 2;
/** Error code of a page fault: the user did it. */
export const PF_US = 4;
/** Error code of a page fault: an entry has a reserved bit set. */
export const PF_RSVD = 8;
/** Error code of a page fault: it was a fetch, where the processor tells. */
export const PF_ID = 16;

const ANY: AccessMask = READ | WRITE | EXECUTE;

/** Without EFER.NXE and CR4.SMEP a fetch is told as a read. */
const tellsFetches = (switches?: Switches): boolean => switches === undefined || switches["NXE"] || switches["SMEP"];

const accessesOf = (access: Access, switches?: Switches): AccessMask =>
  access === WRITE || tellsFetches(switches) ? access : READ | EXECUTE;

/** Without EFER.NXE no page forbids the user to execute what may be read: a fetch asks for no more than a read does. */
const isLikeRead = (access: Access, privilege: Privilege, switches?: Switches): boolean =>
  access === EXECUTE && privilege === USER && switches !== undefined && !switches["NXE"];

export const faults: FaultDecoding = {
  told(reason, access, privilege, switches) {
    if (reason === BAD_ADDRESS || reason === BUS) return ANY;
    return isLikeRead(access, privilege, switches) ? READ | EXECUTE : accessesOf(access, switches);
  },
  report(reason, access, privilege, switches) {
    if (reason === BAD_ADDRESS) return { trap: GENERAL_PROTECTION, code: 0 };
    if (reason === BUS) return { trap: MACHINE_CHECK, code: 0 };
    return {
      trap: PAGE_FAULT,
      code:
        (reason === ABSENT ? 0 : PF_P) |
        (access === WRITE ? PF_WR : 0) |
        (privilege === USER ? PF_US : 0) |
        (reason === RESERVED ? PF_RSVD : 0) |
        (access === EXECUTE && tellsFetches(switches) ? PF_ID : 0),
    };
  },
  decode({ trap, code }, switches) {
    if (trap !== PAGE_FAULT) return { accesses: ANY, privilege: "unknown", absent: false };
    const access = (code & PF_WR) !== 0 ? WRITE : (code & PF_ID) !== 0 ? EXECUTE : READ;
    return {
      accesses: accessesOf(access, switches),
      privilege: (code & PF_US) === 0 ? KERNEL : USER,
      absent: (code & PF_P) === 0,
    };
  },
  guessesAccess: false,
  manual: "Intel SDM vol 3A §4.7",
};
