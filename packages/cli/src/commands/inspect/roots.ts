/** `portolan inspect roots`: places in memory that may be root tables, without any hint. */
import { candidateInWords, findRoots } from "@portolan/inspect";
import type { Command } from "commander";
import { WorkFailed, type Terminal } from "../../terminal.js";
import { addImageOptions, countOf, type InspectArguments } from "./arguments.js";
import { openSubject } from "./subject.js";

const EXAMPLES = `
Examples:
  portolan inspect roots --arch amd64 examples/images/sort.amd64.core
  portolan inspect roots --arch amd64 --limit 1 --json examples/images/sort.amd64.core`;

interface RootsArguments extends InspectArguments {
  readonly limit?: number;
}

/** Adds it to `inspect`. */
export const addInspectRoots = (inspect: Command, terminal: Terminal): void => {
  addImageOptions(inspect.command("roots"))
    .description("scans memory for what may be root tables, ranked with reasons")
    .option("--limit <n>", "so many of them: 20 where nothing is said", countOf)
    .option("--json", "prints the result as JSON")
    .argument("<image>", "an image of physical memory: raw, ELF core or LiME")
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, given: RootsArguments) => {
      const { image, architecture, options, close } = await openSubject(path, given, terminal);
      try {
        const found = await findRoots(image, architecture, {
          ...options,
          ...(given.limit === undefined ? {} : { limit: given.limit }),
        });
        if (given.json === true) {
          const candidates = found.candidates.map((one) => ({ ...one, root: `0x${one.root.toString(16)}` }));
          terminal.out(`${JSON.stringify({ machine: architecture.name, ...found, candidates }, null, 2)}\n`);
        } else {
          terminal.out(`${architecture.name}; ${found.places} places looked at\n`);
          for (const candidate of found.candidates) terminal.out(`${candidateInWords(candidate)}\n`);
        }
        if (found.isCut) terminal.err("note: more places looked like roots than were followed; the list may lack some\n");
        if (found.candidates.length === 0) throw new WorkFailed(`nothing in the image looks like a root of ${architecture.name}`);
      } finally {
        await close();
      }
    });
};
