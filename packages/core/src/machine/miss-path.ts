/**
 * The miss path: what a processor does with an access of which its fronts know nothing. It asks the address, the TLB and the
 * refill code in turn, until the access has a frame or is refused.
 *
 * Most misses are alike: a page of which nothing else is to be asked, that no entry maps, and that the walk gives. `refill` is
 * written for those; what it does not settle the rest does. Pages are hardware pages; offsets are bytes within one.
 */
import { BAD_ADDRESS, BUS, DOMAIN, NO_FAULT, type FaultReason } from "../architecture/faults.js";
import { EXECUTE, permits, type Access, type Privilege } from "../architecture/rights.js";
import { depthOf, domainOf, needsEntryNotes, rightsAt } from "../tlb/entry-note.js";
import type { Lookaside } from "../tlb/lookaside.js";
import { refillNearby } from "../tlb/near-walk.js";
import type { Tlb } from "../tlb/tlb.js";
import { BAD_PAGE, TRANSLATED, type AddressMap } from "./address-map.js";
import type { Cpu } from "./cpu.js";
import { CLOSED, OPEN } from "./domain-standings.js";
import { integer } from "./physical-memory.js";

/** What `refill` answers where it has done nothing: more is to be asked than whether the TLB has the page. */
export const UNUSUAL = -1;
/** What a refill came to. */
export type Refilled = FaultReason | typeof UNUSUAL;

/** The entry refuses, and whether for good is the refill code's business. */
const UNDECIDED = -2;
/** A refill followed by a refusal that is settled takes three rounds; more than this is a port that goes in circles. */
const ROUNDS = 8;

/** What is imported is looked up at every use; these are constants to a compiler. */
const TO_EXECUTE = EXECUTE;
const NONE = NO_FAULT;
const lets = permits;
const nearby = refillNearby;

const unitOf = (access: Access): "instruction" | "data" => (access === TO_EXECUTE ? "instruction" : "data");

/** The miss path of one processor. */
export class MissPath {
  readonly #cpu: Cpu;
  readonly #lookaside: Lookaside;
  readonly #map: AddressMap;
  /** 1 where what is told is so: a comparison of integers, where a boolean would be asked whether it is one. */
  readonly #hasNotes: number = 0;
  readonly #tagless: number = 0;
  /** One buffer serves data and instructions. */
  readonly #unified: number = 0;
  readonly #pageSize: number = 0;
  /** Of pages from this one to below that one only a TLB is asked; of none while the processor must not use its TLBs. */
  readonly #plainFirst: number = 0;
  #plainEnd = 0;

  constructor(cpu: Cpu, lookaside: Lookaside, map: AddressMap) {
    this.#cpu = cpu;
    this.#lookaside = lookaside;
    this.#map = map;
    this.#hasNotes = needsEntryNotes(cpu.architecture) ? 1 : 0;
    this.#tagless = cpu.architecture.asids.bits === 0 ? 1 : 0;
    this.#unified = cpu.instructionTlb === cpu.dataTlb ? 1 : 0;
    this.#pageSize = 1 << cpu.architecture.hardwarePageShift;
    this.#plainFirst = map.plainFirst;
  }

  /** The processor may use its TLBs from now on, or must not. */
  set isOpen(isOpen: boolean) {
    this.#plainEnd = isOpen && this.#hasNotes === 0 ? this.#map.plainEnd : 0;
  }

  /** Fills the TLB for a page that certainly misses: NO_FAULT, why not, or UNUSUAL. */
  refill(page: number, offset: number, access: Access, privilege: Privilege): Refilled {
    const small = page | 0;
    if (small !== page || small < this.#plainFirst || small >= this.#plainEnd) return UNUSUAL;
    const cpu = this.#cpu;
    const tlb = access === TO_EXECUTE ? cpu.instructionTlb : cpu.dataTlb;
    if (!tlb.lacks(small)) return UNUSUAL;
    cpu.fault.isPending = false;
    const { tables } = cpu;
    if (tables !== null) {
      const context = cpu.contextFor(privilege);
      const asid = this.#tagless === 1 ? 0 : context.asid;
      const reads = nearby(tlb, tables, context.root, privilege * 3 + (access >>> 1), small, asid);
      if (reads > 0) {
        this.#count(access, reads);
        if (cpu.events.sink !== null) this.#tellNearby(tlb, small, access, privilege, reads);
        return NONE;
      }
    }
    this.#note(small, offset, access, privilege);
    return this.#miss(tlb, small, access, privilege);
  }

  /** The hardware frame of a page, or −1 with `fault` filled. */
  translate(page: number, offset: number, access: Access, privilege: Privilege): number {
    return this.settle(this.refill(page, offset, access, privilege), page, offset, access, privilege);
  }

  /** The same when `refill` has answered. */
  settle(refilled: Refilled, page: number, offset: number, access: Access, privilege: Privilege): number {
    if (refilled === UNUSUAL) return this.#translateUnusual(page, offset, access, privilege);
    if (refilled !== NONE) return this.#refuse(refilled, page, offset, access, privilege);
    const frame = this.#lookaside.frameOf(privilege * 3 + (access >>> 1), page);
    return frame >= 0 ? frame : this.#lookUp(page, offset, access, privilege);
  }

  /** Physical address of a byte, or −1 with `fault` filled; the fronts may know the page. */
  locate(page: number, offset: number, access: Access, privilege: Privilege): number {
    const cpu = this.#cpu;
    const known = cpu.tlbActive ? this.#lookaside.frameOf(privilege * 3 + (access >>> 1), page) : -1;
    if (known >= 0) cpu.fault.isPending = false;
    const frame = known >= 0 ? known : this.translate(integer(page), offset, access, privilege);
    return frame < 0 ? -1 : frame * this.#pageSize + offset;
  }

  #translateUnusual(given: number, offset: number, access: Access, privilege: Privilege): number {
    const cpu = this.#cpu;
    const page = integer(given);
    if (!cpu.tlbActive) throw new Error(`processor ${cpu.id} accesses memory while it waits in a shootdown`);
    const front = privilege * 3 + (access >>> 1);
    const known = this.#lookaside.frameElsewhere(front, page);
    if (known >= 0) return known;
    cpu.fault.isPending = false;
    if (this.#hasNotes === 1) this.#noteSite(0);
    const frame = this.#map.frameOf(page, privilege);
    if (frame === BAD_PAGE) return this.#refuse(BAD_ADDRESS, page, offset, access, privilege);
    if (frame === TRANSLATED) return this.#lookUp(page, offset, access, privilege);
    // No TLB is asked about a page in a window: nothing that one forgets can make what a front knows of it wrong.
    return this.#lookaside.fill(front, page, frame) ? frame : this.#refuse(BUS, page, offset, access, privilege);
  }

  /** Asks the TLB, and the refill code by what that answers, until the access is served or refused. */
  #lookUp(page: number, offset: number, access: Access, privilege: Privilege): number {
    const cpu = this.#cpu;
    const tlb = access === TO_EXECUTE ? cpu.instructionTlb : cpu.dataTlb;
    const front = privilege * 3 + (access >>> 1);
    const asid = cpu.asidFor(privilege);
    for (let round = 0; round < ROUNDS; round += 1) {
      const entry = tlb.lookup(page, asid);
      if (entry >= 0) {
        const frame = this.#askEntry(tlb, entry, page, offset, access, privilege);
        if (frame !== UNDECIDED) return frame;
      }
      this.#note(page, offset, access, privilege);
      const reason = entry < 0 ? this.#miss(tlb, page, access, privilege) : cpu.refill.refused(cpu, page, access, privilege, entry);
      if (reason !== NONE) return this.#refuse(reason, page, offset, access, privilege);
      if (entry >= 0) {
        cpu.statistics.upgrades += 1;
        continue;
      }
      const frame = this.#lookaside.frameOf(front, page);
      if (frame >= 0) return frame;
    }
    throw new Error(
      `the refill code of ${cpu.architecture.name} says yes to page 0x${page.toString(16)} and enters nothing that serves it`,
    );
  }

  /** What an entry says: the frame, −1 with `fault` filled, or UNDECIDED. */
  #askEntry(tlb: Tlb, entry: number, page: number, offset: number, access: Access, privilege: Privilege): number {
    if (this.#hasNotes === 1) return this.#askNote(tlb, entry, page, offset, access, privilege);
    if (!lets(tlb.rightsOf(entry, page), privilege, access)) return UNDECIDED;
    const frame = tlb.frameOf(entry, page);
    return tlb.show(entry, privilege * 3 + (access >>> 1), page, frame) ? frame : this.#refuse(BUS, page, offset, access, privilege);
  }

  /** The same on machines with domains, or with pages in parts. */
  #askNote(tlb: Tlb, entry: number, page: number, offset: number, access: Access, privilege: Privilege): number {
    const note = tlb.note(entry);
    this.#noteSite(note);
    const standing = this.#cpu.domainAccess(domainOf(note));
    if (standing === CLOSED) return this.#refuse(DOMAIN, page, offset, access, privilege);
    const frame = tlb.frameOf(entry, page);
    if (standing === OPEN || lets(tlb.rightsOf(entry, page), privilege, access)) {
      const isShown = tlb.show(entry, privilege * 3 + (access >>> 1), page, frame);
      return isShown ? frame : this.#refuse(BUS, page, offset, access, privilege);
    }
    // A part of the page may let through what the whole does not: the front, which knows pages only, is not told.
    const within = (page - tlb.firstPage(entry)) * this.#pageSize + offset;
    if (!lets(rightsAt(note, within, tlb.span(entry) * this.#pageSize), privilege, access)) return UNDECIDED;
    const isBacked = this.#cpu.memory.isBacked(frame * this.#pageSize);
    return isBacked ? frame : this.#refuse(BUS, page, offset, access, privilege);
  }

  /** Lets the refill code enter a page. */
  #miss(tlb: Tlb, page: number, access: Access, privilege: Privilege): FaultReason {
    const cpu = this.#cpu;
    const { statistics } = cpu;
    if (access === TO_EXECUTE) statistics.itlbMisses += 1;
    if (access !== TO_EXECUTE || this.#unified === 1) statistics.tlbMisses += 1;
    if (cpu.events.sink !== null) return this.#missAloud(tlb, page, access, privilege);
    const reason = cpu.refill.miss(cpu, page, access, privilege);
    if (reason === NONE) statistics.refills += 1;
    return reason;
  }

  /** Counts a miss that the near walk has served. */
  #count(access: Access, reads: number): void {
    const { statistics } = this.#cpu;
    if (access === TO_EXECUTE) statistics.itlbMisses += 1;
    if (access !== TO_EXECUTE || this.#unified === 1) statistics.tlbMisses += 1;
    statistics.refills += 1;
    statistics.walks += 1;
    statistics.walkReads += reads;
  }

  /** `#miss` where somebody listens. */
  #missAloud(tlb: Tlb, page: number, access: Access, privilege: Privilege): FaultReason {
    const cpu = this.#cpu;
    const asid = cpu.asidFor(privilege);
    cpu.events.sink?.({ kind: "tlb-miss", cpu: cpu.id, unit: unitOf(access), hardwarePage: page, asid });
    const reason = cpu.refill.miss(cpu, page, access, privilege);
    if (reason !== NONE) return reason;
    cpu.statistics.refills += 1;
    const frame = this.#frameIn(tlb, page, access, privilege);
    cpu.events.sink?.({ kind: "tlb-fill", cpu: cpu.id, unit: unitOf(access), hardwarePage: page, frame, asid });
    return NONE;
  }

  /** Tells of a miss that the near walk has served what is told of any. */
  #tellNearby(tlb: Tlb, page: number, access: Access, privilege: Privilege, reads: number): void {
    const cpu = this.#cpu;
    const asid = cpu.asidFor(privilege);
    const frame = this.#frameIn(tlb, page, access, privilege);
    cpu.events.sink?.({ kind: "tlb-miss", cpu: cpu.id, unit: unitOf(access), hardwarePage: page, asid });
    cpu.events.sink?.({ kind: "walk", cpu: cpu.id, hardwarePage: page, reads, reason: NONE });
    cpu.events.sink?.({ kind: "tlb-fill", cpu: cpu.id, unit: unitOf(access), hardwarePage: page, frame, asid });
  }

  /** The frame of a page for which an entry has just come. */
  #frameIn(tlb: Tlb, page: number, access: Access, privilege: Privilege): number {
    const known = this.#lookaside.frameOf(privilege * 3 + (access >>> 1), page);
    if (known >= 0) return known;
    const entry = tlb.probe(page, this.#cpu.asidFor(privilege));
    return entry < 0 ? -1 : tlb.frameOf(entry, page);
  }

  #refuse(reason: FaultReason, page: number, offset: number, access: Access, privilege: Privilege): number {
    const cpu = this.#cpu;
    this.#note(page, offset, access, privilege);
    cpu.fault.isPending = true;
    cpu.fault.reason = reason;
    cpu.statistics.refusals += 1;
    if (cpu.events.sink !== null) this.#tellTrap(reason, page, access, privilege);
    return -1;
  }

  #tellTrap(reason: FaultReason, page: number, access: Access, privilege: Privilege): void {
    const cpu = this.#cpu;
    const { trap } = cpu.architecture.faults.report(reason, access, privilege, cpu.switches, cpu.faultSite);
    cpu.events.sink?.({ kind: "trap", cpu: cpu.id, reason, hardwarePage: page, access, privilege, trap });
  }

  /** What handlers see of the access under way, which may still succeed. */
  #note(page: number, offset: number, access: Access, privilege: Privilege): void {
    const { fault } = this.#cpu;
    fault.page = page;
    fault.offset = offset;
    fault.access = access;
    fault.privilege = privilege;
  }

  /** Where an entry came from, for the report of a fault. */
  #noteSite(note: number): void {
    const site = this.#cpu.faultSite;
    site.depth = depthOf(note);
    site.domain = domainOf(note);
    site.onWalk = false;
  }
}
