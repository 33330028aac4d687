/** The suite inside mocha where a machine fails. */
import { conformance } from "@portolan/conformance/mocha";
import { expect } from "chai";
import { honest } from "./liars/liar.js";
import { lyingPorts } from "./liars/ports.js";

type Body = (this: { readonly skip?: () => void }) => Promise<void>;

/** The tests that a call registers, with mocha's own words in the meantime. */
const registered = (register: () => void): readonly (readonly [title: string, body: Body])[] => {
  const tests: (readonly [string, Body])[] = [];
  const { describe: kept, it: keptIt } = globalThis;
  Object.assign(globalThis, {
    describe: (_title: string, body: () => void) => body(),
    it: (title: string, body: Body) => void tests.push([title, body]),
  });
  try {
    register();
  } finally {
    Object.assign(globalThis, { describe: kept, it: keptIt });
  }
  return tests;
};

describe("a failure inside mocha", () => {
  it("says how it is done again there, since the command may not know the machine", async () => {
    const clause = "L0.entry.user-rights-as-asked";
    const subject = lyingPorts.find(({ caughtBy }) => caughtBy === clause)?.subject ?? honest.ia32;
    const [[title, body] = ["", async () => {}]] = registered(() =>
      conformance(subject.architecture, { only: [clause], profile: "quick" }),
    );
    const failed: unknown = await body.call({}).catch((error: unknown) => error);
    const [, words] = /again: mocha --fgrep "(.*)"$/.exec(failed instanceof Error ? failed.message : "") ?? [];
    expect(words).to.be.a("string").and.to.include(clause);
    expect(title).to.include(words);
  });
});
