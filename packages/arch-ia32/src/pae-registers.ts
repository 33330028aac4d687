/**
 * CR2 and CR3 of a processor with PAE. A write of CR3 looks at the four entries of the root, as the processor does when it
 * loads them, and is refused if one that is present has a reserved bit set.
 *
 * @see Intel SDM vol 3A §4.4.1 (table 4-7, PDPTE registers), §4.7
 */
import { BUS, TranslationContext, type Cpu, type FaultReport, type PhysicalMemory, type Wide } from "@portolan/core/architecture";

const GENERAL_PROTECTION: FaultReport = { trap: "#GP", code: 0 };
const ROOT_BYTES = 32;
const ENTRY_BYTES = 8;
const PAGE = 4096;
/** Bits 2:1 and 8:5 of an entry of the root; those above the address come on top. */
const RESERVED_LOW = 0b1_1110_0110n;
/** A tree that software has built by itself belongs to no address space. */
const NOBODYS = -1;

/** The registers of one processor. */
export class PaeRegisters {
  readonly #cpu: Cpu;
  readonly #memory: PhysicalMemory;
  #cr2 = 0;

  /** @param memory where the processor reads the entries of a root */
  constructor(cpu: Cpu, memory: PhysicalMemory) {
    this.#cpu = cpu;
    this.#memory = memory;
  }

  /** The address of the last page fault that was delivered. */
  get cr2(): number {
    return this.#cr2;
  }

  /** The root of the installed space's tables, a multiple of 32. */
  get cr3(): number {
    return this.#cpu.context.root;
  }

  /**
   * Loads a root, which drops what is not global. Bits 4:0 are ignored. The root of the installed space stays that space's; any other
   * is a tree that the guest has built by itself. To change to another address space of the machine's, use its `switchTo`.
   * @returns null, or #GP if a present entry of the root has a reserved bit set or there is no memory; nothing has changed then
   */
  writeCr3(value: Wide): FaultReport | null {
    const wanted = Number(BigInt.asUintN(32, BigInt(value)));
    const root = wanted - (wanted % ROOT_BYTES);
    for (let at = root; at < root + ROOT_BYTES; at += ENTRY_BYTES) if (!this.#isLoadable(at)) return GENERAL_PROTECTION;
    const cpu = this.#cpu;
    if (root === cpu.context.root) cpu.install(cpu.context);
    else {
      const context = new TranslationContext(NOBODYS, false, cpu.architecture.asids.first);
      context.root = root;
      cpu.install(context);
    }
    return null;
  }

  /** Delivers the exception that the last access raised: CR2 is written if it is a page fault. Null if it raised none. */
  deliver(): FaultReport | null {
    const { fault, switches, architecture } = this.#cpu;
    if (!fault.isPending) return null;
    fault.isPending = false;
    if (fault.reason !== BUS) this.#cr2 = fault.page * PAGE + fault.offset;
    return architecture.faults.report(fault.reason, fault.access, fault.privilege, switches);
  }

  #isLoadable(at: number): boolean {
    const memory = this.#memory;
    if (!memory.isBacked(at)) return false;
    const entry = (BigInt(memory.readHigh(at)) << 32n) | BigInt(memory.readLow(at));
    if (entry % 2n === 0n) return true;
    return (entry & RESERVED_LOW) === 0n && entry >> BigInt(this.#cpu.architecture.physicalBits) === 0n;
  }
}
