/** The page hash table: chains that do not end, entries in chains that are not theirs, pages that are there twice. */
import { EXECUTE, KERNEL, permits, USER, WRITE } from "@portolan/core/architecture";
import { rightsInWords } from "../diff-mappings.js";
import { hexadecimal } from "../in-words.js";
import { holds } from "../memory.js";
import type { ScanEnd } from "../scan.js";
import type { CheckTools, Looked } from "./check-software.js";
import { LeafColumns } from "./columns.js";
import { PageHashReader } from "./page-hash.js";

export const checkHash = async (tools: CheckTools): Promise<Looked> => {
  const { memory, architecture, sources, addresses, notes, most } = tools;
  const totals = { end: "complete" as ScanEnd, tables: 0, repeated: 0, cycles: 0, leaves: 0, odd: 0, marked: 0 };
  const { hash, isOne, space: own } = sources;
  if (hash === null) return { totals, says: "no page hash table" };
  const table = await PageHashReader.open(memory, architecture, hash.directory, hash.chains);
  if (table.heads.length === 0) notes.add("table-outside", 0, 1, hash.directory, 0, `: no directory at ${hexadecimal(hash.directory)}`);
  const columns = new LeafColumns(addresses);
  for (let chain = 0; chain < table.chains && totals.end === "complete"; chain += 1) {
    totals.tables += 1;
    const { entries, end } = await table.chain(chain);
    for (const entry of entries) {
      const { space, at, virtual, physical, rights, flags } = entry;
      if (totals.leaves >= most) {
        totals.end = "leaves";
        break;
      }
      totals.leaves += 1;
      if (isOne && space !== own) continue;
      const page = addresses.pageOf(virtual);
      const which = `: entry at ${hexadecimal(at)}, space ${space}`;
      if (!table.isSound(entry)) {
        totals.odd += 1;
        notes.add("malformed", page, 1, at, 0, `${which}: ${hexadecimal(virtual)} is no page, or nobody has the space`);
        continue;
      }
      if (!table.chainsOf(space, virtual).includes(chain)) {
        totals.odd += 1;
        notes.add("chain-wrong", page, 1, at, 0, `${which}: it is in chain ${chain}`);
      }
      columns.add({
        virtual,
        bytes: table.frameBytes,
        physical,
        rights,
        flags,
        origin: { source: "hash", unit: null, index: at, asid: null, space },
      });
    }
    if (end === "complete") continue;
    totals.odd += 1;
    if (end === "cycle") totals.cycles += 1;
    const code = end === "outside" ? "table-outside" : "chain-cycle";
    notes.add(code, 0, 1, table.headAt(chain), 0, `: chain ${chain}${end === "long" ? " is longer than any table's" : ""}`);
  }
  checkPages(tools, columns, table.frameBytes);
  return { totals, says: `${totals.tables} chains` };
};

/** Page by page, in the order of spaces and addresses. */
const checkPages = ({ memory, addresses, notes }: CheckTools, columns: LeafColumns, bytes: number): void => {
  const pages = bytes / 2 ** addresses.pageShift;
  let before: { readonly space: number | null; readonly virtual: bigint } | null = null;
  for (const { virtual, physical, rights, origin } of columns.sorted()) {
    const { space, index } = origin;
    const page = addresses.pageOf(virtual);
    const place = { page, pages, entryAddress: index ?? 0, depth: 0, rights };
    if (before !== null && before.space !== space) notes.flush();
    if (before !== null && before.space === space && before.virtual === virtual)
      notes.add("chain-double", page, pages, index ?? 0, 0, `: space ${space}, the second at ${hexadecimal(index ?? 0)}`);
    if (permits(rights, USER, WRITE | EXECUTE) || permits(rights, KERNEL, WRITE | EXECUTE))
      notes.pages("writable-executable", place, `: space ${space}, ${rightsInWords(rights)}`);
    if (!holds(memory, physical)) notes.pages("page-outside", place, `: space ${space}, physical ${hexadecimal(physical)}`);
    before = { space, virtual };
  }
  notes.flush();
};
