import {
  clauses,
  conform,
  Failure,
  casesOf,
  GROUPS,
  groupOf,
  isGood,
  matrix,
  PROFILES,
  readExpectations,
  replayHistory,
  REPORTERS,
  sha256,
  TRAITS,
  type Report,
  type Result,
} from "@portolan/conformance";
import { PortolanError } from "@portolan/core";
import { expect } from "chai";
import { createHash } from "node:crypto";
import { honest } from "./liars/liar.js";
import { lyingCores } from "./liars/cores.js";
import { lyingFamilies } from "./liars/families.js";
import { lyingPages } from "./liars/pages.js";
import { lyingPorts } from "./liars/ports.js";

const known = new Set(clauses.map(({ id }) => id));
const liar = lyingPorts.find(({ caughtBy }) => caughtBy === "L0.entry.user-rights-as-asked")?.subject ?? honest.ia32;

describe("clauses", () => {
  it("have names of their own, in a group, with a rule and a source", () => {
    expect(known.size).to.equal(clauses.length);
    for (const { id, rule, source, traits, needs, otherwise } of clauses) {
      expect(id).to.match(/^L[0-9](?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+$/);
      expect(Object.keys(GROUPS)).to.include(groupOf(id));
      expect(rule.length, id).to.be.greaterThan(15);
      expect(source, id).to.not.equal("");
      expect(traits.length, id).to.be.greaterThan(0);
      expect(TRAITS).to.include.members([...traits]);
      expect(needs === undefined, `${id}: what is lacking has a negative`).to.equal(otherwise === undefined);
    }
  });
});

describe("traits of clauses about one space", () => {
  const failures = async (lie: string, only: string, trait: "cold" | "forked" | "swapped"): Promise<number> => {
    const subject = [...lyingFamilies, ...lyingPages].find((one) => one.lie.includes(lie))?.subject;
    if (subject === undefined) throw new Error(`nobody tells that ${lie}`);
    return (await conform(subject, { only: [only], trait, policies: ["described"] })).counts.FAIL;
  };

  it("put a living parent beside it, or its pages out of memory: what goes wrong then is noticed", async () => {
    expect(await failures("the number of its parent", "L3.area.destroy", "forked")).to.equal(1);
    expect(await failures("the number of its parent", "L3.area.destroy", "cold")).to.equal(0);
    expect(await failures("bytes of the one before", "L3.space.independent", "swapped")).to.equal(1);
    expect(await failures("bytes of the one before", "L3.space.independent", "cold")).to.equal(0);
  });
});

describe("a run", () => {
  const quick = { profile: "teaching", only: ["L0.entry"] } as const;

  it("counts every outcome, and says what was left out", async () => {
    const report = await conform(honest.ia32, quick);
    expect(report.counts.PASS + report.counts.UNSUPPORTED).to.equal(report.results.length);
    expect(report.leftOut).to.be.greaterThan(0);
    expect(report.isCertified).to.equal(false);
    expect(isGood(report)).to.equal(true);
    expect(report.suite.hash).to.match(/^[0-9a-f]{64}$/);
  });

  it("fails what a description leaves unfinished, under the clause that it names, and nothing without a word", async () => {
    const unfinished = [
      { step: 3, clause: "L0.entry.every-bit-once", says: "fields" },
      { step: 4, clause: "L0.entry.every-bit-once", says: "widths" },
      { step: 3, clause: "L0.entry.every-bit-once", says: "more fields" },
      { step: 4, clause: "L0.no.such-clause", says: "a clause that there is not" },
    ];
    const { architecture } = honest.abs32le;
    const report = await conform(
      { ...honest.abs32le, architecture: { ...architecture, unfinished } },
      { profile: "teaching", only: ["L0"] },
    );
    expect(report.results.filter(({ outcome }) => outcome === "FAIL").map(({ clause, detail }) => [clause, detail])).to.deep.equal([
      ["L0.description.sound", "step 4 of the guide: a clause that there is not"],
      ["L0.entry.every-bit-once", "step 3 of the guide: fields; more fields; step 4 of the guide: widths"],
    ]);
    expect(isGood(report)).to.equal(false);
    expect(report.isCertified).to.equal(false);
  });

  it("is the same run with the same seed", async () => {
    const one = await conform(honest.abs32le, { only: ["L1.walk.random", "L3.history"], policies: ["described"], seed: 7 });
    const other = await conform(honest.abs32le, { only: ["L1.walk.random", "L3.history"], policies: ["described"], seed: 7 });
    expect(other).to.deep.equal(one);
  });

  it("fails for a liar, and says what to type to see it again", async () => {
    const report = await conform(liar, quick);
    expect(isGood(report)).to.equal(false);
    const failed = report.results.find(({ outcome }) => outcome === "FAIL");
    expect(failed?.repeat).to.include(`--only ${failed?.clause}`).and.to.include("--seed 1");
  });

  it("turns what is expected into XFAIL, and what was expected in vain into XPASS", async () => {
    const text = JSON.stringify({ format: 1, expect: [{ clause: "L0.entry.user-rights-as-asked", why: "known" }] });
    const expectations = readExpectations(text, "known.json", known);
    const lying = await conform(liar, { ...quick, expectations });
    expect(lying.counts).to.include({ XFAIL: 1, FAIL: 0 });
    expect(isGood(lying)).to.equal(true);
    const honestly = await conform(honest.ia32, { ...quick, expectations });
    expect(honestly.counts).to.include({ XPASS: 1 });
    expect(isGood(honestly)).to.equal(false);
  });

  it("leaves undecided what cannot be decided, and is not certified then", async () => {
    const { architecture } = honest.ia32;
    const report = await conform({ architecture }, { profile: "certified", only: ["L0.codec"] });
    expect(report.counts.UNRESOLVED).to.be.greaterThan(0);
    expect(isGood(report)).to.equal(false);
  });

  it("that is short tries a sample of every clause, fails for liars, and certifies nothing", async () => {
    const report = await conform(honest.ia32, { profile: "quick" });
    expect(new Set(report.results.map(({ clause }) => clause))).to.deep.equal(known);
    expect(report.counts.PASS + report.counts.UNSUPPORTED).to.equal(report.results.length);
    expect(isGood(report)).to.equal(true);
    expect(report.isCertified).to.equal(false);
    expect(isGood(await conform(liar, { profile: "quick", only: ["L0.entry"] }))).to.equal(false);
  });

  it("is certified when nothing was left out and everything holds", () => {
    expect(PROFILES.certified.isStrict).to.equal(true);
    const { cases, leftOut } = casesOf({ profile: "certified" });
    expect(leftOut).to.equal(0);
    expect(new Set(cases.map(({ clause }) => clause.id))).to.deep.equal(known);
  });

  it("says of a machine that cannot be built that it could not be asked", async () => {
    const architecture = { ...honest.ia32.architecture, pageShift: 60 };
    const report = await conform({ architecture }, { only: ["L0.description.sound", "L1.fault.absent"], policies: ["described"] });
    expect(report.results.map(({ outcome }) => outcome)).to.deep.equal(["FAIL", "ERROR", "ERROR", "ERROR", "ERROR", "ERROR"]);
  });
});

describe("a second decoder", () => {
  const { architecture, oracle } = honest.ia32;
  const idle = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`X${i}`, { initially: false, says: "decides nothing" }]));
  const wired = { ...architecture, switches: { ...architecture.switches, ...idle } };
  const run = { only: ["L0.codec.agrees-under-every-switch"], policies: ["described"] } as const;

  it("is asked under every setting of the switches that somebody asks for, however many others there are", async () => {
    expect((await conform({ architecture: wired, oracle }, run)).counts).to.include({ PASS: 1 });
    // What nobody says of the machine: PGE and WP together make every page global.
    const levels = oracle.levels?.map((read): typeof read => (word, switches) => {
      const entry = read(word, switches);
      return entry.kind === "leaf" && switches["PGE"] && switches["WP"] ? { ...entry, isGlobal: true } : entry;
    });
    const lying = { architecture: wired, oracle: { ...oracle, ...(levels === undefined ? {} : { levels }) } };
    const [result] = (await conform(lying, run)).results;
    expect(result?.outcome).to.equal("FAIL");
    expect(result?.detail).to.include("isGlobal is false, the second decoder reads true");
  });
});

describe("an interleaving that goes wrong", () => {
  const subject = lyingCores.find(({ lie }) => lie.includes("there are no locks"))?.subject ?? honest.abs32le;
  let result: Result | undefined;
  before(async () => {
    [result] = (await conform(subject, { only: ["L5.interleave.two-by-two"], policies: ["described"] })).results;
  });

  it("is printed as a schedule that does the same again, on the same machine", () => {
    expect(result?.outcome).to.equal("FAIL");
    expect(() => replayHistory(subject, result?.log ?? "", "log")).to.throw(Error);
  });

  it("goes well on an honest one", () => {
    expect(() => replayHistory(honest.abs32le, result?.log ?? "", "log")).to.not.throw();
  });
});

describe("a history that goes wrong", () => {
  const subject = lyingCores.find(({ lie }) => lie.includes("one frame too far"))?.subject ?? honest.abs32le;
  let result: Result | undefined;
  before(async () => {
    const { results } = await conform(subject, { only: ["L3.history"], policies: ["described"] });
    result = results.find(({ outcome }) => outcome === "FAIL");
  });

  it("is shrunk to a few operations, which do the same again", () => {
    const log = result?.log ?? "";
    expect(log.split("\n").length).to.be.within(1, 20);
    expect(() => replayHistory(subject, log, "log")).to.throw(Failure);
    expect(() => replayHistory(honest.abs32le, log, "log")).to.not.throw();
  });
});

describe("expectation files", () => {
  const cases: readonly (readonly [text: string, place: string])[] = [
    ["{", "the file"],
    ["[]", "format"],
    ['{"format":1}', "expect"],
    ['{"format":1,"expect":[3]}', "expect[0]"],
    ['{"format":1,"expect":[{"clause":"L1.walk.*"}]}', "expect[0].why"],
    ['{"format":1,"expect":[{"clause":"L9.nothing","why":"x"}]}', "expect[0].clause"],
    ['{"format":1,"expect":[{"clause":"L1.walk.*","why":"x","color":"red"}]}', "expect[0].color"],
    ['{"format":1,"expect":[{"clause":"L1.walk.*","why":"x","trait":"lukewarm"}]}', "expect[0].trait"],
    ['{"format":1,"expect":[{"clause":"L1.walk.*","why":"x","policy":"kind"}]}', "expect[0].policy"],
  ];
  for (const [text, place] of cases) {
    it(`like ${text} are refused, at ${place}`, () => {
      expect(() => readExpectations(text, "file.json", known))
        .to.throw(PortolanError)
        .that.deep.includes({ code: "ERR_BAD_EXPECTATIONS" })
        .and.has.nested.property("values.place", place);
    });
  }
});

describe("reports", () => {
  let report: Report;
  before(async () => {
    report = await conform(liar, { profile: "teaching", only: ["L0.entry", "L0.codec"] });
  });

  it("carry suite, hash, seed and counts in every form", () => {
    for (const name of ["text", "tap", "junit", "json", "markdown", "html"] as const) {
      const written = REPORTERS[name](report);
      expect(written, name).to.include(report.suite.version);
      expect(written, name).to.include(report.suite.hash.slice(0, 16));
      expect(written, name).to.include("L0.entry.user-rights-as-asked");
      expect(written, name).to.match(/seed/);
    }
    expect(JSON.parse(REPORTERS.badge(report))).to.include({ schemaVersion: 1, color: "red" });
    expect(JSON.parse(REPORTERS.json(report))).to.deep.equal(JSON.parse(JSON.stringify(report)));
  });

  it("are counted right as TAP", () => {
    const lines = REPORTERS.tap(report).split("\n");
    expect(lines[1]).to.equal(`1..${report.results.length}`);
    expect(lines.filter((line) => /^(?:not )?ok \d+ /.test(line)).length).to.equal(report.results.length);
    expect(lines.filter((line) => line.startsWith("not ok")).length).to.equal(report.counts.FAIL);
  });

  it("are XML whatever a message holds", () => {
    const [first] = report.results;
    if (first === undefined) throw new Error("there is no result");
    const wild = { ...report, results: [{ ...first, outcome: "FAIL" as const, detail: '<&">\u0001 ]]>' }] };
    const xml = REPORTERS.junit(wild);
    expect(xml).to.include("&lt;&amp;&quot;&gt;? ]]&gt;");
    expect(xml.match(/<testcase/g)?.length).to.equal(xml.match(/<\/testcase>/g)?.length);
    expect(REPORTERS.html(wild)).to.include("&lt;&amp;&quot;&gt;?");
  });

  it("stand side by side in a matrix", () => {
    expect(matrix([report]))
      .to.include("| ia32 |")
      .and.to.include("not good");
  });
});

describe("SHA-256", () => {
  it("is the standard's", () => {
    for (const text of ["", "abc", "é€😀", "x".repeat(55), "x".repeat(56), "x".repeat(64), "x".repeat(1000)])
      expect(sha256(text), text.slice(0, 8)).to.equal(createHash("sha256").update(text).digest("hex"));
  });
});
