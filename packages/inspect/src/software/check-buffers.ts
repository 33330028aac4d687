/** Entries of translation storage buffers: tags that no access to their slot has, and entries that the tables know nothing of. */
import type { ScanEnd } from "../scan.js";
import { hexadecimal } from "../in-words.js";
import { holds } from "../memory.js";
import type { CheckTools, Looked } from "./check-software.js";
import { contradiction } from "./compare-row.js";
import { buffersIn } from "./leaves.js";
import { locate } from "./locate.js";
import { slotsOf } from "./tsb.js";

export const checkBuffers = async (tools: CheckTools): Promise<Looked> => {
  const { memory, architecture, sources, addresses, notes, most } = tools;
  const totals = { end: "complete" as ScanEnd, tables: 0, repeated: 0, cycles: 0, leaves: 0, odd: 0, marked: 0 };
  const looked = (): Looked => ({ totals, says: `${totals.tables} slots` });
  const smallest = 2 ** architecture.hardwarePageShift;
  for (const placed of buffersIn(sources)) {
    const { buffer, value } = placed;
    const { base } = buffer.parse(value);
    const found = locate(memory, architecture, sources, placed);
    if (found === null || !holds(memory, found.physical) || !holds(memory, found.physical + found.slots * 16 - 1)) {
      totals.odd += 1;
      notes.add("table-outside", addresses.pageOf(base), 1, found?.physical ?? 0, 0, `: ${buffer.register} ${hexadecimal(value)}`);
    }
    if (found === null) continue;
    totals.tables += found.slots;
    for await (const row of slotsOf(memory, found)) {
      if (totals.leaves >= most) {
        totals.end = "leaves";
        return looked();
      }
      totals.leaves += 1;
      const page = addresses.pageOf(row.virtual);
      const at = found.physical + row.index * 16;
      const which = `: slot ${row.index} of ${buffer.register}`;
      const isIts = row.bytes !== smallest || Number(buffer.pointer(value, row.virtual) - base) === row.index * 16;
      if (!addresses.isCanonical(row.virtual) || !isIts) {
        totals.odd += 1;
        notes.add("tsb-misplaced", page, 1, at, 0, `${which}, for ${hexadecimal(row.virtual)}`);
        continue;
      }
      if (tools.tables === null && !holds(memory, Number(row.physical)))
        notes.add("page-outside", page, 1, at, 0, `${which}, physical ${hexadecimal(row.physical)}`);
      const against = await contradiction(tools, row);
      if (against !== null) notes.add("tsb-contradicts", page, 1, at, 0, `${which}: ${against.says}`);
    }
  }
  return looked();
};
