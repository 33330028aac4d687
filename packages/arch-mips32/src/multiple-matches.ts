/**
 * What a processor does about a TLB write that would make two entries match one address. Hardware looks for it because two
 * entries that answer at once could damage the array; the manuals leave open when.
 *
 * @see MIPS32 PRA vol III, Machine Check exception; R4000 User's Manual, Status register (TS); MIPS32 4K Software User's Manual,
 *   memory management (the TLB compares before it writes)
 */
import { token } from "@portolan/core/architecture";
import { EXC_MCHECK } from "./faults.js";

/** An answer to a write after which two entries would match. */
export interface MultipleMatches {
  /** Is the entry written all the same? */
  readonly isWritten: boolean;
  /** ExcCode of the exception that the write takes, or 0. */
  readonly excCode: number;
}

/** The part of a machine that answers. */
export const MULTIPLE_MATCHES = token<MultipleMatches>("multiple matches");

/** The write takes the Machine Check exception and changes no entry. */
export class MachineCheck implements MultipleMatches {
  readonly isWritten = false;
  readonly excCode = EXC_MCHECK;
}

/** The write is carried out. From then on the manual promises nothing; here the lowest entry answers, as on emulators. */
export class Shutdown implements MultipleMatches {
  readonly isWritten = true;
  readonly excCode = 0;
}
