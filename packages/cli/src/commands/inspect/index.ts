/** `portolan inspect`: what is in images of physical memory, whoever made them. */
import type { Command } from "commander";
import { addCommands, type Commands } from "../../sub-commands.js";
import type { Terminal } from "../../terminal.js";

const COMMANDS: Commands = {
  walk: async () => (await import("./walk.js")).addInspectWalk,
  explain: async () => (await import("./explain.js")).addInspectExplain,
  list: async () => (await import("./list.js")).addInspectList,
  diff: async () => (await import("./diff.js")).addInspectDiff,
  check: async () => (await import("./check.js")).addInspectCheck,
  roots: async () => (await import("./roots.js")).addInspectRoots,
  read: async () => (await import("./read.js")).addInspectRead,
};

const EXAMPLES = `
Examples:
  portolan inspect explain --arch amd64 --access write examples/images/sort.amd64.core 0x402010
  portolan inspect list --arch amd64 examples/images/sort.amd64.core
  portolan inspect list --help`;

/** Adds `portolan inspect` and its sub-commands to the program. */
export const addInspect = (program: Command, terminal: Terminal, rest: readonly string[]): Promise<void> => {
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
  return addCommands(COMMANDS, inspect, terminal, rest);
};
