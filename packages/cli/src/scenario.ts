/** `portolan run --scenario`: performs a log of operations, and shows or draws the objects that it leaves. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { PortolanError } from "@portolan/core";
import { objectDot, objectSvg, objectTree, performLog, readLog, type Performance } from "@portolan/scenario";
import { InvalidArgumentError, Option, type Command } from "commander";
import { architectureNamed } from "./architectures.js";
import { checkMemory, type MachineArguments } from "./options.js";
import { scenarioLines } from "./render/scenario.js";
import { WorkFailed, type Terminal } from "./terminal.js";

/** What people may type beside the machine's options. */
export interface ScenarioArguments {
  readonly scenario?: string;
  readonly show?: "objects" | "steps";
  readonly dot?: string;
  readonly svg?: string;
  readonly quiet?: boolean;
}

/** Logs are text; none is larger. */
const LARGEST = 64 * 2 ** 20;

const viewOf = (text: string): "objects" | "steps" => {
  if (text !== "objects" && text !== "steps") throw new InvalidArgumentError("There are objects, and steps.");
  return text;
};

/** Adds what belongs to scenarios. */
export const addScenarioOptions = (command: Command): Command =>
  command
    .option("-s, --scenario <file>", "performs a log of operations: processes that map, fork, write and exit (docs/scenarios.md)")
    .addOption(
      new Option("--show <what>", "of a scenario: objects, the tree of memory objects at its end; or steps, every operation").argParser(
        viewOf,
      ),
    )
    .option("--dot <file>", "of a scenario: writes the objects as a graph for Graphviz")
    .option("--svg <file>", "of a scenario: writes the objects as a picture");

/** Performs a scenario and prints how it went. @throws PortolanError ERR_BAD_LOG, ERR_SCENARIO; {@link WorkFailed} */
export const runScenario = async (path: string, options: MachineArguments & ScenarioArguments, terminal: Terminal): Promise<void> => {
  const architecture = await architectureNamed(options.arch);
  if (options.memory !== undefined) checkMemory(architecture, options.memory);
  if ((await stat(path)).size > LARGEST)
    throw new PortolanError("ERR_BAD_LOG", { log: path, line: 1, reason: `longer than ${LARGEST} bytes` });
  const log = readLog(await readFile(path, "utf8"), path);
  const steps: string[] = [];
  const began = terminal.now();
  const performance = performLog(architecture, log, path, {
    ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
    ...(options.set === undefined ? {} : { switches: options.set }),
    ...(options.show === "steps"
      ? {
          onOperation: (operation, line, actual) =>
            void steps.push(`${String(line).padStart(4)}  ${JSON.stringify(operation)} → ${actual}`),
        }
      : {}),
  });
  const milliseconds = terminal.now() - began;
  const { graph, names, title } = performance;
  if (options.dot !== undefined) await writeFile(options.dot, objectDot(graph, title, names));
  if (options.svg !== undefined) await writeFile(options.svg, objectSvg(graph, title, names));
  if (options.quiet !== true) {
    const tree = options.show === "objects" ? ["", ...objectTree(graph, names)] : [];
    terminal.out(
      options.json === true
        ? `${JSON.stringify({ ...performance, graph: inJson(performance), names: Object.fromEntries(names), milliseconds }, null, 2)}\n`
        : `${[...steps, ...scenarioLines(performance, milliseconds), ...tree].join("\n")}\n`,
    );
  }
  if (performance.violations.length > 0) throw new WorkFailed(`the machine is wrong: ${performance.violations.join("; ")}`);
  const { difference } = performance;
  if (difference !== null) {
    const { line, operation, expected, actual } = difference;
    throw new PortolanError("ERR_SCENARIO", { log: path, line, operation: JSON.stringify(operation), expected, actual });
  }
};

/** JSON has no bigint: addresses are texts. */
const inJson = ({ graph }: Performance): unknown => ({
  objects: graph.objects,
  areas: graph.areas.map((area) => ({ ...area, base: `0x${area.base.toString(16)}` })),
});
