/**
 * The trap handlers of the MMU, as HelenOS has them: a miss looks into the TSB, then into the page hash table; the first
 * store to a page traps once more, and is recorded.
 *
 * A hardware page is half a page of the core: each half is entered by its own miss. Translations are entered without the
 * right to write until the first store, so TSB and TLB never let a store pass that the page hash table has not seen.
 *
 * The kernel's space shows RAM from its first byte on, but for page 0; a data miss there enters that without asking a
 * table. HelenOS does the same for every address; here what lies outside RAM is looked up like any other page.
 *
 * @see HelenOS kernel/arch/sparc64/src/mm/tlb.c and include/trap/mmu.h; UltraSPARC I/II User's Manual §6.4
 */
import {
  ABSENT,
  ALL_LOCKED,
  ENTRY_GLOBAL,
  ENTRY_LOCKED,
  EVENTS,
  EXECUTE,
  FormatCodec,
  KERNEL,
  LOCKS,
  NO_FAULT,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_TABLES,
  PHYSICAL_MEMORY,
  PRIVILEGED,
  PROTECTION,
  READ,
  RESERVED,
  WRITE,
  permits,
  type Access,
  type Cpu,
  type Events,
  type FaultReason,
  type Locks,
  type PageFlags,
  type PageTables,
  type PhysicalMemory,
  type Privilege,
  type Refill,
  type Tsb,
  type TranslationContext,
  inject,
  injectable,
} from "@portolan/core/parts";
import { dataTte, instructionTte } from "./formats.js";
import { tagHigh, tagLow, TsbPair } from "./tsb-pair.js";

const HARDWARE_PAGE = 0x2000;
/** What the kernel's own window is mapped with: V, CP, P, W (and CV). */
const WINDOW: PageFlags = READ | WRITE | PAGE_CACHEABLE;
const L = 0x40;
const VALID_HIGH = 0x8000_0000;

/** The trap handlers of misses and of protection, as one part of the machine. */
@injectable()
export class SoftwareRefill implements Refill {
  readonly #memory: PhysicalMemory;
  readonly #tables: PageTables;
  readonly #locks: Locks;
  readonly #events: Events;
  readonly #instruction = new FormatCodec(instructionTte, {});
  readonly #data = new FormatCodec(dataTte(false), {});
  readonly #dataVirtuallyCached = new FormatCodec(dataTte(true), {});
  readonly #halves: number;
  /** The kernel's window ends where RAM does. */
  readonly fixedPages: number;

  constructor(
    @inject(PHYSICAL_MEMORY) memory: PhysicalMemory,
    @inject(PAGE_TABLES) tables: PageTables,
    @inject(LOCKS) locks: Locks,
    @inject(EVENTS) events: Events,
  ) {
    this.#memory = memory;
    this.#tables = tables;
    this.#locks = locks;
    this.#events = events;
    this.#halves = memory.frameSize / HARDWARE_PAGE;
    this.fixedPages = memory.frameCount * this.#halves;
  }

  /** The context and the TSBs of the installed space; the kernel has none of these. */
  registersOf(cpu: Cpu): Readonly<Record<string, bigint>> {
    return { PRIMARY_CONTEXT: BigInt(cpu.context.asid), ...cpu.context.cache?.registers };
  }

  /** Traps 0x64 and 0x68. */
  miss(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const context = cpu.contextFor(privilege);
    if (context.isKernel) {
      const frame = this.fixedFrame(page, access);
      if (frame >= 0) {
        const codec = this.#codec(cpu, access);
        return this.#enter(
          cpu,
          access,
          page,
          context.asid,
          codec.encodeLow(frame * HARDWARE_PAGE, WINDOW),
          codec.encodeHigh(frame * HARDWARE_PAGE, WINDOW),
        );
      }
    }
    const tsb = tsbOf(context, access);
    if (tsb !== null) {
      const slot = tsb.slotOf(page);
      const isHit = tsb.holds(slot, tagLow(page), tagHigh(page, context.asid)) && tsb.dataHigh(slot) >= VALID_HIGH;
      const sink = this.#events.sink;
      if (sink !== null) sink({ kind: "tsb", cpu: cpu.id, hardwarePage: page, hit: isHit });
      if (isHit) {
        cpu.statistics.tsbHits += 1;
        return this.#enter(cpu, access, page, context.asid, tsb.dataLow(slot), tsb.dataHigh(slot));
      }
      cpu.statistics.tsbMisses += 1;
    }
    return this.#lookUp(cpu, context, page, access);
  }

  /** Traps 0x6c, 0x30 and 0x08. Privilege is checked first; what not even the kernel may load from is an NFO page. */
  refused(cpu: Cpu, page: number, access: Access, privilege: Privilege, entry: number): FaultReason {
    if (access === EXECUTE) return PRIVILEGED;
    const rights = cpu.dataTlb.rightsOf(entry, page);
    if (!permits(rights, KERNEL, READ)) return RESERVED;
    if (access !== WRITE || !permits(rights, privilege, READ)) return PRIVILEGED;
    const context = cpu.contextFor(privilege);
    const machinePage = Math.floor(page / this.#halves);
    this.#locks.acquire("page-table", context.id);
    const may = this.#tables.find(context, machinePage) && permits(this.#tables.found.rights, privilege, WRITE);
    if (may) {
      this.#tables.mark(context, machinePage, true);
      // The entry that refused must go first: two entries for a page are an error of software's.
      cpu.dataTlb.invalidatePage(page, context.asid);
      this.#insert(cpu, context, page, WRITE, this.#tables.found.flags | WRITE);
    }
    this.#locks.release("page-table", context.id);
    return may ? NO_FAULT : PROTECTION;
  }

  /** The kernel's window: virtual address = physical address − base of RAM. Nobody may use its page 0. */
  fixedFrame(page: number, access?: Access): number {
    if (access === EXECUTE) return -1;
    if (page < 1 || page >= this.fixedPages) return -1;
    const frame = page + this.#memory.firstFrame * this.#halves;
    return this.#memory.isBacked(frame * HARDWARE_PAGE) ? frame : -1;
  }

  #lookUp(cpu: Cpu, context: TranslationContext, page: number, access: Access): FaultReason {
    const machinePage = Math.floor(page / this.#halves);
    this.#locks.acquire("page-table", context.id);
    const isFound = this.#tables.find(context, machinePage);
    const reads = this.#tables.reads ?? 1;
    const isThere = isFound && (access !== EXECUTE || (this.#tables.found.flags & EXECUTE) !== 0);
    if (isThere) {
      this.#tables.mark(context, machinePage, false);
      this.#insert(cpu, context, page, access, this.#tables.found.flags & ~WRITE);
    }
    this.#locks.release("page-table", context.id);
    cpu.statistics.walks += 1;
    cpu.statistics.walkReads += reads;
    return isThere ? NO_FAULT : ABSENT;
  }

  /** Enters the half that was missed, with these flags, into the TLB and then into the TSB, there never as global. */
  #insert(cpu: Cpu, context: TranslationContext, page: number, access: Access, flags: PageFlags): void {
    const codec = this.#codec(cpu, access);
    const address = (this.#tables.found.frame * this.#halves + (page % this.#halves)) * HARDWARE_PAGE;
    const asked = flags & 63;
    this.#enter(cpu, access, page, context.asid, codec.encodeLow(address, asked), codec.encodeHigh(address, asked));
    const tsb = tsbOf(context, access);
    if (tsb === null) return;
    const local = asked & ~PAGE_GLOBAL;
    tsb.write(
      tsb.slotOf(page),
      tagLow(page),
      tagHigh(page, context.asid),
      codec.encodeLow(address, local),
      codec.encodeHigh(address, local),
    );
  }

  /** "Data In": the TTE goes where replacement says. */
  #enter(cpu: Cpu, access: Access, page: number, asid: number, low: number, high: number): FaultReason {
    const tlb = access === EXECUTE ? cpu.instructionTlb : cpu.dataTlb;
    const codec = this.#codec(cpu, access);
    const span = 8 ** ((high >>> 29) & 3);
    const frame = codec.addressOf(low, high) / HARDWARE_PAGE;
    const flags = ((low & 1) === 0 ? 0 : ENTRY_GLOBAL) | ((low & L) === 0 ? 0 : ENTRY_LOCKED);
    const entry = tlb.enter(page, span, frame - (frame % span), asid, codec.rightsOf(low, high), flags);
    if (entry === ALL_LOCKED) throw new Error("every entry of a TLB is locked; what the manual then leaves open must not happen");
    return NO_FAULT;
  }

  #codec(cpu: Cpu, access: Access): FormatCodec {
    if (access === EXECUTE) return this.#instruction;
    return cpu.switches["CV"] ? this.#dataVirtuallyCached : this.#data;
  }
}

/** The kernel's space has none. */
const tsbOf = (context: TranslationContext, access: Access): Tsb | null => {
  const pair = context.cache;
  if (!(pair instanceof TsbPair)) return null;
  return access === EXECUTE ? pair.instruction : pair.data;
};
