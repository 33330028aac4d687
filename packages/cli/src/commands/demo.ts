/** `portolan demo`: the example programs on two machines that have little in common. What `npm start` shows. */
import { join } from "node:path";
import type { Command } from "commander";
import type { RunReport } from "@portolan/workload";
import type { MachineArguments } from "../options.js";
import { comparison } from "../render/comparison.js";
import type { Terminal } from "../terminal.js";
import { judge, perform } from "./run.js";

const MACHINES = [
  ["ia32", "i686"],
  ["sparc64", "sparc64"],
] as const;
const PROGRAMS = ["sieve", "words", "sort"] as const;
const TRACE = "traces/sort.amd64.trace.gz";

export const addDemo = (program: Command, terminal: Terminal): void => {
  program
    .command("demo")
    .description("pages the example programs in on ia32 and on sparc64, side by side")
    .argument("[directory]", "where the examples are", "examples")
    .addHelpText("after", "\nExamples:\n  portolan demo examples")
    .action(async (directory: string) => {
      terminal.out("Real programs, paged in on two machines; every byte that is read is checked.\n");
      terminal.out("ia32: a tree of tables per address space, walked by hardware, no ASIDs, kernel and user in one space.\n");
      terminal.out("sparc64: one hash for all spaces, TSBs, TLBs filled by software, 13-bit contexts, a space for the kernel.\n\n");
      const rows: { workload: string; report: RunReport; milliseconds: number }[] = [];
      const run = async (workload: string, file: string | undefined, options: MachineArguments): Promise<void> => {
        const began = terminal.now();
        const report = await perform(file, options, terminal);
        rows.push({ workload, report, milliseconds: terminal.now() - began });
        judge(report);
      };
      for (const name of PROGRAMS) {
        for (const [arch, suffix] of MACHINES) await run(name, join(directory, "programs", `${name}.${suffix}.elf`), { arch, cpus: 2 });
      }
      for (const [arch] of MACHINES)
        await run("sort, as recorded", undefined, { arch, cpus: 2, rebase: true, trace: join(directory, TRACE) });
      for (const line of comparison(rows)) terminal.out(`${line}\n`);
      terminal.out(NEXT);
    });
};

const NEXT = `
What to type next:
  npm start -- run --arch sparc64 examples/programs/words.sparc64.elf
  npm start -- walk --arch ia32 examples/programs/words.i686.elf 0x804a000
  npm start -- run --arch ia32 --rebase --trace examples/traces/sort.amd64.trace.gz
  npm start -- archs
`;
