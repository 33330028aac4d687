/** `portolan archs`: the machines and their main figures. */
import type { Architecture, TlbGeometry } from "@portolan/core/architecture";
import type { Command } from "commander";
import { ARCHITECTURES, architectureNamed } from "../architectures.js";
import { bytesIn, table } from "../render/table.js";
import type { Terminal } from "../terminal.js";

const EXAMPLES = `
Examples:
  portolan archs
  portolan archs --json`;

const OTHERS = `
Any package or module that exports a description is a machine too, such as
--arch ./mine.mjs; CONTRIBUTING.md shows how to write one.
`;

/** Adds `portolan archs` to the program: the machines and their figures. */
export const addArchs = (program: Command, terminal: Terminal): void => {
  program
    .command("archs")
    .description("the machines and their main figures")
    .option("--json", "prints them as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async ({ json }: { json?: boolean }) => {
      const machines = (await Promise.all(ARCHITECTURES.map(architectureNamed))).map(figuresOf);
      if (json === true) {
        terminal.out(`${JSON.stringify(machines, null, 2)}\n`);
        return;
      }
      for (const line of figureLines(machines)) terminal.out(`${line}\n`);
      terminal.out(OTHERS);
    });
};

type Figures = ReturnType<typeof figuresOf>;

/** A table that a narrow terminal holds, and then what each machine is. */
const figureLines = (machines: readonly Figures[]): string[] => {
  const rows = machines.map(({ name, byteOrder, virtualBits, physicalBits, pageBytes, tables, tlb, asidBits }) => [
    name,
    byteOrder,
    `${virtualBits} → ${physicalBits}`,
    bytesIn(pageBytes),
    levelsIn(tables),
    tlb,
    asidBits === 0 ? "none" : `${asidBits} bits`,
  ]);
  const width = Math.max(...machines.map(({ name }) => name.length));
  const spaces = (isApart: boolean): string => (isApart ? "kernel and user have a space each" : "kernel and user share a space");
  return [
    ...table(["name", "order", "bits", "page", "tables", "TLB", "ASIDs"], rows),
    "",
    ...machines.flatMap(({ name, title, refill, kernelApart }) => [
      `${name.padEnd(width)}  ${title}`,
      `${"".padEnd(width)}  TLB filled by ${refill}; ${spaces(kernelApart)}`,
    ]),
  ];
};

const figuresOf = (machine: Architecture) => {
  const { translation, tlb } = machine;
  return {
    name: machine.name,
    title: machine.title,
    wordBits: machine.wordBits,
    byteOrder: machine.byteOrder,
    virtualBits: machine.virtualBits,
    physicalBits: machine.physicalBits,
    pageBytes: 2 ** machine.pageShift,
    hardwarePageBytes: 2 ** machine.hardwarePageShift,
    tables: translation.kind === "hierarchical" ? translation.levels.map(({ indexBits }) => 2 ** indexBits).join(" × ") : "page hash table",
    refill: tlb.refill,
    tlb: entriesIn(tlb.instruction, tlb.data),
    asidBits: machine.asids.bits,
    kernelApart: machine.layout.kernelAddressSpaceShadowed,
    switches: machine.switches,
    manuals: machine.manuals,
  };
};

/** `"512 × 512 × 512"` is `"3 levels of 512"` where room is short. */
const levelsIn = (tables: string): string => {
  const levels = tables.split(" × ");
  return levels.length > 1 && new Set(levels).size === 1 ? `${levels.length} levels of ${levels[0]}` : tables;
};

const entriesIn = (instruction: TlbGeometry | undefined, data: TlbGeometry): string =>
  instruction === undefined ? String(data.entries) : `${instruction.entries} I + ${data.entries} D`;
