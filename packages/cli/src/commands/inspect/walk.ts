/** `portolan inspect walk`: every level of an address's translation. */
import { KERNEL, NO_FAULT, READ, USER } from "@portolan/core/architecture";
import { walkAddress, walkAsText } from "@portolan/inspect";
import type { Command } from "commander";
import { addressOf } from "../../options.js";
import type { Terminal } from "../../terminal.js";
import { addRegisterOption, addRootOptions, type InspectArguments } from "./arguments.js";
import { addWhose, whoseOf } from "./software.js";
import { basisLine, openSubject, rootsOf, walkValue } from "./subject.js";

const EXAMPLES = `
Examples:
  portolan inspect walk --arch amd64 examples/images/sort.amd64.core 0x402010
  portolan inspect walk --arch amd64 --json examples/images/sort.amd64.core 0x402010

explain says whether an access would fault; walk tells of the way alone.`;

interface WalkArguments extends InspectArguments {
  readonly privilege?: "user" | "kernel";
}

/** Adds it to `inspect`. */
export const addInspectWalk = (inspect: Command, terminal: Terminal): void => {
  addWhose(addRegisterOption(addRootOptions(inspect.command("walk"))))
    .description("shows every level of an address's translation: the entry, its fields, and the rule that decided")
    .option("--json", "prints the result as JSON")
    .argument("<image>", "an image of physical memory: raw, ELF core or LiME")
    .argument("<address>", "virtual", addressOf)
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, address: bigint, given: WalkArguments) => {
      const subject = await openSubject(path, given, terminal);
      try {
        const rooted = await rootsOf(subject, given.root, given.cpu);
        const { image, architecture, options } = subject;
        const as = (privilege: typeof KERNEL | typeof USER) =>
          walkAddress(image, architecture, rooted.roots, address, { ...options, access: READ, privilege });
        const whose = whoseOf(architecture, given.privilege);
        // Whoever may read it: the question is where the way leads.
        const first = await as(whose ?? KERNEL);
        const walk = first.reason === NO_FAULT || whose !== null ? first : await as(USER);
        const told = walk.reason === NO_FAULT ? walk : first;
        terminal.out(
          given.json === true
            ? `${JSON.stringify({ machine: architecture.name, basis: rooted.says, ...walkValue(told) }, null, 2)}\n`
            : `${basisLine(subject, rooted)}\n${walkAsText(told)}`,
        );
      } finally {
        await subject.close();
      }
    });
};
