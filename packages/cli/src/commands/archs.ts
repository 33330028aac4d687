import { ARCHITECTURES, architectureNamed } from "../architectures.js";
import { table } from "../render/table.js";

/** `portolan archs`: the machines and their main figures. */
export const archs = async (say: (line: string) => void): Promise<void> => {
  const rows = await Promise.all(ARCHITECTURES.map(async (name) => {
    const machine = await architectureNamed(name);
    const levels = machine.translation.kind === "hierarchical" ? `${machine.translation.levels.map(({ indexBits }) => 2 ** indexBits).join(" × ")}` : "page hash table";
    const units = machine.tlb.instruction === undefined ? `${machine.tlb.data.entries}` : `${machine.tlb.instruction.entries} I + ${machine.tlb.data.entries} D`;
    return [
      name, `${machine.wordBits} ${machine.byteOrder}`, `${2 ** machine.pageShift / 1024} KiB`, levels, `${machine.tlb.refill}, ${units}`,
      machine.asids.bits === 0 ? "none" : `${machine.asids.bits} bits`, machine.title,
    ];
  }));
  for (const line of table(["name", "bits", "page", "tables", "TLB", "ASIDs", "machine"], rows)) say(line);
};
