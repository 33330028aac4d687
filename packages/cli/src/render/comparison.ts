/** Runs beside one another: a column for each, machines of one workload together. Fits 80 columns for four pairs. */
import type { RunReport } from "@portolan/workload";

/** One column: a workload on a machine, and how long it took. */
export interface Compared {
  readonly workload: string;
  readonly report: RunReport;
  readonly milliseconds: number;
}

/** `7`, `566 KiB`, `4.3 MiB`: three digits are enough to compare by. */
const short = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < 4; unit += 1) value /= 1024;
  return `${value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
};

const duration = (milliseconds: number): string =>
  milliseconds < 9999.5 ? `${Math.round(milliseconds)} ms` : `${Math.round(milliseconds / 1000)} s`;

/** What there is none of on a machine: not the same as 0. */
const NONE = "-";

const MEASURES: readonly (readonly [label: string, cell: (run: Compared) => string])[] = [
  ["accesses", ({ report: { accesses } }) => String(accesses.fetches + accesses.loads + accesses.stores + accesses.modifies)],
  ["page faults", ({ report }) => String(report.faults.served)],
  ["resident", ({ report }) => short(report.memory.residentPages * report.pageBytes)],
  ["TLB misses", ({ report: { tlb } }) => String(tlb.dataMisses + tlb.instructionMisses)],
  ["TSB hits", ({ report: { memory, tsb } }) => (memory.tsbBytes === 0 ? NONE : String(tsb.hits))],
  ["walks", ({ report }) => String(report.walks.walks)],
  ["tables", ({ report }) => short(report.memory.tableBytes)],
  ["TSBs", ({ report: { memory } }) => (memory.tsbBytes === 0 ? NONE : short(memory.tsbBytes))],
  ["shootdowns", ({ report }) => String(report.shootdowns)],
  ["checked", ({ report }) => short(report.bytesChecked)],
  ["wrong", ({ report }) => short(report.wrongBytes)],
  ["time", ({ milliseconds }) => duration(milliseconds)],
];

/** @param runs those of one workload one after another */
export const comparison = (runs: readonly Compared[]): string[] => {
  const columns = runs.map((run) => [run.report.architecture, ...MEASURES.map(([, cell]) => cell(run))]);
  const widths = columns.map((cells) => Math.max(...cells.map(({ length }) => length)));
  const labels = ["", ...MEASURES.map(([label]) => label)];
  const labelWidth = Math.max(...labels.map(({ length }) => length));
  const isFirst = (i: number): boolean => runs[i]?.workload !== runs[i - 1]?.workload;
  const gap = (i: number): string => (isFirst(i) ? "  " : " ");
  const line = (label: string, cells: readonly string[]): string =>
    label.padEnd(labelWidth) + cells.map((cell, i) => gap(i) + cell.padStart(widths[i])).join("");
  return [
    groupHeading(runs, widths, labelWidth, isFirst),
    ...labels.map((label, row) =>
      line(
        label,
        columns.map((cells) => cells[row]),
      ),
    ),
  ];
};

/** Names of workloads over the columns that are theirs, which grow if a name needs more. */
const groupHeading = (runs: readonly Compared[], widths: number[], labelWidth: number, isFirst: (i: number) => boolean): string => {
  let heading = " ".repeat(labelWidth);
  for (let i = 0; i < runs.length;) {
    let end = i + 1;
    while (end < runs.length && !isFirst(end)) end += 1;
    const { workload } = runs[i];
    let width = end - i - 1;
    for (let column = i; column < end; column += 1) width += widths[column];
    if (width < workload.length) widths[i] = widths[i] + workload.length - width;
    heading += `  ${workload.padStart(width)}`;
    i = end;
  }
  return heading;
};
