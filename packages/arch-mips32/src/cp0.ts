/**
 * The registers of coprocessor 0 that belong to the MMU, one set a processor, and the four instructions that work on
 * them. The entries themselves live in the processor's TLB; what that has no place for (coherency, bits of an invalid
 * half) is kept beside it, so that TLBR reads back what was written.
 *
 * An entry that was invalidated reads as one whose address lies in kseg0, each its own: nothing ever matches it.
 *
 * Exceptions that refill code serves leave their traces as soon as they are taken; those of refused accesses (address
 * errors, bus errors) are seen by whoever reads a register before the next miss, as a handler does.
 *
 * @see MIPS32 PRA vol III, CP0 registers 0 to 6, 8, 10 and 13; R4000 User's Manual, chapter 4
 */
import {
  BUS,
  ENTRY_GLOBAL,
  FormatCodec,
  NO_FAULT,
  PAGE_CACHEABLE,
  PortolanError,
  Random,
  WRITE,
  type Cpu,
  type Tlb,
  type TranslationContext,
} from "@portolan/core/architecture";
import { EXC_MOD, EXC_TLBL, EXC_TLBS, excCodeOf } from "./faults.js";
import { entryLoFormat } from "./formats.js";
import type { MultipleMatches } from "./multiple-matches.js";
import { contextAfter, entryHi, entryHiAfter, pageShiftOf, PROBE_FAILED } from "./registers.js";

/** Where a Refill leads, once boot code has cleared Status.BEV. */
export const REFILL_VECTOR = 0x8000_0000;
/** Where every other exception leads. */
export const GENERAL_VECTOR = 0x8000_0180;

const HARDWARE_PAGE = 0x1000;
const KSEG0 = 0x8000_0000;
const codec = new FormatCodec(entryLoFormat, {});
const VALID = 2;

/** Coprocessor 0 of one processor, as far as it is the MMU's: registers are fields, instructions are methods. */
export class Cp0 {
  readonly #cpu: Cpu;
  readonly #tlb: Tlb;
  readonly #random: Random;
  readonly #multipleMatches: MultipleMatches;
  /** Bits of Index: as many as it takes to number the entries. */
  readonly #numbers: number;
  /** Bits of EntryLo that this processor has: PFN as wide as its physical addresses. */
  readonly #implemented: number;
  /** EntryLo0 and EntryLo1 as they were last written into each entry. */
  readonly #lo0: Uint32Array;
  readonly #lo1: Uint32Array;
  #index = 0;
  #next: number;
  #entryLo0 = 0;
  #entryLo1 = 0;
  #context = 0;
  #pageMask = 0;
  #badVAddr = 0;
  #entryHi = 0;
  #cause = 0;
  #vector = 0;
  #isShutDown = false;
  /** The space whose ASID was last put into EntryHi, and that ASID. */
  #installed: TranslationContext | null = null;
  #installedAsid = 0;

  /** @param seed for Random */
  constructor(cpu: Cpu, seed: number, multipleMatches: MultipleMatches) {
    const { entries } = cpu.dataTlb.geometry;
    this.#cpu = cpu;
    this.#tlb = cpu.dataTlb;
    this.#multipleMatches = multipleMatches;
    this.#random = new Random(seed);
    this.#numbers = 2 ** Math.ceil(Math.log2(entries)) - 1;
    this.#implemented = 2 ** (cpu.architecture.physicalBits - 6) - 1;
    this.#lo0 = new Uint32Array(entries);
    this.#lo1 = new Uint32Array(entries);
    this.#next = entries - 1;
  }

  /** The entry that TLBR and TLBWI mean; bit 31 after a probe that found none. */
  get index(): number {
    return this.#index;
  }

  set index(value: number) {
    // P is written by probes only.
    this.#index = ((value & this.#numbers) | (this.#index & PROBE_FAILED)) >>> 0;
  }

  /** The entry that the next TLBWR writes: from Wired to the last one. */
  get random(): number {
    return this.#next;
  }

  get entryLo0(): number {
    return this.#entryLo0;
  }

  set entryLo0(value: number) {
    this.#entryLo0 = (value & this.#implemented) >>> 0;
  }

  get entryLo1(): number {
    return this.#entryLo1;
  }

  set entryLo1(value: number) {
    this.#entryLo1 = (value & this.#implemented) >>> 0;
  }

  /** PTEBase is software's, BadVPN2 hardware's. */
  get context(): number {
    return this.#context;
  }

  set context(value: number) {
    this.#context = ((value & 0xff80_0000) | (this.#context & 0x007f_fff0)) >>> 0;
  }

  get pageMask(): number {
    return this.#pageMask;
  }

  set pageMask(value: number) {
    this.#pageMask = (value & 0x01ff_e000) >>> 0;
  }

  /** Entries below it are spared by TLBWR and by "invalidate everything". Writing it sets Random to the last entry. */
  get wired(): number {
    return this.#tlb.wired;
  }

  /** @throws PortolanError ERR_BAD_ARGUMENT if no entry would be left; the manual leaves that open */
  set wired(value: number) {
    const { entries } = this.#tlb.geometry;
    if (!Number.isInteger(value) || value < 0 || value >= entries) throw new PortolanError("ERR_BAD_ARGUMENT", { wired: value, entries });
    this.#tlb.wired = value;
    this.#next = entries - 1;
  }

  /** The address of the last exception that has one: bus errors have none. */
  get badVAddr(): number {
    this.#noteRefusal();
    return this.#badVAddr;
  }

  /** ExcCode of the last exception, in bits 6:2. */
  get cause(): number {
    this.#noteRefusal();
    return this.#cause;
  }

  /** All of them by the manual's names, but Status, as numbers that are dumped. */
  get words(): Readonly<Record<string, bigint>> {
    return {
      Index: BigInt(this.#index),
      Random: BigInt(this.#next),
      EntryLo0: BigInt(this.#entryLo0),
      EntryLo1: BigInt(this.#entryLo1),
      Context: BigInt(this.#context),
      PageMask: BigInt(this.#pageMask),
      Wired: BigInt(this.wired),
      BadVAddr: BigInt(this.badVAddr),
      EntryHi: BigInt(this.entryHi),
      Cause: BigInt(this.cause),
    };
  }

  /** What TLBR would read of an entry that maps something; no register changes. */
  wordsOf(entry: number): Readonly<Record<string, bigint>> {
    const tlb = this.#tlb;
    const first = tlb.firstPage(entry);
    const half = tlb.span(entry) / 2;
    return {
      EntryHi: BigInt(first * HARDWARE_PAGE + tlb.asid(entry)),
      EntryLo0: BigInt(this.#half(entry, first, half, this.#lo0[entry])),
      EntryLo1: BigInt(this.#half(entry, first + half, half, this.#lo1[entry])),
      PageMask: BigInt((half - 1) * 0x2000),
    };
  }

  /** Where the last exception led: {@link REFILL_VECTOR} or {@link GENERAL_VECTOR}; 0 if there was none. */
  get vector(): number {
    this.#noteRefusal();
    return this.#vector;
  }

  /** TS of Status: a write made, or would have made, two entries match. Until reset. */
  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /** Installing a space writes its ASID here. */
  get entryHi(): number {
    const { context } = this.#cpu;
    if (this.#installed !== context || this.#installedAsid !== context.asid) this.#keepEntryHi(entryHi(this.#entryHi, context.asid));
    return this.#entryHi;
  }

  /** The processor itself goes on matching the ASID of the installed space. */
  set entryHi(value: number) {
    this.#keepEntryHi(entryHi(value >>> 0, value));
  }

  /** Refill, vector 0x80000000: no entry matches the access under way. */
  takeRefill(): void {
    this.#take(this.#cpu.fault.access === WRITE ? EXC_TLBS : EXC_TLBL, REFILL_VECTOR);
  }

  /** Invalid, vector 0x80000180: the half that matches has no V. */
  takeInvalid(): void {
    this.#take(this.#cpu.fault.access === WRITE ? EXC_TLBS : EXC_TLBL, GENERAL_VECTOR);
  }

  /** Modified, vector 0x80000180: a store, and the half that matches has no D. */
  takeModified(): void {
    this.#take(EXC_MOD, GENERAL_VECTOR);
  }

  /** Probe: which entry matches EntryHi? The lowest, where software has made several. */
  tlbp(): void {
    const value = this.entryHi;
    const entry = this.#tlb.probe(Math.floor(value / 0x2000) * 2, value & 0xff);
    this.#index = entry < 0 ? PROBE_FAILED : entry;
  }

  /** Reads the entry that Index names into EntryHi, EntryLo0, EntryLo1 and PageMask. @throws PortolanError ERR_BAD_ARGUMENT */
  tlbr(): void {
    const entry = this.#named();
    const tlb = this.#tlb;
    if (!tlb.isValid(entry)) {
      this.entryHi = KSEG0 + entry * 0x2000;
      this.#entryLo0 = 0;
      this.#entryLo1 = 0;
      this.#pageMask = 0;
      return;
    }
    const first = tlb.firstPage(entry);
    const half = tlb.span(entry) / 2;
    this.entryHi = first * HARDWARE_PAGE + tlb.asid(entry);
    this.#entryLo0 = this.#half(entry, first, half, this.#lo0[entry]);
    this.#entryLo1 = this.#half(entry, first + half, half, this.#lo1[entry]);
    this.#pageMask = (half - 1) * 0x2000;
  }

  /**
   * Writes the entry that Index names.
   * @returns 0, or the ExcCode of the exception that it takes because another entry would match too; see `MultipleMatches`
   * @throws PortolanError ERR_BAD_ARGUMENT where the manual says "undefined": no such entry, no such page
   */
  tlbwi(): number {
    return this.#write(this.#named());
  }

  /** Writes the entry that Random names; as `tlbwi`. @throws PortolanError ERR_BAD_ARGUMENT if PageMask stands for no page */
  tlbwr(): number {
    const excCode = this.#write(this.#next);
    const { wired } = this.#tlb;
    this.#next = wired + this.#random.below(this.#tlb.geometry.entries - wired);
    return excCode;
  }

  /** What hardware writes when it takes a TLB exception at the address of the access under way. */
  #take(excCode: number, vector: number): void {
    const { fault, context } = this.#cpu;
    const address = fault.page * HARDWARE_PAGE + fault.offset;
    this.#badVAddr = address;
    this.#context = contextAfter(this.#context, address);
    this.#keepEntryHi(entryHiAfter(context.asid, address));
    this.#cause = excCode << 2;
    this.#vector = vector;
    // Whatever was refused before is over; a reason that stands here later is of a refusal after this exception.
    fault.reason = NO_FAULT;
  }

  /** A refusal since the last exception that was taken: the fault is still the processor's last one. */
  #noteRefusal(): void {
    const { fault } = this.#cpu;
    if (fault.reason === NO_FAULT) return;
    const excCode = excCodeOf(fault.reason, fault.access);
    // Refused by refill code: the exception was taken before, and left everything then.
    if (excCode <= EXC_TLBS) return;
    this.#cause = excCode << 2;
    this.#vector = GENERAL_VECTOR;
    if (fault.reason !== BUS) this.#badVAddr = fault.page * HARDWARE_PAGE + fault.offset;
  }

  #keepEntryHi(value: number): void {
    this.#installed = this.#cpu.context;
    this.#installedAsid = this.#cpu.context.asid;
    this.#entryHi = value;
  }

  #named(): number {
    const entry = this.#index & this.#numbers;
    const { entries } = this.#tlb.geometry;
    if (entry >= entries) throw new PortolanError("ERR_BAD_ARGUMENT", { index: entry, entries });
    return entry;
  }

  /** What a half reads as: as it was written, unless somebody has written the entry past these registers since. */
  #half(entry: number, page: number, half: number, written: number): number {
    const rights = this.#tlb.rightsOf(entry, page);
    const frame = this.#tlb.frameOf(entry, page);
    const isAsWritten = frameOf(written, half) === frame && codec.rightsOf(written, 0) === rights;
    const may = (rights | (rights >>> 3)) & 7;
    const word = isAsWritten ? written : codec.encodeLow(frame * HARDWARE_PAGE, may | PAGE_CACHEABLE) - (may === 0 ? VALID : 0);
    return word - (word & 1) + (this.#tlb.isGlobal(entry) ? 1 : 0);
  }

  #write(entry: number): number {
    const shift = pageShiftOf(this.#pageMask);
    if (shift < 0) throw new PortolanError("ERR_BAD_ARGUMENT", { pageMask: this.#pageMask });
    const half = 2 ** (shift - 12);
    const value = this.entryHi;
    const page = Math.floor(value / HARDWARE_PAGE);
    const asid = value & 0xff;
    // The two G bits are one in the entry: their AND.
    const global = this.#entryLo0 & this.#entryLo1 & 1;
    if (this.#clashes(entry, page - (page % (half * 2)), half * 2, asid, global === 1)) {
      this.#isShutDown = true;
      const { excCode, isWritten } = this.#multipleMatches;
      if (excCode !== 0) {
        this.#cause = excCode << 2;
        this.#vector = GENERAL_VECTOR;
        this.#cpu.fault.reason = NO_FAULT;
      }
      if (!isWritten) return excCode;
    }
    const lo0 = this.#entryLo0 - (this.#entryLo0 & 1) + global;
    const lo1 = this.#entryLo1 - (this.#entryLo1 & 1) + global;
    this.#tlb.write(entry, page, half * 2, frameOf(lo0, half), asid, codec.rightsOf(lo0, 0), global === 1 ? ENTRY_GLOBAL : 0);
    this.#tlb.writeOdd(entry, frameOf(lo1, half), codec.rightsOf(lo1, 0));
    this.#lo0[entry] = lo0;
    this.#lo1[entry] = lo1;
    return 0;
  }

  /** Would an entry for `span` pages from `first` match an address that another one than `but` matches? V does not count. */
  #clashes(but: number, first: number, span: number, asid: number, isGlobal: boolean): boolean {
    const tlb = this.#tlb;
    if (!isGlobal && span <= tlb.smallestSpan) {
      // Nothing smaller lies within: whoever overlaps matches the first page, so one look decides, unless it sees `but`.
      const found = tlb.probe(first, asid);
      if (found !== but) return found >= 0;
    }
    for (let entry = 0; entry < this.#lo0.length; entry += 1) {
      const start = tlb.firstPage(entry);
      if (start >= first + span || start + tlb.span(entry) <= first || entry === but) continue;
      if (tlb.isValid(entry) && (isGlobal || tlb.asid(entry) === asid || tlb.isGlobal(entry))) return true;
    }
    return false;
  }
}

/** PFN without the bits that lie within the page. */
const frameOf = (lo: number, half: number): number => {
  const pfn = Math.floor(lo / 64);
  return pfn - (pfn % half);
};
