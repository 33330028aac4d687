/** L1: the published golden vectors. */
import { ONCE, type Clause } from "../clause.js";
import { Failure, same, Undecided } from "../failure.js";
import { ACCESS_OF, askVector, loadVector, PRIVILEGE_OF } from "../vectors/play.js";

export const vectorClauses: readonly Clause[] = [
  {
    id: "L1.vectors.published",
    rule: "The published vectors of the machine are answered as they say: address or fault, each word of the walk, and where the answer came from",
    source: "the vectors' own manuals; contract P-2.4",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const { vectors } = rig.subject;
      if (vectors === undefined || vectors.length === 0) throw new Undecided("no vectors are published for this machine");
      // Vectors are the machine's as it is described: the dials of a policy do not apply.
      if (rig.options.policy !== "described") return;
      for (const set of vectors) {
        if (set.machine !== rig.architecture.name) throw new Failure(`set ${set.set} is for ${set.machine}`);
        for (const vector of set.vectors) {
          const loaded = loadVector(rig, set, vector);
          for (const query of vector.queries) {
            const { answer, steps } = askVector(loaded, BigInt(query.address), ACCESS_OF[query.access], PRIVILEGE_OF[query.privilege]);
            const what = `${set.set}, ${vector.name}: ${query.privilege} ${query.access} at ${query.address}`;
            same(answer, query.answer, what);
            if (query.steps === undefined) continue;
            same(
              steps.map(({ address, raw }) => [address, raw]),
              query.steps.map(({ address, raw }) => [address, raw]),
              `words of the walk, ${what}`,
            );
          }
        }
      }
    },
  },
];
