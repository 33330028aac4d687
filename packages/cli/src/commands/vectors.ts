/** `portolan vectors`: golden vectors, made and published. */
import { makeVectors, vectorsText } from "@portolan/conformance";
import { publishedFolder } from "@portolan/conformance/published";
import type { Command } from "commander";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ARCHITECTURES, architectureNamed, oracleNamed } from "../architectures.js";
import { WorkFailed, type Terminal } from "../terminal.js";

const EXAMPLES = `
Examples:
  portolan vectors abs32le --set walks
  portolan vectors sparc64 --set entries`;

export const addVectors = (program: Command, terminal: Terminal): void => {
  program
    .command("vectors")
    .description("writes golden vectors: memory, registers, accesses, and what each must give, as JSON")
    .argument("[machines...]", "names, packages or modules; every machine of ours where none is named")
    .option("--set <name>", "only this set: walks, entries, hardware-rows")
    .option("--out <folder>", "writes a file a set there instead of printing; a file that is there is never changed")
    .option("--publish", "writes them where the suite looks for them")
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], options: { set?: string; out?: string; publish?: boolean }) => {
      for (const name of names.length === 0 ? ARCHITECTURES : names) {
        const architecture = await architectureNamed(name);
        const sets = makeVectors(architecture, (await oracleNamed(name)) ?? undefined).filter(
          ({ set }) => options.set === undefined || options.set === set,
        );
        if (sets.length === 0) throw new WorkFailed(`${architecture.name} has no set ${options.set ?? ""}`);
        const folder = options.publish === true ? publishedFolder(architecture.name) : options.out;
        for (const one of sets) {
          const written = vectorsText(one);
          if (folder === undefined) {
            terminal.out(written);
            continue;
          }
          mkdirSync(folder, { recursive: true });
          const path = join(folder, `${one.set}.json`);
          if (existsSync(path)) {
            terminal.out(`${path} is there and stays\n`);
            continue;
          }
          writeFileSync(path, written);
          terminal.out(`${path}: ${one.vectors.length} vectors\n`);
        }
      }
    });
};
