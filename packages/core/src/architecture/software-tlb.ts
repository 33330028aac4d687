/**
 * A TLB that software fills, as it looks to somebody who has a machine's state and not the machine: what its words mean, what it
 * raises, and what the handlers do then. Data and pure functions of the port's, for explanations; nothing that translates asks them.
 */
import type { EntryFormat, Field } from "./entry-format.js";
import type { FaultReason } from "./faults.js";
import type { Access, Privilege } from "./rights.js";
import type { TlbRow } from "./translation-state.js";

/** A register or a word of an entry. */
export interface TlbWord {
  /** The manual's name: a key of `TlbRow.words`. */
  readonly name: string;
  readonly bits: 32 | 64;
  readonly fields: readonly Field[];
}

/** What the processor raises when its TLB does not let an access through. */
export interface TlbException {
  readonly reason: FaultReason;
  /** The manual's name, with what tells it from others of the same code: `"TLB Invalid, TLBL (2)"`. */
  readonly trap: string;
  /** The field that refuses, and a value with which it would not. */
  readonly field?: { readonly name: string; readonly is: number; readonly wouldBe: number };
  /** What the handler asks: the software cache and the tables behind it, those tables at once, or nothing. */
  readonly asks: "all" | "tables" | "nothing";
}

/** A translation storage buffer of the port's: a direct-mapped table of pairs of 64-bit words, tag and data. */
export interface StorageBuffer {
  /** The register that says where it lies. */
  readonly register: string;
  readonly unit: "data" | "instruction";
  /** What the register's value says: virtual address of the first slot, and slots. Where split, of each half. */
  readonly parse: (value: bigint) => { readonly base: bigint; readonly slots: number; readonly isSplit: boolean };
  /** Virtual address of the slot for an address. */
  readonly pointer: (value: bigint, address: bigint) => bigint;
  /** The tag that an entry for an address has. */
  readonly tagOf: (address: bigint, asid: number) => bigint;
  readonly tagFields: readonly Field[];
  /** The data's word. */
  readonly data: EntryFormat;
  /** The entry as one of a TLB; null where it is invalid. The slot tells the bits of the address that the tag has not. */
  readonly rowOf: (tag: bigint, data: bigint, slot: number) => TlbRow | null;
  readonly manual: string;
}

/** What a port tells of a TLB that its software fills. */
export interface SoftwareTlb {
  /** How the manual calls the tag of an address space. */
  readonly tagName: "ASID" | "context";
  /** The current tag, as registers have it. */
  readonly asidOf: (registers: Readonly<Record<string, bigint>>) => bigint | undefined;
  /** An entry that is not valid matches all the same, and refuses. */
  readonly matchesInvalid: boolean;
  /** The words of an entry that decide about an address, the one with the rights last. */
  readonly words: (row: TlbRow, address: bigint) => readonly TlbWord[];
  /** The last of these words as an entry. */
  readonly entryOf: (row: TlbRow) => EntryFormat;
  /** What is raised where no entry matches. */
  readonly miss: (access: Access) => TlbException;
  /** Of an entry that matches and does not let the access through. */
  readonly refusal: (row: TlbRow, access: Access, privilege: Privilege) => TlbException;
  /** What becomes of an access that two entries match, in words. */
  readonly overlap: string;
  /** What the handlers give the kernel without asking a table: the physical address, or null. `ram` is the first stretch of memory. */
  readonly fixedFor?: (address: bigint, access: Access, ram: { readonly first: number; readonly bytes: number }) => bigint | null;
  /** Software caches of one address space. None where absent. */
  readonly buffers?: readonly StorageBuffer[];
  readonly manual: string;
}
