/**
 * Entry formats are data. A port lists the fields of an entry once, from its manual; the fast codec, the explanation in
 * words, the pictures, the random generators and the documentation all come from that one list.
 */
import type { PageFlags, Rights } from "./rights.js";

/**
 * What a field is for.
 * - `control`: decides what kind of entry this is, or what it lets through
 * - `frame`: the physical address, without its low bits
 * - `accessed`, `dirty`: set by hardware (or by refill code) when the entry translates an access, or a write
 * - `global`: the translation belongs to every address space
 * - `attribute`: cacheability and the like; does not change what is translated
 * - `tag`: identifies the entry in a TLB or TSB (virtual page, context)
 * - `software`: hardware ignores it and the operating system may use it
 * - `ignored`: hardware ignores it
 * - `reserved`: must be zero; a processor that finds it set faults if the descriptor says so
 */
export type FieldRole = "control" | "frame" | "accessed" | "dirty" | "global" | "attribute" | "tag" | "software" | "ignored" | "reserved";

/** One field of an entry, as the manual's picture of it shows. */
export interface Field {
  /** The manual's own name, e.g. `"R/W"`. Unique within a format. */
  readonly name: string;
  /** One bit number, or `[high, low]`. Bit 0 is the least significant, in every manual's numbering translated. */
  readonly bits: number | readonly [high: number, low: number];
  readonly role: FieldRole;
  /** What the field means, in words, for people. */
  readonly says: string;
  /** What single values mean, in words, where that helps. */
  readonly values?: Readonly<Record<number, string>>;
  /** For `frame` fields: the value times 2^`unitShift` is the physical address; the low bit's number where absent. */
  readonly unitShift?: number;
}

/** Field values by name; fields not named are zero. */
export type FieldValues = Readonly<Record<string, number>>;

/** Switches of the processor that change what bits mean (CR0.WP, CR4.PSE…), by name. */
export type Switches = Readonly<Record<string, boolean>>;

/**
 * A rule of the manual that depends on a few bits only. The core evaluates it over every combination of `reads` once,
 * and from then on looks the answer up: so it may be written plainly.
 */
export interface Rule<T> {
  /** The fields the answer depends on; together at most 12 bits. */
  readonly reads: readonly Field[];
  /** Pure. `values` holds each field of `reads` by name. */
  tell(values: FieldValues, switches: Switches): T;
}

/** One kind of entry: its fields, what it lets through, and how one is made. */
export interface EntryFormat {
  readonly name: string;
  readonly bytes: 4 | 8;
  /** Every bit belongs to exactly one field. Listed from the most significant down or up, as the manual does. */
  readonly fields: readonly Field[];
  /** What the entry lets through. Absent: everything. */
  readonly rights?: Rule<Rights>;
  /** `PAGE_GLOBAL` and `PAGE_CACHEABLE` as the entry says them. Absent: neither. */
  readonly attributes?: Rule<PageFlags>;
  /**
   * The values of all fields but the frame: for a leaf the entry that gives `flags` (as near as the machine can, never
   * more to the user than asked unless `can` says it is inexpressible), for a pointer to a table the most permissive one.
   * Pure; evaluated once for each of the 64 flag sets. Absent: the core never writes such entries, it only reads them.
   *
   * `switches` are the processors' when the machine is built (as after reset where absent): a bit that they make reserved
   * must not be set.
   */
  encode?(flags: PageFlags, switches?: Switches): FieldValues;
  /** The field, among the low 32 bits, that tells to which of the translation's domains belongs what is mapped here, or below. Absent: not told here. */
  readonly domain?: Field;
  /**
   * Four equal parts of a page may have rights of their own (ARMv5): theirs, from the lowest address up. `rights` is then
   * what all of them let through.
   */
  readonly partRights?: readonly Rule<Rights>[];
}

/** A leaf of another form at the same level, told by its own bits. */
export interface LeafForm {
  /** Reads fields that exist with the same bits in the level's `leaf` and in this one. */
  readonly when: Rule<boolean>;
  readonly leaf: EntryFormat;
  /** Consecutive entries that hold the same descriptor and together map one larger page; a power of two. 1: an ordinary page. */
  readonly entries: number;
}

/**
 * What an entry is. `"table"` leads to the next level, `"leaf"` maps a page, `"absent"` is nothing, `"malformed"` is a
 * combination the manual forbids and the processor faults on.
 */
export type EntryKind = "absent" | "table" | "leaf" | "malformed";

/** One level of a tree, from the root down. */
export interface Level {
  /** The manual's name of a table at this level, e.g. `"page directory"`. */
  readonly name: string;
  /** Address bits this level consumes; a table has 2^indexBits entries. */
  readonly indexBits: number;
  /** Tells what an entry is; the fields it reads exist with the same bits in both formats. */
  readonly kind: Rule<EntryKind>;
  /** Absent: entries here never lead further down. */
  readonly table?: EntryFormat;
  /** Absent: entries here never map a page. At the last level it must be there. */
  readonly leaf?: EntryFormat;
  /** Other forms of leaves, read and never written; the first whose rule says so is meant. */
  readonly forms?: readonly LeafForm[];
  /** Manual section, for explanations. */
  readonly manual: string;
}

/** `[high, low]` of a field. */
export const fieldBits = (field: Field): readonly [high: number, low: number] =>
  typeof field.bits === "number" ? [field.bits, field.bits] : field.bits;

/** Width of a field in bits. */
export const fieldWidth = (field: Field): number => {
  const [high, low] = fieldBits(field);
  return high - low + 1;
};
