/** Findings as rows: for spreadsheets, and for whoever draws tables. */
import type { Finding } from "./study.js";

/** The columns, in order, with the finding's field that each shows. */
export const COLUMNS = [
  "architecture",
  "tlb",
  "pageBytes",
  "fetches",
  "data",
  "fetchMisses",
  "dataMisses",
  "missesPerThousand",
  "translations",
  "walks",
  "references",
  "referencesPerTranslation",
  "tsbHits",
  "tsbMisses",
  "pageFaults",
  "residentPages",
  "tableBytes",
  "tsbBytes",
  "movedRegions",
] as const satisfies readonly (keyof Finding)[];

/** A figure for people, with two digits after the point, or as many as two that say something need. */
export const shortened = (value: number): string => (value === 0 || value >= 0.1 ? value.toFixed(2) : value.toPrecision(2));

/** Comma-separated values with a heading; text that needs it is in quotes. @see RFC 4180 */
export const csv = (findings: readonly Finding[]): string =>
  [COLUMNS, ...findings.map((finding) => COLUMNS.map((column) => cell(finding[column])))].map((row) => `${row.join(",")}\r\n`).join("");

const cell = (value: string | number): string => {
  const text = typeof value === "number" && !Number.isInteger(value) ? value.toFixed(3) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
