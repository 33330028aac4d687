#!/usr/bin/env node
/** The command `portolan`. */
import { PortolanError } from "@portolan/core";
import { Command, CommanderError } from "commander";
import pc from "picocolors";
import { archs } from "./commands/archs.js";
import { demo } from "./commands/demo.js";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const program = new Command("portolan")
  .description("Virtual memory on many machines: page tables, TLBs, address spaces.")
  .exitOverride()
  .addHelpText("after", "\nExamples:\n  portolan demo\n  portolan archs");
program.command("demo").description("the same work on every machine, side by side").action(() => demo(say));
program.command("archs").description("the machines and their main figures").action(() => archs(say));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof PortolanError) {
    process.stderr.write(`${pc.red(error.code)}: ${error.message}\n${error.hint}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
