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
import type { Architecture, HierarchicalTranslation } from "../architecture/architecture.js";
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
import type { Switches } from "../architecture/entry-format.js";
import type { TlbGeometry } from "../architecture/tlb-organisation.js";
import type { Events } from "../events.js";
import { CHECKED, CLOSED, OPEN, type Cpu } from "../machine/cpu.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { Refill } from "../tlb/refill.js";
import { entryNote, needsEntryNotes, rightsAt, withoutParts } from "../tlb/entry-note.js";
import { ENTRY_GLOBAL } from "../tlb/tlb.js";
import { ABSENT_ENTRY, MALFORMED_ENTRY, TABLE_ENTRY, type FormatCodec, type LevelCodec } from "./entry-codec.js";
import { kernelRootFrom, storeysOf } from "./tree-shape.js";

const ALL_BUT_WRITE = ~rightsFor(WRITE, WRITE);
/** Indices of a tree travel as two integers of this many bits, so that shifts can take them apart. */
const HALF_BITS = 26;
const HALF = 2 ** HALF_BITS;

/** A level as the walker needs it: everything that a switch or a TLB decides is decided. */
interface Step {
  readonly codec: LevelCodec;
  /** Leaves of other forms are to be told apart. */
  readonly hasForms: boolean;
  readonly isWide: boolean;
  readonly entryBytes: number;
  readonly pagesPerEntry: number;
  /** Bit of the index where this level's begins, and the level's mask. */
  readonly bit: number;
  readonly mask: number;
  /**
   * Hardware pages that an entry of each TLB maps, by the logarithm of how many entries of the table hold the page: a size
   * that the TLB has no entries for is entered in pieces.
   */
  readonly dataSpans: readonly number[];
  readonly instructionSpans: readonly number[];
}

/** What the walker makes of one setting of a processor's switches. */
class WalkPlan {
  readonly steps: readonly Step[];
  /** What remains of the rights that every level lets through. */
  readonly combined: Uint8Array;

  constructor(architecture: Architecture, translation: HierarchicalTranslation, switches: Switches) {
    const { data, instruction } = architecture.tlb;
    this.steps = storeysOf(architecture, translation, switches).map(({ codec, entries, entryBytes, pagesPerEntry }) => {
      const most = Math.max(1, ...codec.forms.map((form) => form.entries));
      const sizes = Array.from({ length: Math.log2(most) + 1 }, (_, log) => pagesPerEntry * 2 ** log);
      const spansIn = ({ pageShifts }: TlbGeometry): readonly number[] =>
        sizes.map((pages) => (pageShifts.includes(architecture.hardwarePageShift + Math.log2(pages)) ? pages : 1));
      return {
        codec,
        hasForms: codec.forms.length > 0,
        isWide: entryBytes === 8,
        entryBytes,
        pagesPerEntry,
        bit: Math.log2(pagesPerEntry),
        mask: entries - 1,
        dataSpans: spansIn(data),
        instructionSpans: spansIn(instruction ?? data),
      };
    });
    const rule = translation.combined;
    this.combined = Uint8Array.from({ length: ALL_RIGHTS + 1 }, (_, rights) =>
      rule === undefined ? rights : rights & rule.tell(rights, switches),
    );
  }
}

export class HardwareWalk implements Refill {
  readonly #architecture: Architecture;
  readonly #translation: HierarchicalTranslation;
  readonly #memory: PhysicalMemory;
  readonly #events: Events;
  readonly #faultsOnReserved: boolean;
  readonly #recordsAccess: boolean;
  readonly #recordsWrite: boolean;
  /** Entries say which domain they belong to, or have parts. */
  readonly #hasNotes: boolean;
  /** A page that is not marked as accessed faults, and one that is written and not marked so. */
  readonly #faultsUnmarked: boolean;
  readonly #faultsClean: boolean;
  /** First page that the kernel's own root translates; Infinity where it has none. */
  readonly #kernelFirst: number;
  /** Pages that a root translates, and bytes of one. */
  readonly #limit: number;
  readonly #pageBytes: number;
  /** Where the entries of the walk lay, and their formats. */
  readonly #addresses: Float64Array;
  readonly #formats: FormatCodec[] = [];
  /** Switches that entries depend on. */
  readonly #deciding: readonly string[];
  /** Every setting of them that was met, in their order. */
  readonly #plans = new Map<string, WalkPlan>();

  constructor(architecture: Architecture, memory: PhysicalMemory, events: Events) {
    if (architecture.translation.kind !== "hierarchical") throw new Error("no tree to walk");
    this.#architecture = architecture;
    this.#translation = architecture.translation;
    this.#deciding = Object.keys(architecture.switches).filter((name) => architecture.switches[name]?.keepsTlb !== true);
    this.#memory = memory;
    this.#events = events;
    this.#faultsOnReserved = architecture.translation.faultsOnReserved;
    this.#recordsAccess = architecture.can.recordAccess === "hardware";
    this.#recordsWrite = architecture.can.recordWrite === "hardware";
    this.#hasNotes = needsEntryNotes(architecture);
    this.#faultsUnmarked = architecture.can.recordAccess === "fault";
    this.#faultsClean = architecture.can.recordWrite === "fault";
    this.#kernelFirst = kernelRootFrom(architecture, architecture.hardwarePageShift);
    this.#limit = 2 ** (architecture.virtualBits - architecture.hardwarePageShift);
    this.#pageBytes = 2 ** architecture.hardwarePageShift;
    this.#addresses = new Float64Array(architecture.translation.levels.length);
  }

  miss(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const { steps, combined } = cpu.refillState instanceof WalkPlan ? cpu.refillState : this.#plan(cpu);
    const memory = this.#memory;
    const { statistics } = cpu;
    statistics.walks += 1;
    const index = page < this.#limit ? page : page % this.#limit;
    const high = index < HALF ? 0 : Math.floor(index / HALF);
    const low = index - high * HALF;
    let { root: table } = index >= this.#kernelFirst ? cpu.kernelContext : cpu.contextFor(privilege);
    let rights = ALL_RIGHTS;
    const hasNotes = this.#hasNotes;
    let domain = 0;
    for (let depth = 0; depth < steps.length; depth += 1) {
      const { codec, hasForms, isWide, entryBytes, bit, mask } = steps[depth];
      const entry = (bit < HALF_BITS ? (low >>> bit) | (high << (HALF_BITS - bit)) : high >>> (bit - HALF_BITS)) & mask;
      const address = table + entry * entryBytes;
      if (!memory.isBacked(address)) return this.#end(cpu, page, depth, BUS, domain);
      statistics.walkReads += 1;
      const lo = isWide ? memory.readLow(address) : memory.read32(address);
      const hi = isWide ? memory.readHigh(address) : 0;
      const kind = codec.kindOf(lo, hi);
      if (kind === ABSENT_ENTRY) return this.#end(cpu, page, depth, ABSENT, domain);
      if (kind === MALFORMED_ENTRY) return this.#end(cpu, page, depth, RESERVED, domain);
      const format = kind === TABLE_ENTRY ? codec.table : hasForms ? codec.leafOf(lo, hi) : codec.leaf;
      if (format === null) return this.#end(cpu, page, depth, RESERVED, domain);
      if (this.#faultsOnReserved && format.hasReserved(lo, hi)) return this.#end(cpu, page, depth, RESERVED, domain);
      rights &= format.rightsOf(lo, hi);
      this.#addresses[depth] = address;
      this.#formats[depth] = format;
      if (hasNotes) domain = Math.max(domain, format.domainOf(lo));
      if (kind === TABLE_ENTRY) {
        table = format.addressOf(lo, hi);
        continue;
      }
      rights = combined[rights];
      if (this.#faultsUnmarked && format.isUnmarked(lo, hi)) return this.#end(cpu, page, depth, UNMARKED, domain);
      const standing = hasNotes ? cpu.domainAccess(domain) : CHECKED;
      if (standing === CLOSED) return this.#end(cpu, page, depth, DOMAIN, domain);
      const note = hasNotes ? entryNote(domain, depth, format.partRightsOf(lo, hi)) : 0;
      const pages = steps[depth].pagesPerEntry * format.entries;
      if (
        standing !== OPEN &&
        !permits(rights, privilege, access) &&
        !permits(this.#rightsInPart(cpu, page, pages, note), privilege, access)
      )
        return this.#end(cpu, page, depth, PROTECTION, domain);
      if (this.#faultsClean && access === WRITE && format.isClean(lo, hi)) return this.#end(cpu, page, depth, UNMARKED, domain);
      this.#record(depth, access);
      const waits = access !== WRITE && (this.#recordsWrite ? !format.isDirty(lo, hi) : this.#faultsClean && format.isClean(lo, hi));
      this.#enter(cpu, page, access, privilege, steps[depth], format, lo, hi, waits ? rights & ALL_BUT_WRITE : rights, note);
      return this.#end(cpu, page, depth, NO_FAULT);
    }
    return this.#end(cpu, page, steps.length - 1, RESERVED);
  }

  refused(cpu: Cpu, page: number, access: Access, privilege: Privilege, entry: number): FaultReason {
    // Only a write may have been withheld for the sake of the dirty bit; anything else the entry says for good.
    if (access !== WRITE || !(this.#recordsWrite || this.#faultsClean)) return PROTECTION;
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
    const isFetch = access === EXECUTE;
    const span = (isFetch ? instructionSpans : dataSpans)[format.entriesLog];
    const pages = pagesPerEntry * format.entries;
    const within = span === pages ? 0 : page % pages;
    const frame = format.addressOf(lo, hi) / this.#pageBytes + within;
    const flags = (format.attributesOf(lo, hi) & PAGE_GLOBAL) === 0 ? 0 : ENTRY_GLOBAL;
    const tlb = isFetch ? cpu.instructionTlb : cpu.dataTlb;
    // A page of a larger one that is entered in pieces lies in one part of it.
    const isPiece = span < pages && format.format.partRights !== undefined;
    const ofPiece = isPiece ? rightsAt(note, within * this.#pageBytes, pages * this.#pageBytes) : rights;
    const number = tlb.enter(page, span, frame, cpu.asidFor(privilege), ofPiece, flags);
    if (note !== 0 && number >= 0) tlb.setNote(number, isPiece ? withoutParts(note) : note);
  }

  /** Sets accessed on every entry that was used, and dirty on the leaf of a write. */
  #record(leafDepth: number, access: Access): void {
    if (!this.#recordsAccess) return;
    for (let depth = 0; depth <= leafDepth; depth += 1) {
      const format = this.#formats[depth];
      const isWrite = depth === leafDepth && access === WRITE && this.#recordsWrite;
      const low = format.accessedLow | (isWrite ? format.dirtyLow : 0);
      const high = format.accessedHigh | (isWrite ? format.dirtyHigh : 0);
      const address = this.#addresses[depth];
      if (format.format.bytes === 4) {
        const word = this.#memory.read32(address);
        if ((word & low) !== (low | 0)) this.#memory.write32(address, (word | low) >>> 0);
      } else {
        const lo = this.#memory.readLow(address);
        const hi = this.#memory.readHigh(address);
        if ((lo & low) === (low | 0) && (hi & high) === (high | 0)) continue;
        this.#memory.write64(address, (lo | low) >>> 0, (hi | high) >>> 0);
      }
    }
  }

  #end(cpu: Cpu, page: number, depth: number, reason: FaultReason, domain = 0): FaultReason {
    if (reason !== NO_FAULT) {
      const site = cpu.faultSite;
      site.depth = depth;
      site.domain = domain;
      site.onWalk = true;
    }
    const sink = this.#events.sink;
    if (sink !== null) sink({ kind: "walk", cpu: cpu.id, hardwarePage: page, reads: depth + 1, reason });
    return reason;
  }

  /** The plan for a processor's switches, which it keeps until one of them changes. */
  #plan(cpu: Cpu): WalkPlan {
    const setting = this.#deciding.map((name) => cpu.switches[name]).join();
    const plan = this.#plans.get(setting) ?? new WalkPlan(this.#architecture, this.#translation, cpu.switches);
    this.#plans.set(setting, plan);
    cpu.refillState = plan;
    return plan;
  }
}
