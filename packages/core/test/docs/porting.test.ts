/** CONTRIBUTING.md, the porting guide, against what a port really consists of. */
import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { abs32le } from "@portolan/arch-abs32le";
import { sparc64 } from "@portolan/arch-sparc64";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const text = (path: string): string => readFileSync(join(root, path), "utf8");
const guide = text("CONTRIBUTING.md");
const section = (title: string): string => guide.split(/^#{2,3} /m).find((part) => part.startsWith(title)) ?? "";
/** What stands in backticks in the first column of the tables of a section. */
const firstCells = (title: string): string[] =>
  section(title)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => Array.from((line.split("|")[1] ?? "").matchAll(/`([^`]+)`/g), ([, name = ""]) => name));

describe("the porting guide", () => {
  it("explains every key of a description, and none that there is not", () => {
    const known = new Set([...Object.keys(abs32le), ...Object.keys(sparc64)]);
    const explained = firstCells("4. Fill in the description").filter((name) => !name.includes("/"));
    expect(explained).to.have.members([...known]);
  });

  it("names every place where the paper machine is registered", () => {
    const places = firstCells("2. Let the house know");
    expect(places).to.include.members(["tsconfig.json", "README.md", "docs/typedoc.json", "packages/core/test/fixture.ts"]);
    for (const path of places) expect(text(path), path).to.contain("abs32le");
    for (const path of ["packages/cli/package.json", "packages/cli/tsconfig.json", "packages/cli/src/architectures.ts"])
      expect(places).to.include(path);
  });

  it("points to files that exist", () => {
    const paths = Array.from(guide.matchAll(/`((?:packages|docs|tools|examples|benchmarks|\.ci)\/[\w./-]*\w)/g), ([, path = ""]) => path);
    expect(paths.length).to.be.greaterThan(10);
    // Written by commands: the reference, results of benchmarks, and whatever the reader makes.
    const made = (path: string): boolean => path.includes("NAME") || ["docs/api", "benchmarks/RESULTS.md"].includes(path);
    expect(paths.filter((path) => !made(path) && !existsSync(join(root, path)))).to.deep.equal([]);
  });

  it("has the steps that a new package's marks name, and shows a mark as it stands there", () => {
    const files = ["src/formats.ts", "src/index.ts", "src/oracle.ts"].map((path) => text(`packages/cli/template/${path}.template`));
    const steps = new Set(files.flatMap((file) => Array.from(file.matchAll(/paper\(\s*(\d)/g), ([, step = ""]) => step)));
    expect([...steps].toSorted()).to.deep.equal(["3", "4", "5"]);
    for (const step of steps) expect(section(`${step}. `), `step ${step}`).to.not.equal("");
    expect(section("1. Make the package")).to.contain("npm start -- new NAME");
    const [, mark = ""] = /```text\n(.*)\n```/.exec(section("1. Make the package")) ?? [];
    expect(mark).to.not.equal("");
    expect(files.join("")).to.contain(mark);
  });

  it("says how long the paper machine is, and ports mark their classes with the core's own injector", () => {
    const lines = ["src/formats.ts", "src/index.ts"].reduce(
      (sum, file) => sum + text(`packages/arch-abs32le/${file}`).trimEnd().split("\n").length,
      0,
    );
    const [, said] = /, (\d+) lines\. Start from it/.exec(guide) ?? [];
    expect(Number(said)).to.be.closeTo(lines, 10);
    const needs = ["core", "arch-sparc64"].map((name) =>
      Object.keys((JSON.parse(text(`packages/${name}/package.json`)) as { dependencies: object }).dependencies),
    );
    expect(needs[0]).to.include("tsyringe");
    expect(needs[1]).to.deep.equal(["@portolan/core"]);
  });
});
