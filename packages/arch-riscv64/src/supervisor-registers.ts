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
import { TranslationContext, type Cpu, type FaultReport, type Tlb, type Wide } from "@portolan/core";
import { SATP_ASID_SHIFT, SATP_MODE_SHIFT, SSTATUS_MXR, SSTATUS_SUM } from "./registers.js";

const PAGE = 4096n;
const PPN_MASK = (1n << SATP_ASID_SHIFT) - 1n;
const ASID_MASK = 0xffffn;
/** A tree that software has built by itself belongs to no address space. */
const NOBODYS = -1;

const word = (value: Wide): bigint => BigInt.asUintN(64, BigInt(value));

/** The supervisor's registers of one processor. */
export class SupervisorRegisters {
  readonly #cpu: Cpu;
  readonly #mode: bigint;
  /** Tags that the hart implements: bits of satp.ASID above them read as zero. */
  readonly #asids: bigint;
  #scause = 0n;
  #stval = 0n;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.#mode = modeOf(cpu);
    this.#asids = 1n << BigInt(cpu.architecture.asids.bits);
  }

  /** MODE, the tag and the root of the installed space. */
  get satp(): bigint {
    const { asid, root } = this.#cpu.context;
    return (this.#mode << SATP_MODE_SHIFT) | ((BigInt(asid) % this.#asids) << SATP_ASID_SHIFT) | (BigInt(root) / PAGE);
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
    const wanted = word(value);
    if (wanted >> SATP_MODE_SHIFT !== this.#mode) return;
    const asid = ((wanted >> SATP_ASID_SHIFT) & ASID_MASK) % this.#asids;
    const kept = (this.#mode << SATP_MODE_SHIFT) | (asid << SATP_ASID_SHIFT) | (wanted & PPN_MASK);
    if (kept === this.satp) return;
    const context = new TranslationContext(NOBODYS, false, Number(asid));
    context.root = Number((wanted & PPN_MASK) * PAGE);
    this.#cpu.install(context);
  }

  /** Sets or clears SUM and MXR; other bits are no concern of translation. */
  writeSstatus(value: Wide): void {
    this.#cpu.setSwitch("SUM", (word(value) & SSTATUS_SUM) !== 0n);
    this.#cpu.setSwitch("MXR", (word(value) & SSTATUS_MXR) !== 0n);
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
    if (address !== null) this.#drop(Number(word(address) / PAGE), tag);
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

/** satp.MODE of a processor: 8 with three levels of tables, and one more for each level. */
const modeOf = ({ architecture: { translation } }: Cpu): bigint =>
  translation.kind === "hierarchical" ? BigInt(translation.levels.length + 5) : 0n;
