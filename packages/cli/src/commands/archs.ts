/** `portolan archs`: the machines and their main figures. */
import type { Architecture } from "@portolan/core";
import type { Command } from "commander";
import { ARCHITECTURES, architectureNamed } from "../architectures.js";
import { table } from "../render/table.js";
import type { Terminal } from "../terminal.js";

export const addArchs = (program: Command, terminal: Terminal): void => {
  program
    .command("archs")
    .description("the machines and their main figures")
    .option("--json", "prints them as JSON")
    .addHelpText("after", "\nExamples:\n  portolan archs\n  portolan archs --json")
    .action(async ({ json }: { json?: boolean }) => {
      const machines = await Promise.all(ARCHITECTURES.map(async (name) => architectureNamed(name)));
      if (json === true) {
        terminal.out(`${JSON.stringify(machines.map(figuresOf), null, 2)}\n`);
        return;
      }
      const rows = machines.map((machine) => {
        const figures = figuresOf(machine);
        return [
          figures.name,
          `${figures.wordBits} ${figures.byteOrder}`,
          `${figures.pageBytes / 1024} KiB`,
          figures.tables,
          figures.tlb,
          figures.asidBits === 0 ? "none" : `${figures.asidBits} bits`,
          figures.title,
        ];
      });
      for (const line of table(["name", "bits", "page", "tables", "TLB", "ASIDs", "machine"], rows)) terminal.out(`${line}\n`);
    });
};

const figuresOf = (machine: Architecture) => {
  const { translation, tlb } = machine;
  const units = tlb.instruction === undefined ? `${tlb.data.entries}` : `${tlb.instruction.entries} I + ${tlb.data.entries} D`;
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
    tlb: `${tlb.refill}, ${units}`,
    asidBits: machine.asids.bits,
    kernelApart: machine.layout.kernelAddressSpaceShadowed,
    switches: Object.fromEntries(Object.entries(machine.switches).map(([name, { initially, says }]) => [name, { initially, says }])),
    manuals: machine.manuals,
  };
};
