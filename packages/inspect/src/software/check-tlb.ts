/** Entries of a TLB: two that match one address, and those that the tables know nothing of. */
import { EXECUTE, KERNEL, permits, USER, WRITE, type TlbRow } from "@portolan/core/architecture";
import { rightsInWords } from "../diff-mappings.js";
import { holds } from "../memory.js";
import type { CheckTools, Looked } from "./check-software.js";
import { contradiction } from "./compare-row.js";
import { leafOf } from "./leaves.js";
import { rowInWords } from "./tlb.js";

/** Pairs that are compared: a TLB of a thousand entries that all overlap has as many. */
const MOST_PAIRS = 2 ** 20;

export const checkTlb = async (tools: CheckTools): Promise<Looked> => {
  const { sources, architecture, memory, addresses, notes } = tools;
  const { view, isOne, asid } = sources;
  const totals = { end: "complete" as const, tables: 0, repeated: 0, cycles: 0, leaves: 0, odd: 0, marked: 0 };
  const rows = (sources.tlb ?? []).filter((row) => !isOne || row.global || row.asid === asid);
  const windows = architecture.layout.windows ?? [];
  const used = rows.filter((row) => row.valid !== false || view.matchesInvalid);
  for (const row of rows) {
    totals.tables += 1;
    if (row.valid === false) continue;
    totals.leaves += 1;
    if (!addresses.isCanonical(row.virtual)) {
      totals.odd += 1;
      continue;
    }
    const { rights } = leafOf(architecture, "tlb", row);
    const which = `: entry ${row.index} of the ${row.unit} TLB`;
    const at = (address: bigint, bytes: number, more: string) =>
      [addresses.pageOf(address), pagesOf(addresses, bytes), Number(row.physical), 0, `${which}, ${more}`] as const;
    // What the tables say too is told of these.
    const isAlone = tools.tables === null;
    if (isAlone && (permits(rights, USER, WRITE | EXECUTE) || permits(rights, KERNEL, WRITE | EXECUTE)))
      notes.add(
        architecture.can.forbidExecute ? "writable-executable" : "never-no-execute",
        ...at(row.virtual, row.bytes, rightsInWords(rights)),
      );
    if (isAlone && !holds(memory, Number(row.physical))) notes.add("page-outside", ...at(row.virtual, row.bytes, rowInWords(row, view)));
    const window = windows.find(({ first, last }) => row.virtual >= first && row.virtual <= last);
    if (window !== undefined) {
      notes.add("unreachable", ...at(row.virtual, row.bytes, window.name));
      continue;
    }
    const against = await contradiction(tools, row);
    if (against !== null) notes.add("tlb-contradicts", ...at(against.address, 1, `${rowInWords(row, view)}: ${against.says}`));
  }
  for (const [one, other] of overlaps(used)) {
    const first = one.virtual > other.virtual ? one.virtual : other.virtual;
    const entries = `entries ${one.index} and ${other.index} of the ${one.unit} TLB`;
    notes.add("tlb-overlap", addresses.pageOf(first), 1, Number(other.physical), 0, `: ${entries}; ${view.overlap}`);
  }
  return { totals, says: `${rows.length} rows of the TLB` };
};

const pagesOf = ({ pageShift }: CheckTools["addresses"], bytes: number): number => Math.max(1, Math.floor(bytes / 2 ** pageShift));

/** Entries of different numbers that match a common address under a common tag: a sweep over addresses. */
function* overlaps(rows: readonly TlbRow[]): Generator<readonly [TlbRow, TlbRow], void, void> {
  let pairs = 0;
  for (const unit of ["instruction", "data"] as const) {
    const sorted = rows
      .filter((row) => row.unit === unit)
      .toSorted((one, other) => (one.virtual < other.virtual ? -1 : one.virtual > other.virtual ? 1 : one.index - other.index));
    let open: TlbRow[] = [];
    for (const row of sorted) {
      open = open.filter(({ virtual, bytes }) => virtual + BigInt(bytes) > row.virtual);
      for (const other of open) {
        if (++pairs > MOST_PAIRS) return;
        if (other.index !== row.index && (other.global || row.global || other.asid === row.asid)) yield [other, row];
      }
      open.push(row);
    }
  }
}
