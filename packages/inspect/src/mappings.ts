/** What a list consists of, whatever it is a list of: mappings, filters, totals. */
import { EXECUTE, KERNEL, permits, USER, WRITE, type PageFlags, type Rights, type TlbRow } from "@portolan/core/architecture";
import type { SoftwareEntry } from "./conventions.js";
import type { ScanTotals } from "./scan.js";
import type { SourceName } from "./software/sources.js";

/** What is to be listed. All that is given must hold. */
export interface MappingFilter {
  /** The user may do something there. */
  readonly user?: boolean;
  /** Only the kernel may do something there. */
  readonly kernel?: boolean;
  /** Somebody may write there, or execute. */
  readonly writable?: boolean;
  readonly executable?: boolean;
  /** Larger than the smallest page. */
  readonly large?: boolean;
  /** Touches these physical addresses, in bytes, inclusive. */
  readonly physical?: { readonly first: number; readonly last: number };
}

/** A mapping, or several that are neighbours. */
export interface Mapping {
  /** Virtual, in bytes, inclusive. */
  readonly first: bigint;
  readonly last: bigint;
  readonly bytes: number;
  /** Of the first byte; null for what has no page in memory, and for neighbours that lie apart. */
  readonly physical: number | null;
  /** What all levels let through together. */
  readonly rights: Rights;
  /** PAGE_GLOBAL, PAGE_CACHEABLE, PAGE_ACCESSED and PAGE_DIRTY, where all that are joined have them. */
  readonly flags: PageFlags;
  /** Of those, what some of the joined have and others have not: it can be said of none. */
  readonly unequal: PageFlags;
  /** What nobody can say: a register that was not told decides, or the machine's entries have no such mark. */
  readonly untold: PageFlags;
  /**
   * `"write-back"`, `"uncached"`, `"device nGnRE"`: what accesses there are, as entries and told registers say. Null where a register that
   * was not told decides, for several types, and for what is not present.
   */
  readonly memoryType: string | null;
  /** Some of the joined are certainly of another type than others. */
  readonly hasSeveralTypes: boolean;
  /** Null for neighbours of several sizes. */
  readonly pageBytes: number | null;
  /** Level of the leaves, 0 at the root. */
  readonly depth: number;
  readonly leaves: number;
  /** What the operating system means by entries that are not present; null for mappings of the processor's. */
  readonly software: SoftwareEntry | null;
  /** Where it stands, if that is no tree of one space. */
  readonly origin: Origin | null;
}

/** Where a mapping stands that is no tree's. Of several that are joined what they have in common. */
export interface Origin {
  readonly source: Exclude<SourceName, "tree">;
  /** Of TLBs and of storage buffers: for fetches, or for data. */
  readonly unit: TlbRow["unit"] | null;
  /** Number of the entry, or of the slot; null of several. */
  readonly index: number | null;
  /** Tag of the address space; null where it has none, or nobody tells. */
  readonly asid: number | null;
  /** Number of the address space in tables that are everybody's. */
  readonly space: number | null;
}

/** What a list came to; complete when the list is. Of what is no tree, `tables` are chains, slots or entries that were read. */
export interface ListTotals extends ScanTotals, Sums {
  /** What was listed. */
  readonly source: SourceName;
}

/** What leaves come to that passed the filter. */
export interface Sums {
  /** Leaves, bytes, and by kind. */
  listed: number;
  bytes: number;
  userBytes: number;
  writableBytes: number;
  executableBytes: number;
  largeLeaves: number;
  software: number;
}

/** A leaf, as filters and sums look at it. Sizes and addresses are in bytes. */
type Passes = (rights: Rights, physical: number, bytes: number) => boolean;

const may = (rights: Rights, access: number): boolean => permits(rights, USER, access) || permits(rights, KERNEL, access);

/** A filter as one question about a leaf. @param smallest bytes of the smallest page */
export const filterOf = ({ user, kernel, writable, executable, large, physical }: MappingFilter, smallest: number): Passes => {
  const asked = (wanted: boolean | undefined, is: boolean): boolean => wanted === undefined || wanted === is;
  return (rights, first, bytes) =>
    asked(user, rights >>> 3 !== 0) &&
    asked(kernel, rights !== 0 && rights >>> 3 === 0) &&
    asked(writable, may(rights, WRITE)) &&
    asked(executable, may(rights, EXECUTE)) &&
    asked(large, bytes > smallest) &&
    (physical === undefined || (first <= physical.last && first + bytes > physical.first));
};

export const noSums = (): Sums => ({
  listed: 0,
  bytes: 0,
  userBytes: 0,
  writableBytes: 0,
  executableBytes: 0,
  largeLeaves: 0,
  software: 0,
});

/** Counts a leaf. */
export const count = (sums: Sums, rights: Rights, bytes: number, isLarge: boolean): void => {
  sums.listed += 1;
  sums.bytes += bytes;
  if (rights >>> 3 !== 0) sums.userBytes += bytes;
  if ((rights & 0o22) !== 0) sums.writableBytes += bytes;
  if ((rights & 0o44) !== 0) sums.executableBytes += bytes;
  if (isLarge) sums.largeLeaves += 1;
};
