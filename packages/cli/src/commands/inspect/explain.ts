/** `portolan inspect explain`: would an access fault, and which bit of which entry is to blame? */
import { entryInWords, explainAccess, refuserInWords, walkAsText, type Refusal } from "@portolan/inspect";
import { Option, type Command } from "commander";
import { addressOf } from "../../options.js";
import type { Terminal } from "../../terminal.js";
import { ACCESSES, addRegisterOption, addRootOptions, PRIVILEGES, type InspectArguments } from "./arguments.js";
import { basisLine, openSubject, rootsOf, walkValue } from "./subject.js";

const EXAMPLES = `
Examples:
  portolan inspect explain --arch amd64 --access write examples/images/sort.amd64.core 0x402010
  portolan inspect explain --arch amd64 --access fetch examples/images/sort.amd64.core 0x402010
  portolan inspect explain --arch amd64 --access write --privilege kernel --switch WP=off examples/images/sort.amd64.core 0x401000
  portolan inspect explain --arch sparc64 --access write examples/images/sort.sparc64.core 0x100010`;

interface ExplainArguments extends InspectArguments {
  readonly access: keyof typeof ACCESSES;
  readonly privilege: keyof typeof PRIVILEGES;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const remedy = (refusal: Refusal): string[] => {
  const { culprits } = refusal;
  const place = refuserInWords(refusal);
  if (culprits.length === 0) return [`  ${place}: no single bit would help\n`];
  return culprits.map(({ kind, name, is, wouldBe }) =>
    kind === "switch"
      ? `  ${place}: would let it through with ${name} ${wouldBe === 1 ? "on" : "off"}\n`
      : `  ${place}: ${name} is ${is}; ${wouldBe} would let it through\n`,
  );
};

/** Adds it to `inspect`. */
export const addInspectExplain = (inspect: Command, terminal: Terminal): void => {
  addRegisterOption(addRootOptions(inspect.command("explain")))
    .description("says whether an access would fault, which levels refuse it, and which bit or switch does")
    .addOption(new Option("--access <access>", "the access").choices(Object.keys(ACCESSES)).default("read"))
    .addOption(new Option("--privilege <who>", "who makes it").choices(Object.keys(PRIVILEGES)).default("user"))
    .option("--json", "prints the result as JSON")
    .argument("<image>", "an image of physical memory: raw, ELF core or LiME")
    .argument("<address>", "virtual", addressOf)
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, address: bigint, given: ExplainArguments) => {
      const subject = await openSubject(path, given, terminal);
      try {
        const rooted = await rootsOf(subject, given.root, given.cpu);
        const { image, architecture, options } = subject;
        const { walk, faults, refusals, says } = await explainAccess(image, architecture, rooted.roots, address, {
          ...options,
          access: ACCESSES[given.access],
          privilege: PRIVILEGES[given.privilege],
        });
        if (given.json === true) {
          const data = { machine: architecture.name, basis: rooted.says, says, faults, refusals: refusals.map(refusalAsData) };
          terminal.out(`${JSON.stringify({ ...data, walk: walkValue(walk) }, null, 2)}\n`);
          return;
        }
        // Of the entries that let it pass a line is enough.
        const told = new Set(refusals.map(entryInWords));
        const way = walkAsText({
          ...walk,
          steps: walk.steps.map((step) => (told.has(entryInWords(step)) ? step : { ...step, fields: [] })),
        });
        terminal.out(`${basisLine(subject, rooted)}\n${says}\n${refusals.flatMap(remedy).join("")}\n${way}`);
      } finally {
        await subject.close();
      }
    });
};

const refusalAsData = (refusal: Refusal) => ({
  ...refusal,
  entryAddress: refusal.entryAddress === null ? null : hex(refusal.entryAddress),
});
