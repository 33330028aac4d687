/** Which judge has confirmed which published vectors: written beside them, since they themselves never change. */
import { sha256, vectorsText } from "@portolan/conformance";
import type { Verdict } from "@portolan/qemu-judge";

/** One entry a set, by machine and name of the set. */
export const judgesText = (verdicts: readonly Verdict[]): string => {
  const entries = verdicts.flatMap(({ judge, sets }) =>
    [...sets].map(([set, tally]) => [
      `${set.machine}/${set.set}.json`,
      {
        sha256: sha256(vectorsText(set)),
        judge,
        vectors: set.vectors.length,
        agreed: tally.agreed,
        explained: Object.fromEntries(tally.explained),
        notJudged: Object.fromEntries(tally.unjudged),
        unexplained: tally.unexplained.length,
      },
    ]),
  );
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
};
