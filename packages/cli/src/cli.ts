/** The command line: which commands there are, and what becomes of errors. */
import { PortolanError } from "@portolan/core/architecture";
import { Command, CommanderError } from "commander";
import { createRequire } from "node:module";
import pc from "picocolors";
import { addCommands, type Commands } from "./sub-commands.js";
import { Suspicious, Unread, WorkFailed, type Terminal } from "./terminal.js";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

/** Exit statuses: what was asked could not be understood; it was understood, and failed. */
const USAGE = 2;
const FAILURE = 1;

/** What asks for the version, and for nothing else. */
const VERSION: readonly string[] = ["-V", "--version"];

/** Every command, in the order of the help. */
const COMMANDS: Commands = {
  run: async () => (await import("./commands/run.js")).addRun,
  walk: async () => (await import("./commands/walk.js")).addWalk,
  inspect: async () => (await import("./commands/inspect/index.js")).addInspect,
  archs: async () => (await import("./commands/archs.js")).addArchs,
  tlb: async () => (await import("./commands/tlb.js")).addTlb,
  pack: async () => (await import("./commands/pack.js")).addPack,
  conform: async () => (await import("./commands/conform.js")).addConform,
  vectors: async () => (await import("./commands/vectors.js")).addVectors,
  verify: async () => (await import("./commands/verify.js")).addVerify,
  new: async () => (await import("./commands/new.js")).addNew,
  demo: async () => (await import("./commands/demo.js")).addDemo,
};

/** Errors of whoever typed the command. */
const OF_USAGE: readonly string[] = ["ERR_UNKNOWN_ARCHITECTURE", "ERR_BAD_ARGUMENT", "ERR_BAD_ADDRESS", "ERR_MISALIGNED"];

/** @returns the exit status */
export const cli = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const program = new Command("portolan")
    .description("Virtual memory on many machines: page tables, TLBs, address spaces.")
    .version(version, VERSION.join(", "), "prints the version")
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .exitOverride()
    .showHelpAfterError("(--help shows what there is)")
    .addHelpText("after", "\nExamples:\n  portolan demo examples\n  portolan archs\n  portolan run --help");
  if (!VERSION.includes(args[0] ?? "")) await addCommands(COMMANDS, program, terminal, args);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return statusOf(error, terminal);
  }
};

const statusOf = (error: unknown, terminal: Terminal): number => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (error instanceof Suspicious) return FAILURE;
  if (error instanceof Unread) return 0;
  const { red } = pc.createColors(terminal.hasColours ?? false);
  if (error instanceof WorkFailed) {
    terminal.err(`${red("failed")}: ${error.message}\n`);
    return FAILURE;
  }
  if (error instanceof PortolanError) {
    terminal.err(`${red(error.code)}: ${error.message}\nhint: ${error.hint}\n`);
    return OF_USAGE.includes(error.code) ? USAGE : FAILURE;
  }
  if (isSystemError(error)) {
    // Most of them begin with their code.
    const message = error.message.startsWith(`${error.code}: `) ? error.message.slice(error.code.length + 2) : error.message;
    terminal.err(`${red(error.code)}: ${message}\n`);
    return FAILURE;
  }
  throw error;
};

/** A file that is not there, is a directory, is too large, may not be read… */
const isSystemError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && "code" in error && typeof error.code === "string" && /^(E[A-Z0-9]+|ERR_FS_[A-Z_]+)$/.test(error.code);
