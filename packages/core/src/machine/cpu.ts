/**
 * A processor's memory-management unit: TLBs, the installed context, and loads, stores and fetches through them.
 *
 * The hit path is the same for every architecture: compare a tag in a front ({@link Lookaside}), read. Everything else,
 * rights, replacement, refill, refusal, happens on the miss path. Pages are hardware pages unless a parameter says
 * otherwise; offsets are bytes within one.
 */
import type { Architecture } from "../architecture/architecture.js";
import { initialSwitches } from "../architecture/architecture.js";
import { ABSENT, BAD_ADDRESS, BUS, DOMAIN, NO_FAULT, PROTECTION, type FaultReason } from "../architecture/faults.js";
import { EXECUTE, KERNEL, READ, USER, WRITE, permits, type Access, type Privilege, type Rights } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";
import { Events } from "../events.js";
import { depthOf, domainOf, needsEntryNotes, rightsAt } from "../tlb/entry-note.js";
import { ALL_FRONTS, Lookaside, NO_STARTS } from "../tlb/lookaside.js";
import { refillNearby, type NearTables } from "../tlb/near-walk.js";
import type { Refill } from "../tlb/refill.js";
import { Tlb } from "../tlb/tlb.js";
import { CpuStatistics } from "./cpu-statistics.js";
import { integer, swap32, type PhysicalMemory } from "./physical-memory.js";
import type { TranslationContext } from "./translation-context.js";

/**
 * The last refused access of a processor; one object, used again. While refill code runs it is the access that missed,
 * but for `reason`.
 */
export interface CpuFault {
  /**
   * An access was refused, and what became of it is not known yet: from the refusal until the next access that misses, or
   * until the machine's `serveFault`. Hits leave it alone, as they leave everything.
   */
  isPending: boolean;
  reason: FaultReason;
  page: number;
  /** Byte within the page. */
  offset: number;
  access: Access;
  privilege: Privilege;
}

/** How a domain stands, as `domainAccess` answers. */
export const CLOSED = 0;
export const CHECKED = 1;
export const OPEN = 2;
const STANDINGS = ["closed", "checked", "open"] as const;

/** What a load of a word answers where the access was refused, if `fault.isPending` says so as well. */
export const REFUSED = 0xffff_ffff;

/** What a processor is made of. */
export interface CpuOptions {
  readonly id: number;
  readonly architecture: Architecture;
  readonly memory: PhysicalMemory;
  readonly kernelContext: TranslationContext;
  /** Absent: nothing fills the TLBs but whoever writes their entries by hand. */
  readonly refill?: Refill;
  readonly events?: Events;
  /** For random replacement. */
  readonly seed?: number;
}

/** A window of the layout in hardware pages and frames. */
interface WindowPages {
  readonly first: number;
  readonly last: number;
  readonly frame: number;
  readonly privilege: Privilege;
}

/** A TLB that nobody refills. */
const BY_HAND: Refill = { miss: () => ABSENT, refused: () => PROTECTION };

/** The entry refuses, and whether for good is the refill code's business. */
const UNDECIDED = -2;

/** A refill followed by a refusal that is settled takes three rounds; more than this is a port that goes in circles. */
const ROUNDS = 8;

// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Uint32Array(0);

/** What is imported is looked up at every use; these are constants to a compiler. */
const FROM_USER = USER;
const FROM_KERNEL = KERNEL;
const TO_READ = READ;
const TO_WRITE = WRITE;
const TO_EXECUTE = EXECUTE;
const NONE = NO_FAULT;
const swapped = swap32;
const lets = permits;

/** Whether a miss is one of the usual kind, is not known before more is asked. */
const UNUSUAL = -1;
/** A bit for each front of the kernel's accesses; the user's come after them. */
const KERNEL_FRONTS = 0b111;
/** Whether TLBs may be used, as an integer: a boolean would be asked whether it is one. */
const ACTIVE = 1;
const PARKED = 0;
const LITTLE = 0;
const BIG = 1;

const unitOf = (access: Access): "instruction" | "data" => (access === TO_EXECUTE ? "instruction" : "data");

/**
 * One simulated processor, of which a machine has 1 to 64: its TLBs, its switches, the installed space and its counts.
 *
 * Doors take page numbers and offsets as numbers, never bigints. A refused access is no exception: the door answers −1
 * ({@link REFUSED} for words, false for stores), fills `fault`, and has written nothing but, at most, accessed and dirty marks.
 */
export class Cpu {
  readonly id: number;
  /** Of everything random in it; differs from processor to processor. */
  readonly seed: number;
  readonly architecture: Architecture;
  readonly memory: PhysicalMemory;
  readonly instructionTlb: Tlb;
  /** The same object as `instructionTlb` where one buffer serves both. */
  readonly dataTlb: Tlb;
  readonly kernelContext: TranslationContext;
  /** The space last installed; the kernel's after reset. */
  context: TranslationContext;
  #refillCode: Refill = BY_HAND;
  /** What the refill code remembers of this processor's switches; null again when one of them has changed. */
  refillState: unknown = null;
  /** How the table walker reads tables under this processor's switches; null where none does, and when one has changed. */
  tables: NearTables | null = null;
  readonly events: Events;
  interrupts = true;
  readonly fault: CpuFault = { isPending: false, reason: NO_FAULT, page: 0, offset: 0, access: READ, privilege: KERNEL };
  /** Where it was found; of an entry of a TLB, only where machines have domains or pages in parts. One object, used again. */
  readonly faultSite = { depth: 0, domain: 0, onWalk: false };
  readonly statistics = new CpuStatistics();
  readonly #switches: Record<string, boolean>;
  readonly #pageSize: number = 0;
  readonly #hardwarePages: number = 0;
  /** LITTLE or BIG: a comparison of integers, where a boolean would be asked whether it is one. */
  readonly #byteOrder: number = LITTLE;
  readonly #tagless: number = 0;
  /** 1 where one buffer serves data and instructions. */
  readonly #unified: number = 0;
  readonly #shadowed: number = 0;
  /** Valid page numbers: below `#lowEnd`, or from `#highStart` to below `#highEnd`. */
  readonly #lowEnd: number = 0;
  readonly #highStart: number = 0;
  readonly #highEnd: number = 0;
  /** Pages that the user may name: from `#userFirst` to below `#userEnd`; all where addresses do not decide. */
  readonly #userFirst: number = 0;
  readonly #userEnd: number = 0;
  readonly #windows: readonly WindowPages[];
  /** Pages that every privilege may name, and that lie in no window: from this one to below that one. */
  readonly #plainFirst: number = 0;
  readonly #plainLimit: number = 0;
  /** The same limit, or 0 where a miss asks more than whether a TLB has the page. */
  #plainEnd = 0;
  readonly #hasNotes: number = 0;
  /** How each domain stands under the switches; null where the machine has none. */
  #domains: Uint8Array | null = null;
  /** Offsets with any of these bits set are outside the page, or cross an alignment: the slow road. */
  readonly #outside: number = 0;
  readonly #unlike16: number = 0;
  readonly #unlike32: number = 0;
  /** Fronts by privilege × 3 + access index, and their tables of starts; while the processor is parked there is nothing in those. */
  readonly #lookaside: Lookaside;
  #kernelReads: Int32Array = NO_STARTS;
  #kernelWrites: Int32Array = NO_STARTS;
  #kernelFetches: Int32Array = NO_STARTS;
  #userReads: Int32Array = NO_STARTS;
  #userWrites: Int32Array = NO_STARTS;
  #userFetches: Int32Array = NO_STARTS;
  /** The chunk that holds the start of RAM, usually all of it. */
  readonly #words: Uint32Array = NO_WORDS;
  readonly #bytes: Uint8Array = NO_BYTES;
  #tlbState = ACTIVE;

  constructor(options: CpuOptions) {
    const { id, architecture, memory, kernelContext } = options;
    const { tlb, virtualBits, hardwarePageShift } = architecture;
    const seed = (options.seed ?? 0) + id * 2;
    this.id = id;
    this.seed = seed;
    this.architecture = architecture;
    this.memory = memory;
    this.kernelContext = kernelContext;
    this.context = kernelContext;
    this.#refillCode = options.refill ?? BY_HAND;
    this.events = options.events ?? new Events();
    this.dataTlb = new Tlb(tlb.data, tlb.invalidation, seed);
    this.instructionTlb = tlb.instruction === undefined ? this.dataTlb : new Tlb(tlb.instruction, tlb.invalidation, seed + 1);
    this.#switches = { ...initialSwitches(architecture) };
    this.#hasNotes = needsEntryNotes(architecture) ? 1 : 0;
    // By shifts: a power is kept as a double.
    this.#pageSize = 1 << hardwarePageShift;
    this.#hardwarePages = 1 << (architecture.pageShift - hardwarePageShift);
    this.#byteOrder = memory.byteOrder === "big" ? BIG : LITTLE;
    this.#unified = tlb.instruction === undefined ? 1 : 0;
    this.#tagless = architecture.asids.bits === 0 ? 1 : 0;
    this.#shadowed = architecture.layout.kernelAddressSpaceShadowed ? 1 : 0;
    const pages = 2 ** (virtualBits - hardwarePageShift);
    const all = 2 ** (architecture.wordBits - hardwarePageShift);
    const isSigned = architecture.virtualRule === "sign-extended";
    this.#lowEnd = integer(isSigned ? pages / 2 : pages);
    this.#highStart = integer(isSigned ? all - pages / 2 : pages);
    this.#highEnd = integer(isSigned ? all : pages);
    const { user, privilegeByAddress = false, windows = [] } = architecture.layout;
    const pageOf = (address: bigint): number => integer(Number(address >> BigInt(hardwarePageShift)));
    this.#userFirst = privilegeByAddress ? pageOf(user.first) : 0;
    this.#userEnd = privilegeByAddress ? pageOf(user.last) + 1 : Infinity;
    this.#windows = windows.map(({ first, last, physical, privilege }) => ({
      first: pageOf(first),
      last: pageOf(last),
      frame: pageOf(physical),
      privilege,
    }));
    this.#plainFirst = this.#userFirst;
    this.#plainLimit = integer(Math.min(this.#lowEnd, this.#userEnd, ...this.#windows.map(({ first }) => first)));
    this.#outside = -this.#pageSize;
    this.#unlike16 = -this.#pageSize | 1;
    this.#unlike32 = -this.#pageSize | 3;
    this.#lookaside = new Lookaside(memory, hardwarePageShift, () => this.#expose());
    const chunk = memory.chunkOf(memory.firstFrame * memory.frameSize);
    this.#words = memory.words(chunk);
    this.#bytes = memory.bytes(chunk);
    for (const buffer of this.#tlbs()) buffer.attach(this.#lookaside);
    this.#expose();
    this.#honourGlobal();
    this.#lookAtDomains();
  }

  /** Control-register bits that change how entries are read. Change them with `setSwitch`. */
  get switches(): Readonly<Record<string, boolean>> {
    return this.#switches;
  }

  /** Who fills its TLBs. */
  get refill(): Refill {
    return this.#refillCode;
  }

  set refill(refill: Refill) {
    this.#refillCode = refill;
    this.#forgetRefill();
  }

  /** False while the processor waits in a shootdown: it must not use its TLBs, and an access is an error of ours. */
  get tlbActive(): boolean {
    return this.#tlbState === ACTIVE;
  }

  set tlbActive(isActive: boolean) {
    if (isActive === this.tlbActive) return;
    this.#tlbState = isActive ? ACTIVE : PARKED;
    this.#expose();
  }

  /** The tag that a privilege's accesses carry; 0 where entries carry none. */
  asidFor(privilege: Privilege): number {
    return this.#tagless === 1 ? 0 : this.contextFor(privilege).asid;
  }

  /** The space that a privilege's addresses belong to. */
  contextFor(privilege: Privilege): TranslationContext {
    return privilege === FROM_KERNEL && this.#shadowed === 1 ? this.kernelContext : this.context;
  }

  /** CLOSED, CHECKED or OPEN; CHECKED where the machine has no domains. */
  domainAccess(domain: number): number {
    return this.#domains === null ? CHECKED : this.#domains[domain];
  }

  /** The hardware frame of a page for an access, or −1 with `fault` filled. */
  translate(page: number, access: Access, privilege: Privilege): number {
    const frame = this.#tlbState === ACTIVE ? this.#lookaside.frameOf(privilege * 3 + (access >>> 1), page) : -1;
    return frame >= 0 ? frame : this.#translateSlowly(page, 0, access, privilege);
  }

  // The hit path. A page beyond the table, which only wide machines have, reads as undefined, and `| 0` makes that nothing.
  // Results are 32-bit integers on every road, `>>> 0` and `| 0` saying so: a compiler that has to reckon
  // with another kind of number turns every word into one.

  /** An unsigned byte, or −1 with `fault` filled. */
  load8(page: number, offset: number, privilege: Privilege): number {
    const starts = privilege === FROM_USER ? this.#userReads : this.#kernelReads;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#outside) === 0) {
      return this.#bytes[(start - 1) * 4 + offset];
    }
    return this.#loadSlowly(page, offset, 1, TO_READ, privilege) | 0;
  }

  /** 16 bits, unsigned, in the machine's byte order; any alignment. −1 with `fault` filled where refused. */
  load16(page: number, offset: number, privilege: Privilege): number {
    const starts = privilege === FROM_USER ? this.#userReads : this.#kernelReads;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#unlike16) === 0) {
      const at = (start - 1) * 4 + offset;
      const one = this.#bytes[at];
      const two = this.#bytes[at + 1];
      return this.#byteOrder === BIG ? (one << 8) | two : (two << 8) | one;
    }
    return this.#loadSlowly(page, offset, 2, TO_READ, privilege) | 0;
  }

  /**
   * 32 bits, unsigned, in the machine's byte order; any alignment. A word has no value to spare: {@link REFUSED} while
   * `fault.isPending` is an access that was refused; see {@link CpuFault} for how long a fault is pending.
   */
  load32(page: number, offset: number, privilege: Privilege): number {
    const starts = privilege === FROM_USER ? this.#userReads : this.#kernelReads;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#unlike32) === 0) {
      const word = this.#words[start - 1 + (offset >>> 2)];
      return this.#byteOrder === BIG ? swapped(word) : word;
    }
    return this.#loadSlowly(page, offset, 4, TO_READ, privilege) >>> 0;
  }

  /** An instruction word, as `load32`. */
  fetch32(page: number, offset: number, privilege: Privilege): number {
    const starts = privilege === FROM_USER ? this.#userFetches : this.#kernelFetches;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#unlike32) === 0) {
      const word = this.#words[start - 1 + (offset >>> 2)];
      return this.#byteOrder === BIG ? swapped(word) : word;
    }
    return this.#loadSlowly(page, offset, 4, TO_EXECUTE, privilege) >>> 0;
  }

  /** False with `fault` filled where refused; nothing has been written then. */
  store8(page: number, offset: number, value: number, privilege: Privilege): boolean {
    const starts = privilege === FROM_USER ? this.#userWrites : this.#kernelWrites;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#outside) === 0) {
      this.#bytes[(start - 1) * 4 + offset] = value;
      return true;
    }
    return this.#storeSlowly(page, offset, value, 1, privilege);
  }

  /** As `store8`; any alignment. A store that crosses into another page happens wholly or not at all. */
  store16(page: number, offset: number, value: number, privilege: Privilege): boolean {
    const starts = privilege === FROM_USER ? this.#userWrites : this.#kernelWrites;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#unlike16) === 0) {
      const at = (start - 1) * 4 + offset;
      this.#bytes[at] = this.#byteOrder === BIG ? value >>> 8 : value;
      this.#bytes[at + 1] = this.#byteOrder === BIG ? value : value >>> 8;
      return true;
    }
    return this.#storeSlowly(page, offset, value, 2, privilege);
  }

  /** As `store16`. */
  store32(page: number, offset: number, value: number, privilege: Privilege): boolean {
    const starts = privilege === FROM_USER ? this.#userWrites : this.#kernelWrites;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#unlike32) === 0) {
      this.#words[start - 1 + (offset >>> 2)] = this.#byteOrder === BIG ? swapped(value) : value;
      return true;
    }
    return this.#storeSlowly(page, offset, value, 4, privilege);
  }

  /** What loading the root or context register does. Where a root load invalidates by itself, global entries stay if honoured. */
  install(context: TranslationContext): void {
    this.context = context;
    this.statistics.installs += 1;
    // Kernel addresses mean the same in every space only where the kernel has a space of its own.
    this.#forgetFronts(this.#shadowed === 0 ? ALL_FRONTS : ALL_FRONTS & ~KERNEL_FRONTS);
    if (this.architecture.tlb.invalidation.rootLoadInvalidates) {
      this.dataTlb.forget(true, false);
      if (this.instructionTlb !== this.dataTlb) this.instructionTlb.forget(true, false);
    }
  }

  /**
   * Changes a control-register bit. Entries hold rights as they were under the old value, so a change drops them, unless
   * the description says that they do not depend on it; locked ones of software-filled TLBs stay, as nobody would bring
   * them back.
   *
   * @throws PortolanError ERR_BAD_ARGUMENT if the machine has no such switch
   */
  setSwitch(name: string, value: boolean): void {
    if (!Object.hasOwn(this.#switches, name)) {
      throw new PortolanError("ERR_BAD_ARGUMENT", { switch: name, known: Object.keys(this.#switches) });
    }
    if (this.#switches[name] === value) return;
    const sparesLocked = this.architecture.tlb.refill === "software";
    const keepsTlb = this.architecture.switches[name]?.keepsTlb === true;
    for (const tlb of this.#tlbs()) {
      if (!keepsTlb) tlb.forget(false, sparesLocked);
    }
    this.#forgetFronts(ALL_FRONTS);
    this.#switches[name] = value;
    if (!keepsTlb) this.#forgetRefill();
    this.#honourGlobal();
    this.#lookAtDomains();
  }

  /** Drops what "invalidate everything" drops on this machine, from this processor only; other processors are the shootdown's business. */
  invalidateAll(): void {
    let dropped = 0;
    for (const tlb of this.#tlbs()) dropped += tlb.invalidateAll();
    this.#invalidated("all", 0, 0, 0, dropped);
  }

  /** Drops entries tagged `asid` from this processor; everything, where entries carry no tag. */
  invalidateAsid(asid: number): void {
    const tag = this.#tagless === 1 ? 0 : asid;
    let dropped = 0;
    for (const tlb of this.#tlbs()) dropped += tlb.invalidateAsid(tag);
    this.#invalidated("asid", asid, 0, 0, dropped);
  }

  /** `page` and `count` are the machine's pages; every hardware page in them goes. */
  invalidatePages(asid: number, page: number, count: number): void {
    const { dataTlb, instructionTlb } = this;
    const small = page | 0;
    // Most pages that are invalidated are in no TLB.
    const isAbsent = count === 1 && this.#hardwarePages === 1 && small === page && dataTlb.lacks(small) && instructionTlb.lacks(small);
    this.#invalidated("pages", asid, page, count, isAbsent ? 0 : this.#dropPages(asid, page, count));
  }

  #dropPages(asid: number, page: number, count: number): number {
    const tag = this.#tagless === 1 ? 0 : asid;
    const first = page * this.#hardwarePages;
    const pages = count * this.#hardwarePages;
    let dropped = 0;
    for (const tlb of this.#tlbs()) dropped += tlb.invalidatePages(first, pages, tag);
    return dropped;
  }

  #forgetRefill(): void {
    this.refillState = null;
    this.tables = null;
  }

  /** Shows the hit path the tables of its fronts, or nothing. */
  #expose(): void {
    const isActive = this.#tlbState === ACTIVE;
    const { views } = this.#lookaside;
    // Written out: arrays and functions made here would be garbage of every shootdown.
    this.#kernelReads = isActive ? views[0] : NO_STARTS;
    this.#kernelWrites = isActive ? views[1] : NO_STARTS;
    this.#kernelFetches = isActive ? views[2] : NO_STARTS;
    this.#userReads = isActive ? views[3] : NO_STARTS;
    this.#userWrites = isActive ? views[4] : NO_STARTS;
    this.#userFetches = isActive ? views[5] : NO_STARTS;
    this.#plainEnd = isActive && this.#hasNotes === 0 ? this.#plainLimit : 0;
  }

  /** Makes some fronts, a bit for each, forget everything; the TLBs keep what they have. */
  #forgetFronts(fronts: number): void {
    for (const tlb of this.#tlbs()) tlb.hide(fronts);
    this.#lookaside.flush(fronts);
  }

  /** What an address says that lies anywhere: the frame of a window, −1 with `fault` filled, or UNDECIDED: a TLB is asked. */
  #askAddress(page: number, offset: number, access: Access, privilege: Privilege): number {
    if (!this.#hasPage(page)) return this.#refuse(BAD_ADDRESS, page, offset, access, privilege);
    if (privilege === FROM_USER && (page < this.#userFirst || page >= this.#userEnd))
      return this.#refuse(BAD_ADDRESS, page, offset, access, privilege);
    const window = this.#windowOf(page);
    if (window === null) return UNDECIDED;
    if (privilege > window.privilege) return this.#refuse(BAD_ADDRESS, page, offset, access, privilege);
    return this.#inWindow(page, window.frame + page - window.first, offset, access, privilege);
  }

  /** Is this number a page the machine has? */
  #hasPage(page: number): boolean {
    return (page >= 0 && page < this.#lowEnd) || (page >= this.#highStart && page < this.#highEnd);
  }

  /** The window that a page lies in. */
  #windowOf(page: number): WindowPages | null {
    for (let i = 0; i < this.#windows.length; i += 1) {
      const window = this.#windows[i];
      if (page >= window.first && page <= window.last) return window;
    }
    return null;
  }

  /** A page that its front's table says nothing of: `frameOf` was asked, or the hit path. */
  #translateSlowly(page: number, offset: number, access: Access, privilege: Privilege): number {
    const reason = this.#refill(page, offset, access, privilege);
    return reason === NONE
      ? this.#translateEntered(page, offset, access, privilege)
      : this.#translateOtherwise(reason, page, offset, access, privilege);
  }

  /** Fills the TLB for a page that certainly misses, and of which nothing else is to be asked. NONE, why not, or UNUSUAL: nothing was done. */
  #refill(page: number, offset: number, access: Access, privilege: Privilege): FaultReason | typeof UNUSUAL {
    const small = page | 0;
    if (small !== page || small < this.#plainFirst || small >= this.#plainEnd) return UNUSUAL;
    const tlb = access === TO_EXECUTE ? this.instructionTlb : this.dataTlb;
    if (!tlb.lacks(small)) return UNUSUAL;
    this.fault.isPending = false;
    const { tables } = this;
    if (tables !== null && this.events.sink === null) {
      const context = this.contextFor(privilege);
      const asid = this.#tagless === 1 ? 0 : context.asid;
      const reads = refillNearby(tlb, tables, context.root, privilege * 3 + (access >>> 1), small, asid);
      if (reads > 0) {
        this.#count(access, reads);
        return NONE;
      }
    }
    this.#note(small, offset, access, privilege);
    return this.#miss(tlb, small, access, privilege);
  }

  /** An entry for the page has just come: usually a front has been told as well. */
  #translateEntered(page: number, offset: number, access: Access, privilege: Privilege): number {
    const frame = this.#lookaside.frameOf(privilege * 3 + (access >>> 1), page);
    if (frame >= 0) return frame;
    const tlb = access === TO_EXECUTE ? this.instructionTlb : this.dataTlb;
    return this.#settle(tlb, tlb.lookup(page, this.asidFor(privilege)), page, offset, access, privilege);
  }

  /** No entry has come. */
  #translateOtherwise(reason: FaultReason | typeof UNUSUAL, page: number, offset: number, access: Access, privilege: Privilege): number {
    return reason === UNUSUAL
      ? this.#translateUnusual(page, offset, access, privilege)
      : this.#refuse(reason, page, offset, access, privilege);
  }

  /** The same where more is to be asked. */
  #translateUnusual(given: number, offset: number, access: Access, privilege: Privilege): number {
    const tlb = access === TO_EXECUTE ? this.instructionTlb : this.dataTlb;
    const page = integer(given);
    this.fault.isPending = false;
    if (this.#hasNotes === 1) this.#noteSite(0);
    if (this.#tlbState !== ACTIVE) throw new Error(`processor ${this.id} accesses memory while it waits in a shootdown`);
    const known = this.#lookaside.frameElsewhere(privilege * 3 + (access >>> 1), page);
    if (known >= 0) return known;
    const frame = this.#askAddress(page, offset, access, privilege);
    if (frame !== UNDECIDED) return frame;
    return this.#settle(tlb, tlb.lookup(page, this.asidFor(privilege)), page, offset, access, privilege);
  }

  /** Goes on from what the TLB has answered, an entry or −1, until the access is served or refused. */
  #settle(tlb: Tlb, found: number, page: number, offset: number, access: Access, privilege: Privilege): number {
    const number = privilege * 3 + (access >>> 1);
    const asid = this.asidFor(privilege);
    let entry = found;
    for (let round = 0; round < ROUNDS; round += 1) {
      if (entry < 0) {
        this.#note(page, offset, access, privilege);
        const reason = this.#miss(tlb, page, access, privilege);
        if (reason !== NONE) return this.#refuse(reason, page, offset, access, privilege);
        const frame = this.#lookaside.frameOf(number, page);
        if (frame >= 0) return frame;
        entry = tlb.lookup(page, asid);
      } else if (this.#hasNotes === 0 && lets(tlb.rightsOf(entry, page), privilege, access)) {
        const frame = tlb.frameOf(entry, page);
        return tlb.show(entry, number, page, frame) ? frame : this.#refuse(BUS, page, offset, access, privilege);
      } else {
        const frame = this.#hasNotes === 1 ? this.#askNote(tlb, entry, page, offset, access, privilege) : UNDECIDED;
        if (frame !== UNDECIDED) return frame;
        this.#note(page, offset, access, privilege);
        const reason = this.#refillCode.refused(this, page, access, privilege, entry);
        if (reason !== NONE) return this.#refuse(reason, page, offset, access, privilege);
        this.statistics.upgrades += 1;
        entry = tlb.lookup(page, asid);
      }
    }
    throw new Error(
      `the refill code of ${this.architecture.name} says yes to page 0x${page.toString(16)} and enters nothing that serves it`,
    );
  }

  /**
   * Enters what the access that misses has been looking for, and serves it: the refill code knows that no other entry
   * matches, and that this one lets the access through.
   *
   * @param span hardware pages that the entry maps
   * @param frame the hardware frame of `page` itself
   * @param flags `ENTRY_GLOBAL` or 0
   */
  enter(page: number, span: number, frame: number, rights: Rights, flags: number, access: Access, privilege: Privilege): void {
    const tlb = access === TO_EXECUTE ? this.instructionTlb : this.dataTlb;
    const front = privilege * 3 + (access >>> 1);
    const asid = this.asidFor(privilege);
    if (span === 1) tlb.serve(front, page, frame, asid, rights, flags);
    else tlb.serveLarge(front, page, span, frame, asid, rights, flags);
  }

  /** The same for a page that no TLB is asked about: nothing that a TLB forgets can make it wrong. */
  #inWindow(page: number, frame: number, offset: number, access: Access, privilege: Privilege): number {
    const isFilled = this.#lookaside.fill(privilege * 3 + (access >>> 1), page, frame);
    return isFilled ? frame : this.#refuse(BUS, page, offset, access, privilege);
  }

  /** The frame, or −1 with `fault` filled if there is no memory. */
  #backed(page: number, frame: number, offset: number, access: Access, privilege: Privilege): number {
    return this.memory.isBacked(frame * this.#pageSize) ? frame : this.#refuse(BUS, page, offset, access, privilege);
  }

  /** What an entry says on machines with domains, or with pages in parts: the frame, −1 with `fault` filled, or UNDECIDED. */
  #askNote(tlb: Tlb, entry: number, page: number, offset: number, access: Access, privilege: Privilege): number {
    const note = tlb.note(entry);
    this.#noteSite(note);
    const standing = this.domainAccess(domainOf(note));
    if (standing === CLOSED) return this.#refuse(DOMAIN, page, offset, access, privilege);
    const frame = tlb.frameOf(entry, page);
    if (standing === OPEN || lets(tlb.rightsOf(entry, page), privilege, access)) {
      const isShown = tlb.show(entry, privilege * 3 + (access >>> 1), page, frame);
      return isShown ? frame : this.#refuse(BUS, page, offset, access, privilege);
    }
    // A part of the page may let through what the whole does not: the front, which knows pages only, is not told.
    const within = (page - tlb.firstPage(entry)) * this.#pageSize + offset;
    const isPermitted = lets(rightsAt(note, within, tlb.span(entry) * this.#pageSize), privilege, access);
    return isPermitted ? this.#backed(page, frame, offset, access, privilege) : UNDECIDED;
  }

  /** Where an entry came from, for the report of a fault. */
  #noteSite(note: number): void {
    const site = this.faultSite;
    site.depth = depthOf(note);
    site.domain = domainOf(note);
    site.onWalk = false;
  }

  #lookAtDomains(): void {
    const { translation } = this.architecture;
    if (translation.kind !== "hierarchical" || translation.domains === undefined) return;
    const { count, tell } = translation.domains;
    this.#domains = Uint8Array.from({ length: count }, (_, domain) => STANDINGS.indexOf(tell(domain, this.#switches)));
  }

  /** Lets the refill code enter a page; `#served` is its frame then, if that has served the access as well. */
  #miss(tlb: Tlb, page: number, access: Access, privilege: Privilege): FaultReason {
    const { statistics } = this;
    if (access === TO_EXECUTE) statistics.itlbMisses += 1;
    if (access !== TO_EXECUTE || this.#unified === 1) statistics.tlbMisses += 1;
    if (this.events.sink !== null) return this.#missAloud(tlb, page, access, privilege);
    const reason = this.#refillCode.miss(this, page, access, privilege);
    if (reason === NONE) statistics.refills += 1;
    return reason;
  }

  /** A miss that ended well by itself. */
  #count(access: Access, reads: number): void {
    const { statistics } = this;
    if (access === TO_EXECUTE) statistics.itlbMisses += 1;
    if (access !== TO_EXECUTE || this.#unified === 1) statistics.tlbMisses += 1;
    statistics.refills += 1;
    statistics.walks += 1;
    statistics.walkReads += reads;
  }

  /** The same where somebody listens. */
  #missAloud(tlb: Tlb, page: number, access: Access, privilege: Privilege): FaultReason {
    const asid = this.asidFor(privilege);
    this.events.sink?.({ kind: "tlb-miss", cpu: this.id, unit: unitOf(access), hardwarePage: page, asid });
    const reason = this.#refillCode.miss(this, page, access, privilege);
    if (reason !== NONE) return reason;
    this.statistics.refills += 1;
    const frame = this.#frameIn(tlb, page, asid);
    this.events.sink?.({ kind: "tlb-fill", cpu: this.id, unit: unitOf(access), hardwarePage: page, frame, asid });
    return NONE;
  }

  #frameIn(tlb: Tlb, page: number, asid: number): number {
    const entry = tlb.probe(page, asid);
    return entry < 0 ? -1 : tlb.frameOf(entry, page);
  }

  #refuse(reason: FaultReason, page: number, offset: number, access: Access, privilege: Privilege): number {
    this.#note(page, offset, access, privilege);
    this.fault.isPending = true;
    this.fault.reason = reason;
    this.statistics.refusals += 1;
    if (this.events.sink !== null) this.#tellTrap(reason, page, access, privilege);
    return -1;
  }

  /** What handlers see of the access under way, which may still succeed. */
  #note(page: number, offset: number, access: Access, privilege: Privilege): void {
    const { fault } = this;
    fault.page = page;
    fault.offset = offset;
    fault.access = access;
    fault.privilege = privilege;
  }

  #tellTrap(reason: FaultReason, page: number, access: Access, privilege: Privilege): void {
    const { trap } = this.architecture.faults.report(reason, access, privilege, this.#switches, this.faultSite);
    this.events.sink?.({ kind: "trap", cpu: this.id, reason, hardwarePage: page, access, privilege, trap });
  }

  /** Physical address of a byte, or −1 with `fault` filled. */
  #locate(page: number, offset: number, access: Access, privilege: Privilege): number {
    const known = this.#tlbState === ACTIVE ? this.#lookaside.frameOf(privilege * 3 + (access >>> 1), page) : -1;
    if (known >= 0) this.fault.isPending = false;
    const frame = known >= 0 ? known : this.#translateSlowly(integer(page), offset, access, privilege);
    return frame < 0 ? -1 : frame * this.#pageSize + offset;
  }

  #loadSlowly(page: number, offset: number, width: 1 | 2 | 4, access: Access, privilege: Privilege): number {
    if (width !== 4 || (offset & this.#unlike32) !== 0 || (offset | 0) !== offset)
      return this.#loadAnywhere(page, offset, width, access, privilege);
    const reason = this.#refill(page, offset, access, privilege);
    const start = reason === NONE && access === TO_READ ? (privilege === FROM_USER ? this.#userReads : this.#kernelReads)[page] | 0 : 0;
    if (start > 0) {
      const word = this.#words[start - 1 + (offset >>> 2)];
      return (this.#byteOrder === BIG ? swapped(word) : word) | 0;
    }
    return this.#loadRest(reason, page, offset, access, privilege);
  }

  /** The same after a miss that was not served at once. */
  #loadRest(reason: FaultReason | typeof UNUSUAL, page: number, offset: number, access: Access, privilege: Privilege): number {
    const frame =
      reason === NONE
        ? this.#translateEntered(page, offset, access, privilege)
        : this.#translateOtherwise(reason, page, offset, access, privilege);
    return frame < 0 ? -1 : this.memory.read32(frame * this.#pageSize + offset) | 0;
  }

  #loadAnywhere(page: number, offset: number, width: 1 | 2 | 4, access: Access, privilege: Privilege): number {
    this.#checkOffset(offset);
    const inFirst = Math.min(width, this.#pageSize - offset);
    const address = this.#locate(page, offset, access, privilege);
    if (address < 0) return -1;
    if (inFirst === width)
      return width === 4 ? this.memory.read32(address) : width === 2 ? this.memory.read16(address) : this.memory.read8(address);
    const second = this.#locate(page + 1, 0, access, privilege);
    if (second < 0) return -1;
    let value = 0;
    for (let byte = 0; byte < width; byte += 1) {
      const read = this.memory.read8(byte < inFirst ? address + byte : second + byte - inFirst);
      value += read * 256 ** (this.#byteOrder === BIG ? width - 1 - byte : byte);
    }
    return value;
  }

  #storeSlowly(page: number, offset: number, value: number, width: 1 | 2 | 4, privilege: Privilege): boolean {
    this.#checkOffset(offset);
    const inFirst = Math.min(width, this.#pageSize - offset);
    const address = this.#locate(page, offset, TO_WRITE, privilege);
    if (address < 0) return false;
    if (inFirst === width) {
      if (width === 4) this.memory.write32(address, value);
      else if (width === 2) this.memory.write16(address, value);
      else this.memory.write8(address, value);
      return true;
    }
    // Both pages are known to be writable before the first byte changes.
    const second = this.#locate(page + 1, 0, TO_WRITE, privilege);
    if (second < 0) return false;
    for (let byte = 0; byte < width; byte += 1) {
      const shift = (this.#byteOrder === BIG ? width - 1 - byte : byte) * 8;
      this.memory.write8(byte < inFirst ? address + byte : second + byte - inFirst, (value >>> shift) & 0xff);
    }
    return true;
  }

  #checkOffset(offset: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset >= this.#pageSize)
      throw new PortolanError("ERR_BAD_ARGUMENT", { offset, pageSize: this.#pageSize });
  }

  #tlbs(): readonly Tlb[] {
    return this.instructionTlb === this.dataTlb ? [this.dataTlb] : [this.instructionTlb, this.dataTlb];
  }

  #honourGlobal(): void {
    const { honoursGlobal } = this.architecture.tlb;
    const isHonoured = typeof honoursGlobal === "boolean" ? honoursGlobal : this.#switches[honoursGlobal.switch];
    for (const tlb of this.#tlbs()) tlb.honoursGlobal = isHonoured;
  }

  #invalidated(type: "all" | "asid" | "pages", asid: number, page: number, count: number, dropped: number): void {
    const { statistics } = this;
    statistics.invalidations += 1;
    statistics.invalidated += dropped;
    if (this.events.sink !== null) this.#tellInvalidation(type, asid, page, count);
  }

  #tellInvalidation(type: "all" | "asid" | "pages", asid: number, page: number, count: number): void {
    this.events.sink?.({ kind: "invalidate", cpu: this.id, type, asid, page, count });
  }
}
