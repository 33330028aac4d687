/** What a check can find, each with a stable code, so that scripts can tell. */

/**
 * How bad something is, the worst first. `"danger"` breaks a protection, `"broken"` cannot be meant, `"note"` may well be, `"info"` is
 * how systems usually are and worth a line.
 */
export const SEVERITIES = ["danger", "broken", "note", "info"] as const;

/** One of {@link SEVERITIES}. */
export type Severity = (typeof SEVERITIES)[number];

/** Every code, with what it says and what is counted: pages (of the smallest size), or entries. */
export const FINDINGS = {
  "writable-executable": { severity: "danger", of: "page", says: "the same privilege may write and execute" },
  "alias-writable-executable": {
    severity: "danger",
    of: "page",
    says: "what is executed here may be written at another address, by the same privilege or a lesser one",
  },
  "user-in-kernel-range": { severity: "danger", of: "page", says: "the user may access addresses of the kernel's range" },
  "table-user-writable": { severity: "danger", of: "page", says: "the user may write to a table" },
  "table-user-readable": { severity: "danger", of: "page", says: "the user may read a table" },
  cycle: { severity: "danger", of: "entry", says: "a table leads back to itself: the tables map themselves" },
  "tlb-contradicts": { severity: "danger", of: "entry", says: "an entry of the TLB contradicts the tables" },
  "tsb-contradicts": { severity: "danger", of: "entry", says: "an entry of a storage buffer contradicts the tables" },
  "tlb-overlap": { severity: "broken", of: "entry", says: "two entries of the TLB match one address" },
  "tsb-misplaced": { severity: "broken", of: "entry", says: "the tag of a storage buffer's entry does not belong at its slot" },
  "chain-cycle": { severity: "broken", of: "entry", says: "a chain of the page hash table leads back to itself" },
  "chain-wrong": { severity: "broken", of: "entry", says: "an entry of the page hash table is in another page's chain" },
  "chain-double": { severity: "broken", of: "entry", says: "the page hash table has a page of one space twice" },
  "alias-attributes": { severity: "broken", of: "page", says: "one page is mapped twice as different types of memory" },
  reserved: { severity: "broken", of: "entry", says: "reserved bits are set" },
  malformed: { severity: "broken", of: "entry", says: "the entry has a form that the manual forbids" },
  "table-outside": { severity: "broken", of: "entry", says: "a table lies outside memory" },
  misaligned: { severity: "broken", of: "entry", says: "a page does not begin at a multiple of its size" },
  "broken-group": { severity: "broken", of: "entry", says: "entries that are to be one large page are not equal" },
  "never-no-execute": { severity: "note", of: "page", says: "what may be written is executable: nothing here can forbid that" },
  "alias-rights": { severity: "note", of: "page", says: "one page is mapped twice with different rights" },
  "alias-types-unknown": {
    severity: "note",
    of: "page",
    says: "one page is mapped twice with different numbers of memory types; registers that the image does not tell decide what they mean",
  },
  "page-outside": { severity: "note", of: "page", says: "a page lies outside memory: a device, or nothing" },
  "table-shared": { severity: "note", of: "entry", says: "a table is reached on several ways, or at several levels" },
  unreachable: { severity: "note", of: "entry", says: "a window names physical memory here: the entry is never used" },
  "linear-map": { severity: "info", of: "page", says: "the kernel's map of physical memory, page beside page" },
  "alias-linear": { severity: "info", of: "page", says: "a page of a linear map is mapped elsewhere too, with other rights" },
} as const satisfies Readonly<Record<string, { readonly severity: Severity; readonly of: "page" | "entry"; readonly says: string }>>;

/** What a finding is of, for scripts. */
export type FindingCode = keyof typeof FINDINGS;

/** One thing that is suspicious: neighbours with the same cause are one. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** Virtual address where it begins, in bytes; inclusive end. What was found several times lies between the two. */
  readonly first: bigint;
  readonly last: bigint;
  /** Pages (of the smallest size) or entries, as {@link FINDINGS} says, that this is found of. */
  readonly places: number;
  /** Physical address of the (first) entry, in bytes; of the page, where a page is meant. */
  readonly physical: number;
  readonly depth: number;
  readonly says: string;
  /** Of aliases: the other virtual address. */
  readonly other?: bigint;
}

/** A number for each code that there is something of. */
export type CountByCode = Readonly<Partial<Record<FindingCode, number>>>;

/** Is one at least as bad as the other? */
export const isAsSevere = (one: Severity, least: Severity): boolean => SEVERITIES.indexOf(one) <= SEVERITIES.indexOf(least);
