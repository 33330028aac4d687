/**
 * Processors by name: what differs between them here is the number of paired entries, the width of physical addresses and
 * what happens when software makes two entries match. Those with a fixed mapping in place of a TLB (4Km, 4KEm, M14K) are
 * not here. M14Kc and P5600 have RI and XI in EntryLo, which read as zero until PageGrain says otherwise; nothing here does.
 */

/** What a machine takes from a processor. */
export interface Processor {
  /** Paired entries of the joint TLB, first what is taken where nothing is asked for; the small buffers before it are invisible. */
  readonly entries: readonly [usual: number, ...others: number[]];
  /** Bits of a physical address: EntryLo has room for 36. */
  readonly physicalBits: 32 | 36;
  /**
   * A write that makes two entries match one address: `"machine-check"`, the entry is not written and the processor says
   * why; `"shutdown"`, it is written, Status.TS is set, and what the TLB does from then on is nobody's promise.
   */
  readonly multipleMatches: "machine-check" | "shutdown";
}

const core = (entries: Processor["entries"], physicalBits: Processor["physicalBits"] = 32): Processor => ({
  entries,
  physicalBits,
  multipleMatches: "machine-check",
});
const mips3 = (entries: Processor["entries"]): Processor => ({ entries, physicalBits: 36, multipleMatches: "shutdown" });

/** The processors that `mips32With` knows. */
export const PROCESSORS = {
  /** R4000 User's Manual, chapter 4; what HelenOS takes unless told otherwise. */
  R4000: mips3([48]),
  /** The same with larger caches. */
  R4400: mips3([48]),
  /** MIPS32 4K Processor Core Family Software User's Manual, memory management. */
  "4Kc": core([16]),
  "4KEc": core([16]),
  /** MIPS32 24K Processor Core Family Software User's Manual, memory management: the number is chosen when the core is built. */
  "24Kc": core([16, 32, 64]),
  "24KEc": core([16, 32, 64]),
  "24Kf": core([16, 32, 64]),
  "34Kf": core([64, 32, 16]),
  "74Kf": core([16, 32, 64]),
  M14Kc: core([16]),
  P5600: core([64]),
  "5Kc": core([32], 36),
  "5Kf": core([32], 36),
  "5KEc": core([32], 36),
  "20Kc": core([48], 36),
  VR5432: mips3([48]),
} as const satisfies Readonly<Record<string, Processor>>;

/** A key of {@link PROCESSORS}. */
export type ProcessorName = keyof typeof PROCESSORS;
