import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ARCHITECTURES } from "#src/architectures.js";
import { cli } from "#src/cli.js";

const typed = async (...args: readonly string[]): Promise<{ status: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  const status = await cli(args, { out: (text) => (out += text), err: (text) => (err += text), isTerminal: false, now: () => 0 });
  return { status, out, err };
};

describe("portolan conform", () => {
  const directory = mkdtempSync(join(tmpdir(), "portolan-conform-"));
  after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, content = ""): string => {
    const path = join(directory, name);
    if (content !== "") writeFileSync(path, content);
    return path;
  };

  it("runs what is asked for, and writes every form that is wanted", async () => {
    const [junit, badge] = [file("report.xml"), file("badge.json")];
    const { status, out } = await typed(
      "conform",
      "abs32le",
      "--only",
      "L0.entry",
      "--report",
      "tap",
      "--report",
      `junit=${junit}`,
      "--report",
      `badge=${badge}`,
    );
    expect(status).to.equal(0);
    expect(out).to.match(/^TAP version 13\n1\.\.\d+\n/);
    expect(readFileSync(junit, "utf8")).to.include("<testsuites");
    expect(JSON.parse(readFileSync(badge, "utf8"))).to.include({ color: "green" });
  });

  it("has its table of machines in the documentation, with every machine of ours", () => {
    const page = readFileSync(new URL("../../../docs/matrix.md", import.meta.url), "utf8");
    for (const name of ARCHITECTURES) expect(page).to.include(`| ${name} |`);
    expect(page).to.not.include("not good");
  });

  it("writes a report of each of several machines, and none over the other", async () => {
    const path = file("of={machine}.json");
    const { status } = await typed("conform", "abs32le", "ia32", "--only", "L0.entry", "--report", `json=${path}`);
    expect(status).to.equal(0);
    for (const name of ["abs32le", "ia32"])
      expect(JSON.parse(readFileSync(path.replace("{machine}", name), "utf8"))).to.have.nested.property("subject.name", name);
    for (const report of [`json=${file("one.json")}`, "junit", "tap", "html"]) {
      const refused = await typed("conform", "abs32le", "ia32", "--only", "L0.entry", "--report", report);
      expect(refused.status, report).to.equal(2);
      expect(refused.err).to.include("{machine}");
    }
  });

  it("goes on behind a module that gives no machine, and is told of a mistyped name before anything runs", async () => {
    const throwing = file("throwing.mjs", "throw new Error('not today');\n");
    const nothing = file("nothing.mjs", "export const architecture = { name: 'nothing' };\n");
    const { status, out, err } = await typed("conform", throwing, nothing, "abs32le", "--only", "L0.entry");
    expect(status).to.equal(1);
    expect(out).to.match(/^suite .*\n.*abs32le/);
    expect(err.split("\n")).to.have.length(4);
    expect(err).to.match(/^ERROR \S+throwing\.mjs: ERR_UNKNOWN_ARCHITECTURE: .*not today/);
    expect(err).to.match(/\nERROR \S+nothing\.mjs: ERR_UNKNOWN_ARCHITECTURE: .*exports no architecture/);
    expect(err).to.match(/\nfailed: \S+throwing\.mjs, \S+nothing\.mjs could not be asked\n$/);
    const mistyped = await typed("conform", "abs32le", throwing, "abs32el", "--only", "L0.entry");
    expect([mistyped.status, mistyped.out]).to.deep.equal([2, ""]);
    expect(mistyped.err).to.include("abs32el");
    const alone = await typed("conform", throwing, "--only", "L0.entry");
    expect([alone.status, alone.out]).to.deep.equal([2, ""]);
  });

  it("says how a failure is done again with everything that made it", async () => {
    const set = JSON.parse(readFileSync(new URL("../../conformance/vectors/abs32le/walks.json", import.meta.url), "utf8")) as {
      vectors: { queries: { answer: unknown }[]; registers: { switches: Record<string, boolean> } }[];
    };
    const [query] = set.vectors[0]?.queries ?? [];
    if (query !== undefined) query.answer = { fault: "bus" };
    const wrong = file("my vectors.json", JSON.stringify(set));
    const { status, out } = await typed("conform", "abs32le", "--profile", "quick", "--only", "L1.vectors", "--vectors", wrong);
    expect(status).to.equal(1);
    expect(out).to.include(` --profile quick --vectors '${wrong}'`);
    Object.assign(set.vectors[0]?.registers.switches ?? {}, { NOSUCH: true });
    const strange = await typed("conform", "abs32le", "--vectors", file("strange.json", JSON.stringify(set)));
    expect(strange.err).to.include("ERR_BAD_VECTORS").and.to.include("vectors[0].registers.switches.NOSUCH");
  });

  it("refuses vectors with rows that the machine's TLBs cannot hold", async () => {
    const set = JSON.parse(readFileSync(new URL("../../conformance/vectors/sparc64/hardware-rows.json", import.meta.url), "utf8")) as {
      vectors: { tlb: { index: number }[] }[];
    };
    Object.assign(set.vectors[2]?.tlb[1] ?? {}, { index: 64 });
    const { status, err } = await typed("conform", "sparc64", "--vectors", file("large.json", JSON.stringify(set)));
    expect(status).to.not.equal(0);
    expect(err).to.include("ERR_BAD_VECTORS").and.to.include("vectors[2].tlb[1]").and.to.include("is none of 64 entries");
  });

  it("writes the table machine × group", async () => {
    const matrix = file("matrix.md");
    await typed("conform", "abs32le", "ia32", "--only", "L0.entry", "--matrix", matrix);
    expect(readFileSync(matrix, "utf8")).to.include("| abs32le |").and.to.include("| ia32 |");
  });

  it("fails for a module that lies, with the second decoder that lies beside it", async () => {
    const core = import.meta.resolve("@portolan/arch-ia32");
    const oracle = import.meta.resolve("@portolan/arch-ia32/oracle");
    const path = file(
      "liar.mjs",
      `import { ia32 } from ${JSON.stringify(core)};
       export { oracle } from ${JSON.stringify(oracle)};
       export const liar = { ...ia32, name: "liar", can: { ...ia32.can, forbidExecute: true } };`,
    );
    const { status, out, err } = await typed("conform", path, "--only", "L1.rights.execute-apart", "--policy", "described");
    expect(status).to.equal(1);
    expect(out).to.include("FAIL L1.rights.execute-apart").and.to.include("again: portolan conform");
    expect(err).to.include("liar does not conform");
  });

  it("holds a reader of images that a module brings against the machine, and refuses what is none", async () => {
    const abs32le = JSON.stringify(import.meta.resolve("@portolan/arch-abs32le"));
    const inspect = JSON.stringify(import.meta.resolve("@portolan/inspect"));
    const path = file(
      "reader.mjs",
      `import { listMappings } from ${inspect};
       export { abs32le } from ${abs32le};
       export const reader = {
         list: (memory, architecture, roots, options) => listMappings(memory, architecture, roots, { ...options, filter: { writable: true } }),
       };`,
    );
    const { status, out } = await typed("conform", path, "--only", "L6.list", "--policy", "described");
    expect(status).to.equal(1);
    expect(out).to.include("FAIL L6.list.used-space-exactly");
    const wrong = file("wrong-reader.mjs", `export { abs32le } from ${abs32le}; export const reader = { lists: () => {} };`);
    const refused = await typed("conform", wrong, "--only", "L6.list");
    expect(refused.status).to.equal(2);
    expect(refused.err).to.include("lists").and.to.include("list");
  });

  it("knows what is expected to fail, and says where a file of expectations is wrong", async () => {
    const wrong = file("wrong.json", '{"format":1,"expect":[{"clause":"L0.nothing","why":"x"}]}');
    const { status, err } = await typed("conform", "abs32le", "--only", "L0.entry", "--expect", wrong);
    expect(status).to.equal(1);
    expect(err).to.include("ERR_BAD_EXPECTATIONS").and.to.include("expect[0].clause");
    const vain = file("vain.json", '{"format":1,"expect":[{"clause":"L0.entry.fresh-is-clean","why":"it was so"}]}');
    const passed = await typed("conform", "abs32le", "--only", "L0.entry", "--expect", vain);
    expect(passed.status).to.equal(1);
    expect(passed.out).to.include("XPASS L0.entry.fresh-is-clean");
  });

  it("refuses a certified run that would leave something out, and an adapter for no machine", async () => {
    expect((await typed("conform", "abs32le", "--profile", "certified", "--only", "L0")).status).to.equal(2);
    const unknown = await typed("conform", "--only", "L0.entry", "abs32le");
    expect(unknown.status).to.equal(2);
    expect(unknown.err).to.include("no clause's name begins with abs32le");
    const nothing = await typed("conform", "abs32le", "--profile", "core", "--only", "L5");
    expect(nothing.status).to.equal(2);
    expect(nothing.err).to.include("nothing was asked");
    expect((await typed("conform", "--adapter", "true")).status).to.equal(2);
    expect(nothing.out).to.equal("");
    expect((await typed("conform", "abs32le", "--report", "poem")).status).to.equal(2);
    expect((await typed("conform", "abs32le", "--report", "json=")).err).to.include("no file behind");
    expect((await typed("conform", "abs32le", "--report", `json=${join(directory, "no", "report.json")}`)).err).to.include("no folder");
    for (const time of ["soon", "0", "9999999999"])
      expect((await typed("conform", "abs32le", "--adapter", "true", "--timeout", time)).err).to.include("milliseconds");
    for (const idle of [["--trait", "warm"], ["--policy", "strictest"], ["--long"], ["--replay", "none"]])
      expect((await typed("conform", "abs32le", "--adapter", "true", ...idle)).err).to.include("is asked once");
    expect((await typed("conform", "abs32le", "--policy", "kind")).status).to.equal(2);
  });

  it("performs a history that a failure has printed, and says which line of a file is none", async () => {
    const good = file(
      "good.ndjson",
      '{"op":"create","space":0,"page":1,"pages":2,"flags":11}\n{"op":"switch","space":0,"cpu":1}\n{"op":"write","cpu":1,"page":2,"word":7}\n{"op":"read","cpu":1,"page":2}\n',
    );
    expect(await typed("conform", "abs32le", "--replay", good)).to.include({ status: 0 });
    const bad = file("bad.ndjson", '{"op":"create","space":0,"page":1,"pages":2,"flags":11}\n{"op":"dance"}\n');
    const { status, err } = await typed("conform", "abs32le", "--replay", bad);
    expect(status).to.equal(2);
    expect(err).to.include("line 2").and.to.include("dance");
    expect((await typed("conform", "abs32le", "--replay", file("empty.ndjson", "\n"))).err).to.include("no operation");
  });

  it("says of a history that fails again what fails, under the policy of the failure", async () => {
    const core = JSON.stringify(import.meta.resolve("@portolan/arch-abs32le"));
    const path = file(
      "kind.mjs",
      `import { abs32le } from ${core};
       const kind = (level, i, { length }) =>
         i < length - 1 ? level : { ...level, leaf: { ...level.leaf, rights: { ...level.leaf.rights, tell: (...bits) => level.leaf.rights.tell(...bits) | 0o22 } } };
       export const machine = { ...abs32le, name: "kind", translation: { ...abs32le.translation, levels: abs32le.translation.levels.map(kind) } };`,
    );
    const history = file(
      "kind.ndjson",
      '{"op":"create","space":1,"page":0,"pages":1,"flags":9}\n{"op":"switch","space":1,"cpu":2}\n{"op":"read","cpu":2,"page":0}\n',
    );
    const { status, err } = await typed("conform", path, "--replay", history, "--policy", "strictest");
    expect(status).to.equal(1);
    expect(err).to.include("operation 3 of 3").and.to.include("the area forbids it").and.to.include("strictest");
    const schedule = file("schedule.ndjson", '{"interleaving":"shrinking, a fault, rights, a switch","cpus":4,"schedule":"0x47"}');
    expect((await typed("conform", path, "--replay", schedule)).err).to.include('schedule "0x47"');
    const strange = file("strange.ndjson", '{"interleaving":"shrinking, a fault, rights, a switch","cpus":4,"schedule":"never"}');
    expect(await typed("conform", path, "--replay", strange)).to.include({ status: 2 });
    const unknown = file("unknown.ndjson", '{"interleaving":"a dance","cpus":4,"schedule":"0x47"}');
    expect(await typed("conform", path, "--replay", unknown)).to.include({ status: 2 });
  });

  it("refuses vectors that are damaged, or another machine's", async () => {
    const { err } = await typed("conform", "abs32le", "--vectors", file("none.json", '{"format":1}'));
    expect(err).to.include("ERR_BAD_VECTORS");
  });
});

describe("portolan vectors", () => {
  it("never changes a file that is there", async () => {
    const directory = mkdtempSync(join(tmpdir(), "portolan-vectors-"));
    try {
      expect((await typed("vectors", "sparc64", "--out", directory)).out).to.include("3 vectors");
      writeFileSync(join(directory, "entries.json"), "mine");
      expect((await typed("vectors", "sparc64", "--out", directory)).out).to.include("is there and stays");
      expect(readFileSync(join(directory, "entries.json"), "utf8")).to.equal("mine");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("says that a machine has no such set", async () => {
    expect((await typed("vectors", "sparc64", "--set", "walks")).status).to.equal(1);
  });
});
