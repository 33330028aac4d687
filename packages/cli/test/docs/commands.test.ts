/** What documents say to type can be typed, and prints what they say it prints. */
import { programPath } from "@portolan/qemu-judge";
import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cli } from "#src/cli.js";
import { blocksOf, documentAt, documents, inlineOf, root } from "./documents.js";

const typed = async (line: string): Promise<{ status: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  let now = 0;
  const before = process.cwd();
  process.chdir(root);
  try {
    const words = line.split(" ").filter((word) => word !== "");
    const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), isTerminal: false };
    return { status: await cli(words, { ...io, now: () => (now += 50) }), out, err };
  } finally {
    process.chdir(before);
  }
};

let demonstrated: ReturnType<typeof typed> | undefined;
/** What a command prints; the demonstration, which documents show and speak of, is run once. */
const printedBy = (line: string): ReturnType<typeof typed> => (line === "demo examples" ? (demonstrated ??= typed(line)) : typed(line));

/** Time is the reader's own. */
const timeless = (text: string): string => text.trim().replaceAll(/^time .*$/gm, "time");

/** Words in capitals stand for something of the reader's. */
const isComplete = (line: string): boolean => !/\b[A-Z]{3,}\b|…/.test(line.replaceAll(/[A-Z]+=(?:on|off)/g, ""));

/** A campaign takes minutes: whether it can be started is seen on one machine, a few clauses or accesses, which no certificate is given for. */
const shortened = (line: string): string => {
  if (/^conform\b(?!.*--(?:only|list))/.test(line)) return `${line.replace("--profile certified", "")} --only L0.description`;
  if (line === "vectors") return "vectors abs32le";
  if (line === "verify") return "verify --list";
  if (/^verify\b(?!.*--list)/.test(line)) return `${line.replace("--all", "--arch riscv64").replace(/ --cases \d+/, "")} --cases 100`;
  return line;
};

/** Where there is no QEMU, a command that asks it says so, and no more can be seen of it. */
const canRun = (line: string): boolean => !/^verify\b(?!.*--list)/.test(line) || programPath("qemu-system-riscv64") !== null;

/** Lines of shell in a document, in blocks and in the text. */
const shellLines = [
  ...new Set(documents.flatMap((document) => [...blocksOf(document, "sh").flatMap((block) => block.split("\n")), ...inlineOf(document)])),
].map((line) => line.replace(/\s+#.*$/, "").trim());

describe("commands in documents", () => {
  const consoles = documents.flatMap((document) => blocksOf(document, "console").map((block) => ({ path: document.path, block })));

  for (const { path, block } of consoles) {
    const [command = "", ...shown] = block.split("\n");
    it(`print what ${path} shows: ${command.slice(2)}`, async () => {
      const [, line] = /^\$ npm start(?: -- (.+))?$/.exec(command) ?? [command];
      expect(line, "a command of ours").to.not.equal(command);
      const { status, out, err } = await printedBy(line ?? "demo examples");
      expect({ status, err }).to.deep.equal({ status: 0, err: "" });
      expect(timeless(out), "`node tools/write-outputs.mjs` writes what is printed now").to.equal(timeless(shown.join("\n")));
    });
  }

  it("work wherever nothing in them stands for something else", async () => {
    const lines = shellLines
      .flatMap((line) => /^(?:npm start --|portolan) (.+)$/.exec(line)?.[1] ?? [])
      .filter(isComplete)
      .filter(canRun)
      .map(shortened);
    expect(lines.length).to.be.greaterThan(0);
    for (const line of lines) expect((await printedBy(line)).status, line).to.equal(0);
  });

  it("name scripts of npm and files of Node that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
    const asked = shellLines.flatMap((line) => /^npm run ([a-z]+)/.exec(line)?.[1] ?? []);
    expect(asked).to.include.members(["docs", "bench", "check", "lock"]);
    for (const name of asked) expect(scripts, name).to.have.property(name);
    for (const path of shellLines.flatMap((line) => /^node (\S+\.mjs)/.exec(line)?.[1] ?? [])) {
      if (isComplete(path)) expect(existsSync(join(root, path)), path).to.equal(true);
    }
  });

  it("tell of every script of npm in the page for contributors", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
    for (const name of Object.keys(scripts).filter((script) => script !== "start" && script !== "test"))
      expect(documentAt("CONTRIBUTING.md").text, name).to.contain(`npm run ${name}`);
  });

  it("use options that there are", async () => {
    const help = (await Promise.all(["run", "walk", "archs", "demo"].map((name) => typed(`${name} --help`))))
      .map(({ out }) => out)
      .join("");
    for (const path of ["README.md", "CONTRIBUTING.md", "packages/cli/README.md"]) {
      const options = inlineOf(documentAt(path)).flatMap((code) => /^--[a-z]+/.exec(code)?.[0] ?? []);
      for (const option of options.filter((name) => name !== "--help" && name !== "--fix"))
        expect(help, `${path}: ${option}`).to.contain(option);
    }
  });

  it("are listed in the page of the package as the program lists them", async () => {
    const named = Array.from((await typed("--help")).out.matchAll(/^ {2}([a-z]+) (?:\[| )/gm), ([, name = ""]) => name).filter(
      (name) => name !== "help",
    );
    const listed = Array.from(documentAt("packages/cli/README.md").text.matchAll(/^\| `([a-z]+)/gm), ([, name = ""]) => name);
    expect(listed).to.have.members(named);
  });
});
