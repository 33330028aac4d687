/**
 * The table walker in hardware: reads the words that translate a page as the processor does, records accesses and
 * writes in them as the manual says, and enters the result into the TLB.
 *
 * Rights are the AND over all levels. Nothing is recorded by a walk that ends in a fault. An entry whose page has not
 * been written yet is entered without the right to write, so that the first write walks again and records itself.
 *
 * @see Intel SDM vol 3A §4.3, §4.6, §4.8
 */
import type { Architecture, HierarchicalTranslation } from "../architecture/architecture.js";
import { ABSENT, BUS, NO_FAULT, PROTECTION, RESERVED, type FaultReason } from "../architecture/faults.js";
import { ALL_RIGHTS, EXECUTE, PAGE_GLOBAL, WRITE, permits, rightsFor, type Access, type Privilege } from "../architecture/rights.js";
import type { Events } from "../events.js";
import type { Cpu } from "../machine/cpu.js";
import { integer, type PhysicalMemory } from "../machine/physical-memory.js";
import type { Refill } from "../tlb/refill.js";
import { ENTRY_GLOBAL } from "../tlb/tlb.js";
import { ABSENT_ENTRY, LEAF_ENTRY, MALFORMED_ENTRY, TABLE_ENTRY, flagsIn, kindIn, rightsIn } from "./entry-codec.js";
import { ANSWER_GLOBAL, ANSWER_RIGHTS, HALF_BITS, WINDOW, WalkPlan, type Step, type WalkRules } from "./walk-plan.js";

const ALL_BUT_WRITE = ~rightsFor(WRITE, WRITE);

/** What is imported is looked up at every use; these are constants to a compiler. */
const lets = permits;
const kindOf = kindIn;
const rightsOf = rightsIn;
const flagsOf = flagsIn;
const TO_WRITE = WRITE;
const TO_EXECUTE = EXECUTE;
const NONE = NO_FAULT;
const NOT_BACKED = BUS;
const IS_ABSENT = ABSENT_ENTRY;
const IS_MALFORMED = MALFORMED_ENTRY;
const IS_TABLE = TABLE_ENTRY;
const ALL = ALL_RIGHTS;
const SAYS_GLOBAL = PAGE_GLOBAL;
const GLOBAL = ENTRY_GLOBAL;
const BITS = HALF_BITS;
const HALF = 1 << BITS;
const LOW_BITS = WINDOW;
const RIGHTS = ANSWER_RIGHTS;
const ANSWERS_GLOBAL = ANSWER_GLOBAL;
const IS_LEAF = LEAF_ENTRY;
const TWO_32 = 0x1_0000_0000;

/** An index's bits from `bit` on, and at least 26 of them. */
const partOf = (low: number, high: number, bit: number): number =>
  bit < BITS ? (low >>> bit) | (high << (BITS - bit)) : high >>> (bit - BITS);

/** The usual {@link Refill} of machines whose hardware walks; it has a plan for each setting of the switches. */
export class HardwareWalk implements Refill {
  readonly #architecture: Architecture;
  readonly #translation: HierarchicalTranslation;
  readonly #memory: PhysicalMemory;
  readonly #events: Events;
  readonly #rules: WalkRules;
  /** Pages that a root translates, and one over the bytes of one, exactly. */
  readonly #limit: number = 0;
  readonly #perPage: number = 0;
  readonly #pageShift: number = 0;
  /** Pages in 4 GiB. */
  readonly #perHigh: number = 0;
  /** Every setting of the switches that was met, in their order. */
  readonly #plans = new Map<string, WalkPlan>();
  /** The plan that was looked for last. */
  #last: WalkPlan | null = null;

  constructor(architecture: Architecture, memory: PhysicalMemory, events: Events) {
    if (architecture.translation.kind !== "hierarchical") throw new Error("no tree to walk");
    this.#architecture = architecture;
    this.#translation = architecture.translation;
    this.#memory = memory;
    this.#events = events;
    this.#rules = {
      faultsOnReserved: architecture.translation.faultsOnReserved,
      recordsAccess: architecture.can.recordAccess === "hardware",
      recordsWrite: architecture.can.recordWrite === "hardware",
    };
    this.#limit = integer(2 ** (architecture.virtualBits - architecture.hardwarePageShift));
    this.#pageShift = architecture.hardwarePageShift;
    this.#perHigh = integer(2 ** (32 - architecture.hardwarePageShift));
    this.#perPage = 2 ** -architecture.hardwarePageShift;
  }

  miss(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const { steps } = this.#last !== null && cpu.refillState === this.#last ? this.#last : this.#plan(cpu);
    const memory = this.#memory;
    const index = page < this.#limit ? page : page % this.#limit;
    const isSmall = index < HALF;
    const high = isSmall ? 0 : Math.floor(index / HALF);
    const low = isSmall ? index : index - high * HALF;
    let table = cpu.contextFor(privilege).root;
    let answer = 0;
    let rights = ALL;
    for (let depth = 0; depth < steps.length; depth += 1) {
      const step = steps[depth];
      const { isWide, bit } = step;
      const address = table + (partOf(low, high, bit) & step.mask) * step.entryBytes;
      if (!memory.isBacked(address)) break;
      const lo = isWide ? memory.readLow(address) : memory.read32(address);
      const hi = isWide ? memory.readHigh(address) : 0;
      answer = step.answers[lo & LOW_BITS];
      rights &= answer >>> RIGHTS;
      const kind = kindOf(answer);
      if (kind === IS_TABLE) {
        const place = step.table;
        if (((lo & place.oddLow) | (hi & place.oddHigh)) !== 0) break;
        table = (lo & place.frameLow) >>> 0;
        if (isWide) table += ((hi & place.frameHigh) >>> 0) * TWO_32;
        continue;
      }
      if (kind !== IS_ABSENT) {
        const place = step.leaf;
        if (kind !== IS_LEAF || ((lo & place.oddLow) | (hi & place.oddHigh)) !== 0 || !lets(rights, privilege, access)) break;
        const isFetch = access === TO_EXECUTE;
        const span = isFetch ? step.instructionSpan : step.dataSpan;
        let frame = (lo & place.frameLow) >>> this.#pageShift;
        if (isWide) frame += ((hi & place.frameHigh) >>> 0) * this.#perHigh;
        if (step.pagesPerEntry !== 1) frame += page % step.pagesPerEntry;
        const flags = (answer & ANSWERS_GLOBAL) === 0 ? 0 : GLOBAL;
        cpu.enter(page, span, frame, rights, flags, access, privilege);
      }
      return this.#end(cpu, page, depth, kind === IS_ABSENT ? ABSENT : NONE);
    }
    return this.#walk(cpu, page, access, privilege);
  }

  /** A walk that meets something unusual, from its beginning. */
  #walk(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const { steps } = this.#plan(cpu);
    const memory = this.#memory;
    const index = page < this.#limit ? page : page % this.#limit;
    const isSmall = index < HALF;
    const high = isSmall ? 0 : Math.floor(index / HALF);
    const low = isSmall ? index : index - high * HALF;
    const { root } = cpu.contextFor(privilege);
    let table = root;
    let rights = ALL;
    let isRecorded = true;
    for (let depth = 0; depth < steps.length; depth += 1) {
      const step = steps[depth];
      const { codec, bit } = step;
      const entry = partOf(low, high, bit) & step.mask;
      const address = table + entry * step.entryBytes;
      if (!memory.isBacked(address)) return this.#end(cpu, page, depth, BUS);
      const lo = step.isWide ? memory.readLow(address) : memory.read32(address);
      const hi = step.isWide ? memory.readHigh(address) : 0;
      const meaning = codec.meaningOf(lo, hi);
      const kind = kindOf(meaning);
      if (kind === IS_ABSENT) return this.#end(cpu, page, depth, ABSENT);
      if (kind === IS_MALFORMED) return this.#end(cpu, page, depth, RESERVED);
      const format = kind === IS_TABLE ? codec.table : codec.leaf;
      if (format === null || (this.#rules.faultsOnReserved && format.hasReserved(lo, hi))) return this.#end(cpu, page, depth, RESERVED);
      rights &= rightsOf(meaning);
      isRecorded &&= format.isAccessed(lo, hi);
      if (kind === IS_TABLE) {
        table = format.addressOf(lo, hi);
        continue;
      }
      if (!lets(rights, privilege, access)) return this.#end(cpu, page, depth, PROTECTION);
      const isDirty = format.isDirty(lo, hi);
      if (!isRecorded || (access === TO_WRITE && !isDirty)) this.#record(steps, root, low, high, access);
      if (this.#rules.recordsWrite && access !== TO_WRITE && !isDirty) rights &= ALL_BUT_WRITE;
      const isFetch = access === TO_EXECUTE;
      const span = isFetch ? step.instructionSpan : step.dataSpan;
      const frame = format.addressOf(lo, hi) * this.#perPage + (page % step.pagesPerEntry);
      const flags = (flagsOf(meaning) & SAYS_GLOBAL) === 0 ? 0 : GLOBAL;
      cpu.enter(page, span, frame, rights, flags, access, privilege);
      return this.#end(cpu, page, depth, NONE);
    }
    return this.#end(cpu, page, steps.length - 1, RESERVED);
  }

  refused(cpu: Cpu, page: number, access: Access, privilege: Privilege, entry: number): FaultReason {
    // Only a write may have been withheld for the sake of the dirty bit; anything else the entry says for good.
    if (access !== TO_WRITE || !this.#rules.recordsWrite) return PROTECTION;
    cpu.dataTlb.drop(entry);
    return this.miss(cpu, page, access, privilege);
  }

  /** Walks again, where the walk is known to end well: sets accessed on every entry, and dirty on the leaf of a write. */
  #record(steps: readonly Step[], root: number, low: number, high: number, access: Access): void {
    if (!this.#rules.recordsAccess) return;
    const memory = this.#memory;
    let table = root;
    for (const { codec, isWide, entryBytes, bit, mask } of steps) {
      const address = table + (partOf(low, high, bit) & mask) * entryBytes;
      const lo = isWide ? memory.readLow(address) : memory.read32(address);
      const hi = isWide ? memory.readHigh(address) : 0;
      const isLeaf = codec.kindOf(lo, hi) !== IS_TABLE;
      const format = isLeaf ? codec.leaf : codec.table;
      if (format === null) throw new Error("a walk that ended well goes another way");
      const isWrite = isLeaf && access === TO_WRITE && this.#rules.recordsWrite;
      const newLow = (lo | format.accessedLow | (isWrite ? format.dirtyLow : 0)) >>> 0;
      const newHigh = (hi | format.accessedHigh | (isWrite ? format.dirtyHigh : 0)) >>> 0;
      if (newLow !== lo || newHigh !== hi) {
        if (isWide) memory.write64(address, newLow, newHigh);
        else memory.write32(address, newLow);
      }
      if (isLeaf) return;
      table = format.addressOf(lo, hi);
    }
  }

  #end(cpu: Cpu, page: number, depth: number, reason: FaultReason): FaultReason {
    const { statistics } = cpu;
    statistics.walks += 1;
    statistics.walkReads += reason === NOT_BACKED ? depth : depth + 1;
    if (this.#events.sink !== null) this.#tell(cpu, page, depth, reason);
    return reason;
  }

  #tell(cpu: Cpu, page: number, depth: number, reason: FaultReason): void {
    this.#events.sink?.({ kind: "walk", cpu: cpu.id, hardwarePage: page, reads: depth + 1, reason });
  }

  /** The plan for a processor's switches, which it keeps until one of them changes. */
  #plan(cpu: Cpu): WalkPlan {
    if (cpu.refillState instanceof WalkPlan) {
      this.#last = cpu.refillState;
      return this.#last;
    }
    const setting = Object.values(cpu.switches).join();
    const plan = this.#plans.get(setting) ?? new WalkPlan(this.#architecture, this.#translation, cpu.switches, this.#rules);
    this.#plans.set(setting, plan);
    cpu.refillState = plan;
    this.#last = plan;
    return plan;
  }
}
