/** `portolan walk`: every word that translates an address, and the rule that decided. */
import { EXECUTE, KERNEL, PortolanError, READ, USER, WRITE, type Walk } from "@portolan/core";
import { Option, type Command } from "commander";
import { addMachineOptions, addressOf, type MachineArguments } from "../options.js";
import { kernelView, walkLines, walkValue, type KernelView } from "../render/walk.js";
import { WorkFailed, type Terminal } from "../terminal.js";
import { perform } from "./run.js";

interface WalkArguments extends MachineArguments {
  readonly access: keyof typeof ACCESSES;
  readonly privilege: keyof typeof PRIVILEGES;
}

const ACCESSES = { read: READ, write: WRITE, execute: EXECUTE } as const;
const PRIVILEGES = { user: USER, kernel: KERNEL } as const;

const EXAMPLES = `
Examples:
  portolan walk --arch ia32 examples/programs/words.i686.elf 0x804a000
  portolan walk --arch ia32 --access write --privilege kernel --set WP=on examples/programs/words.i686.elf 0x804a000
  portolan walk --arch sparc64 --access write examples/programs/words.sparc64.elf 0x2035e0
  portolan walk --arch ia32 --rebase --trace examples/traces/sort.amd64.trace.gz 0x1fff000600`;

/** Adds `portolan walk` to the program: the same, and one address explained. */
export const addWalk = (program: Command, terminal: Terminal): void => {
  addMachineOptions(program.command("walk"))
    .description("runs a program or a trace, then shows every table word that translates an address, and why it faults if it does")
    .addOption(new Option("--access <access>", "the access to explain").choices(Object.keys(ACCESSES)).default("read"))
    .addOption(new Option("--privilege <who>", "who makes it").choices(Object.keys(PRIVILEGES)).default("user"))
    .argument("<operands...>", "[PROGRAM] ADDRESS")
    .usage("[options] [PROGRAM] ADDRESS")
    .addHelpText("after", EXAMPLES)
    .action(async (operands: string[], options: WalkArguments, command: Command) => {
      const [file, text] = operands.length === 1 ? [undefined, operands[0]] : (operands as [string, string]);
      if (operands.length > 2) command.error(`error: too many operands: ${operands.slice(2).join(" ")}`, { exitCode: 2 });
      if (file === undefined && options.trace === undefined)
        command.error("error: a program, or --trace FILE, is needed before ADDRESS", { exitCode: 2 });
      const asked = addressIn(text);
      let walk: Walk | null = null;
      let kernel: KernelView = { area: null, verdict: null };
      const { architecture } = await perform(file, options, terminal, {
        inspect(machine, space, where) {
          walk = machine.walk(space, where(asked, ACCESSES[options.access]), ACCESSES[options.access], PRIVILEGES[options.privilege]);
          kernel = kernelView(machine, space, walk);
        },
      });
      if (walk === null) throw new WorkFailed("the run ended before the address could be looked at");
      terminal.out(
        options.json === true
          ? `${JSON.stringify(walkValue(asked, walk, kernel), null, 2)}\n`
          : `${walkLines(architecture, asked, walk, kernel).join("\n")}\n`,
      );
    });
};

/** @throws PortolanError ERR_BAD_ARGUMENT: commander reads options, operands it leaves to us */
const addressIn = (text: string): bigint => {
  try {
    return addressOf(text);
  } catch (error) {
    throw new PortolanError("ERR_BAD_ARGUMENT", { ADDRESS: text, rule: "hexadecimal with 0x before it, or decimal" }, error);
  }
};
