/**
 * The exception handlers of the MMU, as HelenOS has them. Three exceptions lead to a translation:
 *
 * - Refill, no entry matches: the half of the pair that was missed is loaded from the page table, the other one is left
 *   invalid, and TLBWR puts the pair where Random says;
 * - Invalid, the half that matches is not valid: it is loaded into the same entry;
 * - Modified, a store to a half without D: if the page may be written it is marked as written and gets D.
 *
 * So hardware never records anything: a page counts as accessed once it has been loaded, and as written once a store has
 * been let through. A half is loaded with D only if the page has been written before and still may be.
 *
 * Pages of the kernel's half of the addresses mean the same in every space. They are entered with G in both halves, or
 * an entry under one space's ASID would outlive a change that was made known under another's.
 *
 * @see HelenOS kernel/arch/mips32/src/mm/tlb.c; MIPS32 PRA vol III, TLB exceptions
 */
import {
  ABSENT,
  ARCHITECTURE,
  EVENTS,
  FormatCodec,
  KERNEL,
  LOCKS,
  NO_FAULT,
  PAGE_DIRTY,
  PAGE_FLAG_SETS,
  PAGE_TABLES,
  PHYSICAL_MEMORY,
  PROTECTION,
  READ,
  WRITE,
  permits,
  type Access,
  type Architecture,
  type Cpu,
  type Events,
  type FaultReason,
  type Locks,
  type PageFlags,
  type PageTables,
  type PhysicalMemory,
  type Privilege,
  type Refill,
  type TranslationContext,
  inject,
  injectable,
} from "@portolan/core/parts";
import { Cp0 } from "./cp0.js";
import { entryLoFormat } from "./formats.js";
import { MULTIPLE_MATCHES, type MultipleMatches } from "./multiple-matches.js";
import { pageMask, PROBE_FAILED } from "./registers.js";

const G = 1;
/** Flags that a page can be asked for with; marks are above them. */
const ASKED = PAGE_FLAG_SETS - 1;

@injectable()
export class SoftwareRefill implements Refill {
  readonly #memory: PhysicalMemory;
  readonly #tables: PageTables;
  readonly #locks: Locks;
  readonly #events: Events;
  readonly #multipleMatches: MultipleMatches;
  /** EntryLo for every set of flags, without a frame; and what one of the core's frames adds to it. */
  readonly #words: Uint32Array;
  readonly #frameUnit: number;
  /** Hardware pages in one of the core's. */
  readonly #parts: number;
  readonly #pageMask: number;
  /** First of the core's pages that is the kernel's. */
  readonly #kernelFirst: number;
  readonly #registers: Cp0[] = [];

  constructor(
    @inject(ARCHITECTURE) architecture: Architecture,
    @inject(PHYSICAL_MEMORY) memory: PhysicalMemory,
    @inject(PAGE_TABLES) tables: PageTables,
    @inject(LOCKS) locks: Locks,
    @inject(EVENTS) events: Events,
    @inject(MULTIPLE_MATCHES) multipleMatches: MultipleMatches,
  ) {
    this.#memory = memory;
    this.#tables = tables;
    this.#locks = locks;
    this.#events = events;
    this.#multipleMatches = multipleMatches;
    this.#parts = 2 ** (architecture.pageShift - architecture.hardwarePageShift);
    this.#pageMask = pageMask(architecture.pageShift);
    const codec = new FormatCodec(entryLoFormat, {});
    this.#words = Uint32Array.from({ length: PAGE_FLAG_SETS }, (_, flags) => codec.encodeLow(0, flags));
    this.#frameUnit = codec.encodeLow(memory.frameSize, 0) - codec.encodeLow(0, 0);
    this.#kernelFirst = Number(architecture.layout.kernel.first >> BigInt(architecture.pageShift));
  }

  /** The MMU's registers of a processor. */
  registers(cpu: Cpu): Cp0 {
    return (this.#registers[cpu.id] ??= new Cp0(cpu, cpu.seed, this.#multipleMatches));
  }

  registersOf(cpu: Cpu): Readonly<Record<string, bigint>> {
    return this.registers(cpu).words;
  }

  wordsOf(cpu: Cpu, entry: number): Readonly<Record<string, bigint>> {
    return this.registers(cpu).wordsOf(entry);
  }

  /** Refill: vector 0x80000000. */
  miss(cpu: Cpu, page: number, _access: Access, privilege: Privilege): FaultReason {
    this.registers(cpu).takeRefill();
    const context = cpu.contextFor(privilege);
    const machinePage = Math.floor(page / this.#parts);
    // The lock is held until the entry is written: a page that goes meanwhile must find it in the TLB.
    this.#locks.acquire("page-table", context.id);
    const reason = this.#lookUp(cpu, context, page, machinePage, false);
    const excCode = reason === NO_FAULT ? this.#enterPair(cpu, machinePage) : 0;
    this.#locks.release("page-table", context.id);
    if (excCode !== 0) throw new Error("a machine check: somebody's entry of another size covers a part of the pair that was missed");
    return reason;
  }

  /** Invalid and Modified: vector 0x80000180, told apart by what the half says. */
  refused(cpu: Cpu, page: number, _access: Access, privilege: Privilege, entry: number): FaultReason {
    const cp0 = this.registers(cpu);
    const isModified = permits(cpu.dataTlb.rightsOf(entry, page), privilege, READ);
    if (isModified) cp0.takeModified();
    else cp0.takeInvalid();
    // Whoever made an entry of another size looks after it.
    if (cpu.dataTlb.span(entry) !== this.#parts * 2) return isModified ? PROTECTION : ABSENT;
    const context = cpu.contextFor(privilege);
    const machinePage = Math.floor(page / this.#parts);
    this.#locks.acquire("page-table", context.id);
    const reason = this.#lookUp(cpu, context, page, machinePage, isModified);
    if (reason === NO_FAULT) this.#enterHalf(cpu, machinePage);
    this.#locks.release("page-table", context.id);
    return reason;
  }

  /** The page that was just found, alone in a pair of its own, where Random says. 0, or the ExcCode of a machine check. */
  #enterPair(cpu: Cpu, machinePage: number): number {
    const cp0 = this.registers(cpu);
    const half = this.#half(machinePage);
    // An invalid half says too whether it is for everybody: one that did not would make the pair belong to one space.
    const other = machinePage >= this.#kernelFirst ? G : 0;
    cp0.entryHi = this.#pairOf(machinePage, cpu.context.asid);
    cp0.pageMask = this.#pageMask;
    cp0.entryLo0 = machinePage % 2 === 0 ? half : other;
    cp0.entryLo1 = machinePage % 2 === 0 ? other : half;
    return cp0.tlbwr();
  }

  /** The page that was just found, into the entry of its pair. */
  #enterHalf(cpu: Cpu, machinePage: number): void {
    const cp0 = this.registers(cpu);
    const pair = this.#pairOf(machinePage, cpu.context.asid);
    cp0.entryHi = pair;
    cp0.tlbp();
    // While the lock was awaited somebody made this processor forget the pair: the access is tried again, and is a miss.
    if (cp0.index >= PROBE_FAILED) return;
    cp0.tlbr();
    if (machinePage % 2 === 0) cp0.entryLo0 = this.#half(machinePage);
    else cp0.entryLo1 = this.#half(machinePage);
    // TLBR has put the entry's ASID there, which is not this space's if the entry is global.
    cp0.entryHi = pair;
    cp0.tlbwi();
  }

  /** Finds the page and records the access in its entry; a store must be permitted. The lock is held. */
  #lookUp(cpu: Cpu, context: TranslationContext, page: number, machinePage: number, isModified: boolean): FaultReason {
    const { found } = this.#tables;
    let reason: FaultReason = ABSENT;
    let reads = 2;
    if (this.#tables.find(context, machinePage)) {
      // Entries of this machine do not tell the user from the kernel.
      reason = isModified && !permits(found.rights, KERNEL, WRITE) ? PROTECTION : NO_FAULT;
      if (reason === NO_FAULT) this.#tables.mark(context, machinePage, isModified);
      if (isModified) found.flags |= PAGE_DIRTY;
    } else if (!this.#hasLeafTable(context, machinePage)) reads = 1;
    cpu.statistics.walks += 1;
    cpu.statistics.walkReads += reads;
    const { sink } = this.#events;
    if (sink !== null) sink({ kind: "walk", cpu: cpu.id, hardwarePage: page, reads, reason });
    return reason;
  }

  /** EntryLo for the page that was just found: D if it may be written and has been. */
  #half(machinePage: number): number {
    const { frame, flags } = this.#tables.found;
    const isWritten = (flags & PAGE_DIRTY) !== 0;
    const asked: PageFlags = flags & (isWritten ? ASKED : ASKED & ~WRITE);
    const half = this.#words[asked] + frame * this.#frameUnit;
    return machinePage >= this.#kernelFirst ? half | G : half;
  }

  /** EntryHi for the pair that a page belongs to. */
  #pairOf(machinePage: number, asid: number): number {
    return (machinePage - (machinePage % 2)) * this.#memory.frameSize + asid;
  }

  #hasLeafTable(context: TranslationContext, machinePage: number): boolean {
    return this.#memory.read32(context.root + Math.floor(machinePage / 4096) * 4) !== 0;
  }
}
