/**
 * What decides about translations and does not lie in tables: entries of TLBs, registers, and which address spaces there are. Plain
 * data, as a dump, a monitor's listing or a golden vector has it, and nothing that a machine works with.
 */
import type { AccessMask } from "./rights.js";

/**
 * A processor's translations beside the tables in memory.
 *
 * Registers have the manual's names. MIPS32: `EntryHi` (its low byte is the current ASID), `Wired`, `PageMask`… UltraSPARC:
 * `PRIMARY_CONTEXT`, `TSB_I` and `TSB_D` (as the manual packs them: base, split, size). Two are no register's: `hash`, physical address
 * of the page hash table's directory, and `chains`, the number of its chains, without which both chains that a page may be in are
 * looked at.
 */
export interface TranslationState {
  /** Name of the machine that it is of, where the source says so. */
  readonly machine?: string;
  readonly registers: Readonly<Record<string, bigint>>;
  /** The machine's switches by their names in its description, where the source tells; others are as after reset. */
  readonly switches?: Readonly<Record<string, boolean>>;
  /** In any order. Entries that match nothing are left out. */
  readonly tlb: readonly TlbRow[];
  /** The address spaces that software knows, where the source tells. */
  readonly spaces?: readonly SpaceRow[];
}

/**
 * One entry of a TLB, with the names of the golden vectors. Addresses and sizes are in bytes.
 *
 * A paired entry (MIPS) whose halves lie side by side in physical memory and let the same through may be one row over both pages;
 * else it is two rows with the same `unit` and `index`, one a half.
 */
export interface TlbRow {
  /** `"data"` also where one buffer serves fetches too. */
  readonly unit: "data" | "instruction";
  /** The entry's number. */
  readonly index: number;
  /** First virtual address, as processors write it: with the copies of its highest bit, where the machine has them. */
  readonly virtual: bigint;
  readonly bytes: number;
  /** Physical address of the first byte. */
  readonly physical: bigint;
  /** Tag of the address space; of a global entry whatever stands there. */
  readonly asid: number;
  /** For every address space; of a half, if the other half says so too. */
  readonly global: boolean;
  /** What the entry lets the kernel and the user do: READ, WRITE and EXECUTE, or none of them. */
  readonly kernel: AccessMask;
  readonly user: AccessMask;
  /**
   * False: the entry (the half) matches, and refuses all: V of MIPS is clear. True where absent. Rights are none then.
   */
  readonly valid?: boolean;
  /** Against replacement. False where absent. */
  readonly locked?: boolean;
  /** The page is not cached. False where absent. */
  readonly uncached?: boolean;
  /**
   * The words that software wrote, where the source tells them: of MIPS32 `EntryHi`, `EntryLo0`, `EntryLo1` and `PageMask`, whole in
   * each row of a pair; of UltraSPARC `TAG` (as Tag Access has it: VA 63:13 and context) and `DATA` (the TTE's).
   */
  readonly words?: Readonly<Record<string, bigint>>;
}

/** An address space as software keeps it. */
export interface SpaceRow {
  /** The number by which tables that are everybody's know it. */
  readonly space: number;
  /** The tag of its TLB entries; what no space has, while it has none. */
  readonly asid: number;
  /** Physical address of its tree, on machines whose software keeps one. */
  readonly root?: bigint;
  /** Registers that are loaded with it: `TSB_I`, `TSB_D`. */
  readonly registers?: Readonly<Record<string, bigint>>;
}
