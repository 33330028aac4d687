/** `portolan verify`: QEMU's MMU judges a machine, by real accesses. */
import { readVectors, vectorsText, type Subject, type VectorSet } from "@portolan/conformance";
import { publishedVectors } from "@portolan/conformance/published";
import { PROFILES, profileNamed, vectorsOf, verify, type MachineProfile, type Verdict } from "@portolan/qemu-judge";
import { InvalidArgumentError, type Command } from "commander";
import { readFileSync, writeFileSync } from "node:fs";
import { architectureNamed, isNameOfOurs, oracleNamed } from "../architectures.js";
import { judgesText } from "../judges.js";
import { disagreements, verdictJson, verdictLines } from "../render/verdict.js";
import { WorkFailed, type Terminal } from "../terminal.js";

interface VerifyArguments {
  readonly arch?: readonly string[];
  readonly all?: boolean;
  readonly judge?: string;
  readonly cases: number;
  readonly seed: number;
  readonly vectors?: readonly string[];
  readonly long?: boolean;
  readonly json?: boolean;
  readonly out?: string;
  readonly provenance?: string;
  readonly list?: boolean;
}

/** Accesses of a night's run. */
const LONG = 2_000_000;

const EXAMPLES = `
Examples:
  portolan verify --all
  portolan verify --arch amd64 --cases 50000 --seed 7
  portolan verify --arch riscv64 --vectors mine.json
  portolan verify --arch ./my-port/dist/index.js --judge amd64`;

const countOf = (value: string): number => {
  if (!/^\d{1,10}$/.test(value)) throw new InvalidArgumentError("It is a whole number.");
  return Number(value);
};

export const addVerify = (program: Command, terminal: Terminal): void => {
  program
    .command("verify")
    .description("lets QEMU's MMU judge tables and TLB contents of ours, by real accesses")
    .option("--arch <names...>", "machines to judge: names, packages or modules")
    .option("--all", "every machine that QEMU judges")
    .option("--judge <name>", "which machine's QEMU judges, where the one to judge is not one of ours")
    .option("--cases <n>", "accesses of our own making for each machine, at least; golden vectors come on top", countOf, 12_000)
    .option("--seed <n>", "seed of everything random", countOf, 1)
    .option("--vectors <files...>", "judges these golden vectors, and nothing of our own making")
    .option("--long", `${LONG.toLocaleString("en")} accesses for each machine, unless --cases says otherwise`)
    .option("--json", "prints the verdicts as JSON")
    .option("--out <file>", "writes the first disagreement that nobody can explain, as golden vectors")
    .option("--provenance <file>", "writes which published vectors were confirmed, by whom")
    .option("--list", "prints the machines that can be judged, and what each needs")
    .addHelpText("after", EXAMPLES)
    .action(async (options: VerifyArguments, command: Command) => {
      if (options.list === true) return list(terminal);
      if ((options.arch === undefined) === (options.all !== true))
        command.error("error: name machines with --arch, or all of them with --all", { exitCode: 2 });
      const names = options.arch ?? PROFILES.map(({ name }) => name);
      const queries = options.long === true && command.getOptionValueSource("cases") === "default" ? LONG : options.cases;
      const verdicts: Verdict[] = [];
      for (const name of names) {
        const profile = profileNamed(options.judge ?? name);
        const verdict = await judged(name, profile, { ...options, cases: queries }, terminal);
        verdicts.push(verdict);
        if (options.json !== true) terminal.out(verdictLines(verdict, profile));
        const [first] = disagreements(verdict);
        if (first !== undefined && options.out !== undefined) {
          const set = vectorsOf(profile, first.judged, first.queries, verdict.judge);
          if (set !== null) writeFileSync(options.out, vectorsText(set));
        }
      }
      if (options.json === true) terminal.out(`${JSON.stringify(verdicts.map(verdictJson), null, 1)}\n`);
      if (options.provenance !== undefined) writeFileSync(options.provenance, judgesText(verdicts));
      const bad = verdicts.filter(({ tally }) => tally.unexplained.length > 0).map(({ machine }) => machine);
      if (bad.length > 0) throw new WorkFailed(`${bad.join(", ")}: QEMU answers otherwise, and nobody knows why`);
    });
};

const judged = async (name: string, profile: MachineProfile, options: VerifyArguments, terminal: Terminal): Promise<Verdict> => {
  const given = options.vectors?.map((file): VectorSet => readVectors(readFileSync(file, "utf8"), file));
  const vectors = given?.filter(({ machine }) => machine === profile.architecture.name) ?? publishedVectors(profile.name);
  const isOurs = profile.name === name || isNameOfOurs(name);
  let next = terminal.now() + 300;
  let isDrawn = false;
  const verdict = await verify(profile, {
    queries: options.cases,
    seed: options.seed,
    vectors,
    ...(isOurs ? {} : { subject: await subjectAt(name) }),
    ...(given === undefined ? {} : { onlyVectors: true }),
    progress(tally) {
      if (!terminal.isTerminal || terminal.now() < next) return;
      next = terminal.now() + 100;
      isDrawn = true;
      terminal.err(`\r\u001b[K${name}: ${tally.queries.toLocaleString("en")} accesses`);
    },
  });
  if (isDrawn) terminal.err("\r\u001b[K");
  return verdict;
};

/** Somebody else's port, judged with the registers of the machine that it is a port to. */
const subjectAt = async (name: string): Promise<Subject> => {
  const oracle = await oracleNamed(name);
  return { architecture: await architectureNamed(name), ...(oracle === null ? {} : { oracle }) };
};

const list = (terminal: Terminal): void => {
  for (const { name, qemu } of PROFILES) terminal.out(`${name.padEnd(12)} ${qemu.title}; ${qemu.program}, Debian's ${qemu.package}\n`);
};
