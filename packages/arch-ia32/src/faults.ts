/** The page-fault exception and its error code. @see Intel SDM vol 3A §4.7 */
import { ABSENT, EXECUTE, KERNEL, READ, RESERVED, USER, WRITE, type FaultDecoding } from "@portolan/core/architecture";

const PRESENT = 1;
const WRITTEN = 2;
const BY_USER = 4;
const RESERVED_BIT = 8;

/** Without no-execute a fetch is reported as a read: the handler cannot tell the two apart. */
export const faults: FaultDecoding = {
  told: (_reason, access) => (access === WRITE ? WRITE : READ | EXECUTE),
  report: (reason, access, privilege) => ({
    trap: "#PF",
    code:
      (reason === ABSENT ? 0 : PRESENT) |
      (access === WRITE ? WRITTEN : 0) |
      (privilege === USER ? BY_USER : 0) |
      (reason === RESERVED ? RESERVED_BIT : 0),
  }),
  decode: ({ code }) => ({
    accesses: (code & WRITTEN) === 0 ? READ | EXECUTE : WRITE,
    privilege: (code & BY_USER) === 0 ? KERNEL : USER,
    absent: (code & PRESENT) === 0,
  }),
  guessesAccess: false,
  manual: "Intel SDM vol 3A §4.7",
};
