/** What a process is sent for an access that was refused. @see POSIX.1-2017 <signal.h>; Linux man-pages sigaction(2) */
import type { FaultRule } from "../address-space/fault.js";

/** Signals that memory raises. `SIGKILL` is for a process that there is no memory left for. */
export type SignalName = "SIGSEGV" | "SIGBUS" | "SIGKILL";
/**
 * Why: nothing is mapped there, the mapping forbids it, the object has no such page (beyond the end of a file), the page
 * could not be read or is no memory, and no memory was left.
 */
export type SignalCode = "SEGV_MAPERR" | "SEGV_ACCERR" | "BUS_ADRERR" | "BUS_OBJERR" | "SI_KERNEL";

/** One signal, as `siginfo_t` tells it. */
export interface Signal {
  readonly signal: SignalName;
  readonly code: SignalCode;
  readonly address: bigint;
}

const SIGNALS: Readonly<Partial<Record<FaultRule, readonly [SignalName, SignalCode]>>> = {
  "no area at this address": ["SIGSEGV", "SEGV_MAPERR"],
  "the area forbids this access": ["SIGSEGV", "SEGV_ACCERR"],
  "the area's memory has no such page": ["SIGBUS", "BUS_ADRERR"],
  "the page could not be read": ["SIGBUS", "BUS_ADRERR"],
  "out of memory": ["SIGKILL", "SI_KERNEL"],
  "nothing answers at that physical address": ["SIGBUS", "BUS_OBJERR"],
};

/** The signal for a rule that refused an access at an address. */
export const signalFor = (rule: FaultRule, address: bigint): Signal => {
  const [signal, code] = SIGNALS[rule] ?? ["SIGSEGV", "SEGV_ACCERR"];
  return { signal, code, address };
};
