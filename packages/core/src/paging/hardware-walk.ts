/**
 * The table walker in hardware: reads the words that translate a page as the processor does, records accesses and
 * writes in them as the manual says, and enters the result into the TLB.
 *
 * Rights are the AND over all levels, less what the machine's combined rule takes. Nothing is recorded by a walk that ends
 * in a fault. An entry whose page has not been written yet is entered without the right to write, so that the first write
 * walks again and records itself.
 *
 * @see Intel SDM vol 3A §4.3, §4.6, §4.8
 */
import { rootBits, type Architecture, type HierarchicalTranslation } from "../architecture/architecture.js";
import { ABSENT, BUS, DOMAIN, NO_FAULT, PROTECTION, RESERVED, UNMARKED, type FaultReason } from "../architecture/faults.js";
import {
  ALL_RIGHTS,
  EXECUTE,
  PAGE_GLOBAL,
  WRITE,
  permits,
  rightsFor,
  type Access,
  type Privilege,
  type Rights,
} from "../architecture/rights.js";
import type { Events } from "../events.js";
import type { Cpu } from "../machine/cpu.js";
import { CHECKED, CLOSED, OPEN } from "../machine/domain-standings.js";
import { integer, type PhysicalMemory } from "../machine/physical-memory.js";
import { NO_ROOT } from "../machine/translation-context.js";
import { entryNote, needsEntryNotes, rightsAt, withoutParts } from "../tlb/entry-note.js";
import type { Refill } from "../tlb/refill.js";
import { ENTRY_GLOBAL } from "../tlb/tlb.js";
import { ABSENT_ENTRY, LEAF_ENTRY, MALFORMED_ENTRY, TABLE_ENTRY, kindIn, type FormatCodec } from "./entry-codec.js";
import { kernelRootFrom } from "./tree-shape.js";
import { ANSWER_GLOBAL, ANSWER_RIGHTS, HALF_BITS, WINDOW, WalkPlan, type Step, type WalkRules } from "./walk-plan.js";

const ALL_BUT_WRITE = ~rightsFor(WRITE, WRITE);

/** What is imported is looked up at every use; these are constants to a compiler. */
const lets = permits;
const kindOf = kindIn;
const TO_WRITE = WRITE;
const TO_EXECUTE = EXECUTE;
const NONE = NO_FAULT;
const NOT_BACKED = BUS;
const IS_ABSENT = ABSENT_ENTRY;
const IS_MALFORMED = MALFORMED_ENTRY;
const IS_TABLE = TABLE_ENTRY;
const ALL = ALL_RIGHTS;
const GLOBAL = ENTRY_GLOBAL;
const BITS = HALF_BITS;
const HALF = 1 << BITS;
const LOW_BITS = WINDOW;
const RIGHTS = ANSWER_RIGHTS;
const ANSWERS_GLOBAL = ANSWER_GLOBAL;
const IS_LEAF = LEAF_ENTRY;
const TWO_32 = 0x1_0000_0000;
/** Depth of a walk that has no table to begin with. */
const NO_TABLE = -1;

// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_WORDS = new Uint32Array(0);

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
  /** First page that the kernel's own root translates; Infinity where it has none. */
  readonly #kernelFirst: number = 0;
  /** Words of the memory that are read where they lie, from this address on: none where it has the other byte order. */
  readonly #nearWords: Uint32Array = NO_WORDS;
  readonly #nearStart: number = 0;
  /** Pages that a root translates, and one over the bytes of one, exactly. */
  readonly #limit: number = 0;
  /** Each half of the addresses has a root of its own, and no space but the user's has one for the lower. */
  readonly #hasHalves: boolean = false;
  /** Pages below this one are indices as they are, in one part, of the root that a privilege has. */
  readonly #small: number = 0;
  readonly #perPage: number = 0;
  readonly #pageShift: number = 0;
  /** Pages in 4 GiB. */
  readonly #perHigh: number = 0;
  readonly #pageBytes: number = 0;
  /** Switches that entries depend on. */
  readonly #deciding: readonly string[];
  /** Every setting of them that was met, in their order. */
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
      faultsUnmarked: architecture.can.recordAccess === "fault",
      faultsClean: architecture.can.recordWrite === "fault",
      hasNotes: needsEntryNotes(architecture),
    };
    this.#deciding = Object.keys(architecture.switches).filter((name) => architecture.switches[name]?.keepsTlb !== true);
    this.#pageBytes = integer(2 ** architecture.hardwarePageShift);
    this.#limit = integer(2 ** (architecture.virtualBits - architecture.hardwarePageShift));
    // No index reaches the limit; Infinity would make a double of it.
    this.#kernelFirst = integer(Math.min(kernelRootFrom(architecture, architecture.hardwarePageShift), this.#limit));
    const { mainStart, mainWords, ramStart, ramEnd } = memory;
    const isNear = memory.byteOrder === "little" && ramEnd <= TWO_32;
    this.#nearStart = ramStart | 0;
    this.#nearWords = isNear ? mainWords.subarray((ramStart - mainStart) / 4, (ramEnd - mainStart) / 4) : NO_WORDS;
    this.#hasHalves = rootBits(architecture) < architecture.virtualBits;
    this.#small = this.#hasHalves ? 0 : Math.min(HALF, this.#limit, this.#kernelFirst) | 0;
    this.#pageShift = architecture.hardwarePageShift;
    this.#perHigh = integer(2 ** (32 - architecture.hardwarePageShift));
    this.#perPage = 2 ** -architecture.hardwarePageShift;
  }

  miss(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const plan = this.#last;
    const { root } = cpu.contextFor(privilege);
    // Addresses below 4 GiB are carried as integers, which may be negative.
    let table = root | 0;
    if (plan === null || cpu.refillState !== plan || page >= this.#small || (table !== root && root >= TWO_32))
      return this.#walkFar(cpu, page, access, privilege);
    const words = this.#nearWords;
    const nearStart = this.#nearStart;
    let rights = ALL;
    for (let { first: step } = plan; ; step = step.next) {
      const at = ((table - nearStart) >>> 2) + (((page >>> step.lowBit) & step.mask) << step.wordShift);
      // A word that is not near reads as undefined, and `| 0` makes that nothing, which is found out below.
      const lo = words[at] | 0;
      const hi = step.wide === 1 ? words[at + 1] | 0 : 0;
      const answer = step.answers[lo & LOW_BITS];
      rights &= answer >>> RIGHTS;
      const kind = kindOf(answer);
      if (kind === IS_TABLE) {
        if (((lo & step.tableOddLow) | (hi & step.tableFarHigh)) !== 0) break;
        table = lo & step.tableLow;
        step.learnTable(lo, answer);
        continue;
      }
      if (kind === IS_ABSENT) {
        if (at >= words.length) break;
        return this.#end(cpu, page, step.reads - 1, ABSENT);
      }
      if (plan.combines === 1) rights = plan.combined[rights];
      if (kind !== IS_LEAF || ((lo & step.leafOddLow) | (hi & step.leafOddHigh)) !== 0 || !lets(rights, privilege, access)) break;
      let frame = ((lo & step.leafLow) >>> this.#pageShift) | 0;
      if ((hi & step.leafHigh) !== 0) frame += ((hi & step.leafHigh) >>> 0) * this.#perHigh;
      const flags = (answer & ANSWERS_GLOBAL) === 0 ? 0 : GLOBAL;
      step.learnLeaf(lo, answer, flags);
      if (step.pagesPerEntry === 1) cpu.enter(page, 1, frame, rights, flags, access, privilege);
      else this.#enterLarge(cpu, page, step, frame, rights, flags, access, privilege);
      const { statistics } = cpu;
      statistics.walks += 1;
      statistics.walkReads += step.reads;
      if (this.#events.sink !== null) this.#tell(cpu, page, step.reads, NONE);
      return NONE;
    }
    return this.#walkFar(cpu, page, access, privilege);
  }

  /** The same walk for pages with high numbers, and where tables lie in other chunks, or in words of the other byte order. */
  #walkFar(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const plan = this.#plan(cpu);
    const memory = this.#memory;
    const low = this.#lowOf(page);
    const high = this.#highOf(page);
    let table = this.#rootFor(cpu, page, privilege);
    if (table === NO_ROOT) return this.#end(cpu, page, NO_TABLE, ABSENT);
    let rights = ALL;
    for (let { first: step } = plan; ; step = step.next) {
      const address = table + ((partOf(low, high, step.bit) & step.mask) << step.entryShift);
      if (!memory.isBacked(address)) break;
      const lo = step.wide === 1 ? memory.readLow(address) : memory.read32(address);
      const hi = step.wide === 1 ? memory.readHigh(address) : 0;
      const answer = step.answers[lo & LOW_BITS];
      rights &= answer >>> RIGHTS;
      const kind = kindOf(answer);
      if (kind === IS_TABLE) {
        if (((lo & step.tableOddLow) | (hi & step.tableOddHigh)) !== 0) break;
        table = ((hi & step.tableHigh) >>> 0) * TWO_32 + ((lo & step.tableLow) >>> 0);
        continue;
      }
      if (kind === IS_ABSENT) return this.#end(cpu, page, step.reads - 1, ABSENT);
      if (plan.combines === 1) rights = plan.combined[rights];
      if (kind !== IS_LEAF || ((lo & step.leafOddLow) | (hi & step.leafOddHigh)) !== 0 || !lets(rights, privilege, access)) break;
      let frame = (lo & step.leafLow) >>> this.#pageShift;
      if ((hi & step.leafHigh) !== 0) frame += ((hi & step.leafHigh) >>> 0) * this.#perHigh;
      const flags = (answer & ANSWERS_GLOBAL) === 0 ? 0 : GLOBAL;
      this.#enterLarge(cpu, page, step, frame, rights, flags, access, privilege);
      return this.#end(cpu, page, step.reads - 1, NONE);
    }
    return this.#walk(cpu, page, access, privilege);
  }

  #enterLarge(
    cpu: Cpu,
    page: number,
    step: Step,
    first: number,
    rights: Rights,
    flags: number,
    access: Access,
    privilege: Privilege,
  ): void {
    const span = access === TO_EXECUTE ? step.instructionSpan : step.dataSpan;
    cpu.enter(page, span, first + (page % step.pagesPerEntry), rights, flags, access, privilege);
  }

  /** The two parts of a page's number. It may have more bits than an index of the tree, and no level looks at those. */
  #lowOf(page: number): number {
    return page - Math.floor(page / HALF) * HALF;
  }

  #highOf(page: number): number {
    return Math.floor(page / HALF);
  }

  #rootFor(cpu: Cpu, page: number, privilege: Privilege): number {
    const index = page < this.#limit ? page : page % this.#limit;
    if (index >= this.#kernelFirst) return cpu.kernelContext.root;
    const context = cpu.contextFor(privilege);
    return this.#hasHalves && context.isKernel ? NO_ROOT : context.root;
  }

  /** A walk that meets something unusual, or for the first time, from its beginning. */
  #walk(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const { steps, combined } = this.#plan(cpu);
    const memory = this.#memory;
    const { faultsOnReserved, faultsUnmarked, faultsClean, recordsWrite, hasNotes } = this.#rules;
    const low = this.#lowOf(page);
    const high = this.#highOf(page);
    const root = this.#rootFor(cpu, page, privilege);
    let table = root;
    let rights = ALL;
    let isRecorded = true;
    let domain = 0;
    for (let depth = 0; depth < steps.length; depth += 1) {
      const step = steps[depth];
      const { codec, hasForms } = step;
      const isWide = step.wide === 1;
      const address = table + ((partOf(low, high, step.bit) & step.mask) << step.entryShift);
      if (!memory.isBacked(address)) return this.#end(cpu, page, depth, BUS, domain);
      const lo = isWide ? memory.readLow(address) : memory.read32(address);
      const hi = isWide ? memory.readHigh(address) : 0;
      step.judge(lo);
      const kind = codec.kindOf(lo, hi);
      if (kind === IS_ABSENT) return this.#end(cpu, page, depth, ABSENT, domain);
      if (kind === IS_MALFORMED) return this.#end(cpu, page, depth, RESERVED, domain);
      const format = kind === IS_TABLE ? codec.table : hasForms ? codec.leafOf(lo, hi) : codec.leaf;
      if (format === null || (faultsOnReserved && format.hasReserved(lo, hi))) return this.#end(cpu, page, depth, RESERVED, domain);
      rights &= format.rightsOf(lo, hi);
      isRecorded &&= format.isAccessed(lo, hi);
      if (hasNotes) domain = Math.max(domain, format.domainOf(lo));
      if (kind === IS_TABLE) {
        table = format.addressOf(lo, hi);
        continue;
      }
      rights = combined[rights];
      if (faultsUnmarked && format.isUnmarked(lo, hi)) return this.#end(cpu, page, depth, UNMARKED, domain);
      const standing = hasNotes ? cpu.domainAccess(domain) : CHECKED;
      if (standing === CLOSED) return this.#end(cpu, page, depth, DOMAIN, domain);
      const note = hasNotes ? entryNote(domain, depth, format.partRightsOf(lo, hi)) : 0;
      const pages = step.pagesPerEntry * format.entries;
      if (standing !== OPEN && !lets(rights, privilege, access) && !lets(this.#rightsInPart(cpu, page, pages, note), privilege, access))
        return this.#end(cpu, page, depth, PROTECTION, domain);
      const isWrite = access === TO_WRITE;
      if (faultsClean && isWrite && format.isClean(lo, hi)) return this.#end(cpu, page, depth, UNMARKED, domain);
      const isDirty = format.isDirty(lo, hi);
      if (!isRecorded || (isWrite && !isDirty)) this.#record(steps, root, low, high, access);
      const waits = !isWrite && (recordsWrite ? !isDirty : faultsClean && format.isClean(lo, hi));
      this.#enter(cpu, page, access, privilege, step, format, lo, hi, waits ? rights & ALL_BUT_WRITE : rights, note);
      return this.#end(cpu, page, depth, NONE);
    }
    return this.#end(cpu, page, steps.length - 1, RESERVED);
  }

  refused(cpu: Cpu, page: number, access: Access, privilege: Privilege, entry: number): FaultReason {
    // Only a write may have been withheld for the sake of the dirty bit; anything else the entry says for good.
    if (access !== TO_WRITE || !(this.#rules.recordsWrite || this.#rules.faultsClean)) return PROTECTION;
    cpu.dataTlb.drop(entry);
    return this.miss(cpu, page, access, privilege);
  }

  /** What the part of a larger page lets through that holds the byte in question. */
  #rightsInPart({ fault }: Cpu, page: number, pages: number, note: number): Rights {
    return rightsAt(note, (page % pages) * this.#pageBytes + fault.offset, pages * this.#pageBytes);
  }

  #enter(
    cpu: Cpu,
    page: number,
    access: Access,
    privilege: Privilege,
    { pagesPerEntry, dataSpans, instructionSpans }: Step,
    format: FormatCodec,
    lo: number,
    hi: number,
    rights: Rights,
    note: number,
  ): void {
    const isFetch = access === TO_EXECUTE;
    const span = (isFetch ? instructionSpans : dataSpans)[format.entriesLog];
    const pages = pagesPerEntry * format.entries;
    const frame = integer(format.addressOf(lo, hi) * this.#perPage + (page % pages));
    const flags = (format.attributesOf(lo, hi) & PAGE_GLOBAL) === 0 ? 0 : GLOBAL;
    if (!this.#rules.hasNotes) {
      cpu.enter(page, span, frame, rights, flags, access, privilege);
      return;
    }
    const tlb = isFetch ? cpu.instructionTlb : cpu.dataTlb;
    // A page of a larger one that is entered in pieces lies in one part of it.
    const isPiece = span < pages && format.format.partRights !== undefined;
    const ofPiece = isPiece ? rightsAt(note, (page % pages) * this.#pageBytes, pages * this.#pageBytes) : rights;
    const number = tlb.enter(page, span, frame - (page % span), cpu.asidFor(privilege), ofPiece, flags);
    if (note !== 0 && number >= 0) tlb.setNote(number, isPiece ? withoutParts(note) : note);
  }

  /** Walks again, where the walk is known to end well: sets accessed on every entry, and dirty on the leaf of a write. */
  #record(steps: readonly Step[], root: number, low: number, high: number, access: Access): void {
    if (!this.#rules.recordsAccess) return;
    const memory = this.#memory;
    let table = root;
    for (const { codec, wide, entryShift, bit, mask } of steps) {
      const isWide = wide === 1;
      const address = table + ((partOf(low, high, bit) & mask) << entryShift);
      const lo = isWide ? memory.readLow(address) : memory.read32(address);
      const hi = isWide ? memory.readHigh(address) : 0;
      const isLeaf = codec.kindOf(lo, hi) !== IS_TABLE;
      const format = isLeaf ? codec.leafOf(lo, hi) : codec.table;
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

  #end(cpu: Cpu, page: number, depth: number, reason: FaultReason, domain = 0): FaultReason {
    // An entry that lies outside memory was not read.
    const reads = reason === NOT_BACKED ? depth : depth + 1;
    const { statistics } = cpu;
    if (reason !== NONE) {
      const site = cpu.faultSite;
      site.depth = depth;
      site.domain = domain;
      site.onWalk = true;
    }
    statistics.walks += 1;
    statistics.walkReads += reads;
    if (this.#events.sink !== null) this.#tell(cpu, page, reads, reason);
    return reason;
  }

  #tell(cpu: Cpu, page: number, reads: number, reason: FaultReason): void {
    this.#events.sink?.({ kind: "walk", cpu: cpu.id, hardwarePage: page, reads, reason });
  }

  /** The plan for a processor's switches, which it keeps until one of them changes. */
  #plan(cpu: Cpu): WalkPlan {
    if (cpu.refillState instanceof WalkPlan) {
      this.#last = cpu.refillState;
      return this.#last;
    }
    const setting = this.#deciding.map((name) => cpu.switches[name]).join();
    const near = { words: this.#nearWords, wordsStart: this.#nearStart, pages: this.#small };
    const plan = this.#plans.get(setting) ?? new WalkPlan(this.#architecture, this.#translation, cpu.switches, this.#rules, near);
    this.#plans.set(setting, plan);
    cpu.refillState = plan;
    // Whoever stands between the processor and this walker is to hear of every miss.
    if (cpu.refill === this) cpu.tables = plan;
    this.#last = plan;
    return plan;
  }
}
