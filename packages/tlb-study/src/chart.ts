/** Findings as bars in an SVG picture that needs nothing else: misses of the first level among 1000 look-ups. */
import { shortened } from "./columns.js";
import type { Finding } from "./study.js";

const ROW = 22;
const GROUP_GAP = 14;
const BARS = 480;
const RIGHT = 130;
const TOP = 56;
/** Room for the names of designs, on the left: a letter needs about so much. */
const LETTER = 6.6;
const LEAST_LEFT = 120;
const LONGEST_NAME = 80;
/** Colours that people who confuse red and green tell apart. @see Okabe and Ito, "Color Universal Design" */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"];

/** A picture of all findings, one group of bars for each machine. */
export const chart = (findings: readonly Finding[], title: string): string => {
  const machines = [...new Set(findings.map(({ architecture }) => architecture))];
  const most = Math.max(...findings.map(({ missesPerThousand }) => missesPerThousand), Number.MIN_VALUE);
  const longest = Math.max(0, ...findings.map(({ architecture, tlb }) => architecture.length + cut(tlb).length));
  const left = Math.max(LEAST_LEFT, Math.ceil(longest * LETTER) + 32);
  const lines: string[] = [];
  let y = TOP;
  machines.forEach((machine, at) => {
    lines.push(`<text x="8" y="${y + 15}" font-weight="bold">${escaped(machine)}</text>`);
    for (const finding of findings.filter(({ architecture }) => architecture === machine)) {
      const width = (finding.missesPerThousand / most) * BARS;
      const shown = `${shortened(finding.missesPerThousand)} (${finding.referencesPerTranslation.toFixed(1)} refs)`;
      lines.push(
        `<g><title>${escaped(`${machine} ${finding.tlb}: ${finding.fetchMisses + finding.dataMisses} misses, ${finding.references} references`)}</title>`,
        `<text x="${left - 8}" y="${y + 15}" text-anchor="end">${escaped(cut(finding.tlb))}</text>`,
        `<rect x="${left}" y="${y + 3}" width="${width.toFixed(2)}" height="${ROW - 6}" fill="${COLOURS[at % COLOURS.length]}"/>`,
        `<text x="${(left + width + 6).toFixed(2)}" y="${y + 15}">${shown}</text></g>`,
      );
      y += ROW;
    }
    y += GROUP_GAP;
  });
  const wide = left + BARS + RIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${y}" width="${wide}" height="${y}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="8" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    `<text x="8" y="40" fill="#555555">first-level misses among 1000 look-ups; entries read for one translation</text>`,
    ...lines,
    `</svg>`,
    ``,
  ].join("\n");
};

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const cut = (text: string): string => (text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 1)}…` : text);
