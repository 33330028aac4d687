/** `portolan run`: pages a program in, or replays a trace, on a machine. */
import { PortolanError } from "@portolan/core";
import { Option, type Command } from "commander";
import { runWorkload, type RunOptions, type RunReport } from "@portolan/workload";
import { architectureNamed } from "../architectures.js";
import { openInputs } from "../inputs.js";
import { DUMP_FORMATS, dumpFormatOf, dumpLine, snapshotOf, writeDump, type DumpFormat, type Snapshot } from "../dump.js";
import { FileSwap } from "../file-swap.js";
import { addMachineOptions, checkMemory, swapSlots, type MachineArguments } from "../options.js";
import { addScenarioOptions, runScenario, type ScenarioArguments } from "../scenario.js";
import { Progress } from "../progress.js";
import { reportLines } from "../render/report.js";
import { WorkFailed, type Terminal } from "../terminal.js";

const EXAMPLES = `
Examples:
  portolan run --arch ia32 examples/programs/sieve.i686.elf
  portolan run --arch sparc64 --cpus 4 --json examples/programs/words.sparc64.elf
  portolan run --arch ia32 --rebase --trace examples/traces/sort.amd64.trace.gz
  portolan run --arch ia32 --rebase --trace examples/traces/sort.amd64.trace.gz examples/programs/sort.amd64.elf
  portolan run --arch ia32 --memory 128K --swap /tmp/swap examples/programs/sieve.i686.elf
  portolan run --arch amd64 --dump /tmp/words.core examples/programs/words.amd64.elf
  portolan run --arch arm --scenario examples/scenarios/shell-pipeline.ndjson --show objects
  portolan run --arch amd64 --scenario examples/scenarios/mapped-file.ndjson --show steps

A trace is recorded with: valgrind --tool=lackey --trace-mem=yes PROGRAM 2> FILE`;

interface RunArguments extends MachineArguments, ScenarioArguments {
  readonly quiet?: boolean;
  readonly dump?: string;
  readonly dumpFormat?: DumpFormat;
}

/** Adds `portolan run` to the program: a program or a trace, and the report. */
export const addRun = (program: Command, terminal: Terminal): void => {
  addScenarioOptions(addMachineOptions(program.command("run")))
    .description(
      "loads a program and touches it from end to end, or performs a trace's accesses, or the operations of a scenario; checks every byte, and reports",
    )
    .option("-q, --quiet", "prints nothing unless something is wrong; the exit status tells")
    .option("--dump <file>", "writes the machine's memory as it is after the last access, for `portolan inspect` and other tools")
    .addOption(new Option("--dump-format <format>", "of the dump, where the file's ending does not tell").choices(DUMP_FORMATS))
    .argument("[program]", "an ELF executable")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string | undefined, options: RunArguments, command: Command) => {
      if (options.scenario !== undefined) {
        if (file !== undefined || options.trace !== undefined)
          command.error("error: --scenario FILE stands alone: programs and traces are other runs", { exitCode: 2 });
        if (options.dump !== undefined) command.error("error: --dump FILE is for programs and traces", { exitCode: 2 });
        return runScenario(options.scenario, options, terminal);
      }
      if (file === undefined && options.trace === undefined)
        command.error("error: a program, --trace FILE or --scenario FILE is needed", { exitCode: 2 });
      if (options.dump === undefined && options.dumpFormat !== undefined)
        command.error("error: --dump-format is for --dump FILE", { exitCode: 2 });
      const began = terminal.now();
      let snapshot: Snapshot | null = null;
      const report = await perform(
        file,
        options,
        options.quiet === true ? { ...terminal, isTerminal: false } : terminal,
        options.dump === undefined ? {} : { inspect: (machine) => void (snapshot = snapshotOf(machine)) },
      );
      const milliseconds = terminal.now() - began;
      const dump =
        snapshot === null || options.dump === undefined
          ? null
          : await writeDump(snapshot, options.dump, dumpFormatOf(options.dump, options.dumpFormat));
      if (options.quiet !== true)
        terminal.out(
          options.json === true
            ? `${JSON.stringify({ ...report, ...(dump === null ? {} : { dump }), milliseconds }, null, 2)}\n`
            : `${[...reportLines(report, milliseconds), ...(dump === null ? [] : [dumpLine(dump)])].join("\n")}\n`,
        );
      judge(report);
    });
};

/** Runs what the arguments say. */
export const perform = async (
  file: string | undefined,
  options: MachineArguments,
  terminal: Terminal,
  more: Pick<RunOptions, "inspect"> = {},
): Promise<RunReport> => {
  const architecture = await architectureNamed(options.arch);
  if (options.base !== undefined && file === undefined)
    throw new PortolanError("ERR_BAD_ARGUMENT", { "--base": options.base, rule: "for a program, and there is none" });
  if (options.memory !== undefined) checkMemory(architecture, options.memory);
  if (options.swapSize !== undefined && options.swap === undefined)
    throw new PortolanError("ERR_BAD_ARGUMENT", { "--swap-size": options.swapSize, rule: "with --swap FILE" });
  const inputs = await openInputs(file, options.trace);
  const progress = new Progress(terminal, inputs.traceBytes);
  let swap: FileSwap | null = null;
  try {
    if (options.swap !== undefined) swap = new FileSwap(options.swap, swapSlots(architecture, options.swapSize));
    return await runWorkload(architecture, inputs.workload, {
      processors: options.cpus,
      rebase: options.rebase === true,
      ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
      ...(swap === null ? {} : { swap }),
      ...(options.base === undefined ? {} : { base: options.base }),
      ...(options.set === undefined ? {} : { switches: options.set }),
      onProgress: (pass) => progress.draw(pass, inputs.traceRead()),
      ...more,
    });
  } finally {
    progress.clear();
    swap?.close();
    await inputs.close();
  }
};

/**
 * A run that went wrong is a failure, whatever was printed.
 * @throws PortolanError ERR_ACCESS_REFUSED; {@link WorkFailed} if the machine itself was wrong
 */
export const judge = (report: RunReport): void => {
  if (report.wrongBytes > 0) throw new WorkFailed(`${report.wrongBytes} bytes were not what they should have been`);
  if (report.leakedFrames !== 0) throw new WorkFailed(`${report.leakedFrames} frames were not given back`);
  if (report.refusedAccesses > 0) {
    const [first] = report.refusals;
    throw new PortolanError("ERR_ACCESS_REFUSED", {
      accesses: report.refusedAccesses,
      ...(first === undefined ? {} : { first: first.address, trap: first.trap, rule: first.rule }),
    });
  }
};
