/** `portolan conform`: the suite against machines, or against a program that answers for one. */
import {
  clauses,
  conform,
  Failure,
  groupOf,
  isGood,
  matrix,
  OUTCOMES,
  POLICIES,
  PROFILES,
  readExpectations,
  replayHistory,
  REPORTERS,
  TRAITS,
  type Policy,
  type ProfileName,
  type Report,
  type Result,
  type RunOptions,
  type Subject,
  type Trait,
} from "@portolan/conformance";
import { conformChild } from "@portolan/conformance/child";
import { PortolanError } from "@portolan/core/architecture";
import { InvalidArgumentError, Option, type Command } from "commander";
import { readFileSync, writeFileSync } from "node:fs";
import { ARCHITECTURES, isMistyped } from "../architectures.js";
import { MACHINE, subjectNamed, wantedOf, type Wanted } from "../conformance.js";
import { WorkFailed, type Terminal } from "../terminal.js";

interface ConformArguments {
  readonly profile: ProfileName;
  readonly policy?: readonly Policy[];
  readonly only?: readonly string[];
  readonly trait?: Trait;
  readonly seed: number;
  readonly long?: boolean;
  readonly expect?: string;
  readonly report?: readonly Wanted[];
  readonly vectors?: readonly string[];
  readonly matrix?: string;
  readonly adapter?: string;
  readonly timeout: number;
  readonly replay?: string;
  readonly list?: boolean;
}

const EXAMPLES = `
Examples:
  portolan conform abs32le --profile teaching
  portolan conform ia32 --only L1.walk L2.asid --report markdown
  portolan conform --list`;

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

const policyOf = (value: string, before: readonly Policy[] = []): readonly Policy[] => {
  if (!Object.hasOwn(POLICIES, value)) throw new InvalidArgumentError(`A policy is one of ${Object.keys(POLICIES).join(", ")}.`);
  return [...before, value as Policy];
};

const seedOf = (value: string): number => {
  if (!/^\d{1,10}$/.test(value)) throw new InvalidArgumentError("A seed is a whole number.");
  return Number(value);
};

/** What a timer can count to. */
const LONGEST = 2 ** 31 - 1;
const timeoutOf = (value: string): number => {
  const milliseconds = /^\d{1,10}$/.test(value) ? Number(value) : 0;
  if (milliseconds < 1 || milliseconds > LONGEST) throw new InvalidArgumentError("A time is a whole number of milliseconds, at least 1.");
  return milliseconds;
};

export const addConform = (program: Command, terminal: Terminal): void => {
  program
    .command("conform")
    .description("runs the conformance suite against machines, or against a program that answers for one")
    .argument("[machines...]", "names, packages or modules; every machine of ours where none is named")
    .addOption(new Option("--profile <name>", "which groups, under which policies").choices(Object.keys(PROFILES)).default("full"))
    .option(
      "--policy <name>",
      `legal choices of hardware instead of the profile's (may be repeated): ${Object.keys(POLICIES).join(", ")}`,
      policyOf,
    )
    .option("--only <prefixes...>", "only clauses whose names begin so: L1, L2.asid")
    .addOption(new Option("--trait <trait>", "only under this trait").choices(TRAITS))
    .option("--seed <n>", "seed of everything random", seedOf, 1)
    .option("--long", "campaigns instead of samples: every schedule, many histories")
    .option("--expect <file>", "clauses that are known to fail, and why")
    .option(
      "--report <format[=file]>",
      `a report (may be repeated), {machine} in FILE is its name: ${Object.keys(REPORTERS).join(", ")}`,
      wantedOf,
    )
    .option("--vectors <file>", "more golden vectors (may be repeated)", collect)
    .option("--matrix <file>", "writes the table machine × group as Markdown")
    .option("--adapter <command>", "judges a program that answers requests on its standard input, for the one machine named")
    .option("--timeout <ms>", "how long an adapter may take for an answer", timeoutOf, 5000)
    .option("--replay <file>", "performs a history that a failure has printed, under its --policy")
    .option("--list", "prints the clauses")
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], options: ConformArguments, command: Command) => {
      if (options.list === true) return listClauses(terminal);
      if (PROFILES[options.profile].isStrict && (options.only ?? options.trait ?? options.policy ?? options.expect) !== undefined)
        command.error("error: a certified run leaves nothing out: no --only, --trait, --policy or --expect", { exitCode: 2 });
      if (options.adapter !== undefined && names.length !== 1)
        command.error("error: --adapter judges one machine: name it", { exitCode: 2 });
      if (options.adapter !== undefined && (options.trait ?? options.policy ?? options.long ?? options.replay) !== undefined)
        command.error("error: a program has its own hardware, and is asked once: no --trait, --policy, --long or --replay with --adapter", {
          exitCode: 2,
        });
      const lost = names.length === 1 ? undefined : options.report?.find(isOfOne);
      if (lost !== undefined)
        command.error(
          `error: a report is of one machine, and there are several: ${lost.format}=FILE with {machine} in FILE, or one machine at a time`,
          { exitCode: 2 },
        );
      for (const prefix of options.only ?? []) {
        if (!clauses.some(({ id }) => id.startsWith(prefix)))
          command.error(`error: no clause's name begins with ${prefix}: --list prints them, and machines stand before --only`, {
            exitCode: 2,
          });
      }
      const { subjects, unasked } = await subjectsOf(names.length === 0 ? ARCHITECTURES : names, options.vectors ?? [], terminal);
      const reports: Report[] = [];
      for (const [name, subject] of subjects) {
        const report = await run(name, subject, options, terminal);
        if (report?.results.length === 0)
          command.error("error: nothing was asked: no clause is in the profile and what the other options leave of it", { exitCode: 2 });
        if (report !== null) writeReports(report, options.report, terminal);
        if (report !== null) reports.push(report);
      }
      if (options.matrix !== undefined) writeFileSync(options.matrix, matrixPage(reports));
      const bad = reports.filter((report) => !isGood(report)).map(({ subject }) => subject.name);
      const complaints = [
        ...(bad.length > 0 ? [`${bad.join(", ")} ${bad.length === 1 ? "does" : "do"} not conform`] : []),
        ...(unasked.length > 0 ? [`${unasked.join(", ")} could not be asked`] : []),
      ];
      if (complaints.length > 0) throw new WorkFailed(complaints.join("; "));
    });
};

interface Subjects {
  readonly subjects: readonly (readonly [name: string, subject: Subject])[];
  readonly unasked: readonly string[];
}

/**
 * All of them, before the first is asked: a mistyped name ends the command at once. A module that gives no machine is told, and
 * the others are asked all the same.
 */
const subjectsOf = async (names: readonly string[], vectors: readonly string[], terminal: Terminal): Promise<Subjects> => {
  const subjects: (readonly [string, Subject])[] = [];
  const unasked: string[] = [];
  for (const name of names) {
    try {
      subjects.push([name, await subjectNamed(name, vectors)]);
    } catch (error) {
      const isOfModule = error instanceof PortolanError && error.code.endsWith("_ARCHITECTURE") && !isMistyped(error);
      if (names.length === 1 || !isOfModule) throw error;
      terminal.err(`ERROR ${name}: ${error.code}: ${error.message}\n`);
      unasked.push(name);
    }
  }
  return { subjects, unasked };
};

const run = async (name: string, subject: Subject, options: ConformArguments, terminal: Terminal): Promise<Report | null> => {
  if (options.replay !== undefined) {
    replay(subject, options.replay, options.policy?.[0] ?? "described", terminal);
    return null;
  }
  const known = new Set(clauses.map(({ id }) => id));
  const expectations = options.expect === undefined ? [] : readExpectations(readFileSync(options.expect, "utf8"), options.expect, known);
  const repeated = [
    `portolan conform ${wordOf(name)} --only {clause} --trait {trait} --policy {policy} --seed {seed}`,
    ...(options.long === true ? ["--long"] : []),
    ...("isShort" in PROFILES[options.profile] ? [`--profile ${options.profile}`] : []),
    ...(options.vectors ?? []).map((file) => `--vectors ${wordOf(file)}`),
  ];
  const progress = progressOn(terminal, name);
  const settings: RunOptions = {
    profile: options.profile,
    seed: options.seed,
    isLong: options.long === true,
    expectations,
    repeat: repeated.join(" "),
    onResult: progress.on,
    ...(options.policy === undefined ? {} : { policies: options.policy }),
    ...(options.only === undefined ? {} : { only: options.only }),
    ...(options.trait === undefined ? {} : { trait: options.trait }),
  };
  const report =
    options.adapter === undefined
      ? await conform(subject, settings)
      : await conformChild(subject, { ...settings, command: options.adapter, timeoutMs: options.timeout });
  progress.clear();
  return report;
};

/** Whether the second of two such reports would be written over the first, or behind it where a form has one beginning and one end. */
const isOfOne = ({ format, file }: Wanted): boolean =>
  file === undefined ? format === "tap" || format === "junit" || format === "html" : !file.includes(MACHINE);

const writeReports = (report: Report, wanted: readonly Wanted[] = [{ format: "text" }], terminal: Terminal): void => {
  for (const { format, file } of wanted) {
    const written = REPORTERS[format](report);
    if (file === undefined) terminal.out(written);
    else writeFileSync(file.replaceAll(MACHINE, report.subject.name), written);
  }
};

/** As one word for a shell. */
const wordOf = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** What a failure has printed, once more. */
const replay = (subject: Subject, file: string, policy: Policy, terminal: Terminal): void => {
  try {
    replayHistory(subject, readFileSync(file, "utf8"), file, policy);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new WorkFailed(`${error.message}, under the policy ${policy}`);
  }
  terminal.out(`the history ends as the model says, under the policy ${policy}\n`);
};

/** One line that says how far it is, drawn again and again where somebody looks. */
const progressOn = (terminal: Terminal, name: string): { readonly on: (result: Result) => void; readonly clear: () => void } => {
  let done = 0;
  let next = terminal.now() + 300;
  let isDrawn = false;
  return {
    on({ clause }) {
      done += 1;
      if (!terminal.isTerminal || terminal.now() < next) return;
      next = terminal.now() + 100;
      isDrawn = true;
      terminal.err(`\r\u001b[K${name}: ${done} cases, ${clause}`);
    },
    clear() {
      if (isDrawn) terminal.err("\r\u001b[K");
    },
  };
};

const listClauses = (terminal: Terminal): void => {
  for (const { id, rule, source, traits, needs } of clauses) {
    const lacks = needs === undefined ? "" : `; needs ${needs.join(", ")}`;
    terminal.out(`${id}\n  ${rule}\n  ${source}; ${traits.join(", ")}${lacks}\n`);
  }
  terminal.out(`${clauses.length} clauses in ${new Set(clauses.map(({ id }) => groupOf(id))).size} groups\n`);
};

const matrixPage = (reports: readonly Report[]): string => {
  const [first] = reports;
  const about =
    first === undefined
      ? ""
      : `Suite ${first.suite.version}, ${first.suite.clauses} clauses, profile ${first.profile}, seed ${first.seed}; written by \`portolan conform --profile ${first.profile} --matrix FILE\`.\n\n`;
  return `# Machines and the contract\n\n${about}${matrix(reports)}\n\nOutcomes: ${OUTCOMES.join(", ")}; docs/conformance.md says what they mean.\n`;
};
