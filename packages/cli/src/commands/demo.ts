/** `portolan demo`: the example programs on every machine they were built for, side by side. What `npm start` shows. */
import type { Architecture } from "@portolan/core";
import type { RunReport } from "@portolan/workload";
import type { Command } from "commander";
import { join } from "node:path";
import { architectureNamed } from "../architectures.js";
import type { MachineArguments } from "../options.js";
import { comparison, machineLines, totalLines } from "../render/comparison.js";
import type { Terminal } from "../terminal.js";
import { judge, perform } from "./run.js";

/** Machines, and what the files of their programs end with. */
const MACHINES = [
  ["ia32", "i686"],
  ["ia32pae", "i686"],
  ["amd64", "amd64"],
  ["amd64la57", "amd64"],
  ["arm", "arm"],
  ["armv7", "arm"],
  ["arm64", "arm64"],
  ["arm64g16", "arm64"],
  ["arm64g64", "arm64"],
  ["sv32", "riscv32"],
  ["riscv64", "riscv64"],
  ["sv48", "riscv64"],
  ["sv57", "riscv64"],
  ["mips32", "mipsel"],
  ["mips32be", "mips"],
  ["sparc64", "sparc64"],
] as const;

interface Machine {
  readonly architecture: Architecture;
  /** `"mipsel"` */
  readonly builtFor: string;
}

/** What every machine is to do. */
interface Scene {
  readonly title: string;
  /** The file of a machine's program; absent where there is only a trace. */
  readonly program?: (directory: string, machine: Machine) => string;
  readonly options?: (directory: string, machine: Machine) => Partial<MachineArguments>;
}

/** Bytes below the stack: near enough for the two to share tables, far enough to leave it room. */
const BELOW_STACK = 0x100_0000n;

const programOf =
  (name: string): NonNullable<Scene["program"]> =>
  (directory, { builtFor }) =>
    join(directory, "programs", `${name}.${builtFor}.elf`);

const SCENES: readonly Scene[] = [
  { title: "sieve: 400,000 bytes of zeroes, written with growing strides", program: programOf("sieve") },
  { title: "words: a hash table of linked entries", program: programOf("words") },
  {
    title: "words, position-independent, loaded close to its stack: trees share tables",
    program: programOf("words.pie"),
    options: (_directory, { architecture: { layout } }) => ({
      base: layout.userStack - (layout.userStack % BELOW_STACK) - BELOW_STACK,
    }),
  },
  { title: "sort: far jumps, and a growing stack", program: programOf("sort") },
  {
    title: "GNU sort, 60,000 lines: one recorded trace, the same accesses everywhere",
    options: (directory) => ({ trace: join(directory, "traces/gnu-sort.amd64.ptrace.gz"), rebase: true }),
  },
];

/** Adds `portolan demo` to the program: every example on every machine of the comparison. */
export const addDemo = (program: Command, terminal: Terminal): void => {
  program
    .command("demo")
    .description("pages the example programs in on every machine they were built for, side by side")
    .argument("[directory]", "where the examples are", "examples")
    .addHelpText("after", "\nExamples:\n  portolan demo examples")
    .action(async (directory: string) => {
      const began = terminal.now();
      const say = (lines: readonly string[]): void => terminal.out(`${lines.join("\n")}\n`);
      const machines: Machine[] = [];
      for (const [name, builtFor] of MACHINES) machines.push({ architecture: await architectureNamed(name), builtFor });
      terminal.out(INTRODUCTION);
      say(machineLines(machines));
      terminal.out(LEGEND);
      const reports: RunReport[] = [];
      for (const { title, program: programAt, options } of SCENES) {
        const shown: RunReport[] = [];
        for (const machine of machines) {
          const asked = { arch: machine.architecture.name, cpus: 2, ...options?.(directory, machine) };
          shown.push(await perform(programAt?.(directory, machine), asked, terminal));
        }
        say(["", title, ...comparison(shown)]);
        reports.push(...shown);
      }
      say(["", ...totalLines(reports, terminal.now() - began)]);
      for (const report of reports) judge(report);
      terminal.out(NEXT);
    });
};

const INTRODUCTION = `
Real programs, built for each of these machines and paged in through one core,
on two processors each; every byte that is read is checked against the program's
file and what has been written since.

`;

const LEGEND = `
"Index bits" is how the page number of an address is split over the levels of a
tree of tables. Below, a fault brings a page in; a TLB miss is answered by the
TSB, where there is one, or by a walk, which reads entries of the tables. Where
entries are marked at a first write, that is a walk too. Tables include TSBs.
`;

const NEXT = `
What to type next:
  npm start -- run --arch riscv64 examples/programs/words.riscv64.elf
  npm start -- walk --arch arm examples/programs/words.arm.elf 0x11000
  npm start -- tlb examples/traces/gnu-sort.amd64.ptrace.gz
  npm start -- conform mips32 --profile teaching
  npm start -- archs
`;
