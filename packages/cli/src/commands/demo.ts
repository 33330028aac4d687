/** `portolan demo`: the example programs on two machines that have little in common. What `npm start` shows. */
import { join } from "node:path";
import type { Command } from "commander";
import type { MachineArguments } from "../options.js";
import { comparison, type Compared } from "../render/comparison.js";
import type { Terminal } from "../terminal.js";
import { judge, perform } from "./run.js";

const MACHINES = [
  ["ia32", "i686"],
  ["sparc64", "sparc64"],
] as const;
const PROGRAMS = ["sieve", "words", "sort"] as const;
/** Recorded from words.i686.elf: on the machine that it was built for it is replayed over the program itself. */
const TRACE = "traces/words.i686.trace.gz";

/** Adds `portolan demo` to the program: every example on every machine of the comparison. */
export const addDemo = (program: Command, terminal: Terminal): void => {
  program
    .command("demo")
    .description("pages the example programs in on ia32 and on sparc64, side by side")
    .argument("[directory]", "where the examples are", "examples")
    .addHelpText("after", "\nExamples:\n  portolan demo examples")
    .action(async (directory: string) => {
      terminal.out(INTRODUCTION);
      const runs: Compared[] = [];
      const run = async (workload: string, file: string | undefined, options: MachineArguments): Promise<void> => {
        const began = terminal.now();
        const report = await perform(file, options, terminal);
        runs.push({ workload, report, milliseconds: terminal.now() - began });
        judge(report);
      };
      for (const name of PROGRAMS) {
        for (const [arch, suffix] of MACHINES) await run(name, join(directory, "programs", `${name}.${suffix}.elf`), { arch, cpus: 2 });
      }
      for (const [arch] of MACHINES) {
        const traced = arch === "ia32" ? join(directory, "programs/words.i686.elf") : undefined;
        await run("words, traced", traced, { arch, cpus: 2, rebase: true, trace: join(directory, TRACE) });
      }
      for (const line of comparison(runs)) terminal.out(`${line}\n`);
      terminal.out(NEXT);
    });
};

const INTRODUCTION = `
Real programs, paged in through one core on two machines with two processors
each, every byte that is read compared with the program's file:

  ia32     a tree of page tables for each address space, walked by hardware;
           no ASIDs; pages of 4 KiB; kernel and user share a space
  sparc64  one page hash table for all spaces, TSBs, TLBs filled by software;
           13-bit contexts; pages of 16 KiB; the kernel has a space of its own

`;

const NEXT = `
What to type next:
  npm start -- run --arch sparc64 examples/programs/words.sparc64.elf
  npm start -- walk --arch ia32 examples/programs/words.i686.elf 0x804a000
  npm start -- run --arch ia32 --rebase -t examples/traces/sort.amd64.trace.gz
  npm start -- archs
`;
