/**
 * A second decoder of a machine's entries: slow, obvious, written from the manual's drawings and from nothing else. A port
 * brings one so that its formats, and the fast codec that is made of them, are held against another reading of the manual.
 */
import type { EntryFormat, EntryKind, Switches } from "./entry-format.js";
import type { Rights } from "./rights.js";

/** What an entry says. What is left out is not compared: an absent entry says nothing but that. */
export interface DecodedEntry {
  readonly kind: EntryKind;
  /** Physical address of the table or the page. */
  readonly physical?: bigint;
  readonly rights?: Rights;
  readonly isGlobal?: boolean;
  readonly isCacheable?: boolean;
  readonly isAccessed?: boolean;
  readonly isDirty?: boolean;
  /** Is a bit set that must be zero? */
  readonly hasReserved?: boolean;
  /** Rights of the four parts of a page that have their own, the lowest part first; `rights` is what they have in common. */
  readonly partRights?: readonly Rights[];
  /** The domain it names. */
  readonly domain?: number;
  /** Consecutive entries that hold the same page; 1 where absent. */
  readonly entries?: number;
}

/** The second decoder that a port brings, as `oracle` from `./oracle` of its package. Pure. */
export interface Oracle {
  /** The document that it was written from. */
  readonly manual: string;
  /** One decoder a level, from the root down; none where there is no tree. */
  readonly levels?: readonly ((word: bigint, switches: Switches) => DecodedEntry)[];
  /** Entries that lie elsewhere: in TLBs, in translation storage buffers. */
  readonly others?: readonly OtherEntry[];
}

/** An entry that lies in no table, and another reading of its words. */
export interface OtherEntry {
  readonly format: EntryFormat;
  /** Pure. */
  readonly decode: (word: bigint) => DecodedEntry;
}
