/** A machine of ours as it stands, as a case: its tables where they lie, and a space's root. Hardware walks them. */
import type { AddressSpace, Machine } from "@portolan/core";
import type { BlankCase } from "../case.js";
import { inOrder, tablesUnder } from "./tables.js";

/** What a processor that runs `space` would walk. Data is left out: whoever lands there is told where. */
export const caseOfMachine = (machine: Machine, space: AddressSpace, name: string, queries: BlankCase["queries"]): BlankCase => {
  const { architecture, parts, spaces } = machine;
  const { translation } = architecture;
  const { root } = space.context;
  const hasOwnRoot = translation.kind === "hierarchical" && translation.kernelRootRegister !== undefined;
  const kernelRoot = spaces.kernel.context.root;
  const tables = new Map(
    [...tablesUnder(machine, root), ...(hasOwnRoot ? tablesUnder(machine, kernelRoot) : [])].map((piece) => [piece.at, piece]),
  );
  const { memory } = parts;
  return {
    name,
    ram: { first: memory.firstFrame * memory.frameSize, bytes: memory.frameCount * memory.frameSize },
    root,
    ...(hasOwnRoot ? { kernelRoot } : {}),
    asid: space.context.asid,
    switches: machine.cpu(0).switches,
    memory: inOrder([...tables.values()]),
    queries,
  };
};
