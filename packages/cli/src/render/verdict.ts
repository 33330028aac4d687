/** What a judge has found, for people and for programs. */
import type { Disagreement, JudgedCase, JudgedQuery, MachineProfile, Verdict } from "@portolan/qemu-judge";

const SHOWN = 10;

const number = (value: number): string => value.toLocaleString("en");
const ACCESSES: Readonly<Record<number, string>> = { 1: "read", 2: "write", 4: "fetch" };

/** Disagreements that nobody can explain, gathered by case. */
export const disagreements = ({ tally }: Verdict): readonly { readonly judged: JudgedCase; readonly queries: readonly JudgedQuery[] }[] => {
  const cases = new Map<JudgedCase, JudgedQuery[]>();
  for (const { judged, query } of tally.unexplained) {
    const known = cases.get(judged) ?? [];
    cases.set(judged, known);
    if (query !== undefined) known.push(query);
  }
  return [...cases].map(([judged, queries]) => ({ judged, queries }));
};

const lineOf = ({ judged, query, says }: Disagreement): string => {
  const what =
    query === undefined
      ? ""
      : `${query.privilege === 0 ? "kernel" : "user"} ${ACCESSES[query.access] ?? ""} at 0x${query.address.toString(16)}: `;
  return `  ${judged.name}\n    ${what}${says}\n`;
};

export const verdictLines = ({ machine, judge, tally }: Verdict, { explanations }: MachineProfile): string => {
  const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((total, count) => total + count, 0);
  const head = [
    `${number(tally.agreed)} agreed`,
    ...(tally.explained.size === 0 ? [] : [`${number(sum(tally.explained))} explained`]),
    `${number(tally.unexplained.length)} unexplained`,
    ...(tally.unjudged.size === 0 ? [] : [`${number(sum(tally.unjudged))} not judged`]),
  ].join(", ");
  const explained = [...tally.explained].map(([id, count]) => {
    const found = explanations.find((one) => one.id === id);
    const side =
      found?.follows === "either" ? "the manual leaves it open" : `${found?.follows === "qemu" ? "QEMU" : "Portolan"} follows the manual`;
    return `  ${number(count)} × ${id}: ${found?.says ?? ""} (${found?.manual ?? ""}; ${side})\n`;
  });
  const unjudged = [...tally.unjudged].map(([why, count]) => `  ${number(count)} not judged: ${why}\n`);
  const rest = tally.unexplained.length > SHOWN ? [`  … and ${number(tally.unexplained.length - SHOWN)} more\n`] : [];
  return [
    `${machine}: ${head} (${judge}; ${number(tally.cases)} cases, ${number(tally.words)} words of tables compared)\n`,
    ...explained,
    ...unjudged,
    ...tally.unexplained.slice(0, SHOWN).map(lineOf),
    ...rest,
  ].join("");
};

export const verdictJson = ({ machine, judge, tally }: Verdict): unknown => ({
  machine,
  judge,
  cases: tally.cases,
  agreed: tally.agreed,
  words: tally.words,
  explained: Object.fromEntries(tally.explained),
  notJudged: Object.fromEntries(tally.unjudged),
  unexplained: tally.unexplained.map(({ judged, query, says }) => ({
    case: judged.name,
    ...(query === undefined
      ? {}
      : {
          address: `0x${query.address.toString(16)}`,
          access: ACCESSES[query.access],
          privilege: query.privilege === 0 ? "kernel" : "user",
        }),
    says,
  })),
});
