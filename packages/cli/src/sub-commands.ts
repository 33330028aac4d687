/** Commands that are read from disk when they are asked for: a cold start reads one of them, and nothing that the others need. */
import type { Command } from "commander";
import type { Terminal } from "./terminal.js";

/** Adds a command to `parent`; `rest` is what was typed behind its name. */
export type Add = (parent: Command, terminal: Terminal, rest: readonly string[]) => void | Promise<void>;

/** Commands by name, in the order of the help. */
export type Commands = Readonly<Record<string, () => Promise<Add>>>;

/** Adds the command that was typed; all of them where it is none of these, for the help, and to say what there is. */
export const addCommands = async (
  commands: Commands,
  parent: Command,
  terminal: Terminal,
  [first = "", ...rest]: readonly string[],
): Promise<void> => {
  const load = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (load !== undefined) return (await load())(parent, terminal, rest);
  for (const add of await Promise.all(Object.values(commands).map((each) => each()))) await add(parent, terminal, []);
};
