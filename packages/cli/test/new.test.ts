import { abs32le } from "@portolan/arch-abs32le";
import { clauses } from "@portolan/conformance";
import type { Architecture } from "@portolan/core";
import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { cli } from "#src/cli.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const guide = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");

const typed = async (directory: string, ...words: string[]): Promise<{ status: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  const before = process.cwd();
  process.chdir(directory);
  try {
    const terminal = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), isTerminal: false };
    return { status: await cli(words, { ...terminal, now: () => 0 }), out, err };
  } finally {
    process.chdir(before);
  }
};

/** A folder for as long as the work takes; below this one the packages are found, as they would be installed. */
const inFolder = async (parent: string, work: (folder: string) => void | Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(parent, "made-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};
const here = fileURLToPath(new URL(".", import.meta.url));

const run = (cwd: string, program: string, ...args: string[]): { status: number | null; said: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, program), ...args], { cwd, encoding: "utf8" });
  return { status, said: `${stdout}${stderr}` };
};
const tsc = "node_modules/typescript/bin/tsc";

const json = (...path: string[]): Record<string, unknown> => JSON.parse(readFileSync(join(...path), "utf8")) as Record<string, unknown>;

/** All of a description but its functions, and what it is called. */
const figuresOf = (machine: Architecture): string => {
  const { name: _, title: __, manuals: ___, unfinished: ____, ...figures } = machine;
  const shown = (key: string, value: unknown): unknown =>
    key === "manual" ? "" : typeof value === "bigint" ? `0x${value.toString(16)}` : value;
  return JSON.stringify(figures, shown, 2);
};

/** What a report in words fails: the clause, and why. */
const failures = (out: string): (readonly [clause: string, why: string])[] =>
  Array.from(out.matchAll(/^FAIL (\S+) .*\n.*\n {2}(.*)$/gm), ([, clause = "", why = ""]) => [clause, why] as const);

describe("a new port", () => {
  it("compiles at once, and its conformance run is the list of what is left, by clause, in order, with the guide's steps", () =>
    inFolder(here, async (folder) => {
      const { status, out } = await typed(folder, "new", "vax");
      expect(status).to.equal(0);
      expect(out).to.contain("portolan-arch-vax/src/index.ts\n").and.to.contain("npx portolan conform . --profile core");
      const made = join(folder, "portolan-arch-vax");
      expect(run(made, tsc, "-b", ".", "test")).to.deep.equal({ status: 0, said: "" });

      const { vax } = (await import(pathToFileURL(join(made, "dist/index.js")).href)) as { readonly vax: Architecture };
      expect(figuresOf(vax), "the template follows the paper machine").to.equal(figuresOf(abs32le));

      const first = await typed(made, "conform", ".", "--profile", "core");
      expect(first.status).to.equal(1);
      const failed = failures(first.out);
      const named = ["index", "formats", "oracle"].flatMap((name) =>
        Array.from(readFileSync(join(made, `src/${name}.ts`), "utf8").matchAll(/paper\(\s*(\d), *\s*"([^"]+)"/g), ([, , id = ""]) => id),
      );
      expect(named.length).to.be.greaterThan(25);
      const order = clauses.map(({ id }) => id);
      expect(failed.map(([clause]) => clause)).to.deep.equal(order.filter((id) => named.includes(id)));
      expect(named.filter((id) => !order.includes(id))).to.deep.equal([]);
      for (const [clause, why] of failed) {
        const steps = Array.from(why.matchAll(/step (\d) of the guide: /g), ([, step = ""]) => step);
        expect(steps, clause).to.not.deep.equal([]);
        for (const step of steps) expect(guide, clause).to.match(new RegExp(`^### ${step}\\. `, "m"));
      }

      // Its own tests are the same list, and what needs no manual holds from the beginning.
      const tests = run(made, "node_modules/mocha/bin/mocha.js", "dist-test/**/*.test.js", "--reporter", "json", "--timeout", "60000");
      const { failures: red, passes } = JSON.parse(tests.said.slice(tests.said.indexOf("{"))) as Record<string, { title: string }[]>;
      expect(red?.map(({ title }) => title.split(" ")[0])).to.have.members([...failed.map(([clause]) => clause), "has"]);
      expect(passes?.map(({ title }) => title)).to.include.members([
        "is a sound description",
        "say in the root table what the second decoder says",
        "say in the leaf table what the second decoder says",
      ]);

      // Mark after mark goes, and with the last of them the machine conforms: it is the paper machine.
      const without = (pattern: RegExp, by: string): void => {
        const path = join(made, "dist/left.js");
        writeFileSync(path, readFileSync(path, "utf8").replace(pattern, by));
      };
      without(/marks\.push\((.*)\)/, "if (step !== 3) marks.push($1)");
      const conform = (): { status: number | null; said: string } =>
        run(made, "packages/cli/dist/main.js", "conform", ".", "--profile", "core");
      expect(failures(conform().said).map(([, why]) => why.startsWith("step 3"))).to.not.include(true);
      without(/step !== 3/, "step > 9");
      const last = conform();
      expect(last.said).to.contain(" 0 FAIL, ");
      expect(last.status).to.equal(0);
    }));

  it("is written as the repository writes its own packages, where it lies among them", () =>
    inFolder(tmpdir(), async (folder) => {
      for (const path of ["packages/core/package.json", "tsconfig.base.json"]) {
        mkdirSync(join(folder, path, ".."), { recursive: true });
        writeFileSync(join(folder, path), readFileSync(join(root, path)));
      }
      const { status, out } = await typed(folder, "new", "vax");
      expect(status).to.equal(0);
      expect(out).to.contain("npm start -- conform ./packages/arch-vax --profile core");
      const made = join(folder, "packages/arch-vax");
      const paper = join(root, "packages/arch-abs32le");
      const { description: _, ...manifest } = json(made, "package.json");
      const { description: __, ...like } = json(paper, "package.json");
      expect(manifest).to.deep.equal({ ...like, name: "@portolan/arch-vax" });
      for (const path of ["tsconfig.json", "test/tsconfig.json"]) expect(json(made, path), path).to.deep.equal(json(paper, path));
      const format = run(
        root,
        "node_modules/oxfmt/bin/oxfmt",
        "--config",
        ".oxfmtrc.json",
        "--check",
        join(made, "src"),
        join(made, "test"),
      );
      expect(format.status, format.said).to.equal(0);
      // A name on every page, and no placeholder left.
      for (const path of readdirSync(made, { recursive: true, encoding: "utf8" }).filter((name) => /\.(ts|md|json)$/.test(name)))
        expect(readFileSync(join(made, path), "utf8"), path).to.not.match(/\b(NAME|PACKAGE|COMMAND|WHERE)\b/);
    }));

  it("lies where it is told to", () =>
    inFolder(tmpdir(), async (folder) => {
      const { out } = await typed(folder, "new", "--help");
      const examples = Array.from(out.matchAll(/^ {2}portolan (new .+)$/gm), ([, line = ""]) => line.split(" "));
      expect(examples).to.have.length(2);
      mkdirSync(join(folder, "here"));
      for (const words of examples) expect((await typed(join(folder, "here"), ...words)).status).to.equal(0);
      for (const path of ["here/portolan-arch-vax", "vax"])
        expect(json(folder, path, "package.json")).to.include({ name: "portolan-arch-vax" });
      expect(readdirSync(folder)).to.have.members(["here", "vax"]);
    }));

  it("is refused under a bad name, or where something is or nothing can be, and nothing is written", () =>
    inFolder(tmpdir(), async (folder) => {
      writeFileSync(join(folder, "file"), "");
      mkdirSync(join(folder, "portolan-arch-there"));
      for (const [words, says] of [
        [["VAX"], "one to ten lower-case letters"],
        [["9x"], "one to ten lower-case letters"],
        [["arch-vax"], "one to ten lower-case letters"],
        [["../vax"], "one to ten lower-case letters"],
        [["averylongname"], "one to ten lower-case letters"],
        [[""], "one to ten lower-case letters"],
        [["class"], "no word of the language"],
        [["levels"], "none that the template uses"],
        [["ia32"], "none of a machine that there is"],
        [["there"], "must not be there yet"],
        [["vax", "--directory", "file"], "must not be there yet"],
        [["vax", "--directory", "nowhere/vax"], "in a directory that is there"],
        [["vax", "--directory", "file/vax"], "in a directory that is there"],
      ] as const) {
        const { status, out, err } = await typed(folder, "new", ...words);
        expect({ status, out }, words.join(" ")).to.deep.equal({ status: 2, out: "" });
        expect(err, words.join(" ")).to.contain("ERR_BAD_ARGUMENT").and.to.contain(says);
        expect(readdirSync(folder)).to.deep.equal(["file", "portolan-arch-there"]);
      }
      expect(existsSync(join(folder, "portolan-arch-there/package.json"))).to.equal(false);
    }));
});
