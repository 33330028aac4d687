/** The shape of a tree of tables, counted out once from the list of levels. */
import type { Architecture, HierarchicalTranslation } from "../architecture/architecture.js";
import type { Switches } from "../architecture/entry-format.js";
import { integer } from "../machine/physical-memory.js";
import { LevelCodec } from "./entry-codec.js";

/** One level of a tree, counted out. */
export interface Storey {
  readonly codec: LevelCodec;
  /** Entries of a table, and pages (of the MMU) that one entry spans. */
  readonly entries: number;
  readonly pagesPerEntry: number;
  readonly entryBytes: number;
  readonly tableBytes: number;
}

/** The levels of a machine from the root down, under one setting of the switches. Pages are hardware pages. */
export const storeysOf = (architecture: Architecture, translation: HierarchicalTranslation, switches: Switches): readonly Storey[] => {
  let pages = 2 ** (architecture.virtualBits - architecture.hardwarePageShift);
  return translation.levels.map((level) => {
    const codec = new LevelCodec(level, switches);
    const entries = 1 << level.indexBits;
    pages = integer(pages / entries);
    return { codec, entries, pagesPerEntry: pages, entryBytes: codec.entryBytes, tableBytes: entries * codec.entryBytes };
  });
};
