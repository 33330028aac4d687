/** One run: a guest is started, cases of every kind are put to it, and what became of them is told. */
import type { Subject, VectorSet } from "@portolan/conformance";
import { PortolanError, Random } from "@portolan/core";
import type { BlankCase, JudgedCase } from "./case.js";
import { edgeCases } from "./cases/edges.js";
import { flagCases } from "./cases/flags.js";
import { historyCases } from "./cases/histories.js";
import { casesOfVectors } from "./cases/of-vectors.js";
import { withExpectations } from "./cases/our-side.js";
import { randomTreeCases } from "./cases/random-trees.js";
import { Guest } from "./guest/guest.js";
import { Judge } from "./judge.js";
import type { MachineProfile } from "./machines/profile.js";
import { Tally } from "./verdict/verdict.js";

/** Guests that may be lost before a run is given up. */
const MOST_LOST = 5;

export interface VerifyOptions {
  /** Accesses of our own making, at least; vectors come on top. */
  readonly queries: number;
  readonly seed: number;
  readonly vectors: readonly VectorSet[];
  /** What is judged in place of the profile's own machine: a port that is to be tried, with the same registers. */
  readonly subject?: Subject;
  /** Only vectors: nothing of our own making. */
  readonly onlyVectors?: boolean;
  /** Called after every case; true ends the run, which has seen enough. */
  readonly progress?: (tally: Tally) => boolean | void;
}

export interface Verdict {
  readonly machine: string;
  /** Who has judged: `"QEMU 7.2.22, ARM926EJ-S"`. */
  readonly judge: string;
  readonly tally: Tally;
  /** What became of each set of vectors. */
  readonly sets: ReadonlyMap<VectorSet, Tally>;
}

/** Cases of our own making: histories first, since they are what the core does all day. */
const ownCases = function* (profile: MachineProfile, subject: Subject, random: Random, queries: number): Generator<JudgedCase> {
  const judged = { ...profile, architecture: subject.architecture };
  const blanks = function* (): Generator<BlankCase> {
    if (profile.own !== undefined) {
      yield* profile.own(random, queries, subject);
      return;
    }
    yield* edgeCases(judged, subject, random);
    yield* historyCases(judged, subject, random, queries * 0.4);
    yield* flagCases(judged, random, queries * 0.35);
    yield* randomTreeCases(judged, random, queries * 0.25);
  };
  for (const blank of blanks()) yield withExpectations(profile, subject, profile.amend?.(blank, random) ?? blank);
};

/**
 * Judges a machine.
 * @throws PortolanError ERR_QEMU_MISSING, ERR_QEMU_TOO_OLD, ERR_QEMU_FAILED, ERR_QEMU_SILENT; no process is left behind then
 */
export const verify = async (profile: MachineProfile, options: VerifyOptions): Promise<Verdict> => {
  const subject: Subject = options.subject ?? {
    architecture: profile.architecture,
    ...(profile.oracle === undefined ? {} : { oracle: profile.oracle }),
  };
  const total = new Tally();
  const sets = new Map<VectorSet, Tally>();
  const bench = new Bench(profile, subject);
  try {
    for (const set of options.vectors) {
      // Entries that were loaded by hand are nothing to a profile that has them refilled.
      if (profile.refills === true && set.vectors.some(({ tlb }) => tlb !== undefined)) continue;
      const tally = new Tally();
      sets.set(set, tally);
      for (const judged of casesOfVectors(profile, subject, set)) {
        await bench.judge(judged, tally);
        options.progress?.(tally);
      }
      total.add(tally);
    }
    if (options.onlyVectors !== true) {
      for (const judged of ownCases(profile, subject, new Random(options.seed), options.queries)) {
        await bench.judge(judged, total);
        if (options.progress?.(total) === true) break;
      }
    }
    return { machine: profile.name, judge: `QEMU ${await bench.version()}, ${profile.qemu.title}`, tally: total, sets };
  } finally {
    await bench.stop();
  }
};

/** A guest, and the next one when it is lost in a case. */
class Bench {
  readonly #profile: MachineProfile;
  readonly #subject: Subject;
  #guest: Guest | null = null;
  #lost = 0;
  #version = "";

  constructor(profile: MachineProfile, subject: Subject) {
    this.#profile = profile;
    this.#subject = subject;
  }

  async version(): Promise<string> {
    if (this.#version === "") await this.#need();
    return this.#version;
  }

  async judge(judged: JudgedCase, tally: Tally): Promise<void> {
    const guest = await this.#need();
    try {
      const judge = new Judge(guest);
      const unmarked = await judge.judge(judged, tally);
      if (unmarked.length > 0) await this.#judgeMarks(judge, { ...judged, queries: unmarked }, tally);
    } catch (error) {
      const isLost = error instanceof PortolanError && (error.code === "ERR_QEMU_SILENT" || error.code === "ERR_QEMU_FAILED");
      this.#lost += 1;
      if (!isLost || this.#lost > MOST_LOST) throw error;
      await this.stop();
      tally.count({ judged, says: `the guest was lost in this case: ${error.message}`, explanation: null });
    }
  }

  /** What agreed beside accesses that did not, once more without them: only the memory after it counts. */
  async #judgeMarks(judge: Judge, judged: JudgedCase, tally: Tally): Promise<void> {
    const again = new Tally();
    await judge.judge(withExpectations(this.#profile, this.#subject, judged), again);
    tally.words += again.words;
    tally.unexplained.push(...again.unexplained);
    for (const [id, count] of again.explainedWords) tally.explainedWords.set(id, (tally.explainedWords.get(id) ?? 0) + count);
  }

  async stop(): Promise<void> {
    const guest = this.#guest;
    this.#guest = null;
    await guest?.stop();
  }

  async #need(): Promise<Guest> {
    this.#guest ??= await Guest.start(this.#profile);
    this.#version = this.#guest.version;
    return this.#guest;
  }
}
