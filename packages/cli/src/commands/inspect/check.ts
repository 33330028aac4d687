/** `portolan inspect check`: what is suspicious in tables; the exit status says whether anything is. */
import { checkTables, FINDINGS, findingAsText, type FindingCode } from "@portolan/inspect";
import { InvalidArgumentError, type Command } from "commander";
import { Suspicious, type Terminal } from "../../terminal.js";
import { addRootOptions, countOf, type InspectArguments } from "./arguments.js";
import { basisLine, openSubject, rootsOf } from "./subject.js";

const CODES = Object.keys(FINDINGS) as FindingCode[];
const WIDTH = Math.max(...CODES.map(({ length }) => length));

const EXAMPLES = `
The exit status is 1 if something was found. What can be:
${CODES.map((code) => `  ${code.padEnd(WIDTH)}  ${FINDINGS[code].severity.padEnd(6)}  ${FINDINGS[code].says}`).join("\n")}

Examples:
  portolan inspect check --arch amd64 --only writable-executable --only table-user-writable examples/images/sort.amd64.core
  portolan inspect check --arch amd64 --except alias-rights --json examples/images/sort.amd64.core`;

interface CheckArguments extends InspectArguments {
  readonly only?: readonly FindingCode[];
  readonly except?: readonly FindingCode[];
  readonly limit?: number;
}

const moreCodes = (text: string, before: readonly FindingCode[] = []): readonly FindingCode[] => {
  const code = CODES.find((one) => one === text);
  if (code === undefined) throw new InvalidArgumentError(`There are ${CODES.join(", ")}.`);
  return [...before, code];
};

/** Adds it to `inspect`. */
export const addInspectCheck = (inspect: Command, terminal: Terminal): void => {
  addRootOptions(inspect.command("check"))
    .description("finds what is suspicious in the tables; exit status 1 if there is anything")
    .option("--only <code>", "looks for nothing else; may be repeated", moreCodes)
    .option("--except <code>", "does not look for that; may be repeated", moreCodes)
    .option("--limit <n>", "prints so many findings of each kind: 100 where nothing is said; all are counted", countOf)
    .option("--json", "prints the result as JSON")
    .argument("<image>", "an image of physical memory: raw, ELF core or LiME")
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, given: CheckArguments) => {
      const subject = await openSubject(path, given, terminal);
      try {
        const rooted = await rootsOf(subject, given.root, given.cpu);
        const { image, architecture, options } = subject;
        const { findings, counts, totals } = await checkTables(image, architecture, rooted.roots, {
          ...options,
          ...(given.limit === undefined ? {} : { limit: given.limit }),
        });
        const isWanted = (code: FindingCode): boolean => (given.only?.includes(code) ?? true) && given.except?.includes(code) !== true;
        const wanted = findings.filter(({ code }) => isWanted(code));
        const counted = CODES.filter((code) => isWanted(code) && (counts[code] ?? 0) > 0);
        const found = counted.reduce((sum, code) => sum + (counts[code] ?? 0), 0);
        if (given.json === true) {
          const data = {
            machine: architecture.name,
            basis: rooted.says,
            found,
            counts: Object.fromEntries(counted.map((code) => [code, counts[code]])),
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
          const sums = counted.map((code) => `${counts[code]} × ${code}`);
          const looked = `${totals.tables} tables and ${totals.leaves} pages looked at`;
          terminal.out(
            `${basisLine(subject, rooted)}\n${wanted.map(findingAsText).join("")}${looked}: ${found === 0 ? "nothing found" : sums.join(", ")}\n`,
          );
        }
        if (totals.end !== "complete") terminal.err(`note: the check ended early: too many ${totals.end}; the rest was not looked at\n`);
        if (found > 0) throw new Suspicious();
      } finally {
        await subject.close();
      }
    });
};

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
