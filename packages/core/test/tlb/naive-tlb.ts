/** A TLB as a list that is searched from front to back, with a clock for the order of use: slow and obvious. */
import { expect } from "chai";
import type { Invalidation, TlbGeometry } from "#src/architecture/tlb-organisation.js";
import type { Lookaside } from "#src/tlb/lookaside.js";
import { ENTRY_GLOBAL, ENTRY_LOCKED, type Tlb } from "#src/tlb/tlb.js";

interface NaiveEntry {
  first: number;
  span: number;
  frame: number;
  asid: number;
  rights: number;
  isGlobal: boolean;
  isLocked: boolean;
  isUsed: boolean;
  enteredAt: number;
  usedAt: number;
}

export class NaiveTlb {
  readonly entries: (NaiveEntry | null)[];
  readonly #geometry: TlbGeometry;
  readonly #rules: Invalidation;
  readonly #honoursGlobal: boolean;
  #time = 0;

  constructor(geometry: TlbGeometry, rules: Invalidation, honoursGlobal: boolean) {
    this.entries = Array.from({ length: geometry.entries }, () => null);
    this.#geometry = geometry;
    this.#rules = rules;
    this.#honoursGlobal = honoursGlobal;
  }

  matches(page: number, asid: number): number[] {
    return this.#numbers((entry) => entry.first <= page && page < entry.first + entry.span && (entry.asid === asid || this.#global(entry)));
  }

  lookup(page: number, asid: number): number {
    const [found = -1] = this.matches(page, asid);
    const entry = this.entries[found];
    if (entry != null) {
      entry.isUsed = true;
      entry.usedAt = this.#time += 1;
    }
    return found;
  }

  /** Entries that replacement may choose now; for `used-bit` it clears the used bits where the rule does. */
  candidates(page: number, span: number): number[] {
    const { ways, entries, wired, replacement } = this.#geometry;
    const perSet = ways === "full" ? entries : ways;
    const set = Math.floor(page / span) % (entries / perSet);
    const inSet = Array.from({ length: perSet }, (_, way) => set * perSet + way);
    const free = inSet.filter((number) => number >= wired && this.entries[number] === null);
    if (free.length > 0) return free.slice(0, 1);
    const open = inSet.filter((number) => number >= wired && this.entries[number]?.isLocked === false);
    if (open.length === 0 || replacement === "random") return open;
    const of = (number: number): NaiveEntry => this.entries[number] as NaiveEntry;
    if (replacement === "used-bit") {
      if (open.every((number) => of(number).isUsed))
        for (const number of inSet) if (this.entries[number] != null) of(number).isUsed = false;
      return open.filter((number) => !of(number).isUsed).slice(0, 1);
    }
    const age = (number: number): number => (replacement === "fifo" ? of(number).enteredAt : of(number).usedAt);
    return [...open].sort((one, two) => age(one) - age(two)).slice(0, 1);
  }

  put(number: number, page: number, span: number, frame: number, asid: number, rights: number, flags: number): void {
    this.#time += 1;
    this.entries[number] = {
      first: Math.floor(page / span) * span,
      span,
      frame,
      asid,
      rights,
      isUsed: false,
      enteredAt: this.#time,
      usedAt: this.#time,
      isGlobal: (flags & ENTRY_GLOBAL) !== 0,
      isLocked: (flags & ENTRY_LOCKED) !== 0,
    };
  }

  drop(number: number): void {
    this.entries[number] = null;
  }

  invalidatePages(page: number, count: number, asid: number): number {
    const { anyAsid, dropsGlobal } = this.#rules.page;
    return this.#dropAll(
      (entry) =>
        entry.first < page + count &&
        page < entry.first + entry.span &&
        (this.#global(entry) ? dropsGlobal : anyAsid || entry.asid === asid),
    );
  }

  invalidateAsid(asid: number): number {
    const { by, sparesGlobal, sparesLocked } = this.#rules.asid;
    return this.#dropAll(
      (entry, number) => (by === "all" || entry.asid === asid) && !this.#spared(entry, number, sparesGlobal, sparesLocked),
    );
  }

  invalidateAll(): number {
    const { sparesGlobal, sparesLocked } = this.#rules.all;
    return this.#dropAll(
      (entry, number) =>
        !this.#spared(entry, number, sparesGlobal, sparesLocked !== false) ||
        (sparesLocked === "unless-global" && entry.isLocked && entry.isGlobal),
    );
  }

  /** A front may know only what an entry maps that hits leave as it is. */
  expectKnown(fronts: Lookaside, front: number, pages: Iterable<number>): void {
    for (const page of pages) {
      const frame = fronts.frameOf(front, page);
      if (frame < 0) continue;
      const matching = this.entries.filter((entry) => entry !== null && entry.first <= page && page < entry.first + entry.span);
      const mapping = matching.filter((entry) => entry!.frame + page - entry!.first === frame);
      expect(mapping.length, `page ${page} is known to lie in frame ${frame}`).to.be.greaterThan(0);
      if (this.#geometry.replacement === "used-bit") expect(mapping.some((entry) => entry!.isUsed)).to.equal(true);
      if (this.#geometry.replacement === "lru") expect(mapping.some((entry) => this.#isNewest(entry))).to.equal(true);
    }
  }

  /** Is no entry of its set used more recently? */
  #isNewest(entry: NaiveEntry | null): boolean {
    const { ways, entries } = this.#geometry;
    const perSet = ways === "full" ? entries : ways;
    const start = Math.floor(this.entries.indexOf(entry) / perSet) * perSet;
    return this.entries.slice(start, start + perSet).every((other) => other === null || other.usedAt <= entry!.usedAt);
  }

  isSame(tlb: Tlb): boolean {
    try {
      this.expectSame(tlb);
      return true;
    } catch {
      return false;
    }
  }

  expectSame(tlb: Tlb): void {
    const seen = this.entries.map((_, number) =>
      tlb.isValid(number)
        ? {
            first: tlb.firstPage(number),
            span: tlb.span(number),
            frame: tlb.frame(number),
            asid: tlb.asid(number),
            rights: tlb.rights(number),
            isGlobal: tlb.isGlobal(number),
            isLocked: tlb.isLocked(number),
            isUsed: this.#geometry.replacement === "used-bit" && tlb.isUsed(number),
          }
        : null,
    );
    expect(seen).to.deep.equal(
      this.entries.map((entry) => {
        if (entry === null) return null;
        const { enteredAt: _entered, usedAt: _used, ...rest } = entry;
        return { ...rest, isUsed: this.#geometry.replacement === "used-bit" && entry.isUsed };
      }),
    );
  }

  #global(entry: NaiveEntry): boolean {
    return this.#honoursGlobal && entry.isGlobal;
  }

  #spared(entry: NaiveEntry, number: number, sparesGlobal: boolean, sparesLocked: boolean): boolean {
    return (sparesGlobal && this.#global(entry)) || (sparesLocked && (entry.isLocked || number < this.#geometry.wired));
  }

  #numbers(which: (entry: NaiveEntry, number: number) => boolean): number[] {
    return this.entries.flatMap((entry, number) => (entry !== null && which(entry, number) ? [number] : []));
  }

  #dropAll(which: (entry: NaiveEntry, number: number) => boolean): number {
    const numbers = this.#numbers(which);
    for (const number of numbers) this.drop(number);
    return numbers.length;
  }
}
