/** What a buffer holds, entry by entry, for whoever looks without touching: explanations, the checker, refill code. */
import type { Rights } from "../architecture/rights.js";
import type { TlbGeometry } from "../architecture/tlb-organisation.js";
import { integer } from "../machine/physical-memory.js";
import { ENTRY_GLOBAL, ENTRY_LOCKED, ENTRY_USED, TlbEntry } from "./tlb-entry.js";

const NO_NUMBERS = new Float64Array(0);

/** The numbered entries of a buffer. All questions but `isValid` mean valid entries only. */
export class TlbContents {
  readonly geometry: TlbGeometry;
  protected readonly entries: readonly TlbEntry[] = [];
  /** Hardware pages of an entry, by class (page size). */
  protected readonly spans: Float64Array = NO_NUMBERS;
  /** 1 where entries are paired, else 0: a comparison of integers, where a boolean would be asked whether it is one. */
  protected readonly paired: number = 0;

  constructor(geometry: TlbGeometry) {
    const { entries, pageShifts, paired } = geometry;
    this.geometry = geometry;
    this.entries = Array.from({ length: entries }, (_, number) => new TlbEntry(number));
    const halves = paired ? 2 : 1;
    this.spans = Float64Array.from(pageShifts, (shift) => 2 ** (shift - pageShifts[0]) * halves);
    this.paired = paired ? 1 : 0;
  }

  /** Visits valid entries in ascending order. */
  each(visit: (entry: number) => void): void {
    for (const entry of this.entries) if (entry.isValid) visit(entry.number);
  }

  /** Does this entry map anything? */
  isValid(entry: number): boolean {
    return this.entries[entry].isValid;
  }

  /** The first hardware page that the entry maps. */
  firstPage(entry: number): number {
    return this.entries[entry].page;
  }

  /** Hardware pages the entry maps. */
  span(entry: number): number {
    return this.spans[this.entries[entry].size];
  }

  /** Hardware frame of the first page (of the even half). */
  frame(entry: number): number {
    return this.entries[entry].frame;
  }

  /** The tag of the entry; 0 where entries carry none. */
  asid(entry: number): number {
    return this.entries[entry].asid;
  }

  /** What the entry lets through (its even half). */
  rights(entry: number): Rights {
    return this.entries[entry].rights;
  }

  /** What the walker noted; see entry-note.ts. */
  note(entry: number): number {
    return this.entries[entry].note;
  }

  /** Was it entered as global? Whether that counts is the processor's business. */
  isGlobal(entry: number): boolean {
    return (this.entries[entry].flags & ENTRY_GLOBAL) !== 0;
  }

  /** Was it entered as locked, on a machine that has locks? */
  isLocked(entry: number): boolean {
    return (this.entries[entry].flags & ENTRY_LOCKED) !== 0;
  }

  /** Is its used bit set? Meaningful under `used-bit` replacement. */
  isUsed(entry: number): boolean {
    return (this.entries[entry].flags & ENTRY_USED) !== 0;
  }

  /** The hardware frame a page of the entry maps to. */
  frameOf(entry: number, page: number): number {
    const mapping = this.entries[entry];
    const within = page - mapping.page;
    return this.paired === 1 ? this.#frameOfHalf(mapping, within) : integer(mapping.frame + within);
  }

  /** What the entry lets through for one of its pages. */
  rightsOf(entry: number, page: number): Rights {
    const mapping = this.entries[entry];
    return this.paired === 1 && page - mapping.page >= this.spans[mapping.size] / 2 ? mapping.oddRights : mapping.rights;
  }

  #frameOfHalf(entry: TlbEntry, within: number): number {
    const half = this.spans[entry.size] / 2;
    return integer(within < half ? entry.frame + within : entry.oddFrame + within - half);
  }
}
