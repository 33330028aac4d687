/** Tables that the user may read or write: a sweep over physical addresses, in time that grows with leaves and tables alone. */
import { permits, USER, WRITE } from "@portolan/core/architecture";
import { hexadecimal } from "../in-words.js";
import type { Tree } from "../tree.js";
import type { Gathering } from "./gathering.js";
import type { Leaves } from "./leaves.js";

/** Tables by physical address. */
export type Tables = ReadonlyMap<number, { readonly depth: number; readonly bytes: number }>;

/** Each table is one finding for what writes it, or else for what reads it. */
export const checkExposed = (tree: Tree, gathering: Gathering, tables: Tables, leaves: Leaves): void => {
  const users = leaves.byPhysical().filter((leaf) => ((leaves.what[leaf] >>> 3) & 7) !== 0);
  if (users.length === 0) return;
  const bases = Float64Array.from(tables.keys()).sort((one, other) => endOf(tables, one) - endOf(tables, other));
  // Of the leaves that begin before a table's end: those that reach farthest, by whether the user may write.
  const farthest: [readable: number, writable: number] = [-1, -1];
  let next = 0;
  for (const base of bases) {
    const end = endOf(tables, base);
    for (; next < users.length && leaves.physical[users[next]] < end; next += 1) {
      const leaf = users[next];
      const kind = permits(leaves.what[leaf] & 0o77, USER, WRITE) ? 1 : 0;
      if (farthest[kind] < 0 || leaves.end[farthest[kind]] < leaves.end[leaf]) farthest[kind] = leaf;
    }
    const kind = farthest[1] >= 0 && leaves.end[farthest[1]] > base ? 1 : 0;
    const leaf = farthest[kind];
    if (leaf < 0 || leaves.end[leaf] <= base) continue;
    const { depth = 0, bytes = 0 } = tables.get(base) ?? {};
    const page = leaves.page[leaf] + Math.max(0, Math.floor((base - leaves.physical[leaf]) / 2 ** tree.pageShift));
    const pages = Math.max(1, Math.ceil((Math.min(end, leaves.end[leaf]) - Math.max(base, leaves.physical[leaf])) / 2 ** tree.pageShift));
    gathering.put({
      code: kind === 1 ? "table-user-writable" : "table-user-readable",
      page,
      end: page + pages,
      places: pages,
      physical: base,
      depth,
      more: `: ${tree.levels[depth].level.name} at ${hexadecimal(base)}, ${bytes} bytes`,
    });
  }
};

const endOf = (tables: Tables, base: number): number => base + (tables.get(base)?.bytes ?? 0);
