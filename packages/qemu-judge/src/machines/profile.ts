/**
 * What QEMU and our stub have to be told to judge a machine: one value for each. Everything else in this package is the same
 * for all of them.
 */
import type { Subject, VectorEntry } from "@portolan/conformance";
import type { AddressSpace, Architecture, Machine, MakePart, Oracle, Random, Refill } from "@portolan/core";
import type { BlankCase, JudgedCase, JudgedEntry, JudgedQuery, Piece, Report } from "../case.js";
import type { RawResult } from "../mailbox.js";
import type { Explanation } from "../verdict/explanation.js";

/** The pieces of RAM that prove a physical address. */
export interface SlotKind {
  /** A power of two, 16 or more. RAM is looked at in slots of this size; accesses are made at their beginning. */
  readonly bytes: number;
  /** Where in the slot the word lies that reads read and writes write. A fetch executes from the slot's first byte. */
  readonly dataOffset: number;
  /** Width of that word. */
  readonly dataBytes: 4 | 8;
  /**
   * The slot at a physical address: code that tells the stub `stampOf(physical)` and returns to it, and a data word of that
   * value. It depends on the address only, so that translated code that QEMU keeps is never stale.
   */
  readonly make: (physical: number) => Uint8Array;
}

/** What is unique to a slot: both its data word and what its code reports. Never 0. */
export const stampOf = (physical: number): number => ((physical ^ 0x5a00_0000) >>> 0) | 1;

/** The stub's own mapping, which must be in the tables that are judged where it runs under them. */
export interface Window {
  /** Written into memory before the accesses, and put back after them. Not compared. */
  readonly patch: readonly Piece[];
  /** Words for the stub, by the profile's own meaning. */
  readonly registers: readonly (bigint | number)[];
}

/** What a handler found. `address` is the faulting address where the machine has a register for it. */
export interface Trap extends Report {
  readonly address?: bigint;
}

export interface MachineProfile {
  /** What `--arch` takes. */
  readonly name: string;
  readonly architecture: Architecture;
  readonly oracle?: Oracle;
  readonly qemu: {
    /** `"qemu-system-arm"`, and Debian's package that brings it. */
    readonly program: string;
    readonly package: string;
    /** What is judged, in words: `"ARM926EJ-S"`. */
    readonly title: string;
    /** Machine, CPU, RAM size, and how the stub gets in; `{stub}` stands for the path of the stub's binary, `{ram}` for the memory object's arguments' id. */
    readonly args: readonly string[];
  };
  /** `"file"`: guest RAM is a file that both map (`-object memory-backend-file,id=ram` is added). `"process"`: the host reads and writes QEMU's own memory. */
  readonly memory: "file" | "process";
  /** Guest RAM: physical address of its first byte, and bytes. */
  readonly ram: { readonly first: number; readonly bytes: number };
  /** Where cases of our own making have their RAM; nothing of the stub's lies there. Golden vectors' RAM must lie free as well. */
  readonly cases: { readonly first: number; readonly bytes: number };
  /** File name in stubs/. */
  readonly stub: string;
  /** Physical address of the mailbox, width and order of its words. */
  readonly mailbox: { readonly at: number; readonly wordBytes: 4 | 8; readonly order: "little" | "big" };
  readonly slot: SlotKind;
  /**
   * The window for these accesses; null if some of them have to wait for another round because they leave no room for it. Absent:
   * the stub needs none.
   */
  readonly window?: (judged: JudgedCase, queries: readonly JudgedQuery[]) => Window | null;
  /** The machine-specific registers of a case, at most REGISTER_WORDS less those of the window, which follow them. */
  readonly registers: (judged: JudgedCase) => readonly (bigint | number)[];
  /** What a result with status TRAPPED says, in the words of the port's fault decoding. */
  readonly trap: (raw: RawResult, query: JudgedQuery, judged: JudgedCase) => Trap;
  /** Where an access of `query` leaves the faulting address; the query's own where absent, null where the machine has no such register. */
  readonly faultAddress?: (query: JudgedQuery, judged: JudgedCase) => bigint | null;
  /** Loads a case's TLB entries (and registers) into a machine of ours; absent where hardware walks. */
  readonly load?: (machine: Machine, space: AddressSpace, judged: BlankCase) => void;
  /** The port's own refill code answers misses (from a TSB, say), and TLBs are cold before every access; else only loaded entries count. */
  readonly refills?: boolean;
  /** What answers misses where only loaded entries count; a refill that knows nothing but the entries where absent. */
  readonly byHand?: MakePart<Refill>;
  /** What registers of ours hold after an access was refused; those that a trap tells too are compared. */
  readonly registersAfter?: (
    machine: Machine,
    query: Pick<JudgedQuery, "address" | "access" | "privilege">,
  ) => Readonly<Record<string, bigint>>;
  /** An entry as the stub reads it, four words; its own words where absent. */
  readonly mailboxEntry?: (entry: JudgedEntry) => readonly bigint[];
  /**
   * A golden vector's entry in the machine's own words: one row, or two that are its halves, in ascending order; null if the machine
   * has no such entry. Present where `load` is.
   */
  readonly entryWords?: (rows: readonly VectorEntry[]) => readonly bigint[] | null;
  /** Cases that only this machine has: TLB contents, TSBs; at least `queries` accesses. What is expected is filled in afterwards. `subject` is what is judged. */
  readonly own?: (random: Random, queries: number, subject: Subject) => Iterable<BlankCase>;
  /** Does a load or store go through a page that has the other byte order? Never, where absent. */
  readonly turnsBytes?: (query: JudgedQuery, judged: JudgedCase) => boolean;
  /** A case of our own making as it is asked in the end: where bits turned over at random would make most of them say the same. */
  readonly amend?: (blank: BlankCase, random: Random) => BlankCase;
  /** Is an access that our side calls a bus error judged? Only where QEMU has nothing at that address and reports it. `isTable`: the walk went there, not the access. */
  readonly judgesBus?: (physical: bigint, isTable: boolean) => boolean;
  /** Known deviations between QEMU and our side. */
  readonly explanations: readonly Explanation[];
}
