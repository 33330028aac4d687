/** The page-fault exception with PAE: its error code tells fetches and reserved bits. @see Intel SDM vol 3A §4.7 */
import {
  ABSENT,
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
  type Switches,
} from "@portolan/core/architecture";

const PRESENT = 1;
const WRITTEN = 2;
const BY_USER = 4;
const RESERVED_BIT = 8;
const FETCHED = 16;

const ANY: AccessMask = READ | WRITE | EXECUTE;

/** Without EFER.NXE and CR4.SMEP a fetch is told as a read. */
const tellsFetches = (switches?: Switches): boolean => switches === undefined || switches["NXE"] || (switches["SMEP"] ?? false);

const accessesOf = (access: Access, switches?: Switches): AccessMask =>
  access === WRITE || tellsFetches(switches) ? access : READ | EXECUTE;

export const paeFaults: FaultDecoding = {
  told(reason, access, privilege, switches) {
    if (reason === BUS) return ANY;
    // Without EFER.NXE no page forbids the user to execute what may be read: a fetch asks for no more than a read does.
    const isLikeRead = access === EXECUTE && privilege === USER && switches !== undefined && !switches["NXE"];
    return isLikeRead ? READ | EXECUTE : accessesOf(access, switches);
  },
  report(reason, access, privilege, switches) {
    if (reason === BUS) return { trap: "#MC", code: 0 };
    return {
      trap: "#PF",
      code:
        (reason === ABSENT ? 0 : PRESENT) |
        (access === WRITE ? WRITTEN : 0) |
        (privilege === USER ? BY_USER : 0) |
        (reason === RESERVED ? RESERVED_BIT : 0) |
        (access === EXECUTE && tellsFetches(switches) ? FETCHED : 0),
    };
  },
  decode({ trap, code }, switches) {
    if (trap !== "#PF") return { accesses: ANY, privilege: "unknown", absent: false };
    const access = (code & WRITTEN) !== 0 ? WRITE : (code & FETCHED) !== 0 ? EXECUTE : READ;
    return {
      accesses: accessesOf(access, switches),
      privilege: (code & BY_USER) === 0 ? KERNEL : USER,
      absent: (code & PRESENT) === 0,
    };
  },
  guessesAccess: false,
  manual: "Intel SDM vol 3A §4.7",
};
