/**
 * Data and prefetch aborts, and what the fault status registers say of them. The code is the register's value: status in
 * bits 3:0, domain in bits 7:4, and from ARMv6 on bit 11 for a write. The address is in FAR (DFAR, IFAR); without a
 * status register for prefetch aborts, and without FAR for them, the handler knows its own return address.
 *
 * Status words name the level at which the walk ended, "section" for the first and "page" for the second.
 *
 * @see ARM926EJ-S Technical Reference Manual (DDI 0198D) §3.4, table 3-9; ARMv7-A ARM (DDI 0406C) §B3.13.3, table B3-23
 */
import {
  ABSENT,
  BUS,
  DOMAIN,
  EXECUTE,
  PROTECTION,
  READ,
  UNMARKED,
  WRITE,
  type Access,
  type FaultDecoding,
  type FaultReason,
  type FaultSite,
} from "@portolan/core/architecture";
import type { Format } from "./permissions.js";

/** The exception of a load or a store that is refused. */
export const DATA_ABORT = "data abort";
/** The exception of an instruction that could not be fetched, when it comes to be executed. */
export const PREFETCH_ABORT = "prefetch abort";
/** DFSR.WnR: the access was a write. ARMv6 and later. */
export const WNR = 1 << 11;

/** Status words [first level, second level] by reason. */
const STATUS: Readonly<Partial<Record<FaultReason, readonly [section: number, page: number]>>> = {
  [ABSENT]: [0b0101, 0b0111],
  [UNMARKED]: [0b0011, 0b0110],
  [DOMAIN]: [0b1001, 0b1011],
  [PROTECTION]: [0b1101, 0b1111],
  /** On the walk; an access that finds no memory is 0b1000. */
  [BUS]: [0b1100, 0b1110],
};
const NO_MEMORY = 0b1000;
/** On ARMv5 bit 1 tells a page from a section here too. */
const NO_MEMORY_IN_PAGE = 0b1010;
/** Descriptors of a reserved form count as translation faults. */
const TRANSLATION: readonly [number, number] = [0b0101, 0b0111];

/** The same in words, for people. */
export const faultStatusInWords = (code: number): string => {
  const status = code & 0xf;
  if (status === NO_MEMORY || status === NO_MEMORY_IN_PAGE) return "external abort";
  const names: Readonly<Partial<Record<FaultReason, string>>> = {
    [ABSENT]: "translation fault",
    [UNMARKED]: "access flag fault",
    [DOMAIN]: "domain fault",
    [PROTECTION]: "permission fault",
    [BUS]: "external abort on a walk",
  };
  for (const [reason, [section, page]] of Object.entries(STATUS)) {
    const name = names[Number(reason) as FaultReason] ?? "";
    if (status === section) return `${name}, section`;
    if (status === page) return `${name}, page`;
  }
  return "no fault of the MMU's";
};

const statusOf = (reason: FaultReason, { depth, onWalk }: FaultSite, format: Format): number => {
  if (reason === BUS && !onWalk) return depth === 0 || format !== "v5" ? NO_MEMORY : NO_MEMORY_IN_PAGE;
  return (STATUS[reason] ?? TRANSLATION)[depth === 0 ? 0 : 1];
};

/** Where nothing else is said, a page was at fault, in domain 0. */
const SOMEWHERE: FaultSite = { depth: 1, domain: 0, onWalk: true };

/** @param format what the processor was made for: its registers do not change with the descriptors that it reads */
export const faultsOf = (format: Format, hasInstructionStatus: boolean): FaultDecoding => ({
  told: (_reason, access: Access) => access,
  report(reason, access, _privilege, _switches, site = SOMEWHERE) {
    const isFetch = access === EXECUTE;
    if (isFetch && !hasInstructionStatus) return { trap: PREFETCH_ABORT, code: 0 };
    const wnr = format !== "v5" && access === WRITE ? WNR : 0;
    const domain = isFetch && format !== "v5" ? 0 : site.domain;
    return { trap: isFetch ? PREFETCH_ABORT : DATA_ABORT, code: statusOf(reason, site, format) | (domain << 4) | wnr };
  },
  decode({ trap, code }) {
    const status = code & 0xf;
    const data = format === "v5" ? READ | WRITE : (code & WNR) === 0 ? READ : WRITE;
    return {
      accesses: trap === PREFETCH_ABORT ? EXECUTE : data,
      privilege: "unknown",
      absent: TRANSLATION.includes(status),
    };
  },
  // Without WnR a handler looks at the instruction that was interrupted: loads have bit 20 set, and a swap writes.
  guessesAccess: format === "v5",
  manual: format === "v5" ? "ARM926EJ-S TRM §3.4" : "ARMv7-A ARM §B3.13.3",
});
