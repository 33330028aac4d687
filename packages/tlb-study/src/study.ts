/** Traces through several TLBs on several machines at once: two passes over the trace, whatever the number. */
import type { Architecture } from "@portolan/core";
import { readTrace, type TraceFormat, type TraceSource } from "@portolan/workload";
import { Batcher, Touched } from "./batch.js";
import type { TlbDesign } from "./design.js";
import { Hierarchy, type TlbCounts } from "./hierarchy.js";
import { Turns } from "./turns.js";
import { LargePageTranslation, MachineTranslation, type CountedTranslation, type TranslationCounts } from "./translation.js";

/** One machine with one TLB. */
export interface Subject {
  readonly architecture: Architecture;
  readonly design: TlbDesign;
}

/** What a trace is, the same for every machine. */
export interface TraceFacts {
  readonly format: TraceFormat;
  readonly lines: number;
  readonly otherLines: number;
  readonly fetches: number;
  readonly loads: number;
  readonly stores: number;
  /** Granules of 4 KiB that are fetched from, that are loaded from or stored to, and that are either. */
  readonly codeGranules: number;
  readonly dataGranules: number;
  readonly granules: number;
}

/** What a trace came to on one machine with one TLB. */
export interface Finding extends TlbCounts, TranslationCounts {
  readonly architecture: string;
  readonly tlb: string;
  readonly pageBytes: number;
  /** Misses of the first level among 1000 look-ups of it. */
  readonly missesPerThousand: number;
  /** Entries read for one translation, on the average. */
  readonly referencesPerTranslation: number;
}

/** A trace, and what it came to on each subject, in their order. */
export interface Study {
  readonly trace: TraceFacts;
  readonly findings: readonly Finding[];
}

/** What may be chosen; all of it may be left out. */
export interface StudyOptions {
  readonly format?: TraceFormat;
  /** RAM of every machine, in bytes; 1 GiB where absent, of which only what is touched is really there. */
  readonly memoryBytes?: number;
  /** Of random replacement; 1 where absent. */
  readonly seed?: number;
  /** Told which of the two passes it is, and the bytes of the trace read in it. */
  readonly onProgress?: (pass: "looking" | "running", bytes: number) => void;
}

const USUAL_MEMORY = 2 ** 30;

/**
 * Runs a trace through every subject. Each has a machine of its own.
 * @throws PortolanError ERR_BAD_TRACE, ERR_BAD_ARGUMENT for a design that a machine has no pages for, ERR_DOES_NOT_FIT
 */
export const study = async (source: TraceSource, subjects: readonly Subject[], options: StudyOptions = {}): Promise<Study> => {
  const touched = new Touched();
  const looking = new Batcher((batch) => touched.add(batch));
  const read = await readTrace(source, looking, (bytes) => options.onProgress?.("looking", bytes), options.format);
  looking.flush();
  const seats = subjects.map((subject) => new Seat(subject, touched, options));
  const groups = [false, true].map((isShared) => ({
    turns: new Turns(isShared),
    hierarchies: seats.map(({ hierarchy }) => hierarchy).filter((hierarchy) => hierarchy.isShared === isShared),
  }));
  const running = new Batcher((batch) => {
    for (const { turns, hierarchies } of groups) {
      if (hierarchies.length > 0) turns.take(batch);
      for (const hierarchy of hierarchies) hierarchy.run(batch, turns);
    }
  });
  await readTrace(source, running, (bytes) => options.onProgress?.("running", bytes), read.format);
  running.flush();
  return {
    trace: {
      ...read,
      fetches: touched.fetches,
      loads: touched.loads,
      stores: touched.stores,
      codeGranules: touched.code.size,
      dataGranules: touched.data.size,
      granules: new Set([...touched.code, ...touched.data]).size,
    },
    findings: seats.map((seat) => seat.finding()),
  };
};

/** A subject with its machine. */
class Seat {
  readonly hierarchy: Hierarchy;
  readonly #subject: Subject;
  readonly #translation: CountedTranslation;
  readonly #pageShift: number;

  constructor(subject: Subject, touched: Touched, { memoryBytes = USUAL_MEMORY, seed = 1 }: StudyOptions) {
    const { architecture, design } = subject;
    this.#subject = subject;
    this.#pageShift = design.pageShift ?? architecture.hardwarePageShift;
    this.#translation =
      this.#pageShift === architecture.hardwarePageShift
        ? new MachineTranslation(architecture, touched, memoryBytes)
        : new LargePageTranslation(architecture, this.#pageShift);
    this.hierarchy = new Hierarchy(design, this.#pageShift, this.#translation, seed);
  }

  finding(): Finding {
    const asked = this.hierarchy.counts;
    const cost = this.#translation.counts;
    return {
      architecture: this.#subject.architecture.name,
      tlb: this.#subject.design.name,
      pageBytes: 2 ** this.#pageShift,
      ...asked,
      ...cost,
      missesPerThousand: (1000 * (asked.fetchMisses + asked.dataMisses)) / (asked.fetches + asked.data),
      referencesPerTranslation: asked.translations === 0 ? 0 : cost.references / asked.translations,
    };
  }
}
