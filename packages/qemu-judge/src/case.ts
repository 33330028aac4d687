/**
 * What is put to the judge: memory, registers and TLB entries as they are before, accesses in order, what our side says of each,
 * and the memory that our side leaves behind. Golden vectors become cases, and so does any machine of ours as it stands.
 */
import type { Access, FaultReport, Privilege, Switches } from "@portolan/core";

/** A physical address where our side has no RAM, and whether a table was looked for there or the page itself. */
export interface Nowhere {
  readonly physical: bigint;
  readonly isTable: boolean;
}

/** What a handler finds: the exception and its code, and where a machine has more to tell, registers by name. */
export interface Report extends FaultReport {
  readonly registers?: Readonly<Record<string, bigint>>;
}

/** What our side says of an access. */
export type Expected =
  /** It is let through, to this physical address. */
  | { readonly kind: "physical"; readonly physical: bigint }
  /**
   * It is refused, for a reason in the words of FAULT_REASONS; with what the handler finds in its registers, where that is known,
   * and where nothing answered if the reason is `"bus"` and that is known.
   */
  | { readonly kind: "fault"; readonly reason: string; readonly report?: Report; readonly nowhere?: Nowhere };

/** One access. Every access begins with cold TLBs, but for entries that were loaded by hand. */
export interface JudgedQuery {
  /** A multiple of the machine's slot: the bits below pass through translation and prove nothing. */
  readonly address: bigint;
  readonly access: Access;
  readonly privilege: Privilege;
  readonly expected: Expected;
  /** Why it cannot be judged, in words, where the case itself makes it so. */
  readonly unjudged?: string;
}

/** An entry that software loads, in the machine's own words: EntryHi, PageMask, EntryLo0, EntryLo1; tag access and TTE. */
export interface JudgedEntry {
  readonly unit: "data" | "instruction";
  readonly index: number;
  readonly words: readonly bigint[];
}

/** Bytes at a physical address. */
export interface Piece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Memory, registers, entries, accesses. */
export interface JudgedCase {
  readonly name: string;
  /** Where our side has RAM: what lies outside is a bus error there. In bytes. */
  readonly ram: { readonly first: number; readonly bytes: number };
  /** Physical address of the root table; where there is a tree. */
  readonly root?: number;
  /** The kernel's own root, where it has one. */
  readonly kernelRoot?: number;
  readonly asid: number;
  readonly switches: Switches;
  /** Further registers, by the names that the machine's profile knows: a TSB's. */
  readonly registers?: Readonly<Record<string, bigint>>;
  /** What is not zero in RAM, whole pages or parts of them, disjoint, by ascending address. */
  readonly memory: readonly Piece[];
  readonly entries?: readonly JudgedEntry[];
  readonly queries: readonly JudgedQuery[];
  /** `memory` after the last access, as our side has it, data that was written apart; absent where nobody knows. */
  readonly after?: readonly Piece[];
}

/** A case before our side was asked. */
export type BlankCase = Omit<JudgedCase, "queries" | "after"> & { readonly queries: readonly Omit<JudgedQuery, "expected" | "unjudged">[] };
