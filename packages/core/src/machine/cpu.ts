/**
 * A processor's memory-management unit: TLBs, the installed context, and loads, stores and fetches through them.
 *
 * The hit path is here, and is the same for every architecture: look into a front ({@link Lookaside}), read. Everything else
 * of an access, rights, replacement, refill, refusal, is the miss path's ({@link MissPath}). Pages are hardware pages unless
 * a parameter says otherwise; offsets are bytes within one.
 */
import type { Architecture } from "../architecture/architecture.js";
import { initialSwitches } from "../architecture/architecture.js";
import { ABSENT, NO_FAULT, PROTECTION } from "../architecture/faults.js";
import { EXECUTE, KERNEL, READ, USER, type Access, type Privilege, type Rights } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";
import { Events } from "../events.js";
import { ALL_FRONTS, Lookaside, NO_STARTS } from "../tlb/lookaside.js";
import type { NearTables } from "../tlb/near-walk.js";
import type { Refill } from "../tlb/refill.js";
import { Tlb } from "../tlb/tlb.js";
import { AddressMap } from "./address-map.js";
import { AnyAccess } from "./any-access.js";
import { noFault, type CpuFault, type CpuFaultSite } from "./cpu-fault.js";
import { CpuStatistics } from "./cpu-statistics.js";
import { CHECKED, standingsOf } from "./domain-standings.js";
import { MissPath } from "./miss-path.js";
import { swap32, type PhysicalMemory } from "./physical-memory.js";
import type { TranslationContext } from "./translation-context.js";

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

/** A TLB that nobody refills. */
const BY_HAND: Refill = { miss: () => ABSENT, refused: () => PROTECTION };

// Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Uint32Array(0);

/** What is imported is looked up at every use; these are constants to a compiler. */
const FROM_USER = USER;
const FROM_KERNEL = KERNEL;
const TO_READ = READ;
const TO_EXECUTE = EXECUTE;
const NONE = NO_FAULT;
const swapped = swap32;

/** A bit for each front of the kernel's accesses; the user's come after them. */
const KERNEL_FRONTS = 0b111;
/** Whether TLBs may be used, as an integer: a boolean would be asked whether it is one. */
const ACTIVE = 1;
const PARKED = 0;
const LITTLE = 0;
const BIG = 1;

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
  readonly fault: CpuFault = noFault();
  /** Where it was found; of an entry of a TLB, only where machines have domains or pages in parts. One object, used again. */
  readonly faultSite: CpuFaultSite = { depth: 0, domain: 0, onWalk: false };
  readonly statistics = new CpuStatistics();
  readonly #switches: Record<string, boolean>;
  readonly #pageSize: number = 0;
  readonly #hardwarePages: number = 0;
  /** LITTLE or BIG: a comparison of integers, where a boolean would be asked whether it is one. */
  readonly #byteOrder: number = LITTLE;
  readonly #tagless: number = 0;
  readonly #shadowed: number = 0;
  /** How each domain stands under the switches; null where the machine has none. */
  #domains: Uint8Array | null = null;
  /** Offsets with any of these bits set are outside the page, or cross an alignment: the slow road. */
  readonly #outside: number = 0;
  readonly #unlike16: number = 0;
  readonly #unlike32: number = 0;
  /** Fronts by privilege × 3 + access index, and their tables of starts; while the processor is parked there is nothing in those. */
  readonly #lookaside: Lookaside;
  readonly #misses: MissPath;
  readonly #anywhere: AnyAccess;
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
    const { tlb, hardwarePageShift } = architecture;
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
    // By shifts: a power is kept as a double.
    this.#pageSize = 1 << hardwarePageShift;
    this.#hardwarePages = 1 << (architecture.pageShift - hardwarePageShift);
    this.#byteOrder = memory.byteOrder === "big" ? BIG : LITTLE;
    this.#tagless = architecture.asids.bits === 0 ? 1 : 0;
    this.#shadowed = architecture.layout.kernelAddressSpaceShadowed ? 1 : 0;
    this.#outside = -this.#pageSize;
    this.#unlike16 = -this.#pageSize | 1;
    this.#unlike32 = -this.#pageSize | 3;
    this.#lookaside = new Lookaside(memory, hardwarePageShift, () => this.#expose());
    this.#misses = new MissPath(this, this.#lookaside, new AddressMap(architecture));
    this.#anywhere = new AnyAccess(memory, this.#misses, this.#pageSize);
    const chunk = memory.chunkOf(memory.firstFrame * memory.frameSize);
    this.#words = memory.words(chunk);
    this.#bytes = memory.bytes(chunk);
    for (const buffer of this.#tlbs()) buffer.attach(this.#lookaside);
    this.#expose();
    this.#honourGlobal();
    this.#domains = standingsOf(this.architecture, this.#switches);
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

  /** The hardware frame of a page for an access to the byte at `offset`, or −1 with `fault` filled. Pages in parts ask which byte. */
  translate(page: number, access: Access, privilege: Privilege, offset = 0): number {
    const frame = this.#tlbState === ACTIVE ? this.#lookaside.frameOf(privilege * 3 + (access >>> 1), page) : -1;
    return frame >= 0 ? frame : this.#misses.translate(page, offset, access, privilege);
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
    return this.#anywhere.load(page, offset, 1, TO_READ, privilege) | 0;
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
    return this.#anywhere.load(page, offset, 2, TO_READ, privilege) | 0;
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
    return this.#loadWordSlowly(page, offset, TO_READ, privilege) >>> 0;
  }

  /** An instruction word, as `load32`. */
  fetch32(page: number, offset: number, privilege: Privilege): number {
    const starts = privilege === FROM_USER ? this.#userFetches : this.#kernelFetches;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#unlike32) === 0) {
      const word = this.#words[start - 1 + (offset >>> 2)];
      return this.#byteOrder === BIG ? swapped(word) : word;
    }
    return this.#loadWordSlowly(page, offset, TO_EXECUTE, privilege) >>> 0;
  }

  /** False with `fault` filled where refused; nothing has been written then. */
  store8(page: number, offset: number, value: number, privilege: Privilege): boolean {
    const starts = privilege === FROM_USER ? this.#userWrites : this.#kernelWrites;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#outside) === 0) {
      this.#bytes[(start - 1) * 4 + offset] = value;
      return true;
    }
    return this.#anywhere.store(page, offset, value, 1, privilege);
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
    return this.#anywhere.store(page, offset, value, 2, privilege);
  }

  /** As `store16`. */
  store32(page: number, offset: number, value: number, privilege: Privilege): boolean {
    const starts = privilege === FROM_USER ? this.#userWrites : this.#kernelWrites;
    const start = starts[page] | 0;
    if (start > 0 && (offset & this.#unlike32) === 0) {
      this.#words[start - 1 + (offset >>> 2)] = this.#byteOrder === BIG ? swapped(value) : value;
      return true;
    }
    return this.#anywhere.store(page, offset, value, 4, privilege);
  }

  /** A word of which the hit path knows nothing. */
  #loadWordSlowly(page: number, offset: number, access: Access, privilege: Privilege): number {
    if ((offset & this.#unlike32) !== 0 || (offset | 0) !== offset) return this.#anywhere.load(page, offset, 4, access, privilege);
    const refilled = this.#misses.refill(page, offset, access, privilege);
    const start = refilled === NONE && access === TO_READ ? (privilege === FROM_USER ? this.#userReads : this.#kernelReads)[page] | 0 : 0;
    if (start > 0) {
      const word = this.#words[start - 1 + (offset >>> 2)];
      return (this.#byteOrder === BIG ? swapped(word) : word) | 0;
    }
    const frame = this.#misses.settle(refilled, page, offset, access, privilege);
    return frame < 0 ? -1 : this.memory.read32(frame * this.#pageSize + offset) | 0;
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
    this.#domains = standingsOf(this.architecture, this.#switches);
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
    this.#misses.isOpen = isActive;
  }

  /** Makes some fronts, a bit for each, forget everything; the TLBs keep what they have. */
  #forgetFronts(fronts: number): void {
    for (const tlb of this.#tlbs()) tlb.hide(fronts);
    this.#lookaside.flush(fronts);
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
