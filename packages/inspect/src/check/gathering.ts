/** Findings as they come: neighbours are joined, what has one cause is one, and no more than a few are kept of each code. */
import type { Rights } from "@portolan/core/architecture";
import type { Addresses } from "../addresses.js";
import type { Scan } from "../scan.js";
import { FINDINGS, SEVERITIES, type CountByCode, type Finding, type FindingCode } from "./findings.js";

/** Words, or how to make them: of what is not kept nothing is made. */
type Words = string | (() => string);

const wordsOf = (words: Words): string => (typeof words === "string" ? words : words());

/** Where an entry lies, what is said behind the code's own words, and the other address of an alias. */
export interface Details {
  readonly physical: number;
  readonly depth: number;
  readonly more: Words;
  readonly other?: bigint;
}

/** A finding; pages within the translated width. */
export interface Found extends Details {
  readonly code: FindingCode;
  readonly page: number;
  /** One behind the last page. */
  end: number;
  places: number;
}

interface Stretch extends Found {
  readonly rights: Rights;
}

/** What was found of one cause, and how to tell where it is first. */
interface Cause {
  page: number;
  end: number;
  places: number;
  make: () => Details;
}

const CODES = Object.keys(FINDINGS) as FindingCode[];

/** Causes that are told apart, of each code; what comes behind is counted as it comes. */
const MOST_CAUSES = 2 ** 14;

/** Everything that was gathered. */
export interface Gathered {
  /** The worst first, then in the order of codes and addresses. */
  readonly findings: readonly Finding[];
  /** Findings by code, those not kept included. */
  readonly counts: CountByCode;
  /** Pages or entries that they are of. */
  readonly places: CountByCode;
}

/** Where something is: an entry, and the pages that it maps. */
export type Place = Pick<Scan, "page" | "pages" | "entryAddress" | "depth" | "rights">;

const rankOf = ({ severity, code }: Finding): number => SEVERITIES.indexOf(severity) * CODES.length + CODES.indexOf(code);

/** The worst first, then in the order of codes and addresses. */
const ordered = (findings: readonly Finding[]): readonly Finding[] =>
  findings.toSorted((one, other) => rankOf(one) - rankOf(other) || (one.first < other.first ? -1 : one.first > other.first ? 1 : 0));

/** What was gathered in two places, as one. */
export const gatheredTogether = (one: Gathered, other: Gathered): Gathered => {
  const sum = (which: "counts" | "places"): CountByCode =>
    Object.fromEntries(
      CODES.flatMap((code) => {
        const both = (one[which][code] ?? 0) + (other[which][code] ?? 0);
        return both === 0 ? [] : [[code, both]];
      }),
    );
  return { findings: ordered([...one.findings, ...other.findings]), counts: sum("counts"), places: sum("places") };
};

/** Gathers findings. */
export class Gathering {
  readonly #addresses: Addresses;
  readonly #limit: number;
  readonly #kept: Finding[] = [];
  readonly #counts = new Map<FindingCode, { findings: number; places: number }>();
  readonly #open = new Map<FindingCode, Stretch>();
  readonly #causes = new Map<FindingCode, Map<number, Cause>>();
  /** What came when there were too many causes to tell apart: counted behind them. */
  readonly #late = new Map<FindingCode, { findings: number; places: number }>();

  /** @param limit findings that are kept of each code */
  constructor(addresses: Addresses, limit: number) {
    this.#addresses = addresses;
    this.#limit = limit;
  }

  /** Of pages, or of an entry that maps them. */
  add(code: FindingCode, page: number, pages: number, physical: number, depth: number, more: Words = ""): void {
    this.put({ code, page, end: page + pages, places: FINDINGS[code].of === "page" ? pages : 1, physical, depth, more });
  }

  /** One that is complete. */
  put(found: Found): void {
    const { code, page, end, places } = found;
    if (!this.#count(code, places)) return;
    const { physical, depth, more, other } = found;
    const { severity, says } = FINDINGS[code];
    const first = this.#addresses.addressOf(page);
    const last = this.#addresses.addressOf(end - 1) + BigInt(2 ** this.#addresses.pageShift) - 1n;
    this.#kept.push({
      code,
      severity,
      first,
      last,
      places,
      physical,
      depth,
      says: `${says}${wordsOf(more)}`,
      ...(other === undefined ? {} : { other }),
    });
  }

  /** Of the entry at which a scan stands; the same of neighbours is one. */
  entry(code: FindingCode, at: Place, more: Words = ""): void {
    this.#stretch(code, at, more, 1, 0);
  }

  /** Of the pages of the leaf at which a scan stands; the same of neighbours with equal rights is one. */
  pages(code: FindingCode, at: Place, more: Words): void {
    this.#stretch(code, at, more, at.pages, at.rights);
  }

  /** What has one cause, wherever it is found: `cause` is its number among those of its code, `make` tells of what is first in memory. */
  cause(code: FindingCode, cause: number, page: number, pages: number, places: number, make: () => Details): void {
    let known = this.#causes.get(code);
    if (known === undefined) this.#causes.set(code, (known = new Map()));
    const before = known.get(cause);
    const end = page + pages;
    if (before === undefined) {
      if (known.size < MOST_CAUSES) known.set(cause, { page, end, places, make });
      else this.#countLate(code, places);
      return;
    }
    before.places += places;
    if (end > before.end) before.end = end;
    if (page >= before.page) return;
    before.page = page;
    before.make = make;
  }

  /** What follows is no neighbour of what was. */
  flush(): void {
    for (const code of this.#open.keys()) this.#close(code);
  }

  /** Everything, the worst first, and then in the order of addresses. */
  finish(): Gathered {
    this.flush();
    for (const [code, known] of this.#causes) {
      for (const { page, end, places, make } of known.values()) {
        if (this.#isFull(code)) this.#count(code, places);
        else this.put({ code, page, end, places, ...make() });
      }
    }
    for (const [code, { findings, places }] of this.#late) {
      const count = this.#counts.get(code);
      if (count === undefined) continue;
      count.findings += findings;
      count.places += places;
    }
    this.#causes.clear();
    this.#late.clear();
    const numbers = (which: "findings" | "places"): CountByCode =>
      Object.fromEntries(CODES.flatMap((code) => (this.#counts.has(code) ? [[code, this.#counts.get(code)?.[which]]] : [])));
    return { findings: ordered(this.#kept), counts: numbers("findings"), places: numbers("places") };
  }

  #isFull(code: FindingCode): boolean {
    return (this.#counts.get(code)?.findings ?? 0) >= this.#limit;
  }

  /** Counts one more; answers whether it is to be kept. */
  #count(code: FindingCode, places: number): boolean {
    const count = this.#counts.get(code);
    if (count === undefined) this.#counts.set(code, { findings: 1, places });
    else {
      count.findings += 1;
      count.places += places;
    }
    return (count?.findings ?? 1) <= this.#limit;
  }

  #countLate(code: FindingCode, places: number): void {
    const late = this.#late.get(code);
    if (late === undefined) this.#late.set(code, { findings: 1, places });
    else {
      late.findings += 1;
      late.places += places;
    }
  }

  #stretch(code: FindingCode, at: Place, more: Words, places: number, rights: Rights): void {
    const { page, pages, depth, entryAddress: physical } = at;
    const open = this.#open.get(code);
    if (open !== undefined && open.end === page && open.rights === rights && open.depth === depth && !this.#addresses.isHoleBelow(page)) {
      open.end += pages;
      open.places += places;
      return;
    }
    this.#close(code);
    // The scan goes on: words are made now, or never.
    const words = this.#isFull(code) ? "" : wordsOf(more);
    this.#open.set(code, { code, page, end: page + pages, places, physical, depth, more: words, rights });
  }

  #close(code: FindingCode): void {
    const open = this.#open.get(code);
    if (open === undefined) return;
    this.#open.delete(code);
    this.put(open);
  }
}
