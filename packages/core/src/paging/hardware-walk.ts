/**
 * The table walker in hardware: reads the words that translate a page as the processor does, records accesses and
 * writes in them as the manual says, and enters the result into the TLB.
 *
 * Rights are the AND over all levels, less what the machine's combined rule takes. Nothing is recorded by a walk that ends in a fault. An entry whose page has not
 * been written yet is entered without the right to write, so that the first write walks again and records itself.
 *
 * @see Intel SDM vol 3A §4.3, §4.6, §4.8
 */
import { initialSwitches, type Architecture } from "../architecture/architecture.js";
import { ABSENT, BUS, NO_FAULT, PROTECTION, RESERVED, type FaultReason } from "../architecture/faults.js";
import { ALL_RIGHTS, EXECUTE, PAGE_GLOBAL, WRITE, permits, rightsFor, type Access, type Privilege } from "../architecture/rights.js";
import type { Switches } from "../architecture/entry-format.js";
import type { Events } from "../events.js";
import type { Cpu } from "../machine/cpu.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { Refill } from "../tlb/refill.js";
import { ENTRY_GLOBAL } from "../tlb/tlb.js";
import { ABSENT_ENTRY, MALFORMED_ENTRY, TABLE_ENTRY, type FormatCodec } from "./entry-codec.js";
import { storeysOf, type Storey } from "./tree-shape.js";

const ALL_BUT_WRITE = ~rightsFor(WRITE, WRITE);

export class HardwareWalk implements Refill {
  readonly #architecture: Architecture;
  readonly #memory: PhysicalMemory;
  readonly #events: Events;
  readonly #faultsOnReserved: boolean;
  readonly #recordsAccess: boolean;
  readonly #recordsWrite: boolean;
  readonly #limit: number;
  readonly #byAddress: Float64Array;
  readonly #formats: (FormatCodec | null)[] = [];
  readonly #shift: number;
  readonly #names: readonly string[];
  #values: readonly (boolean | undefined)[] = [];
  #storeys: readonly Storey[] = [];
  /** What remains of the rights that every level lets through. */
  readonly #combined = Uint8Array.from({ length: ALL_RIGHTS + 1 }, (_, rights) => rights);

  constructor(architecture: Architecture, memory: PhysicalMemory, events: Events) {
    if (architecture.translation.kind !== "hierarchical") throw new Error("no tree to walk");
    this.#architecture = architecture;
    this.#memory = memory;
    this.#events = events;
    this.#faultsOnReserved = architecture.translation.faultsOnReserved;
    this.#recordsAccess = architecture.can.recordAccess === "hardware";
    this.#recordsWrite = architecture.can.recordWrite === "hardware";
    this.#limit = 2 ** (architecture.virtualBits - architecture.hardwarePageShift);
    this.#byAddress = new Float64Array(architecture.translation.levels.length);
    this.#shift = architecture.hardwarePageShift;
    this.#names = Object.keys(architecture.switches);
    this.#adopt(initialSwitches(architecture));
    this.#formats.length = architecture.translation.levels.length;
  }

  miss(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    if (!this.#isCurrent(cpu.switches)) this.#adopt(cpu.switches);
    const memory = this.#memory;
    const { statistics } = cpu;
    statistics.walks += 1;
    const index = page % this.#limit;
    let table = cpu.contextFor(privilege).root;
    let rights = ALL_RIGHTS;
    for (let depth = 0; depth < this.#storeys.length; depth += 1) {
      const storey = this.#storeys[depth];
      const address = table + (Math.floor(index / storey.pagesPerEntry) % storey.entries) * storey.entryBytes;
      if (!memory.isBacked(address)) return this.#end(cpu, page, depth, BUS);
      statistics.walkReads += 1;
      const wide = storey.entryBytes === 8;
      const lo = wide ? memory.readLow(address) : memory.read32(address);
      const hi = wide ? memory.readHigh(address) : 0;
      const kind = storey.codec.kindOf(lo, hi);
      if (kind === ABSENT_ENTRY) return this.#end(cpu, page, depth, ABSENT);
      if (kind === MALFORMED_ENTRY) return this.#end(cpu, page, depth, RESERVED);
      const format = kind === TABLE_ENTRY ? storey.codec.table : storey.codec.leaf;
      if (format === null) return this.#end(cpu, page, depth, RESERVED);
      if (this.#faultsOnReserved && format.hasReserved(lo, hi)) return this.#end(cpu, page, depth, RESERVED);
      rights &= format.rightsOf(lo, hi);
      this.#byAddress[depth] = address;
      this.#formats[depth] = format;
      if (kind === TABLE_ENTRY) {
        table = format.addressOf(lo, hi);
        continue;
      }
      rights = this.#combined[rights];
      if (!permits(rights, privilege, access)) return this.#end(cpu, page, depth, PROTECTION);
      this.#record(depth, access);
      const isClean = this.#recordsWrite && access !== WRITE && !format.isDirty(lo, hi);
      const tlb = access === EXECUTE ? cpu.instructionTlb : cpu.dataTlb;
      // A page size that the TLB has no entries for is entered in pieces, as processors do.
      const span = tlb.geometry.pageShifts.includes(this.#shift + Math.log2(storey.pagesPerEntry)) ? storey.pagesPerEntry : 1;
      const frame = format.addressOf(lo, hi) / 2 ** this.#shift + (span === 1 ? index % storey.pagesPerEntry : 0);
      const flags = (format.attributesOf(lo, hi) & PAGE_GLOBAL) === 0 ? 0 : ENTRY_GLOBAL;
      tlb.enter(page, span, frame, cpu.asidFor(privilege), isClean ? rights & ALL_BUT_WRITE : rights, flags);
      return this.#end(cpu, page, depth, NO_FAULT);
    }
    return this.#end(cpu, page, this.#storeys.length - 1, RESERVED);
  }

  refused(cpu: Cpu, page: number, access: Access, privilege: Privilege, entry: number): FaultReason {
    // Only a write may have been withheld for the sake of the dirty bit; anything else the entry says for good.
    if (access !== WRITE || !this.#recordsWrite) return PROTECTION;
    cpu.dataTlb.drop(entry);
    return this.miss(cpu, page, access, privilege);
  }

  /** Sets accessed on every entry that was used, and dirty on the leaf of a write. */
  #record(leafDepth: number, access: Access): void {
    if (!this.#recordsAccess) return;
    for (let depth = 0; depth <= leafDepth; depth += 1) {
      const format = this.#formats[depth] as FormatCodec;
      const isWrite = depth === leafDepth && access === WRITE && this.#recordsWrite;
      const low = format.accessedLow | (isWrite ? format.dirtyLow : 0);
      const high = format.accessedHigh | (isWrite ? format.dirtyHigh : 0);
      const address = this.#byAddress[depth];
      if (format.format.bytes === 4) {
        const word = this.#memory.read32(address);
        if ((word & low) >>> 0 !== low >>> 0) this.#memory.write32(address, (word | low) >>> 0);
      } else {
        this.#memory.write64(address, (this.#memory.readLow(address) | low) >>> 0, (this.#memory.readHigh(address) | high) >>> 0);
      }
    }
  }

  #end(cpu: Cpu, page: number, depth: number, reason: FaultReason): FaultReason {
    const sink = this.#events.sink;
    if (sink !== null) sink({ kind: "walk", cpu: cpu.id, hardwarePage: page, reads: depth + 1, reason });
    return reason;
  }

  #isCurrent(switches: Switches): boolean {
    for (let i = 0; i < this.#names.length; i += 1) if (switches[this.#names[i]] !== this.#values[i]) return false;
    return true;
  }

  #adopt(switches: Switches): void {
    const { translation } = this.#architecture;
    if (translation.kind !== "hierarchical") throw new Error("no tree to walk");
    this.#storeys = storeysOf(this.#architecture, translation, switches);
    this.#values = this.#names.map((name) => switches[name]);
    const { combined } = translation;
    if (combined === undefined) return;
    for (let rights = 0; rights <= ALL_RIGHTS; rights += 1) this.#combined[rights] = rights & combined.tell(rights, switches);
  }
}
