/**
 * What a miss costs on a real machine: its tables are built by its own core as pages are touched for the first time, and
 * its own walker or refill code reads them, entry by entry.
 */
import { buildMachine, PortolanError, USER, type Access, type Architecture, type Cpu, type Machine } from "@portolan/core";
import { Footprint, settle, type Homes } from "@portolan/workload";
import { GRANULE_BITS, type Touched } from "./batch.js";
import type { Translation } from "./hierarchy.js";

/** What translating came to. References are reads of tables, of TSBs and of hash chains, an entry each. */
export interface TranslationCounts {
  readonly walks: number;
  readonly references: number;
  readonly tsbHits: number;
  readonly tsbMisses: number;
  readonly pageFaults: number;
  readonly residentPages: number;
  /** Of page tables, and of TSBs. */
  readonly tableBytes: number;
  readonly tsbBytes: number;
  /** Regions of the trace that the machine has no room for where they were. */
  readonly movedRegions: number;
}

/** A translation with the account of its costs. */
export interface CountedTranslation extends Translation {
  readonly counts: TranslationCounts;
}

/** Pages of the machine's hardware size, through its tables. */
export class MachineTranslation implements CountedTranslation {
  readonly move?: (granule: number, isCode: boolean) => number;
  readonly #machine: Machine;
  readonly #cpu: Cpu;
  readonly #homes: Homes;
  readonly #hardwarePages: number;
  #pageFaults = 0;

  /** @throws PortolanError ERR_DOES_NOT_FIT */
  constructor(architecture: Architecture, touched: Touched, memoryBytes: number) {
    const machine = buildMachine(architecture, { memoryBytes });
    const space = machine.spaces.create();
    const granulesPerPage = 2 ** (architecture.pageShift - GRANULE_BITS);
    const footprint = new Footprint(architecture.pageShift);
    for (const [granules, kind] of [
      [touched.code, 0],
      [touched.data, 3],
    ] as const) {
      for (const granule of granules) {
        const page = Math.floor(granule / granulesPerPage);
        const low = (page % 2 ** (32 - architecture.pageShift)) * 2 ** architecture.pageShift;
        footprint.access(kind, Math.floor(page / 2 ** (32 - architecture.pageShift)), low, 1);
      }
    }
    this.#homes = settle(machine, space, footprint, () => false, true);
    machine.switchTo(space);
    this.#machine = machine;
    this.#cpu = machine.cpu(0);
    this.#hardwarePages = 2 ** (architecture.pageShift - architecture.hardwarePageShift);
    if (this.#homes.movedRegions > 0) {
      const { code, data } = this.#homes;
      this.move = (granule, isCode) => {
        const page = Math.floor(granule / granulesPerPage);
        const home = (isCode ? code : data).get(page);
        return home === undefined ? granule : granule + (home - page) * granulesPerPage;
      };
    }
  }

  /** Asks the machine's walker or refill code, and lets the address space serve the fault of a page touched for the first time. */
  translate(page: number, access: Access): void {
    const cpu = this.#cpu;
    // The machine's own TLB shall know nothing: its walker answers, and nobody else.
    cpu.invalidatePages(cpu.asidFor(USER), Math.floor(page / this.#hardwarePages), 1);
    while (cpu.translate(page, access, USER) < 0) {
      this.#pageFaults += 1;
      if (this.#machine.serveFault()) continue;
      throw new PortolanError("ERR_DOES_NOT_FIT", {
        reason: `the machine refuses a page of the trace: ${this.#machine.outcome?.rule ?? "out of memory"}`,
        page: this.#machine.outcome?.address ?? 0n,
      });
    }
  }

  get counts(): TranslationCounts {
    const { statistics } = this.#cpu;
    const { tables } = this.#machine.parts;
    let residentPages = 0;
    let tsbBytes = 0;
    for (const space of this.#machine.spaces.live()) {
      for (const area of space.areas()) residentPages += area.usedPages;
      tsbBytes += space.context.cache?.bytes ?? 0;
    }
    return {
      walks: statistics.walks,
      references: statistics.walkReads + statistics.tsbHits + statistics.tsbMisses,
      tsbHits: statistics.tsbHits,
      tsbMisses: statistics.tsbMisses,
      pageFaults: this.#pageFaults,
      residentPages,
      tableBytes: tables.bytes(),
      tsbBytes,
      movedRegions: this.#homes.movedRegions,
    };
  }
}

/**
 * Pages as large as one entry of a level that is not the last: nothing is built, a walk reads the levels down to that one.
 */
export class LargePageTranslation implements CountedTranslation {
  readonly #depth: number;
  #walks = 0;
  readonly #pages = new Set<number>();

  /** @throws PortolanError ERR_BAD_ARGUMENT unless some level's entries span such pages */
  constructor(architecture: Architecture, pageShift: number) {
    this.#depth = levelsTo(architecture, pageShift);
  }

  /** Counts a walk. */
  translate(page: number): void {
    this.#walks += 1;
    this.#pages.add(page);
  }

  get counts(): TranslationCounts {
    return {
      walks: this.#walks,
      references: this.#walks * this.#depth,
      tsbHits: 0,
      tsbMisses: 0,
      pageFaults: 0,
      residentPages: this.#pages.size,
      tableBytes: 0,
      tsbBytes: 0,
      movedRegions: 0,
    };
  }
}

/** Levels that a walk reads to reach entries of such pages. */
const levelsTo = ({ name, translation, pageShift }: Architecture, wanted: number): number => {
  let shift = pageShift;
  const spans: number[] = [];
  if (translation.kind === "hierarchical") {
    for (const { indexBits } of translation.levels.toReversed()) {
      spans.unshift(shift);
      shift += indexBits;
    }
  }
  const depth = spans.indexOf(wanted);
  if (depth < 0) {
    throw new PortolanError("ERR_BAD_ARGUMENT", {
      tlb: `pages of 2^${wanted} bytes`,
      reason: `${name} has entries for pages of ${spans.length === 0 ? `2^${pageShift} bytes in one hash` : spans.map((each) => `2^${each}`).join(", ")} only`,
    });
  }
  return depth + 1;
};
