/**
 * Holds our answers against the kernel's, call by call.
 *
 * Differences that are Linux's own freedom are few, and listed here with their reasons; docs/posix.md tells of them. All
 * others are defects of one side, and ours until shown otherwise.
 */
import { assertInvariants, type Random } from "@portolan/core";
import { lineOf, type Call } from "./calls.js";
import type { KernelFeatures } from "./linux.js";
import { OurWorld } from "./ours.js";
import { canonical, digestOf } from "./dumps.js";

/** Where two systems part. */
export interface Difference {
  readonly at: number;
  readonly call: string;
  readonly ours: string;
  readonly kernel: string;
}

/** How a world went. */
export interface Comparison {
  /** Calls that both performed. */
  readonly compared: number;
  readonly difference: Difference | null;
  /** How often each listed difference was met. */
  readonly excused: ReadonlyMap<string, number>;
}

/** A difference that is none, and why. */
interface Excuse {
  readonly name: string;
  /** Where the two may differ from then on, the rest of the world is not compared. */
  readonly endsWorld: boolean;
  holds(met: Met): boolean;
}

interface Met {
  readonly call: Call;
  readonly ours: string;
  readonly kernel: string;
  readonly features: KernelFeatures;
  /** What has happened in the world. */
  readonly before: ReadonlySet<string>;
}

const EXCUSES: readonly Excuse[] = [
  {
    name: "kernels before 6.17 move one mapping at a time, and look at what mremap is asked for in another order",
    endsWorld: true,
    holds: ({ call, features }) => call.name === "mremap" && !features.movesSeveral,
  },
  {
    name: "Linux on x86 reads a page of a file before it sees that it may not be executed: beyond the end that is SIGBUS",
    endsWorld: false,
    holds: ({ call, ours, kernel }) => call.name === "fetch" && ours === "SIGSEGV SEGV_ACCERR" && kernel === "SIGBUS BUS_ADRERR",
  },
  {
    name: "a page is in memory since Linux on x86 brought it in before it refused to execute it",
    endsWorld: false,
    holds: ({ call, ours, kernel, before }) =>
      call.name === "mincore" && before.has("refused fetch") && sameBut(ours, kernel, (one, other) => one === "0" && other === "1"),
  },
  {
    name: "a page went to swap: only our machine is short of memory",
    endsWorld: false,
    holds: ({ call, ours, kernel, before }) => call.name === "mincore" && before.has("pressure") && sameBut(ours, kernel, () => true),
  },
  {
    name: "a hole of a file is in memory since it was read: Linux makes no page of it in files that are in memory only",
    endsWorld: false,
    holds: ({ call, ours, kernel, before }) =>
      call.name === "mincore" && before.has("pread") && sameBut(ours, kernel, (one, other) => one === "1" && other === "0"),
  },
  {
    name: "a child has the pages that its parent had only read: Linux leaves those of memory that was never written out of a fork",
    endsWorld: false,
    holds: ({ call, ours, kernel, before }) =>
      call.name === "mincore" && before.has("fork") && sameBut(ours, kernel, (one, other) => one === "1" && other === "0"),
  },
  {
    name: "what was stored behind the end of a file becomes part of it when it grows: Linux has left that so for files in memory",
    endsWorld: true,
    holds: ({ call, before }) => before.has("stored behind the end") && ["dump", "load", "pread"].includes(call.name),
  },
];

/** Are two answers of one length alike but for digits that may differ so? */
const sameBut = (ours: string, kernel: string, mayDiffer: (ours: string, kernel: string) => boolean): boolean =>
  ours.length === kernel.length && Array.from(ours).every((digit, at) => digit === kernel[at] || mayDiffer(digit, kernel[at] ?? ""));

/** How to compare. */
export interface ComparisonOptions {
  /** The invariants of the machine are checked at every dump; true where absent. */
  readonly careful?: boolean;
  /** Frames of our machine; more than enough where absent. */
  readonly frames?: number;
  /** Makes an allocation of nearly every call fail: it is made again then, and must come to the same. */
  readonly shortage?: Random;
}

/** Performs a script on our side and compares; `answers` are the kernel's. */
export const compareWorld = (
  calls: readonly Call[],
  answers: readonly string[],
  features: KernelFeatures,
  options: ComparisonOptions = {},
): Comparison => {
  const { careful = true, frames, shortage } = options;
  const world = new OurWorld({ lowestAddress: features.lowest }, frames);
  const excused = new Map<string, number>();
  const before = new Set<string>(frames === undefined && shortage === undefined ? [] : ["pressure"]);
  let compared = 0;
  const count = (name: string): void => void excused.set(name, (excused.get(name) ?? 0) + 1);
  for (const [at, call] of calls.entries()) {
    const kernel = answers[at] ?? "no answer";
    if (kernel === "unmerged") {
      count("Linux keeps areas apart that could be one, and mremap or shmdt shows it");
      continue;
    }
    const differs = (ours: string): Comparison => ({ compared, difference: { at, call: lineOf(call), ours, kernel }, excused });
    let ours: string;
    try {
      if (world.isBehindEnd(call)) before.add("stored behind the end");
      ours = shortage === undefined ? world.answer(call) : answerInShortage(world, call, kernel, shortage);
      if (careful && (call.name === "dump" || at === calls.length - 1)) assertInvariants(world.machine);
    } catch (error) {
      return differs(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    if (ours !== "gone" && ours !== "taken") compared += 1;
    if (call.name === "pread" || call.name === "fork") before.add(call.name);
    if (call.name === "fetch" && ours === "SIGSEGV SEGV_ACCERR") before.add("refused fetch");
    const met = { call, ours, kernel, features, before };
    if (isAlike(met)) continue;
    const excuse = EXCUSES.find((each) => each.holds(met));
    if (excuse === undefined) return differs(call.name === "dump" ? ours.replace(/^/, "\n") : ours);
    count(excuse.name);
    if (excuse.endsWorld) return { compared, difference: null, excused };
  }
  world.end();
  return { compared, difference: null, excused };
};

/** The answer of a call that lacks memory, and of some that meet a hole. */
const ENOMEM = "-12";

/** The answer to a call that may lack memory for one of its parts, and is made again then, as if nothing had happened. */
const answerInShortage = (world: OurWorld, call: Call, kernel: string, random: Random): string => {
  // Steps of a move of several mappings are seen, as in Linux; a dump is no call.
  const [, old, after] = call.args;
  if (call.name === "dump" || (call.name === "mremap" && old === after)) return world.answer(call);
  const { gate } = world.machine.parts;
  const until = gate.count + random.below(8);
  gate.failAfter(until - gate.count);
  const answer = world.answer(call);
  gate.disarm();
  return gate.count <= until || (answer === kernel && answer !== ENOMEM) ? answer : world.answer(call);
};

const isAlike = ({ call, ours, kernel }: Met): boolean => {
  if (ours === kernel) return true;
  if (call.name !== "dump") return false;
  return kernel.startsWith("#") ? digestOf(ours) === kernel : canonical(ours) === canonical(kernel);
};
