/**
 * A hart's registers as a supervisor sees them: satp, sstatus.SUM and MXR, scause and stval, and SFENCE.VMA. What they
 * decide of translation lives in the processor's switches and its installed context.
 *
 * Writing satp drops nothing from a TLB by itself, and translations that it made stale stay until SFENCE.VMA. The hart
 * never leaves its mode of translation: a write of another MODE, Bare among them, has no effect at all, as the manual says
 * of modes that a hart has not got.
 *
 * @see RISC-V Privileged Architecture (20211203) §4.1.1, §4.1.8, §4.1.9, §4.1.11, §4.2.1
 */
import { TranslationContext, type Cpu, type FaultReport, type Tlb, type Wide } from "@portolan/core/architecture";
import {
  SATP32_ASID_SHIFT,
  SATP32_MODE_SHIFT,
  SATP32_SV32,
  SATP_ASID_SHIFT,
  SATP_MODE_SHIFT,
  SSTATUS_MXR,
  SSTATUS_SUM,
} from "./registers.js";

const PAGE = 4096n;
/** A tree that software has built by itself belongs to no address space. */
const NOBODYS = -1;

/** Where ASID and MODE begin in satp; the page number of the root lies below. */
const SATP = {
  32: { asidShift: SATP32_ASID_SHIFT, modeShift: SATP32_MODE_SHIFT },
  64: { asidShift: SATP_ASID_SHIFT, modeShift: SATP_MODE_SHIFT },
} as const;

/** The supervisor's registers of one processor. */
export class SupervisorRegisters {
  readonly #cpu: Cpu;
  readonly #wordBits: 32 | 64;
  readonly #mode: bigint;
  /** Tags that the hart implements: bits of satp.ASID above them read as zero. */
  readonly #asids: bigint;
  #scause = 0n;
  #stval = 0n;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.#wordBits = cpu.architecture.wordBits;
    this.#mode = modeOf(cpu);
    this.#asids = 1n << BigInt(cpu.architecture.asids.bits);
  }

  /** MODE, the tag and the root of the installed space. */
  get satp(): bigint {
    const { asid, root } = this.#cpu.context;
    const { asidShift, modeShift } = SATP[this.#wordBits];
    return (this.#mode << modeShift) | ((BigInt(asid) % this.#asids) << asidShift) | (BigInt(root) / PAGE);
  }

  /** SUM and MXR, of all the bits. */
  get sstatus(): bigint {
    const { SUM, MXR } = this.#cpu.switches;
    return (SUM ? SSTATUS_SUM : 0n) | (MXR ? SSTATUS_MXR : 0n);
  }

  /** What the last delivered exception was. */
  get scause(): bigint {
    return this.#scause;
  }

  /** The address that it was about. */
  get stval(): bigint {
    return this.#stval;
  }

  /**
   * Loads a root and a tag. Those of the installed space stay that space's; any other is a tree that the guest has built by
   * itself. To change to another address space of the machine's, use its `switchTo`.
   */
  writeSatp(value: Wide): void {
    const { asidShift, modeShift } = SATP[this.#wordBits];
    const wanted = this.#word(value);
    if (wanted >> modeShift !== this.#mode) return;
    const asid = BigInt.asUintN(Number(modeShift - asidShift), wanted >> asidShift) % this.#asids;
    const rootPage = BigInt.asUintN(Number(asidShift), wanted);
    const kept = (this.#mode << modeShift) | (asid << asidShift) | rootPage;
    if (kept === this.satp) return;
    const context = new TranslationContext(NOBODYS, false, Number(asid));
    context.root = Number(rootPage * PAGE);
    this.#cpu.install(context);
  }

  /** Sets or clears SUM and MXR; other bits are no concern of translation. */
  writeSstatus(value: Wide): void {
    this.#cpu.setSwitch("SUM", (this.#word(value) & SSTATUS_SUM) !== 0n);
    this.#cpu.setSwitch("MXR", (this.#word(value) & SSTATUS_MXR) !== 0n);
  }

  /**
   * SFENCE.VMA: drops what this hart's TLBs know. Null stands for x0.
   *
   * Without an address and a tag everything goes; with a tag alone what carries it and is not global; with an address alone
   * its page in every address space, global or not; with both the page with that tag, unless it is global. A superpage goes
   * whole. An address that is not canonical names no page.
   */
  sfenceVma(address: Wide | null = null, asid: number | null = null): void {
    const cpu = this.#cpu;
    const tag = asid === null ? null : asid % Number(this.#asids);
    if (address !== null) this.#drop(Number(this.#word(address) / PAGE), tag);
    else if (tag === null) cpu.invalidateAll();
    else cpu.invalidateAsid(tag);
  }

  /** Delivers the exception that the last access raised: scause and stval are written. Null if it raised none. */
  deliver(): FaultReport | null {
    const { fault, faultSite, switches, architecture } = this.#cpu;
    if (!fault.isPending) return null;
    fault.isPending = false;
    const report = architecture.faults.report(fault.reason, fault.access, fault.privilege, switches, faultSite);
    this.#scause = BigInt(report.code);
    this.#stval = BigInt(fault.page) * PAGE + BigInt(fault.offset);
    return report;
  }

  #word(value: Wide): bigint {
    return BigInt.asUintN(this.#wordBits, BigInt(value));
  }

  #drop(page: number, tag: number | null): void {
    const { instructionTlb, dataTlb } = this.#cpu;
    for (const tlb of new Set([instructionTlb, dataTlb])) {
      tlb.each((entry) => {
        const first = tlb.firstPage(entry);
        if (page >= first && page < first + tlb.span(entry) && (tag === null || belongs(tlb, entry, tag))) tlb.drop(entry);
      });
    }
  }
}

const belongs = (tlb: Tlb, entry: number, tag: number): boolean => tlb.asid(entry) === tag && !(tlb.honoursGlobal && tlb.isGlobal(entry));

/** satp.MODE of a processor: 1 with 32 bits; with 64, 8 with three levels of tables, and one more for each level. */
const modeOf = ({ architecture: { translation, wordBits } }: Cpu): bigint => {
  if (translation.kind !== "hierarchical") return 0n;
  return wordBits === 32 ? SATP32_SV32 : BigInt(translation.levels.length + 5);
};
