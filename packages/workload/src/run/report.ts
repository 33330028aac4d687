/** What a run came to: plain data, the same for every machine. */
import type { AccessEngine, Refusal } from "./access-engine.js";
import { FETCH, LOAD, MODIFY, STORE } from "../trace/trace.js";
import type { EventCounts } from "./event-counts.js";
import type { Machine } from "@portolan/core";
import type { LoadedProgram } from "../load/load-program.js";
import type { Homes } from "../trace/settle.js";

/**
 * Counts of one run, from the machine's own statistics and events. Plain JSON: numbers are exact integers, addresses are
 * hexadecimal strings, sizes are bytes. `portolan run --json` prints it.
 */
export interface RunReport {
  readonly architecture: string;
  readonly processors: number;
  readonly pageBytes: number;
  readonly program: {
    readonly bits: 32 | 64;
    readonly byteOrder: "little" | "big";
    readonly kind: string;
    /** What it was built for, as its header says; it need not be the machine it runs on. */
    readonly builtFor: string;
    readonly entry: string;
    readonly segments: number;
    readonly interpreter: string | null;
    readonly writableCode: number;
  } | null;
  readonly trace: {
    readonly lines: number;
    readonly otherLines: number;
    readonly regions: number;
    readonly movedRegions: number;
    readonly movedPages: number;
    readonly splitPages: number;
  } | null;
  readonly accesses: { readonly fetches: number; readonly loads: number; readonly stores: number; readonly modifies: number };
  /** Translations asked of the TLBs, those they could not answer, and of these how many the refill settled. */
  readonly tlb: {
    readonly lookups: number;
    readonly hits: number;
    readonly dataMisses: number;
    readonly instructionMisses: number;
    readonly refills: number;
    readonly firstWrites: number;
  };
  readonly tsb: { readonly hits: number; readonly misses: number };
  readonly walks: { readonly walks: number; readonly wordsRead: number };
  /** Faults the address space served, by what supplied the page, and those it refused, by rule. */
  readonly faults: {
    readonly served: number;
    readonly pagesIn: Readonly<Record<string, number>>;
    /** Pages by what was put into them, in words. */
    readonly contents: Readonly<Record<string, number>>;
    readonly refused: Readonly<Record<string, number>>;
  };
  readonly memory: { readonly residentPages: number; readonly tableBytes: number; readonly tsbBytes: number; readonly framesInUse: number };
  /** Pages written to the swap device, pages that left without a write since it had them already, and pages read; only with one. */
  readonly swap?: { readonly written: number; readonly spared: number; readonly read: number };
  readonly invalidations: number;
  readonly shootdowns: number;
  readonly bytesChecked: number;
  readonly wrongBytes: number;
  readonly refusedAccesses: number;
  /** False if a program was given up because too many of its accesses were refused. */
  readonly isComplete: boolean;
  readonly refusals: readonly (Omit<Refusal, "address"> & { readonly address: string })[];
  /** Frames not given back after the address space was destroyed: an error of ours unless 0. */
  readonly leakedFrames: number;
}

/** @see System V ABI, chapter 4, `e_machine` */
const MACHINES: Readonly<Record<number, string>> = {
  2: "SPARC",
  3: "i386",
  8: "MIPS",
  18: "SPARC V8+",
  20: "PowerPC",
  21: "PowerPC64",
  22: "S/390",
  40: "ARM",
  43: "SPARC V9",
  50: "IA-64",
  62: "x86-64",
  183: "AArch64",
  243: "RISC-V",
  258: "LoongArch",
};

/** What must be looked at while the address space still is there. */
export const memoryOf = (machine: Machine, freeBefore: number): RunReport["memory"] => {
  const { tables, frames } = machine.parts;
  let residentPages = 0;
  let tsbBytes = 0;
  for (const space of machine.spaces.live()) {
    for (const area of space.areas()) residentPages += area.usedPages;
    tsbBytes += space.context.cache?.bytes ?? 0;
  }
  return { residentPages, tableBytes: tables.bytes(), tsbBytes, framesInUse: freeBefore - frames.free };
};

/** What a report is made from. */
export interface RunParts {
  readonly machine: Machine;
  readonly engine: AccessEngine;
  readonly events: EventCounts;
  readonly program: LoadedProgram | null;
  readonly trace: { readonly lines: number; readonly otherLines: number; readonly homes: Homes } | null;
  readonly memory: RunReport["memory"];
  readonly isComplete: boolean;
  readonly leakedFrames: number;
}

/** Adds up the counts of all processors. */
export const reportOf = ({ machine, engine, events, program, trace, memory, isComplete, leakedFrames }: RunParts): RunReport => {
  const sum = (
    counter: "tlbMisses" | "itlbMisses" | "refills" | "upgrades" | "tsbHits" | "tsbMisses" | "walks" | "walkReads" | "invalidations",
  ): number => machine.cpus.reduce((total, { statistics }) => total + statistics[counter], 0);
  const count = (kind: number): number => engine.counts[kind];
  const { swapper } = machine.parts.reclaimer;
  const isUnified = machine.architecture.tlb.instruction === undefined;
  const instructionMisses = sum("itlbMisses");
  // Where one buffer serves both, fetches are among its misses.
  const dataMisses = sum("tlbMisses") - (isUnified ? instructionMisses : 0);
  return {
    architecture: machine.architecture.name,
    processors: machine.cpus.length,
    pageBytes: 2 ** machine.architecture.pageShift,
    program:
      program === null
        ? null
        : {
            bits: program.elf.bits,
            byteOrder: program.elf.byteOrder,
            kind: program.elf.kind,
            builtFor: MACHINES[program.elf.machine] ?? `machine ${program.elf.machine}`,
            entry: `0x${program.entry.toString(16)}`,
            segments: program.elf.segments.length,
            interpreter: program.elf.interpreter,
            writableCode: program.writableCode,
          },
    trace:
      trace === null
        ? null
        : {
            lines: trace.lines,
            otherLines: trace.otherLines,
            regions: trace.homes.regions,
            movedRegions: trace.homes.movedRegions,
            movedPages: trace.homes.movedPages,
            splitPages: trace.homes.splitPages,
          },
    accesses: { fetches: count(FETCH), loads: count(LOAD), stores: count(STORE), modifies: count(MODIFY) },
    tlb: {
      lookups: engine.lookups,
      hits: engine.lookups - dataMisses - instructionMisses,
      dataMisses,
      instructionMisses,
      refills: sum("refills"),
      firstWrites: sum("upgrades"),
    },
    tsb: { hits: sum("tsbHits"), misses: sum("tsbMisses") },
    walks: { walks: sum("walks"), wordsRead: sum("walkReads") },
    faults: { served: events.served, pagesIn: events.pagesIn, contents: events.contents, refused: events.refused },
    memory,
    ...(swapper === null ? {} : { swap: { written: swapper.written, spared: swapper.spared, read: swapper.read } }),
    invalidations: sum("invalidations"),
    shootdowns: events.shootdowns,
    bytesChecked: engine.bytesChecked,
    wrongBytes: engine.wrongBytes,
    refusedAccesses: engine.refused,
    isComplete,
    refusals: engine.refusals.map(({ address, ...rest }) => ({ address: `0x${address.toString(16)}`, ...rest })),
    leakedFrames,
  };
};
