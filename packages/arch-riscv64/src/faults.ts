/**
 * Exceptions of address translation, and what scause says of them.
 *
 * scause tells the access and whether it was translation (a page fault) or physical memory (an access fault) that refused;
 * not whether a page was there, nor why. An address outside the canonical ranges is a page fault, not one of its own. The
 * privilege is not in it either: handlers read sstatus.SPP. The address is in stval.
 *
 * @see RISC-V Privileged Architecture (20211203) §4.1.8 (scause, table 4.2), §4.1.9 (stval), §4.3.2 (translation)
 */
import { BUS, EXECUTE, READ, WRITE, type Access, type FaultDecoding } from "@portolan/core/architecture";

/** scause by access; a page fault is 12 to 15, an access fault 1 to 7. */
const PAGE_FAULTS: Readonly<Record<Access, number>> = { [EXECUTE]: 12, [READ]: 13, [WRITE]: 15 };
const ACCESS_FAULTS: Readonly<Record<Access, number>> = { [EXECUTE]: 1, [READ]: 5, [WRITE]: 7 };

/** The manual's name of an exception, by scause. */
export const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: "instruction access fault",
  2: "illegal instruction",
  5: "load access fault",
  7: "store/AMO access fault",
  12: "instruction page fault",
  13: "load page fault",
  15: "store/AMO page fault",
};

const ACCESSES: readonly Access[] = [READ, WRITE, EXECUTE];

export const faults: FaultDecoding = {
  told: (_reason, access) => access,
  report(reason, access) {
    const code = (reason === BUS ? ACCESS_FAULTS : PAGE_FAULTS)[access];
    return { trap: EXCEPTIONS[code], code };
  },
  decode({ code }) {
    const accesses = ACCESSES.filter((access) => PAGE_FAULTS[access] === code || ACCESS_FAULTS[access] === code);
    return { accesses: accesses[0] ?? 0, privilege: "unknown", absent: "unknown" };
  },
  guessesAccess: false,
  manual: "RISC-V Privileged §4.1.8",
};
