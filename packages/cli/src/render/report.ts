/** A run, in words. */
import type { RunReport } from "@portolan/workload";
import { bytesIn, table } from "./table.js";

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** The lines of a report, label and value, for people. */
export const reportLines = (report: RunReport, milliseconds: number): string[] => {
  const { program, trace, accesses, tlb, tsb, walks, faults, memory } = report;
  const rows: string[][] = [];
  const row = (label: string, value: string | number): void => void rows.push([label, String(value)]);
  row("machine", `${report.architecture}, ${plural(report.processors, "processor")}, pages of ${bytesIn(report.pageBytes)}`);
  if (program !== null) {
    row(
      "program",
      `${program.bits}-bit ${program.byteOrder}-endian ${program.kind}${program.kind === "executable" ? "" : " executable"} for ${program.builtFor}, ${plural(program.segments, "segment")}, entry ${program.entry}`,
    );
    if (program.interpreter !== null) row("", `asks for ${program.interpreter}, which is not loaded`);
    if (program.writableCode > 0)
      row("", `writable and executable in the file, only writable here: ${plural(program.writableCode, "segment")}`);
  }
  if (trace !== null) {
    row("trace", `${plural(trace.lines, "line")}, ${trace.otherLines} of them no accesses; ${plural(trace.regions, "region")}`);
    if (trace.movedRegions > 0)
      row("", `moved into the user's range: ${plural(trace.movedRegions, "region")}, ${plural(trace.movedPages, "page")}`);
    if (trace.splitPages > 0) row("", `written as well as executed, and therefore in two places: ${plural(trace.splitPages, "page")}`);
  }
  row(
    "accesses",
    `${plural(accesses.fetches, "fetch", "fetches")}, ${plural(accesses.loads, "load")}, ${plural(accesses.stores, "store")}${accesses.modifies > 0 ? `, ${plural(accesses.modifies, "modification")}` : ""}`,
  );
  row(
    "TLB lookups",
    `${tlb.lookups}: ${plural(tlb.hits, "hit")}, ${plural(tlb.dataMisses, "data miss", "data misses")}, ${plural(tlb.instructionMisses, "instruction miss", "instruction misses")}, ${plural(tlb.refills, "refill")}, ${plural(tlb.firstWrites, "first write")}`,
  );
  if (memory.tsbBytes > 0)
    row("TSB lookups", `${tsb.hits + tsb.misses}: ${plural(tsb.hits, "hit")}, ${plural(tsb.misses, "miss", "misses")}`);
  row("table walks", walks.wordsRead > 0 ? `${walks.walks}, reading ${plural(walks.wordsRead, "entry", "entries")}` : walks.walks);
  row("page faults", `${faults.served} served`);
  for (const [what, count] of Object.entries(faults.contents)) row("", `${count} × ${what}`);
  for (const [rule, count] of Object.entries(faults.refused)) row("", `${count} × refused: ${rule}`);
  if (!report.isComplete) row("", `given up after ${plural(report.refusedAccesses, "refused access", "refused accesses")}`);
  row("resident", `${plural(memory.residentPages, "page")}, ${bytesIn(memory.residentPages * report.pageBytes)}`);
  row("page tables", `${bytesIn(memory.tableBytes)}${memory.tsbBytes > 0 ? `, and ${bytesIn(memory.tsbBytes)} of TSBs` : ""}`);
  if (report.swap !== undefined) {
    const { written, spared, read } = report.swap;
    row("swap", `${plural(written, "page")} written, ${plural(spared, "page")} gone without a write, ${plural(read, "page")} read`);
  }
  row("invalidations", `${report.invalidations}, ${plural(report.shootdowns, "shootdown")}`);
  row("bytes checked", `${report.bytesChecked}, ${report.wrongBytes} wrong`);
  row("time", `${milliseconds.toFixed(0)} ms`);
  const lines = table(["", ""], rows).slice(2);
  for (const { address, trap, reason, rule } of report.refusals) lines.push(`refused: ${address}: ${trap}, ${reason}: ${rule}`);
  return lines;
};
