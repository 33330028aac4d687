/** TLB studies as they are typed. */
import { expect } from "chai";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cli } from "#src/cli.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const TRACE = join(root, "examples/traces/gnu-sort.amd64.ptrace.gz");

const typed = async (...args: readonly string[]): Promise<{ status: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  const status = await cli(args, { out: (text) => (out += text), err: (text) => (err += text), isTerminal: false, now: () => 0 });
  return { status, out, err };
};

describe("portolan tlb and portolan pack", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "portolan-test-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("gives the same findings, in the same order, on one thread and on three", async () => {
    const line = [
      "tlb",
      "--json",
      "-a",
      "ia32",
      "-a",
      "sparc64",
      "-t",
      "own",
      "-t",
      "I:16x4,D:{16,32}x4,L2:128x8",
      "-t",
      "U:16xfull:random",
      TRACE,
    ];
    const one = await typed(...line, "--jobs", "1");
    const three = await typed(...line, "--jobs", "3");
    expect(one.status, one.err).to.equal(0);
    expect(three.out).to.equal(one.out);
    const { findings, trace } = JSON.parse(one.out) as {
      findings: { architecture: string; tlb: string; dataMisses: number }[];
      trace: { format: string; fetches: number };
    };
    expect(trace.format).to.equal("compact");
    expect(findings.map(({ architecture, tlb }) => `${architecture} ${tlb}`)).to.deep.equal(
      ["ia32", "sparc64"].flatMap((name) =>
        ["own", "I:16x4,D:16x4,L2:128x8", "I:16x4,D:32x4,L2:128x8", "U:16xfull:random"].map((tlb) => `${name} ${tlb}`),
      ),
    );
    expect(findings[1]?.dataMisses).to.be.greaterThan(findings[2]?.dataMisses ?? Infinity);
  });

  it("prints a table, values for spreadsheets, and a picture", async () => {
    const svg = join(folder, "chart.svg");
    const { status, out } = await typed("tlb", "-a", "ia32", "-t", "U:{8,16}xfull", "--svg", svg, TRACE);
    expect(status).to.equal(0);
    expect(out)
      .to.match(/machine +TLB +page/)
      .and.match(/ia32 +U:16xfull +4 KiB/);
    expect(readFileSync(svg, "utf8"))
      .to.match(/^<svg /)
      .and.include("U:8xfull");
    const nowhere = await typed("tlb", "-a", "ia32", "-t", "U:8xfull", "--svg", join(folder, "no/chart.svg"), TRACE);
    expect(nowhere.status).to.equal(1);
    expect(nowhere.out, "the counts are not lost with the picture").to.match(/U:8xfull/);
    const values = await typed("tlb", "-a", "ia32", "-t", "U:8xfull", "--csv", TRACE);
    expect(values.out.split("\r\n")).to.have.lengthOf(3);
  });

  it("packs text and finds the same in it", async () => {
    const text = join(folder, "text");
    const packed = join(folder, "packed.ptrace");
    writeFileSync(text, "==1== valgrind\nI  401000,4\n L 1ffeffe7e0,8\n S 1ffeffe7ff,4\n M 00602000,1\n");
    const { status, out } = await typed("pack", text, packed, "--json");
    expect(status).to.equal(0);
    expect(JSON.parse(out)).to.deep.equal({ format: "lackey", accesses: 4, bytes: readFileSync(packed).length });
    const findings = await Promise.all(
      [text, packed].map(
        async (trace) => (JSON.parse((await typed("tlb", "--json", "-a", "ia32", trace)).out) as { findings: unknown }).findings,
      ),
    );
    expect(findings[0]).to.deep.equal(findings[1]);
  });

  it("writes over nothing, and leaves nothing half done", async () => {
    const there = join(folder, "there");
    writeFileSync(there, "mine");
    expect((await typed("pack", TRACE, there)).status).to.equal(1);
    expect(readFileSync(there, "utf8")).to.equal("mine");
    const bad = join(folder, "bad");
    writeFileSync(bad, "I  401000,4\n L zz\n");
    const fresh = join(folder, "fresh.gz");
    const { status, err } = await typed("pack", bad, fresh);
    expect(status).to.equal(1);
    expect(err).to.include("ERR_BAD_TRACE");
    expect(existsSync(fresh)).to.equal(false);
  });

  it("says what is wrong, and whose fault it is, also from a thread", async () => {
    const wrong: readonly (readonly [number, RegExp, readonly string[]])[] = [
      [2, /missing required argument/, ["tlb"]],
      [2, /no power of two/, ["tlb", "-a", "ia32", "-t", "U:12x4", TRACE]],
      [2, /ERR_UNKNOWN_ARCHITECTURE/, ["tlb", "-a", "vax", TRACE]],
      [2, /pages of 2\^22 bytes/, ["tlb", "-a", "ia32", "-a", "sparc64", "-t", "U:8x4,pages=4M", "--jobs", "2", TRACE]],
      [2, /Allowed choices are lackey/, ["tlb", "--format", "dinero", TRACE]],
      [2, /cannot be used with/, ["tlb", "--csv", "--json", TRACE]],
      [1, /ERR_BAD_TRACE/, ["tlb", "-a", "ia32", "--format", "champsim", TRACE]],
      [1, /ENOENT/, ["tlb", "-a", "ia32", join(folder, "nowhere")]],
      [1, /it is a directory/, ["tlb", "-a", "ia32", folder]],
      [2, /There are 1 to 256 threads/, ["tlb", "--jobs", "0", TRACE]],
    ];
    for (const [status, words, args] of wrong) {
      const result = await typed(...args);
      expect(result.err, args.join(" ")).to.match(words);
      expect(result.status, args.join(" ")).to.equal(status);
      expect(result.out).to.equal("");
    }
  });
});
