/**
 * A processor's control registers as a guest in 64-bit mode sees them: CR0, CR2, CR3, CR4, EFER and RFLAGS.AC, with the
 * instructions that write them and INVLPG. What they decide of paging lives in the processor's switches and its installed
 * context; the rest is kept here.
 *
 * A write that the manual forbids is answered with the exception, and nothing has changed then. The processor never
 * leaves 64-bit mode, so PE, PG, PAE, LME and LMA are always set, and LA57 if its tables have five levels; it has neither PCIDs nor protection
 * keys, and says so.
 *
 * @see Intel SDM vol 2, MOV to and from control registers, INVLPG, STAC, CLAC; vol 3A §4.1.2, §4.10.4.1
 */
import { BAD_ADDRESS, BUS, TranslationContext, type Cpu, type FaultReport, type Wide } from "@portolan/core/architecture";
import { faults, GENERAL_PROTECTION, INVALID_OPCODE } from "./faults.js";
import {
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_OTHERS,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR3_PCD,
  CR3_PWT,
  CR4_LA57,
  CR4_OTHERS,
  CR4_PAE,
  CR4_PGE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
} from "./registers.js";

const REFUSED: FaultReport = { trap: GENERAL_PROTECTION, code: 0 };
const NO_INSTRUCTION: FaultReport = { trap: INVALID_OPCODE, code: 0 };
const PAGE = 4096n;
/** A tree that software has built by itself belongs to no address space. */
const NOBODYS = -1;

const word = (value: Wide): bigint => BigInt.asUintN(64, BigInt(value));
const has = (value: bigint, bit: number): boolean => (value & BigInt(bit)) !== 0n;
/** Any bit but those of `known`. */
const isBeyond = (value: bigint, known: number): boolean => (value & ~BigInt(known)) !== 0n;
const kept = (value: bigint, mask: number): number => Number(value & BigInt(mask));

/** The control registers of one processor. */
export class ControlRegisters {
  readonly #cpu: Cpu;
  /** What must be set in CR4: PAE, and LA57 with five levels. */
  readonly #always: number;
  #cr0 = CR0_ET;
  #cr2 = 0n;
  #cr3 = 0;
  #cr4 = 0;
  #efer = EFER_SCE;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    const { translation } = cpu.architecture;
    this.#always = CR4_PAE + (translation.kind === "hierarchical" && translation.levels.length === 5 ? CR4_LA57 : 0);
  }

  get cr0(): bigint {
    return BigInt(this.#cr0 + CR0_PE + CR0_PG + this.#whereOn("WP", CR0_WP));
  }

  /** The address of the last page fault that was delivered, or what was written since. */
  get cr2(): bigint {
    return this.#cr2;
  }

  /** The root of the installed space's tables, with the bits written beside it. */
  get cr3(): bigint {
    return BigInt(this.#cpu.context.root + this.#cr3);
  }

  get cr4(): bigint {
    return BigInt(
      this.#cr4 + this.#always + this.#whereOn("PGE", CR4_PGE) + this.#whereOn("SMEP", CR4_SMEP) + this.#whereOn("SMAP", CR4_SMAP),
    );
  }

  get efer(): bigint {
    return BigInt(this.#efer + EFER_LME + EFER_LMA + this.#whereOn("NXE", EFER_NXE));
  }

  /** Paging cannot be ended in 64-bit mode, and a cache that is on cannot be "not write-through". Reserved low bits are ignored. */
  writeCr0(value: Wide): FaultReport | null {
    const wanted = word(value);
    if (wanted >> 32n !== 0n || !has(wanted, CR0_PE) || !has(wanted, CR0_PG)) return REFUSED;
    if (has(wanted, CR0_NW) && !has(wanted, CR0_CD)) return REFUSED;
    this.#cr0 = CR0_ET + kept(wanted, CR0_OTHERS + CR0_NW + CR0_CD);
    this.#cpu.setSwitch("WP", has(wanted, CR0_WP));
    return null;
  }

  /** CR2 takes any value. */
  writeCr2(value: Wide): null {
    this.#cr2 = word(value);
    return null;
  }

  /**
   * Loads a root, which drops what is not global. The root of the installed space stays that space's; any other is a tree
   * that the guest has built by itself. To change to another address space of the machine's, use its `switchTo`.
   */
  writeCr3(value: Wide): FaultReport | null {
    const cpu = this.#cpu;
    const wanted = word(value);
    if (wanted >> BigInt(cpu.architecture.physicalBits) !== 0n) return REFUSED;
    const root = Number(wanted - (wanted % PAGE));
    this.#cr3 = kept(wanted, CR3_PWT + CR3_PCD);
    if (root === cpu.context.root) cpu.install(cpu.context);
    else {
      const context = new TranslationContext(NOBODYS, false, cpu.architecture.asids.first);
      context.root = root;
      cpu.install(context);
    }
    return null;
  }

  /** Bits that the processor has not got are reserved. A change of PGE, SMEP or SMAP drops every TLB entry. */
  writeCr4(value: Wide): FaultReport | null {
    const wanted = word(value);
    const known = CR4_OTHERS + this.#always + CR4_PGE + this.#whereKnown("SMEP", CR4_SMEP) + this.#whereKnown("SMAP", CR4_SMAP);
    if (isBeyond(wanted, known) || kept(wanted, this.#always) !== this.#always) return REFUSED;
    this.#cr4 = kept(wanted, CR4_OTHERS);
    this.#cpu.setSwitch("PGE", has(wanted, CR4_PGE));
    if (this.#whereKnown("SMEP", 1) === 1) this.#cpu.setSwitch("SMEP", has(wanted, CR4_SMEP));
    if (this.#whereKnown("SMAP", 1) === 1) this.#cpu.setSwitch("SMAP", has(wanted, CR4_SMAP));
    return null;
  }

  /** LME cannot be cleared while paging is on; what is written to LMA is ignored. */
  writeEfer(value: Wide): FaultReport | null {
    const wanted = word(value);
    if (isBeyond(wanted, EFER_SCE + EFER_LME + EFER_LMA + EFER_NXE) || !has(wanted, EFER_LME)) return REFUSED;
    this.#efer = kept(wanted, EFER_SCE);
    this.#cpu.setSwitch("NXE", has(wanted, EFER_NXE));
    return null;
  }

  /** Lets the kernel touch the user's pages in spite of SMAP. #UD on a processor without it. */
  stac(): FaultReport | null {
    return this.#setAc(true);
  }

  /** Ends what STAC began. */
  clac(): FaultReport | null {
    return this.#setAc(false);
  }

  /** Drops what this processor knows of the page at an address, global or not. Of an address in the hole it knows nothing. */
  invlpg(address: Wide): void {
    this.#cpu.invalidatePages(this.#cpu.context.asid, Number(word(address) / PAGE), 1);
  }

  /** Delivers the exception that the last access raised: CR2 is written if it is a page fault. Null if it raised none. */
  deliver(): FaultReport | null {
    const { fault, switches } = this.#cpu;
    if (!fault.isPending) return null;
    fault.isPending = false;
    const { reason, access, privilege, page, offset } = fault;
    if (reason !== BAD_ADDRESS && reason !== BUS) this.#cr2 = BigInt(page) * PAGE + BigInt(offset);
    return faults.report(reason, access, privilege, switches);
  }

  #setAc(isSet: boolean): FaultReport | null {
    if (this.#whereKnown("AC", 1) === 0) return NO_INSTRUCTION;
    this.#cpu.setSwitch("AC", isSet);
    return null;
  }

  #whereOn(name: string, bit: number): number {
    return this.#cpu.switches[name] ? bit : 0;
  }

  #whereKnown(name: string, bit: number): number {
    return Object.hasOwn(this.#cpu.switches, name) ? bit : 0;
  }
}
