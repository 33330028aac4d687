/** Runs clauses against a machine, one case after the other, and tells what came of each. */
import { PortolanError } from "@portolan/core";
import { groupOf, type Clause, type Trait } from "../clause.js";
import { clauses as allClauses } from "../clauses/index.js";
import { Failure, Undecided } from "../failure.js";
import type { Policy } from "../policies.js";
import { Rig, type Subject } from "../rig/rig.js";
import { isExpected, type Expectation } from "./expectations.js";
import { PROFILES, profileHash, type Profile, type ProfileName } from "./profiles.js";
import { countOutcomes, REPORT_FORMAT, type Outcome, type Report, type Result } from "./report.js";
import { sha256 } from "./sha256.js";

/** Major: the rules of running change. Minor: clauses or published vectors are added. Patch: wording. */
export const SUITE_VERSION = "1.3.0";

export interface RunOptions {
  /** `full` where absent. */
  readonly profile?: ProfileName;
  /** Instead of the profile's. */
  readonly policies?: readonly Policy[];
  /** Only clauses whose id begins with one of these. */
  readonly only?: readonly string[];
  readonly trait?: Trait;
  readonly seed?: number;
  /** Campaigns instead of samples. */
  readonly isLong?: boolean;
  readonly expectations?: readonly Expectation[];
  /** How a failure is done again; `{clause}`, `{trait}`, `{policy}` and `{seed}` are filled in. */
  readonly repeat?: string;
  readonly onResult?: (result: Result) => void;
}

/** What a clause is, for the hash of the suite. */
const textOf = (clause: Clause): string =>
  [
    clause.id,
    clause.rule,
    clause.source,
    clause.traits.join(),
    clause.needs?.join() ?? "",
    clause.otherwise?.rule ?? "",
    String(clause.check),
  ].join("\n");

let hash: string | null = null;
/** Changes with every clause. */
export const suiteHash = (): string => (hash ??= sha256(allClauses.map(textOf).join("\n\n")));

/** One case: a clause under a trait and a policy. */
interface Case {
  readonly clause: Clause;
  readonly trait: Trait;
  readonly policy: Policy;
}

/** Every case of a run, in order. Codecs and descriptions do not depend on policies: they are looked at once. */
export const casesOf = (options: RunOptions): { readonly cases: readonly Case[]; readonly leftOut: number } => {
  const profile = PROFILES[options.profile ?? "full"];
  const policies = options.policies ?? profile.policies;
  const all = policies.flatMap((policy, i) =>
    allClauses
      .filter(({ id }) => (profile.groups as readonly string[]).includes(groupOf(id)) && (groupOf(id) !== "L0" || i === 0))
      .flatMap((clause) => clause.traits.map((trait) => ({ clause, trait, policy }))),
  );
  const cases = all.filter(
    ({ clause: { id }, trait }) =>
      (options.only === undefined || options.only.some((prefix) => id.startsWith(prefix))) &&
      (options.trait === undefined || options.trait === trait),
  );
  return { cases, leftOut: all.length - cases.length };
};

/** The seed of a case: its own, so that it can be run alone. */
const seedOf = (seed: number, { clause, trait, policy }: Case): number =>
  Array.from(`${clause.id} ${trait} ${policy}`).reduce(
    (sum, character) => (Math.imul(sum, 31) + (character.codePointAt(0) ?? 0)) | 0,
    seed | 0,
  ) >>> 0;

/** @returns the report; `onResult` hears of each result as it comes */
export const conform = async (subject: Subject, options: RunOptions = {}): Promise<Report> => {
  const { cases, leftOut } = casesOf(options);
  const results: Result[] = [];
  for (const one of cases) {
    const result = await runCase(subject, one, options);
    results.push(result);
    options.onResult?.(result);
  }
  return reportOf(subject, results, leftOut, options);
};

const reportOf = (subject: Subject, results: readonly Result[], leftOut: number, options: RunOptions): Report => {
  const profile = options.profile ?? "full";
  const counts = countOutcomes(results);
  return {
    format: REPORT_FORMAT,
    suite: { version: SUITE_VERSION, hash: suiteHash(), clauses: allClauses.length },
    subject: { name: subject.architecture.name, title: subject.architecture.title, way: "in-process" },
    profile,
    profileHash: profileHash(profile),
    seed: options.seed ?? 1,
    policies: options.policies ?? PROFILES[profile].policies,
    isLong: options.isLong === true,
    leftOut,
    counts,
    isCertified: PROFILES[profile].isStrict && leftOut === 0 && counts.PASS > 0 && counts.PASS + counts.UNSUPPORTED === results.length,
    results,
  };
};

/** One case; whatever is thrown in it is told, and the run goes on. */
export const runCase = async (subject: Subject, one: Case, options: RunOptions = {}): Promise<Result> => {
  const { clause, trait, policy } = one;
  const seed = options.seed ?? 1;
  const common = {
    clause: clause.id,
    group: groupOf(clause.id),
    trait,
    policy,
    source: clause.source,
    repeat: (options.repeat ?? "portolan conform --only {clause} --trait {trait} --policy {policy} --seed {seed}")
      .replace("{clause}", clause.id)
      .replace("{trait}", trait)
      .replace("{policy}", policy)
      .replace("{seed}", String(seed)),
  };
  const tell = (outcome: Outcome, rule: string, detail: string, log = ""): Result => {
    const expected = isExpected(options.expectations ?? [], { clause: clause.id, trait, policy });
    if (expected !== undefined && outcome === "FAIL")
      return { ...common, outcome: "XFAIL", rule, detail: `${detail} (expected: ${expected.why})`, log };
    if (expected !== undefined && outcome === "PASS")
      return { ...common, outcome: "XPASS", rule, detail: `holds, though it is expected to fail: ${expected.why}`, log };
    return { ...common, outcome, rule, detail, log };
  };
  let rig: Rig;
  try {
    const profile: Profile = PROFILES[options.profile ?? "full"];
    const isLong = options.isLong === true;
    rig = new Rig(subject, { trait, policy, seed: seedOf(seed, one), isLong, isShort: !isLong && profile.isShort === true });
  } catch (error) {
    return tell("ERROR", clause.rule, messageOf(error));
  }
  const lacking = (clause.needs ?? []).filter((feature) => !rig.has(feature));
  const isNegative = lacking.length > 0;
  const rule = isNegative ? (clause.otherwise?.rule ?? clause.rule) : clause.rule;
  const left = unfinishedIn(subject, clause);
  if (left !== "") return tell("FAIL", clause.rule, left);
  try {
    await (isNegative ? clause.otherwise?.check(rig) : clause.check(rig));
  } catch (error) {
    if (error instanceof Failure) return tell("FAIL", rule, error.message, error.log);
    if (error instanceof Undecided) return tell("UNRESOLVED", rule, error.message);
    // A description that no machine can be built of cannot be asked; anything else is the machine's own doing.
    if (error instanceof PortolanError && error.code === "ERR_BAD_ARCHITECTURE") return tell("ERROR", rule, error.message);
    return tell("FAIL", rule, `throws ${messageOf(error)}`);
  }
  return isNegative ? tell("UNSUPPORTED", rule, `lacks ${lacking.join(", ")}; the negative holds`) : tell("PASS", rule, "");
};

/** What a template left open, under the clause that it names; what names none that there is stands under the first one. */
const unfinishedIn = ({ architecture: { unfinished = [] } }: Subject, { id }: Clause): string => {
  const own = unfinished.filter(
    ({ clause }) => clause === id || (id === allClauses[0]?.id && !allClauses.some((known) => known.id === clause)),
  );
  const steps = [...new Set(own.map(({ step }) => step))];
  return steps
    .map((step) => `step ${step} of the guide: ${own.flatMap((one) => (one.step === step ? [one.says] : [])).join("; ")}`)
    .join("; ");
};

const messageOf = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));
