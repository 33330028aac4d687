/** `portolan inspect check`: what is suspicious in tables; the exit status says whether anything is that bad. */
import {
  checkTables,
  findingAsText,
  FINDINGS,
  isAsSevere,
  SEVERITIES,
  type CountByCode,
  type FindingCode,
  type Severity,
} from "@portolan/inspect";
import { InvalidArgumentError, Option, type Command } from "commander";
import { addressOf } from "../../options.js";
import { Suspicious, type Terminal } from "../../terminal.js";
import { addRegisterOption, addRootOptions, countOf, type InspectArguments } from "./arguments.js";
import { basisLine, openSubject, rootsOf } from "./subject.js";

const CODES = Object.keys(FINDINGS) as FindingCode[];
const WIDTH = Math.max(...CODES.map(({ length }) => length));

/** What makes the exit status 1 where nobody says: notes are of what may well be meant, and no system is without them. */
const LEAST: Severity = "broken";

const EXAMPLES = `
The exit status is 1 if something was found that is broken, or a danger; with --severity, if there is anything so bad. What can be found:
${CODES.map((code) => `  ${code.padEnd(WIDTH)}  ${FINDINGS[code].severity.padEnd(6)}  ${FINDINGS[code].says}`).join("\n")}

Examples:
  portolan inspect check --arch amd64 --severity danger examples/images/sort.amd64.core
  portolan inspect check --arch amd64 --only writable-executable --only table-user-writable examples/images/sort.amd64.core
  portolan inspect check --arch amd64 --except alias-rights --json examples/images/sort.amd64.core`;

interface CheckArguments extends InspectArguments {
  readonly severity?: Severity;
  readonly only?: readonly FindingCode[];
  readonly except?: readonly FindingCode[];
  readonly limit?: number;
  readonly linear?: boolean;
  readonly kernelFrom?: bigint;
}

const moreCodes = (text: string, before: readonly FindingCode[] = []): readonly FindingCode[] => {
  const code = CODES.find((one) => one === text);
  if (code === undefined) throw new InvalidArgumentError(`There are ${CODES.join(", ")}.`);
  return [...before, code];
};

/** Adds it to `inspect`. */
export const addInspectCheck = (inspect: Command, terminal: Terminal): void => {
  addRegisterOption(addRootOptions(inspect.command("check")))
    .description("finds what is suspicious in the tables; exit status 1 if there is anything that is broken or a danger")
    .addOption(
      new Option("--severity <least>", "prints nothing less bad, and ends with 1 if there is anything so bad").choices([...SEVERITIES]),
    )
    .option("--only <code>", "looks for nothing else; may be repeated", moreCodes)
    .option("--except <code>", "does not look for that; may be repeated", moreCodes)
    .option("--limit <n>", "prints so many findings of each kind: 100 where nothing is said; all are counted", countOf)
    .option("--linear", "prints one by one what else is mapped of the kernel's map of all memory, and not only how many pages")
    .option("--kernel-from <address>", "where the kernel's addresses begin, where the machine does not say: 0xc0000000", addressOf)
    .option("--json", "prints the result as JSON")
    .argument("<image>", "an image of physical memory: raw, ELF core or LiME")
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, given: CheckArguments) => {
      const subject = await openSubject(path, given, terminal);
      try {
        const rooted = await rootsOf(subject, given.root, given.cpu);
        const { image, architecture, options } = subject;
        const {
          findings,
          counts,
          places,
          totals,
          looked: told,
        } = await checkTables(image, architecture, rooted.roots, {
          ...options,
          ...(given.linear === undefined ? {} : { linear: given.linear }),
          ...(given.kernelFrom === undefined ? {} : { kernelFrom: given.kernelFrom }),
          ...(given.limit === undefined ? {} : { limit: given.limit }),
        });
        const isWanted = (code: FindingCode): boolean =>
          (given.only?.includes(code) ?? true) &&
          given.except?.includes(code) !== true &&
          isAsSevere(FINDINGS[code].severity, given.severity ?? "info");
        const wanted = findings.filter(({ code }) => isWanted(code));
        const counted = CODES.filter((code) => isWanted(code) && counts[code] !== undefined);
        const found = counted.reduce((sum, code) => sum + (counts[code] ?? 0), 0);
        if (given.json === true) {
          const some = (numbers: CountByCode): CountByCode => Object.fromEntries(counted.map((code) => [code, numbers[code]]));
          const data = {
            machine: architecture.name,
            basis: rooted.says,
            found,
            counts: some(counts),
            places: some(places),
            totals,
            findings: wanted.map((finding) => ({
              ...finding,
              first: hex(finding.first),
              last: hex(finding.last),
              physical: hex(finding.physical),
              ...(finding.other === undefined ? {} : { other: hex(finding.other) }),
            })),
          };
          terminal.out(`${JSON.stringify(data, null, 2)}\n`);
        } else {
          const looked = `${told ?? `${totals.tables} tables and ${totals.leaves} pages`} looked at`;
          const sums = found === 0 ? "nothing found" : counted.map((code) => sumOf(code, counts[code] ?? 0, places[code] ?? 0)).join(", ");
          terminal.out(`${basisLine(subject, rooted)}\n${wanted.map(findingAsText).join("")}${looked}: ${sums}\n`);
        }
        if (totals.end !== "complete") terminal.err(`note: the check ended early: too many ${totals.end}; the rest was not looked at\n`);
        // What was asked for by its name counts, however bad it is.
        const least = given.severity ?? (given.only === undefined ? LEAST : "info");
        if (counted.some((code) => isAsSevere(FINDINGS[code].severity, least))) throw new Suspicious();
      } finally {
        await subject.close();
      }
    });
};

/** `"3 × page-outside (4 pages)"`. */
const sumOf = (code: FindingCode, findings: number, places: number): string =>
  `${findings} × ${code}${places === findings ? "" : ` (${places} ${FINDINGS[code].of === "page" ? "pages" : "entries"})`}`;

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
