/** Runs under one another, a line each, machines of one workload together. */
import type { RunReport } from "@portolan/workload";
import { bytesIn, table } from "./table.js";

const HEADING = ["program", "machine", "accesses", "faults", "TLB misses", "TSB hits", "refills", "resident", "tables", "TSBs", "shootdowns", "checked", "time"];

export const comparison = (rows: readonly { readonly workload: string; readonly report: RunReport; readonly milliseconds: number }[]): string[] =>
  table(HEADING, rows.map(({ workload, report, milliseconds }, i) => {
    const { accesses, faults, tlb, tsb, memory } = report;
    return [
      rows[i - 1]?.workload === workload ? "" : workload, report.architecture,
      String(accesses.fetches + accesses.loads + accesses.stores + accesses.modifies), String(faults.served), String(tlb.dataMisses + tlb.instructionMisses),
      String(tsb.hits), String(tlb.refills), `${memory.residentPages} × ${bytesIn(report.pageBytes)}`, bytesIn(memory.tableBytes), bytesIn(memory.tsbBytes),
      String(report.shootdowns), bytesIn(report.bytesChecked), `${Math.round(milliseconds)} ms`,
    ];
  }), new Set([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
