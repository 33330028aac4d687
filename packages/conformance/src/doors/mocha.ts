/** The suite inside somebody's mocha: a `describe` for each group, an `it` for each case. */
import type { Architecture, Oracle } from "@portolan/core";
import { GROUPS, groupOf, type Group } from "../clause.js";
import type { Subject } from "../rig/rig.js";
import { casesOf, runCase, type RunOptions } from "../run/run.js";

/** What mocha gives; any runner that has the two will do. */
interface Mocha {
  readonly describe: (title: string, body: () => void) => void;
  readonly it: (title: string, body: (this: { readonly skip?: () => void }) => Promise<void>) => void;
}

export interface MochaOptions extends RunOptions {
  readonly oracle?: Oracle;
  readonly vectors?: Subject["vectors"];
  readonly replace?: Subject["replace"];
  readonly reader?: Subject["reader"];
}

/**
 * Registers every clause as a test: `conformance(myArchitecture, { oracle })`. Titles begin with the clause's id, so that
 * `--grep L1.walk` runs those. A machine's lack is a passing test that says so; what cannot be decided is pending.
 */
export const conformance = (architecture: Architecture, options: MochaOptions = {}): void => {
  const { describe, it } = globalThis as unknown as Mocha;
  const { oracle, vectors, replace, reader } = options;
  const subject: Subject = {
    architecture,
    ...(oracle === undefined ? {} : { oracle }),
    ...(vectors === undefined ? {} : { vectors }),
    ...(replace === undefined ? {} : { replace }),
    ...(reader === undefined ? {} : { reader }),
  };
  const run: RunOptions = {
    // The command may not know this machine; whoever runs these tests does, with everything that was put into them.
    repeat: 'mocha --fgrep "{clause} ({trait}, {policy})"',
    ...options,
  };
  const { cases } = casesOf(run);
  describe(`conformance of ${architecture.name}`, () => {
    for (const group of Object.keys(GROUPS) as Group[]) {
      const own = cases.filter(({ clause }) => groupOf(clause.id) === group);
      if (own.length === 0) continue;
      describe(`${group}, ${GROUPS[group]}`, () => {
        for (const one of own) {
          it(`${one.clause.id} (${one.trait}, ${one.policy}): ${one.clause.rule}`, async function () {
            const { outcome, detail, log, repeat } = await runCase(subject, one, run);
            if (outcome === "UNRESOLVED") this.skip?.();
            if (outcome === "FAIL" || outcome === "ERROR" || outcome === "XPASS")
              throw new Error(`${outcome}: ${detail}${log === "" ? "" : `\n${log}`}\nagain: ${repeat}`);
          });
        }
      });
    }
  });
};
