/** `portolan inspect diff`: what appeared, vanished or changed between two images, or two roots of one. */
import { changeAsText, diffMappings, lineOf, switchesOf, type Mapping, type MappingChange } from "@portolan/inspect";
import type { Command } from "commander";
import { drainedOf, type Terminal } from "../../terminal.js";
import { addRegisterOption, addRootOptions, rootOf, type InspectArguments, type RootArgument } from "./arguments.js";
import { addFilters, filterIn, type FilterArguments } from "./list.js";
import { basisLine, openSubject, rootsOf, tellOutside } from "./subject.js";

const EXAMPLES = `
Examples:
  portolan inspect diff --arch amd64 examples/images/sort-early.amd64.core examples/images/sort.amd64.core
  portolan inspect diff --arch amd64 --root 0x1000 --to 0x1000 examples/images/sort.amd64.core`;

interface DiffArguments extends InspectArguments, FilterArguments {
  readonly to?: readonly RootArgument[];
}

const moreRoots = (text: string, before: readonly RootArgument[] = []): readonly RootArgument[] => [...before, rootOf(text)];

/** Adds it to `inspect`. */
export const addInspectDiff = (inspect: Command, terminal: Terminal): void => {
  addFilters(addRegisterOption(addRootOptions(inspect.command("diff"), "; of what was before")))
    .description("tells what appeared, vanished, or changed between two images, or two roots of one; marks of access are no change")
    .option("--to <root>", "the root of what is after: as --root, or the same where nothing is said", moreRoots)
    .option("--json", "prints changes as JSON, a line each")
    .argument("<image>", "before")
    .argument("[image2]", "after; the same image where it is absent")
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, path2: string | undefined, given: DiffArguments, command: Command) => {
      if (path2 === undefined && given.to === undefined) command.error("error: a second image, or --to ROOT, is needed", { exitCode: 2 });
      const before = await openSubject(path, given, terminal);
      const after =
        path2 === undefined
          ? before
          : await openSubject(path2, given, terminal).catch(async (error: unknown) => {
              await before.close();
              throw error;
            });
      try {
        const one = await rootsOf(before, given.root, given.cpu);
        const other = await rootsOf(after, given.to ?? given.root, given.cpu);
        tellOutside(before, one);
        tellOutside(after, other);
        // Entries are read alike on both sides: by the switches of the first.
        const [ours, theirs] = [before, after].map(({ architecture, options }) => switchesOf(architecture, options.switches));
        const differ = Object.keys(ours).filter((name) => ours[name] !== theirs[name]);
        if (differ.length > 0)
          before.remark(`both images are read with the first one's switches; the second one's differ in ${differ.join(", ")}`);
        const changes = diffMappings(
          { memory: before.image, roots: one.roots, registers: before.options.registers },
          { memory: after.image, roots: other.roots, registers: after.options.registers },
          before.architecture,
          { ...before.options, ...filterIn(given) },
        );
        if (given.json !== true) terminal.out(`${basisLine(before, one)}\n=> ${other.says}\n`);
        let next = await changes.next();
        for (; next.done !== true; next = await changes.next()) {
          terminal.out(given.json === true ? changeAsJson(next.value) : changeAsText(next.value));
          await drainedOf(terminal);
        }
        const { before: ends, after: ends2, changes: count } = next.value;
        if (ends.end !== "complete" || ends2.end !== "complete")
          terminal.err("note: the comparison ended early: too many tables or leaves\n");
        terminal.out(
          given.json === true
            ? `${JSON.stringify({ totals: next.value })}\n`
            : `\n${count} change${count === 1 ? "" : "s"}; ${ends.listed} pages before, ${ends2.listed} after\n`,
        );
      } finally {
        await before.close();
        if (after !== before) await after.close();
      }
    });
};

const side = (mapping: Mapping | null): string => (mapping === null ? "null" : lineOf(mapping, "json").trimEnd());

const changeAsJson = ({ kind, first, last, what, before, after }: MappingChange): string => {
  const head = JSON.stringify({ kind, first: `0x${first.toString(16)}`, last: `0x${last.toString(16)}`, what });
  return `${head.slice(0, -1)},"before":${side(before)},"after":${side(after)}}\n`;
};
