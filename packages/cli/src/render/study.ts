/** A TLB study for people: the trace, then a row for each machine with each TLB. */
import { shortened, type Study } from "@portolan/tlb-study";
import { bytesIn, table } from "./table.js";

const HEADING = [
  "machine",
  "TLB",
  "page",
  "I misses",
  "D misses",
  "of 1000",
  "translated",
  "walks",
  "entries read",
  "each",
  "TSB hits",
  "faults",
  "tables",
];

/** The lines. */
export const studyLines = ({ trace, findings }: Study, milliseconds: number): string[] => {
  const number = (value: number): string => value.toLocaleString("en");
  const rows = findings.map((finding) => [
    finding.architecture,
    finding.tlb,
    bytesIn(finding.pageBytes),
    number(finding.fetchMisses),
    number(finding.dataMisses),
    shortened(finding.missesPerThousand),
    number(finding.translations),
    number(finding.walks),
    number(finding.references),
    finding.referencesPerTranslation.toFixed(2),
    finding.tsbHits + finding.tsbMisses === 0 ? "–" : `${((100 * finding.tsbHits) / (finding.tsbHits + finding.tsbMisses)).toFixed(1)} %`,
    finding.residentPages > 0 && finding.pageFaults === 0 ? "–" : number(finding.pageFaults),
    finding.tableBytes === 0 ? "–" : bytesIn(finding.tableBytes + finding.tsbBytes),
  ]);
  const moved = [...new Set(findings.filter(({ movedRegions }) => movedRegions > 0).map(({ architecture }) => architecture))];
  return [
    `${trace.format} trace: ${number(trace.fetches)} fetches, ${number(trace.loads)} loads, ${number(trace.stores)} stores; ` +
      `touches ${bytesIn(trace.granules * 4096)} (code ${bytesIn(trace.codeGranules * 4096)}, data ${bytesIn(trace.dataGranules * 4096)})`,
    ...(moved.length > 0 ? [`regions were moved to fit: ${moved.join(", ")}`] : []),
    "",
    ...table(HEADING, rows, new Set([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])),
    "",
    `${(milliseconds / 1000).toFixed(1)} s`,
  ];
};
