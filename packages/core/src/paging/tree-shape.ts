/** The shape of a tree of tables, counted out once from the list of levels. */
import type { Architecture, HierarchicalTranslation } from "../architecture/architecture.js";
import type { Switches } from "../architecture/entry-format.js";
import { LevelCodec } from "./entry-codec.js";

export interface Storey {
  readonly codec: LevelCodec;
  /** Entries of a table, and pages that one entry spans. */
  readonly entries: number;
  readonly pagesPerEntry: number;
  readonly entryBytes: number;
  readonly tableBytes: number;
}

/**
 * First page, of 2^`shift` bytes, that a root of the kernel's own translates; Infinity where user spaces have the kernel's
 * entries in their roots, or the kernel has spaces to itself.
 */
export const kernelRootFrom = ({ translation, layout }: Architecture, shift: number): number =>
  translation.kind === "hierarchical" && translation.kernelRootRegister !== undefined
    ? Number(layout.kernel.first >> BigInt(shift))
    : Infinity;

/**
 * The levels of a machine from the root down, under one setting of the switches. Pages are the machine's, which are the
 * hardware's too where hardware reads the tree.
 */
export const storeysOf = (architecture: Architecture, translation: HierarchicalTranslation, switches: Switches): readonly Storey[] => {
  let pages = 2 ** (architecture.virtualBits - architecture.pageShift);
  return translation.levels.map((level) => {
    const codec = new LevelCodec(level, switches);
    const entries = 2 ** level.indexBits;
    pages /= entries;
    return { codec, entries, pagesPerEntry: pages, entryBytes: codec.entryBytes, tableBytes: entries * codec.entryBytes };
  });
};
