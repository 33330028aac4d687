/**
 * The two translation storage buffers of one address space, 32 KiB each, in one run of 64 KiB: first the one for
 * fetches, then the one for data.
 *
 * A removed page marks the slots of its hardware pages in both, whoever is there. While the space is installed a locked
 * 64 KiB entry of the data TLB maps the run, so that the handler of a miss does not miss itself.
 *
 * @see HelenOS kernel/arch/sparc64/src/mm/tsb.c and as.c
 */
import {
  ENTRY_LOCKED,
  EXECUTE,
  KERNEL,
  READ,
  WRITE,
  rightsFor,
  Tsb,
  explainFields,
  type Access,
  type Cpu,
  type EntryFormat,
  type PhysicalMemory,
  type Rights,
  type SoftwareCache,
  type TranslationContext,
  type WalkStep,
} from "@portolan/core/architecture";
import { FormatCodec } from "@portolan/core/architecture";
import { dataTte, instructionTte, tsbEntryFields } from "./formats.js";
import { tsbRegister } from "./registers.js";

/** Slots of each buffer: 512 × 2^2. */
export const TSB_SLOTS = 2048;
/** Physical memory of both buffers together, in bytes: 64 KiB, to which the run is aligned. */
export const TSB_PAIR_BYTES = 2 * TSB_SLOTS * 16;
const HARDWARE_PAGE = 0x2000;
/** The run in hardware pages: one entry of 64 KiB. */
const RUN = TSB_PAIR_BYTES / HARDWARE_PAGE;
const TWO_32 = 0x1_0000_0000;
const SLOT_BITS_OF_TAG = 512;

/** Bits 31:0 of the tag for a hardware page: VA[53:22]. */
export const tagLow = (page: number): number => Math.floor(page / SLOT_BITS_OF_TAG) % TWO_32;
/** Bits 63:32: the context in 60:48, VA[63:54] below. */
export const tagHigh = (page: number, context: number): number => context * 65536 + Math.floor(page / (SLOT_BITS_OF_TAG * TWO_32));

/** The pair of one space. It neither allocates nor frees the run; whoever made it does. */
export class TsbPair implements SoftwareCache {
  readonly instruction: Tsb;
  readonly data: Tsb;
  readonly bytes = TSB_PAIR_BYTES;
  readonly #memory: PhysicalMemory;
  readonly #context: TranslationContext;
  readonly #base: number;
  readonly #dataCodec = new FormatCodec(dataTte(false), {});
  readonly #instructionCodec = new FormatCodec(instructionTte, {});

  /** @param frame first frame of the run, aligned to its size; the buffers begin invalid */
  constructor(memory: PhysicalMemory, context: TranslationContext, frame: number) {
    this.#memory = memory;
    this.#context = context;
    this.#base = frame * memory.frameSize;
    this.instruction = new Tsb(memory, this.#base, TSB_SLOTS);
    this.data = new Tsb(memory, this.#base + TSB_PAIR_BYTES / 2, TSB_SLOTS);
    this.invalidate(0, Infinity);
  }

  /** Virtual address of the run in the kernel's space, where RAM begins at 0. */
  get kernelAddress(): number {
    return this.#base - this.#memory.firstFrame * this.#memory.frameSize;
  }

  /** Bases are virtual, in the kernel's space. @see USUM §6.9.6 */
  get registers(): Readonly<Record<string, bigint>> {
    const base = BigInt(this.kernelAddress);
    const size = Math.log2(TSB_SLOTS / 512);
    return { TSB_I: tsbRegister({ base, size }), TSB_D: tsbRegister({ base: base + BigInt(TSB_PAIR_BYTES / 2), size }) };
  }

  invalidate(page: number, count: number): void {
    const perPage = this.#memory.frameSize / HARDWARE_PAGE;
    this.instruction.invalidate(page * perPage, count * perPage);
    this.data.invalidate(page * perPage, count * perPage);
  }

  /** Maps the run by a locked entry of the data TLB; an older entry for these pages goes first. */
  install(cpu: Cpu): void {
    const page = this.kernelAddress / HARDWARE_PAGE;
    const asid = cpu.asidFor(KERNEL);
    cpu.dataTlb.invalidatePages(page, RUN, asid);
    cpu.dataTlb.enter(page, RUN, this.#base / HARDWARE_PAGE, asid, rightsFor(READ | WRITE, 0), ENTRY_LOCKED);
  }

  /** Drops the locked entry that mapped the run. */
  deinstall(cpu: Cpu): void {
    cpu.dataTlb.invalidatePages(this.kernelAddress / HARDWARE_PAGE, RUN, cpu.asidFor(KERNEL));
  }

  eachFrame(visit: (frame: number) => void): void {
    for (let at = 0; at < TSB_PAIR_BYTES; at += this.#memory.frameSize) visit((this.#base + at) / this.#memory.frameSize);
  }

  eachTranslation(visit: (page: number, frame: number, asid: number, rights: Rights) => void): void {
    for (const [tsb, codec] of [
      [this.instruction, this.#instructionCodec],
      [this.data, this.#dataCodec],
    ] as const) {
      for (let slot = 0; slot < tsb.entries; slot += 1) {
        if (tsb.isMarked(slot)) continue;
        const high = tsb.tagHigh(slot);
        // A slot implies VA[23:13], the tag says VA[63:22]: the two agree in bits 23:22.
        const upper = (high % 1024) * TWO_32 + tsb.tagLow(slot);
        const page = upper * SLOT_BITS_OF_TAG + (slot % SLOT_BITS_OF_TAG);
        const low = tsb.dataLow(slot);
        visit(
          page,
          codec.addressOf(low, tsb.dataHigh(slot)) / HARDWARE_PAGE,
          Math.floor(high / 65536),
          codec.rightsOf(low, tsb.dataHigh(slot)),
        );
      }
    }
  }

  explain(address: bigint, access: Access): WalkStep {
    const tsb = access === EXECUTE ? this.instruction : this.data;
    const format: EntryFormat = access === EXECUTE ? instructionTte : dataTte(false);
    const page = Number((address & 0xffff_ffff_ffff_ffffn) >> 13n);
    const slot = tsb.slotOf(page);
    const raw = (word(tsb.tagLow(slot), tsb.tagHigh(slot)) << 64n) | word(tsb.dataLow(slot), tsb.dataHigh(slot));
    const isHit = tsb.holds(slot, tagLow(page), tagHigh(page, this.#context.asid));
    return {
      table: access === EXECUTE ? "instruction TSB" : "data TSB",
      tableAddress: BigInt(tsb.base),
      index: slot,
      entryAddress: BigInt(tsb.addressOf(slot)),
      bytes: 16,
      raw,
      fields: explainFields(tsbEntryFields(format), raw),
      manual: "UltraSPARC I/II User's Manual §6.3",
      says: isHit
        ? "the tag is the access's own: the handler loads this"
        : tsb.isMarked(slot)
          ? "invalid: the handler looks further"
          : "another page's: the handler looks further",
    };
  }
}

const word = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);
