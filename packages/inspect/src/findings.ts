/** What can be found to be suspicious, each with a stable code, so that scripts can tell; and the list in the making. */
import type { Rights } from "@portolan/core/architecture";
import type { Addresses } from "./addresses.js";
import type { Scan } from "./scan.js";

/** Every code, with what it says. `"danger"` breaks a protection, `"broken"` cannot be meant, `"note"` may be. */
export const FINDINGS = {
  "writable-executable": { severity: "danger", says: "the same privilege may write and execute" },
  "user-in-kernel-range": { severity: "danger", says: "the user may access addresses of the kernel's range" },
  "table-user-writable": { severity: "danger", says: "the user may write to a table" },
  "table-user-readable": { severity: "danger", says: "the user may read a table" },
  "alias-rights": { severity: "note", says: "one page is mapped twice with different rights" },
  "alias-attributes": { severity: "broken", says: "one page is mapped both cached and not cached" },
  reserved: { severity: "broken", says: "reserved bits are set" },
  malformed: { severity: "broken", says: "the entry has a form that the manual forbids" },
  "table-outside": { severity: "broken", says: "a table lies outside memory" },
  "page-outside": { severity: "note", says: "a page lies outside memory: a device, or nothing" },
  cycle: { severity: "danger", says: "a table leads back to itself: the tables map themselves" },
  "table-shared": { severity: "note", says: "a table is reached on several ways, or at several levels" },
  misaligned: { severity: "broken", says: "a page does not begin at a multiple of its size" },
  "broken-group": { severity: "broken", says: "entries that are to be one large page are not equal" },
  unreachable: { severity: "note", says: "a window names physical memory here: the entry is never used" },
  "tlb-overlap": { severity: "broken", says: "two entries of the TLB match one address" },
  "tlb-contradicts": { severity: "danger", says: "an entry of the TLB contradicts the tables" },
  "tsb-misplaced": { severity: "broken", says: "the tag of a storage buffer's entry does not belong at its slot" },
  "tsb-contradicts": { severity: "danger", says: "an entry of a storage buffer contradicts the tables" },
  "chain-cycle": { severity: "broken", says: "a chain of the page hash table leads back to itself" },
  "chain-wrong": { severity: "broken", says: "an entry of the page hash table is in another page's chain" },
  "chain-double": { severity: "broken", says: "the page hash table has a page of one space twice" },
} as const;

/** What a finding is of, for scripts. */
export type FindingCode = keyof typeof FINDINGS;

/** One thing that is suspicious. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: "danger" | "broken" | "note";
  /** Virtual address where it begins, in bytes; inclusive end. */
  readonly first: bigint;
  readonly last: bigint;
  /** Physical address of the (first) entry, in bytes; of the page, where a page is meant. */
  readonly physical: number;
  readonly depth: number;
  readonly says: string;
  /** Of aliases: the other virtual address. */
  readonly other?: bigint;
}

interface Stretch {
  readonly page: number;
  pages: number;
  readonly physical: number;
  readonly depth: number;
  readonly rights: Rights;
  readonly says: string;
}

/** Where something is: an entry, and the pages that it maps. */
export type Place = Pick<Scan, "page" | "pages" | "entryAddress" | "depth" | "rights">;

/** Findings as they come, neighbours joined, no more than a few kept of each code. */
export class Notes {
  readonly findings: Finding[] = [];
  readonly counts: Partial<Record<FindingCode, number>> = {};
  readonly #addresses: Addresses;
  readonly #limit: number;
  readonly #open = new Map<FindingCode, Stretch>();

  constructor(addresses: Addresses, limit: number) {
    this.#addresses = addresses;
    this.#limit = limit;
  }

  add(code: FindingCode, page: number, pages: number, physical: number, depth: number, more = "", other?: bigint): void {
    const count = (this.counts[code] ?? 0) + 1;
    this.counts[code] = count;
    if (count > this.#limit) return;
    const { severity, says } = FINDINGS[code];
    const first = this.#addresses.addressOf(page);
    const last = first + BigInt(pages) * BigInt(2 ** this.#addresses.pageShift) - 1n;
    this.findings.push({ code, severity, first, last, physical, depth, says: `${says}${more}`, ...(other === undefined ? {} : { other }) });
  }

  /** Of the entry at which the scan stands. */
  entry(code: FindingCode, at: Place, more = ""): void {
    this.add(code, at.page, at.pages, at.entryAddress, at.depth, more);
  }

  /** The same of neighbours that are alike, as one. */
  range(code: FindingCode, at: Place, says: string): void {
    const open = this.#open.get(code);
    if (open !== undefined && open.page + open.pages === at.page && open.rights === at.rights && !this.#addresses.isHoleBelow(at.page)) {
      open.pages += at.pages;
      return;
    }
    this.#close(code);
    this.#open.set(code, { page: at.page, pages: at.pages, physical: at.entryAddress, depth: at.depth, rights: at.rights, says });
  }

  flush(): void {
    for (const code of this.#open.keys()) this.#close(code);
  }

  #close(code: FindingCode): void {
    const open = this.#open.get(code);
    if (open === undefined) return;
    this.#open.delete(code);
    this.add(code, open.page, open.pages, open.physical, open.depth, open.says);
  }
}
