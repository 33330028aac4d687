/** Machines beside one another: a row for each, and what the same work cost it. Fits 80 columns. */
import type { Architecture } from "@portolan/core";
import type { RunReport } from "@portolan/workload";
import { bytesIn, table } from "./table.js";

/** What there is none of on a machine: not the same as 0. */
const NONE = "-";

/** What the machines are: the figures that explain the counts. */
export const machineLines = (machines: readonly { readonly architecture: Architecture; readonly builtFor: string }[]): string[] =>
  table(
    ["machine", "programs", "order", "page", "index bits", "TLB entries", "filled by", "ASIDs"],
    machines.map(({ architecture: { name, byteOrder, pageShift, translation, tlb, asids }, builtFor }) => [
      name,
      builtFor,
      byteOrder,
      bytesIn(2 ** pageShift),
      translation.kind === "hashed" ? "(a hash)" : translation.levels.map(({ indexBits }) => indexBits).join("+"),
      entriesIn(tlb),
      tlb.refill,
      asids.bits === 0 ? NONE : String(2 ** asids.bits),
    ]),
    new Set([3, 7]),
  );

const entriesIn = ({ instruction, data }: Architecture["tlb"]): string => {
  if (instruction !== undefined) return `${instruction.entries} I + ${data.entries} D`;
  return data.paired ? `${data.entries} pairs` : String(data.entries);
};

/** Bytes in KiB: `"16.5"`. */
const kibibytes = (bytes: number): string => String(Math.round((bytes / 1024) * 10) / 10);

/** Columns: two lines of heading, and the cell of a run. */
const MEASURES: readonly (readonly [above: string, heading: string, cell: (report: RunReport) => string])[] = [
  ["", "accesses", (report) => String(accessesOf(report))],
  ["page", "faults", ({ faults }) => String(faults.served)],
  ["memory", "KiB", ({ memory, pageBytes }) => kibibytes(memory.residentPages * pageBytes)],
  ["TLB", "misses", ({ tlb }) => String(tlb.dataMisses + tlb.instructionMisses)],
  ["TSB", "hits", ({ memory, tsb }) => (memory.tsbBytes === 0 ? NONE : String(tsb.hits))],
  ["", "walks", ({ walks }) => String(walks.walks)],
  ["entries", "read", ({ walks }) => String(walks.wordsRead)],
  ["tables", "KiB", ({ memory }) => kibibytes(memory.tableBytes + memory.tsbBytes)],
  ["wrong", "bytes", ({ wrongBytes }) => String(wrongBytes)],
];

const accessesOf = ({ accesses }: RunReport): number => accesses.fetches + accesses.loads + accesses.stores + accesses.modifies;

/** @param reports of one workload, a machine each */
export const comparison = (reports: readonly RunReport[]): string[] => {
  const rows = [
    ["", ...MEASURES.map(([above]) => above)],
    ["", ...MEASURES.map(([, heading]) => heading)],
    ...reports.map((report) => [report.architecture, ...MEASURES.map(([, , cell]) => cell(report))]),
  ];
  const widths = MEASURES.map((_, i) => Math.max(...rows.map((row) => row[i + 1].length)));
  const nameWidth = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, ...cells]) => [name.padEnd(nameWidth), ...cells.map((cell, i) => cell.padStart(widths[i]))].join("  ").trimEnd());
};

/** Sums over all runs; the reader's own time stands on a line of its own. */
export const totalLines = (reports: readonly RunReport[], milliseconds: number): string[] => {
  const sum = (of: (report: RunReport) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const machines = new Set(reports.map(({ architecture }) => architecture)).size;
  return [
    `runs      ${reports.length}, on ${machines} machines: ${sum(accessesOf)} accesses, ${sum(({ faults }) => faults.served)} page faults`,
    `checked   ${sum(({ bytesChecked }) => bytesChecked)} bytes: ${sum(({ wrongBytes }) => wrongBytes)} wrong`,
    `frames    ${sum(({ leakedFrames }) => leakedFrames)} not given back`,
    `time      ${(milliseconds / 1000).toFixed(1)} s`,
  ];
};
