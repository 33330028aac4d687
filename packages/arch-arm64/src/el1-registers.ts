/**
 * The registers of EL1 that rule translation, as words: TTBR0_EL1 and TTBR1_EL1, TCR_EL1, MAIR_EL1, SCTLR_EL1 and PSTATE.PAN,
 * ESR_EL1 and FAR_EL1, and TLBI. What they decide of translation lives in the processor's switches and its installed context.
 *
 * A write of TTBR0_EL1 drops nothing from a TLB by itself: what it made stale stays until TLBI. Granules, widths and memory
 * types do not change: TCR_EL1 and MAIR_EL1 are read only, and so is TTBR1_EL1, which is the kernel's for good. While the
 * kernel's own space is installed nothing translates the lower half, as with TCR_EL1.EPD0 set, and it reads so.
 *
 * @see Arm ARM (DDI 0487) D13.2, C5.5 (TLBI), D5.10
 */
import { EXECUTE, KERNEL, TranslationContext, type Cpu, type FaultReport, type Tlb, type Wide } from "@portolan/core/architecture";
import type { Granule } from "./formats.js";
import { MAIR, PSTATE_PAN, rootAndAsidOf, SCTLR_M, SCTLR_WXN, tcrOf, ttbrOf } from "./registers.js";

/**
 * What TLBI drops, by the instruction's name: everything; an ASID's, but what is global; a page's, with that ASID or global; a page's
 * with any ASID. The kinds that end with L drop entries of the last level, and as no others are cached they do as much.
 */
export type TlbiKind = "VMALLE1" | "ASIDE1" | "VAE1" | "VAAE1" | "VALE1" | "VAALE1";

/** TCR_EL1: walks of the lower half are not begun. */
const TCR_EPD0 = 1n << 7n;
/** ESR_EL1: exception classes, of a lower exception level; one more is the same. */
const EC_INSTRUCTION_ABORT = 0x20n;
const EC_DATA_ABORT = 0x24n;
const EC_SHIFT = 26n;
/** ESR_EL1: the instruction has 32 bits. */
const IL = 1n << 25n;
/** A tree that software has built by itself belongs to no address space. */
const NOBODYS = -1;

const word = (value: Wide): bigint => BigInt.asUintN(64, BigInt(value));

/** The registers of one processor. */
export class El1Registers {
  readonly #cpu: Cpu;
  readonly #tcr: bigint;
  readonly #pageShift: number;
  /** ASIDs that there are: bits above them are ignored. */
  readonly #asids: number;
  #esr = 0n;
  #far = 0n;

  constructor(cpu: Cpu) {
    const { asids, can, pageShift, physicalBits, virtualBits } = cpu.architecture;
    this.#cpu = cpu;
    this.#pageShift = pageShift;
    this.#asids = 2 ** asids.bits;
    this.#tcr = tcrOf({
      granule: (2 ** (pageShift - 10)) as Granule,
      bits: virtualBits - 1,
      physicalBits,
      asidBits: asids.bits,
      setsAccessFlag: can.recordAccess === "hardware",
    });
  }

  /** The ASID and the root of the installed space. */
  get ttbr0(): bigint {
    const { asid, root } = this.#cpu.context;
    return ttbrOf(root, asid % this.#asids);
  }

  /** The kernel's root; its ASID is not used. */
  get ttbr1(): bigint {
    return ttbrOf(this.#cpu.kernelContext.root, 0);
  }

  get tcr(): bigint {
    return this.#tcr | (this.#cpu.context.isKernel ? TCR_EPD0 : 0n);
  }

  get mair(): bigint {
    return MAIR;
  }

  /** M, which is always set, and WXN. */
  get sctlr(): bigint {
    return SCTLR_M | (this.#cpu.switches["WXN"] ? SCTLR_WXN : 0n);
  }

  /** The register PAN, as MRS reads it. */
  get pan(): bigint {
    return this.#cpu.switches["PAN"] ? PSTATE_PAN : 0n;
  }

  /** What the last delivered exception was. */
  get esr(): bigint {
    return this.#esr;
  }

  /** The address that it was about. */
  get far(): bigint {
    return this.#far;
  }

  /**
   * Loads a root and an ASID for the lower half. Those of the installed space stay that space's; any other is a tree that the
   * guest has built by itself. To change to another address space of the machine's, use its `switchTo`.
   */
  writeTtbr0(value: Wide): void {
    const { root, asid: given } = rootAndAsidOf(word(value));
    const asid = given % this.#asids;
    const { context } = this.#cpu;
    if (!context.isKernel && context.root === root && context.asid === asid) return;
    const fresh = new TranslationContext(NOBODYS, false, asid);
    fresh.root = root;
    this.#cpu.install(fresh);
  }

  /** Sets or clears WXN; other bits are no concern of permissions, and the MMU stays on. */
  writeSctlr(value: Wide): void {
    this.#cpu.setSwitch("WXN", (word(value) & SCTLR_WXN) !== 0n);
  }

  /** Sets or clears PSTATE.PAN. */
  writePan(value: Wide): void {
    this.#cpu.setSwitch("PAN", (word(value) & PSTATE_PAN) !== 0n);
  }

  /**
   * TLBI on this processor. A larger page goes whole.
   * @param operand bits 55:12 of the address in bits 43:0, and the ASID in 63:48; VMALLE1 has none
   */
  tlbi(kind: TlbiKind, operand: Wide = 0n): void {
    const cpu = this.#cpu;
    const asid = Number(word(operand) >> 48n) % this.#asids;
    if (kind === "VMALLE1") cpu.invalidateAll();
    else if (kind === "ASIDE1") cpu.invalidateAsid(asid);
    else this.#drop(this.#pageOf(word(operand)), kind.startsWith("VAA") ? null : asid);
  }

  /** Delivers the exception that the last access raised: ESR_EL1 and FAR_EL1 are written. Null if it raised none. */
  deliver(): FaultReport | null {
    const { fault, faultSite, switches, architecture } = this.#cpu;
    if (!fault.isPending) return null;
    fault.isPending = false;
    const report = architecture.faults.report(fault.reason, fault.access, fault.privilege, switches, faultSite);
    const lower = fault.access === EXECUTE ? EC_INSTRUCTION_ABORT : EC_DATA_ABORT;
    const exceptionClass = fault.privilege === KERNEL ? lower + 1n : lower;
    this.#esr = (exceptionClass << EC_SHIFT) | IL | BigInt(report.code);
    this.#far = (BigInt(fault.page) << BigInt(this.#pageShift)) + BigInt(fault.offset);
    return report;
  }

  /** The page of an operand: bits above 55 are copies of it, as nothing between the halves is ever cached. */
  #pageOf(operand: bigint): number {
    const address = BigInt.asUintN(64, BigInt.asIntN(44, operand) << 12n);
    return Number(address >> BigInt(this.#pageShift));
  }

  #drop(page: number, asid: number | null): void {
    const { instructionTlb, dataTlb } = this.#cpu;
    for (const tlb of new Set([instructionTlb, dataTlb])) {
      tlb.each((entry) => {
        const first = tlb.firstPage(entry);
        if (page >= first && page < first + tlb.span(entry) && (asid === null || answersTo(tlb, entry, asid))) tlb.drop(entry);
      });
    }
  }
}

/** Is it the ASID's, or everybody's? */
const answersTo = (tlb: Tlb, entry: number, asid: number): boolean => tlb.isGlobal(entry) || tlb.asid(entry) === asid;
