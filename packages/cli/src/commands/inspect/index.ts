/** `portolan inspect`: what is in images of physical memory, whoever made them. */
import type { Command } from "commander";
import type { Terminal } from "../../terminal.js";
import { addInspectCheck } from "./check.js";
import { addInspectDiff } from "./diff.js";
import { addInspectExplain } from "./explain.js";
import { addInspectList } from "./list.js";
import { addInspectRead } from "./read.js";
import { addInspectRoots } from "./roots.js";
import { addInspectWalk } from "./walk.js";

const EXAMPLES = `
Examples:
  portolan inspect explain --arch amd64 --access write examples/images/sort.amd64.core 0x402010
  portolan inspect list --arch amd64 examples/images/sort.amd64.core
  portolan inspect list --help`;

/** Adds `portolan inspect` and its sub-commands to the program. */
export const addInspect = (program: Command, terminal: Terminal): void => {
  const inspect = program
    .command("inspect")
    .description("looks into an image of physical memory: what does this address map to, and why does it fault?")
    .addHelpText("after", EXAMPLES)
    .allowExcessArguments()
    .action((_options: unknown, command: Command) => {
      const [unknown] = command.args;
      if (unknown !== undefined) command.error(`error: unknown command '${unknown}'`, { exitCode: 2 });
      command.help();
    });
  for (const add of [addInspectWalk, addInspectExplain, addInspectList, addInspectDiff, addInspectCheck, addInspectRoots, addInspectRead])
    add(inspect, terminal);
};
