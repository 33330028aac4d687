/**
 * Exceptions of the MMU. Cause tells which; BadVAddr, Context and EntryHi, which address (see `Cp0`). A fetch is not told
 * from a load: both are TLBL or AdEL. Refill and Invalid have the same code and differ in the vector only.
 *
 * @see MIPS32 PRA vol III, Cause register (table of ExcCode values) and chapter on exceptions
 */
import {
  BAD_ADDRESS,
  BUS,
  EXECUTE,
  PRIVILEGED,
  PROTECTION,
  READ,
  WRITE,
  type Access,
  type FaultDecoding,
  type FaultReason,
} from "@portolan/core/architecture";

/** Cause.ExcCode: TLB modified, a store to a page without D. */
export const EXC_MOD = 1;
/** Cause.ExcCode: TLB refill or invalid, load or fetch. */
export const EXC_TLBL = 2;
/** Cause.ExcCode: TLB refill or invalid, store. */
export const EXC_TLBS = 3;
/** Cause.ExcCode: address error, load or fetch. */
export const EXC_ADEL = 4;
/** Cause.ExcCode: address error, store. */
export const EXC_ADES = 5;
/** Cause.ExcCode: bus error, fetch. */
export const EXC_IBE = 6;
/** Cause.ExcCode: bus error, load or store. */
export const EXC_DBE = 7;
/** Cause.ExcCode: machine check, two entries of the TLB would match one address. Never an access's. */
export const EXC_MCHECK = 24;

/** What they mean, in words. */
export const EXC_CODES: Readonly<Record<number, string>> = {
  [EXC_MOD]: "TLB modified: a store to a page without D",
  [EXC_TLBL]: "TLB refill or invalid, load or fetch",
  [EXC_TLBS]: "TLB refill or invalid, store",
  [EXC_ADEL]: "address error, load or fetch",
  [EXC_ADES]: "address error, store",
  [EXC_IBE]: "bus error, fetch",
  [EXC_DBE]: "bus error, load or store",
  [EXC_MCHECK]: "machine check: two entries of the TLB match",
};

const NAMES: Readonly<Record<number, string>> = {
  [EXC_MOD]: "Mod (1)",
  [EXC_TLBL]: "TLBL (2)",
  [EXC_TLBS]: "TLBS (3)",
  [EXC_ADEL]: "AdEL (4)",
  [EXC_ADES]: "AdES (5)",
  [EXC_IBE]: "IBE (6)",
  [EXC_DBE]: "DBE (7)",
};

/** What a handler that reads the code knows of the access. */
const ACCESSES: Readonly<Record<number, number>> = {
  [EXC_MOD]: WRITE,
  [EXC_TLBL]: READ | EXECUTE,
  [EXC_TLBS]: WRITE,
  [EXC_ADEL]: READ | EXECUTE,
  [EXC_ADES]: WRITE,
  [EXC_IBE]: EXECUTE,
  [EXC_DBE]: READ | WRITE,
};

/** ExcCode of a refusal. Only stores can be forbidden, and what is forbidden to the user is so by its address. */
export const excCodeOf = (reason: FaultReason, access: Access): number => {
  switch (reason) {
    case BAD_ADDRESS:
    case PRIVILEGED:
      return access === WRITE ? EXC_ADES : EXC_ADEL;
    case BUS:
      return access === EXECUTE ? EXC_IBE : EXC_DBE;
    case PROTECTION:
      // No entry forbids a load or a fetch; only an address does.
      return access === WRITE ? EXC_MOD : EXC_ADEL;
    default:
      return access === WRITE ? EXC_TLBS : EXC_TLBL;
  }
};

/** `code` is the Cause register with nothing but ExcCode (bits 6:2) in it; Status, which tells the mode, is not. */
export const faults: FaultDecoding = {
  told: (reason, access) => ACCESSES[excCodeOf(reason, access)],
  report(reason, access) {
    const code = excCodeOf(reason, access);
    return { trap: NAMES[code], code: code << 2 };
  },
  decode({ code }) {
    const exc = (code >>> 2) & 31;
    return { accesses: ACCESSES[exc] ?? 0, privilege: "unknown", absent: exc === EXC_TLBL || exc === EXC_TLBS };
  },
  guessesAccess: false,
  manual: "MIPS32 PRA vol III, Cause register",
};
