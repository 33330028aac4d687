/** What is suspicious in TLBs, storage buffers and the page hash table, and where they contradict one another. */
import type { Architecture } from "@portolan/core/architecture";
import { Addresses } from "../addresses.js";
import type { CheckOptions, CheckReport } from "../check-tables.js";
import { gatheredTogether, Gathering } from "../check/gathering.js";
import type { Memory } from "../memory.js";
import type { ScanTotals } from "../scan.js";
import type { ImageWalk } from "../walk-address.js";
import { checkBuffers } from "./check-buffers.js";
import { checkHash } from "./check-hash.js";
import { checkTlb } from "./check-tlb.js";
import { looksInto, type SoftwareSources } from "./sources.js";
import { TableLookup } from "./table-lookup.js";

/** How trees are looked at. */
export interface TreeDoor {
  readonly check: (root: number) => Promise<CheckReport>;
  readonly walk: (root: number, address: bigint) => Promise<ImageWalk>;
}

/** Everything that a check of one place looks with. */
export interface CheckTools {
  readonly memory: Memory;
  readonly architecture: Architecture;
  readonly sources: SoftwareSources;
  /** Counts in the processor's pages. */
  readonly addresses: Addresses;
  readonly notes: Gathering;
  /** What entries are compared with. Null where one place alone is looked into, or there is no table. */
  readonly tables: TableLookup | null;
  /** Entries that may be read. */
  readonly most: number;
}

/** What one place came to. */
export interface Looked {
  readonly totals: ScanTotals;
  /** `"48 rows of the TLB"`. */
  readonly says: string;
}

const MOST_LEAVES = 2 ** 22;

/** Looks into every place that there is, or into the one that is meant. */
export const checkSoftware = async (
  memory: Memory,
  architecture: Architecture,
  sources: SoftwareSources,
  options: CheckOptions,
  door: TreeDoor,
): Promise<CheckReport> => {
  const addresses = new Addresses(architecture, architecture.hardwarePageShift);
  const notes = new Gathering(addresses, options.limit ?? 100);
  const hasTables = sources.from === null && (sources.hash !== null || sources.tree !== null);
  const tables = hasTables ? await TableLookup.open(memory, architecture, sources, door.walk) : null;
  const tools: CheckTools = { memory, architecture, sources, addresses, notes, tables, most: options.budget?.leaves ?? MOST_LEAVES };
  const looked: Looked[] = [];
  if (looksInto(sources, "tlb")) looked.push(await checkTlb(tools));
  if (looksInto(sources, "tsb")) looked.push(await checkBuffers(tools));
  if (looksInto(sources, "hash")) looked.push(await checkHash(tools));
  const tree = looksInto(sources, "tree") && sources.tree !== null ? await door.check(sources.tree) : null;
  if (tree !== null) looked.push({ totals: tree.totals, says: `${tree.totals.tables} tables` });
  const own = notes.finish();
  const totals = looked.map((one) => one.totals).reduce(together);
  const says = `${looked.map((one) => one.says).join(", ")} and ${totals.leaves} pages`;
  return { ...(tree === null ? own : gatheredTogether(own, tree)), totals, looked: says };
};

const together = (one: ScanTotals, other: ScanTotals): ScanTotals => ({
  end: one.end === "complete" ? other.end : one.end,
  tables: one.tables + other.tables,
  repeated: one.repeated + other.repeated,
  cycles: one.cycles + other.cycles,
  leaves: one.leaves + other.leaves,
  odd: one.odd + other.odd,
  marked: one.marked + other.marked,
});
