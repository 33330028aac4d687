/** The shape of a tree of tables, counted out once from the list of levels. */
import { rootBits, type Architecture, type HierarchicalTranslation } from "../architecture/architecture.js";
import type { Level, Switches } from "../architecture/entry-format.js";
import { integer } from "../machine/physical-memory.js";
import { entryBytesOf, LevelCodec } from "./entry-codec.js";

/** The size of one level of a tree. */
export interface StoreySize {
  /** Entries of a table, and pages that one entry spans. */
  readonly entries: number;
  readonly pagesPerEntry: number;
  readonly entryBytes: number;
  readonly tableBytes: number;
}

/** One level of a tree, counted out, with the codec of its entries. */
export interface Storey extends StoreySize {
  readonly codec: LevelCodec;
}

/**
 * Index of the first page, of 2^`shift` bytes, that a root of the kernel's own translates, among all that are translated; Infinity where user spaces have the kernel's
 * entries in their roots, or the kernel has spaces to itself.
 */
export const kernelRootFrom = ({ translation, layout, virtualBits }: Architecture, shift: number): number =>
  translation.kind === "hierarchical" && translation.kernelRootRegister !== undefined
    ? Number(layout.kernel.first >> BigInt(shift)) % 2 ** (virtualBits - shift)
    : Infinity;

/**
 * The levels of a machine from the root down. Pages are the machine's, which are the hardware's too where hardware reads the
 * tree.
 */
export const sizesOf = (architecture: Architecture, translation: HierarchicalTranslation): readonly StoreySize[] => {
  let pages = 2 ** (rootBits(architecture) - architecture.pageShift);
  return translation.levels.map((level) => {
    const entries = 1 << level.indexBits;
    const entryBytes = entryBytesOf(level);
    pages = integer(pages / entries);
    return { entries, pagesPerEntry: pages, entryBytes, tableBytes: entries * entryBytes };
  });
};

/** The codec of a level under the setting that it was asked for last: machines of one description mostly start alike. */
const lastCodecs = new WeakMap<Level, { readonly setting: string; readonly codec: LevelCodec }>();

/** A codec holds nothing of a machine, so those of one description share it. What keeps the TLB decides nothing in an entry. */
const codecOf = (architecture: Architecture, level: Level, switches: Switches): LevelCodec => {
  const deciding = Object.keys(architecture.switches).filter((name) => architecture.switches[name].keepsTlb !== true);
  const setting = deciding.map((name) => `${name} ${String(switches[name])}`).join();
  const last = lastCodecs.get(level);
  if (last?.setting === setting) return last.codec;
  const codec = new LevelCodec(level, switches);
  lastCodecs.set(level, { setting, codec });
  return codec;
};

/** The same with their codecs under one setting of the switches, which take a while to make. */
export const storeysOf = (architecture: Architecture, translation: HierarchicalTranslation, switches: Switches): readonly Storey[] =>
  sizesOf(architecture, translation).map((size, depth) => ({ ...size, codec: codecOf(architecture, translation.levels[depth], switches) }));
