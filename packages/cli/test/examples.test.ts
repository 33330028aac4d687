import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const examples = fileURLToPath(new URL("../../../examples/", import.meta.url));
const programs = join(examples, "programs");

/** The example as somebody would run it: a Node of its own. */
const outputOf = (name: string, ...args: string[]): string =>
  execFileSync(process.execPath, [join(examples, name), ...args], { encoding: "utf8" });

describe("the examples", () => {
  it("are library programs short enough to read, each with a comment that says how to run it", () => {
    const scripts = readdirSync(examples).filter((name) => name.endsWith(".mjs"));
    expect(scripts.sort()).to.deep.equal(["emulator.mjs", "slow-disk.mjs", "swap-a-part.mjs", "teaching.mjs"]);
    for (const name of scripts) {
      const text = readFileSync(join(examples, name), "utf8");
      expect(text.trimEnd().split("\n").length, name).to.be.lessThan(60);
      expect(text, name)
        .to.match(/^\/\*\*/)
        .and.to.contain(` *     node examples/${name}`);
      // What they use is public: nothing is reached for inside a package.
      expect(new Set(text.match(/from ".*?"/g)), name).to.deep.equal(new Set(['from "@portolan/core"']));
    }
  });

  for (const [architecture, pages, trap] of [
    ["ia32", 9, "#PF"],
    ["amd64", 9, "#PF"],
    ["sparc64", 3, "fast_data_access_MMU_miss (0x68)"],
    ["abs32le", 9, "page fault"],
    ["@portolan/arch-ia32", 9, "#PF"],
  ] as const) {
    it(`emulate a computer with the memory management of ${architecture}`, () => {
      const lines = outputOf("emulator.mjs", architecture).split("\n");
      expect(lines[0]).to.match(new RegExp(`: ${pages} pages came in$`));
      expect(lines[1]).to.equal(`stopped at 0x28000: ${trap}, no area at this address`);
      expect(lines[2]).to.equal("the last sum: 2080");
    });
  }

  it("let guests wait for pages of a slow disk, once for both, and keep what they wrote", () => {
    const lines = outputOf("slow-disk.mjs").trim().split("\n");
    expect(lines.filter((line) => line.includes("waits for page"))).to.have.length(8);
    expect(lines.slice(-4)).to.deep.equal([
      "Ada read ABCD",
      "Ben read ABCD",
      "4 dirty pages on their way after 16 ticks",
      "kept 4: page 2 begins with Ccc",
    ]);
  });

  it("teach what happens, step by step, on a machine that walks its tables and on one that does not", () => {
    const [ia32, sparc64] = ["ia32", "sparc64"].map((name) =>
      outputOf("teaching.mjs", name)
        .trim()
        .split(/\n(?=\d\. )/),
    ) as [string[], string[]];
    const kindsIn = (text: string | undefined): string[] =>
      Array.from(text?.matchAll(/^ {3}([a-z-]+) +(?:cpu|space) /gm) ?? [], (match) => match[1]);
    for (const steps of [ia32, sparc64]) {
      expect(steps).to.have.length(9);
      expect(kindsIn(steps[0])).to.include("area");
      expect(kindsIn(steps[3])).to.include.members(["tlb-miss", "trap", "map", "page-in", "page-fault", "tlb-fill"]);
      expect(steps[5]).to.contain("= 1000");
      expect(kindsIn(steps[5])).to.deep.equal([]);
      expect(kindsIn(steps[7])).to.include.members(["shootdown", "unmap", "invalidate", "shootdown-ack"]);
      expect(steps[8]).to.contain("no area at this address").and.to.contain("= -1");
    }
    expect(ia32[4]).to.match(/page table, entry 256: 0x0000\d267: maps physical address/);
    expect(sparc64[4]).to.contain("the tag is the access's own");
    expect(kindsIn(sparc64[1])).to.include("asid");
    expect(kindsIn(ia32[1])).to.not.include("asid");
  });

  for (const [architecture, asid] of [
    ["sparc64", 2],
    ["abs32le", 2],
    ["ia32", 3],
    ["amd64", 3],
  ] as const) {
    it(`swap parts of ${architecture}`, () => {
      const lines = outputOf("swap-a-part.mjs", architecture).trimEnd().split("\n");
      expect(lines.slice(0, 5)).to.deep.equal([
        `space 1 has ASID ${asid} and reads 100`,
        `space 2 has ASID ${asid} and reads 101`,
        "0 frames left: out of memory",
        "Infinity frames left: written",
        "pages came into: space 1, space 2, space 2",
      ]);
      expect(lines[5])
        .to.match(/^kinds of locks taken: /)
        .and.to.contain("address-space")
        .and.to.contain("page-table");
    });
  }

  it("are programs whose executables are what their sums say, small, and built from a source that is there", () => {
    const sums = readFileSync(join(programs, "SHA256SUMS"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split("  ") as [string, string]);
    expect(sums.map(([, name]) => name).sort()).to.deep.equal(
      readdirSync(programs)
        .filter((name) => name.endsWith(".elf"))
        .sort(),
    );
    for (const [sum, name] of sums) {
      expect(
        createHash("sha256")
          .update(readFileSync(join(programs, name)))
          .digest("hex"),
        name,
      ).to.equal(sum);
      expect(statSync(join(programs, name)).size, name).to.be.lessThan(100 * 1024);
      expect(readdirSync(programs), name).to.include(`${name.split(".")[0]}.c`);
    }
  });

  it("are traces of less than a mebibyte, of which the README says how they were recorded", () => {
    const traces = join(examples, "traces");
    const readme = readFileSync(join(traces, "README.md"), "utf8");
    for (const name of readdirSync(traces).filter((file) => file.endsWith(".gz"))) {
      expect(statSync(join(traces, name)).size, name).to.be.lessThan(2 ** 20);
      expect(readme, name).to.contain(`\`${name}\``);
    }
    expect(readme).to.contain("valgrind --tool=lackey --trace-mem=yes");
  });
});
