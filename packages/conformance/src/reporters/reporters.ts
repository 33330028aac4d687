/** The forms a report can take. Each is a pure function from the report to a text. */
import { GROUPS, type Group } from "../clause.js";
import { isGood, OUTCOMES, type Outcome, type Report, type Result } from "../run/report.js";

const isBad = ({ outcome }: Result): boolean => outcome === "FAIL" || outcome === "XPASS" || outcome === "ERROR";
const titleOf = ({ clause, trait, policy }: Result): string => `${clause} (${trait}, ${policy})`;

const headOf = (report: Report): readonly string[] => [
  `suite ${report.suite.version}, ${report.suite.clauses} clauses, hash ${report.suite.hash.slice(0, 16)}`,
  `machine ${report.subject.name} (${report.subject.title}), ${report.subject.way}`,
  `profile ${report.profile} (${report.profileHash.slice(0, 16)}), policies ${report.policies.join(", ")}, seed ${report.seed}${report.isLong ? ", long" : ""}`,
];

export const countsLine = ({ counts, leftOut }: Report): string =>
  [...OUTCOMES.map((outcome) => `${counts[outcome]} ${outcome}`), ...(leftOut > 0 ? [`${leftOut} left out`] : [])].join(", ");

const xml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    // Control characters are no XML.
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, "?");

/** Groups' names stand under each other. */
const WIDEST = Math.max(...Object.values(GROUPS).map(({ length }) => length));

/** For people: what is wrong, by clause in order, and the sums. */
export const text = (report: Report): string => {
  const lines = [...headOf(report), ""];
  for (const result of report.results) {
    if (!isBad(result) && result.outcome !== "UNRESOLVED" && result.outcome !== "XFAIL") continue;
    lines.push(
      `${result.outcome} ${titleOf(result)}`,
      `  ${result.rule}`,
      ...result.detail.split("\n").map((line) => `  ${line}`),
      `  source: ${result.source}`,
    );
    if (result.log !== "") lines.push(...result.log.split("\n").map((line) => `  | ${line}`));
    if (isBad(result)) lines.push(`  again: ${result.repeat}`);
  }
  for (const group of Object.keys(GROUPS) as Group[]) {
    const own = report.results.filter((result) => result.group === group);
    if (own.length > 0) lines.push(`${group} ${GROUPS[group].padEnd(WIDEST)} ${summary(own)}`);
  }
  lines.push("", countsLine(report), isGood(report) ? (report.isCertified ? "certified" : "good") : "NOT GOOD", "");
  return lines.join("\n");
};

const summary = (results: readonly Result[]): string =>
  OUTCOMES.map((outcome) => [outcome, results.filter((result) => result.outcome === outcome).length] as const)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(", ");

/** The Test Anything Protocol: what is used of it is in version 13, which every harness reads. */
export const tap = (report: Report): string => {
  const lines = ["TAP version 13", `1..${report.results.length}`, ...headOf(report).map((line) => `# ${line}`)];
  report.results.forEach((result, i) => {
    const directive: Readonly<Partial<Record<Outcome, string>>> = {
      UNSUPPORTED: " # SKIP unsupported, the negative holds",
      UNRESOLVED: " # SKIP unresolved",
      XFAIL: " # TODO expected to fail",
    };
    const isOk = ["PASS", "UNSUPPORTED", "UNRESOLVED"].includes(result.outcome);
    lines.push(`${isOk ? "ok" : "not ok"} ${i + 1} - ${titleOf(result)}${directive[result.outcome] ?? ""}`);
    if (isOk && result.outcome !== "UNRESOLVED") return;
    lines.push(
      "  ---",
      `  outcome: ${result.outcome}`,
      `  message: ${JSON.stringify(result.detail)}`,
      `  again: ${JSON.stringify(result.repeat)}`,
    );
    if (result.log !== "") lines.push("  log: |", ...result.log.split("\n").map((line) => `    ${line}`));
    lines.push("  ...");
  });
  lines.push(`# ${countsLine(report)}`, "");
  return lines.join("\n");
};

/** JUnit's XML, as continuous integration reads it. */
export const junit = (report: Report): string => {
  const { counts } = report;
  const suites = (Object.keys(GROUPS) as Group[]).flatMap((group) => {
    const own = report.results.filter((result) => result.group === group);
    if (own.length === 0) return [];
    const count = (...outcomes: Outcome[]): number => own.filter(({ outcome }) => outcomes.includes(outcome)).length;
    const cases = own.map((result) => {
      const open = `    <testcase classname="${xml(`${report.subject.name}.${result.group}`)}" name="${xml(titleOf(result))}"`;
      const body = `${result.rule}\n${result.log}\nagain: ${result.repeat}`;
      if (result.outcome === "FAIL" || result.outcome === "XPASS")
        return `${open}><failure type="${result.outcome}" message="${xml(result.detail)}">${xml(body)}</failure></testcase>`;
      if (result.outcome === "ERROR") return `${open}><error message="${xml(result.detail)}">${xml(body)}</error></testcase>`;
      if (result.outcome === "PASS") return `${open}/>`;
      return `${open}><skipped message="${xml(`${result.outcome}: ${result.detail}`)}"/></testcase>`;
    });
    return [
      `  <testsuite name="${group} ${GROUPS[group]}" tests="${own.length}" failures="${count("FAIL", "XPASS")}" errors="${count("ERROR")}" skipped="${count("UNSUPPORTED", "UNRESOLVED", "XFAIL")}">`,
      "    <properties>",
      `      <property name="suite" value="${report.suite.version} ${report.suite.hash}"/>`,
      `      <property name="seed" value="${report.seed}"/>`,
      "    </properties>",
      ...cases,
      "  </testsuite>",
    ];
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="portolan conform ${xml(report.subject.name)}" tests="${report.results.length}" failures="${counts.FAIL + counts.XPASS}" errors="${counts.ERROR}">`,
    ...suites,
    "</testsuites>",
    "",
  ].join("\n");
};

export const json = (report: Report): string => `${JSON.stringify(report, null, 2)}\n`;

const cell = (value: string): string => value.replaceAll("|", "\\|").replaceAll("\n", " ");

export const markdown = (report: Report): string => {
  const bad = report.results.filter((result) => isBad(result) || result.outcome === "XFAIL" || result.outcome === "UNRESOLVED");
  return [
    `# Conformance of ${report.subject.name}`,
    "",
    ...headOf(report).map((line) => `- ${line}`),
    "",
    `**${countsLine(report)}**`,
    "",
    "| group | results |",
    "| --- | --- |",
    ...(Object.keys(GROUPS) as Group[])
      .map((group) => [group, report.results.filter((result) => result.group === group)] as const)
      .filter(([, own]) => own.length > 0)
      .map(([group, own]) => `| ${group} ${GROUPS[group]} | ${summary(own)} |`),
    ...(bad.length === 0
      ? []
      : [
          "",
          "| outcome | clause | what |",
          "| --- | --- | --- |",
          ...bad.map((result) => `| ${result.outcome} | ${titleOf(result)} | ${cell(result.detail)} |`),
        ]),
    "",
  ].join("\n");
};

/** One file without any other: open it in a browser. */
export const html = (report: Report): string => {
  const rows = report.results.map(
    (result) =>
      `<tr class="${result.outcome}"><td>${result.outcome}</td><td>${xml(result.clause)}</td><td>${result.trait}</td><td>${result.policy}</td>` +
      `<td>${xml(result.rule)}${result.detail === "" ? "" : `<br><em>${xml(result.detail)}</em>`}${result.log === "" ? "" : `<pre>${xml(result.log)}</pre>`}</td><td>${xml(result.source)}</td></tr>`,
  );
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<title>Conformance of ${xml(report.subject.name)}</title>`,
    "<style>body{font:15px system-ui;margin:2em;max-width:90em}table{border-collapse:collapse}td,th{padding:.3em .6em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}",
    ".FAIL td:first-child,.XPASS td:first-child,.ERROR td:first-child{color:#b00;font-weight:bold}.PASS td:first-child{color:#070}.UNSUPPORTED td:first-child,.XFAIL td:first-child{color:#666}.UNRESOLVED td:first-child{color:#a60}</style></head><body>",
    `<h1>Conformance of ${xml(report.subject.name)}</h1>`,
    `<ul>${headOf(report)
      .map((line) => `<li>${xml(line)}</li>`)
      .join("")}</ul>`,
    `<p><strong>${countsLine(report)}</strong></p>`,
    "<table><tr><th>outcome</th><th>clause</th><th>trait</th><th>policy</th><th>rule</th><th>source</th></tr>",
    ...rows,
    "</table></body></html>",
    "",
  ].join("\n");
};

/** An adapter answers for translation alone: whoever reads "certified" is told of what. */
const certifiedAs = ({ subject, results }: Report): string =>
  subject.way === "child"
    ? `certified for ${[...new Set(results.filter(({ outcome }) => outcome === "PASS").map(({ group }) => group))].join(" ")}`
    : "certified";

/** For an endpoint that draws badges. @see https://shields.io/badges/endpoint-badge */
export const badge = (report: Report): string => {
  const { counts } = report;
  const bad = counts.FAIL + counts.XPASS + counts.ERROR;
  const message = bad > 0 ? `${bad} failing` : report.isCertified ? `${certifiedAs(report)}, ${counts.PASS} pass` : `${counts.PASS} pass`;
  return `${JSON.stringify({ schemaVersion: 1, label: `portolan ${report.suite.version} ${report.subject.name}`, message, color: bad > 0 ? "red" : report.isCertified ? "brightgreen" : "green" })}\n`;
};

export const REPORTERS = { text, tap, junit, json, markdown, html, badge } as const;
export type ReporterName = keyof typeof REPORTERS;

/** Machine × group: what each machine's report says of each group. */
export const matrix = (reports: readonly Report[]): string => {
  const groups = Object.keys(GROUPS) as Group[];
  const of = (report: Report, group: Group): string => {
    const own = report.results.filter((result) => result.group === group);
    return own.length === 0 ? "–" : summary(own);
  };
  return [
    `| machine | ${groups.map((group) => `${group} ${GROUPS[group]}`).join(" | ")} | |`,
    `| --- |${groups.map(() => " --- |").join("")} --- |`,
    ...reports.map(
      (report) =>
        `| ${report.subject.name} | ${groups.map((group) => of(report, group)).join(" | ")} | ${isGood(report) ? (report.isCertified ? "certified" : "good") : "not good"} |`,
    ),
  ].join("\n");
};
