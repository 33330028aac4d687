/** What happens when the TLB cannot answer: the strategy that differs most between machines. */
import type { Access, Privilege } from "../architecture/rights.js";
import type { FaultReason } from "../architecture/faults.js";
import type { Cpu } from "../machine/cpu.js";
import { token } from "../token.js";

/**
 * Fills TLBs. Implementations: the hardware table walker (`paging/hardware-walk.ts`) and, in architecture packages,
 * software refill handlers. Called on a miss only, never on the hit path. Pages are hardware pages.
 */
export interface Refill {
  /**
   * No entry matches. Enters one into `cpu`'s instruction or data TLB and returns 0, or enters nothing and returns
   * why not. The caller looks the page up again after 0, and then `refused` may still be called; code that knows its
   * entry to let the access through enters it by `cpu.enter`, which spares that.
   */
  miss(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason;
  /**
   * Entry number `entry` matches but does not let the access through: either it is refused for good, or the handler
   * records something (a first write) and enters a better one, returning 0.
   */
  refused(cpu: Cpu, page: number, access: Access, privilege: Privilege, entry: number): FaultReason;
  /**
   * The hardware frame that the code gives a page of a separate kernel space without asking any table, or −1. Absent: no
   * page has one. For explanations, and for the checker, which asks without an access.
   */
  fixedFrame?(page: number, access?: Access): number;
  /** Hardware pages from 0 on among which `fixedFrame` may have an answer. Absent: none. No area of the kernel's space lies there. */
  readonly fixedPages?: number;
  /**
   * The MMU's registers of a processor by the manual's names, as software would read them now. For dumps; changes nothing. Absent:
   * there are none but those that lead to a tree.
   */
  registersOf?(cpu: Cpu): Readonly<Record<string, bigint>>;
  /** The words of an entry of the data TLB that maps something, as software would read them back: keys of `TlbRow.words`. Absent: none are kept. */
  wordsOf?(cpu: Cpu, entry: number): Readonly<Record<string, bigint>>;
}

/** The machine's refill: the hardware walker, or the code that a port brings. */
export const REFILL = token<Refill>("refill");
