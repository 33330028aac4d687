/** What a command loads before it does anything: every module is half a millisecond, and a walk is asked for by the dozen. */
import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const register = `import { register } from "node:module"; register(${JSON.stringify(new URL("./recorder.js", import.meta.url).href)});`;

/** Modules that `portolan` loads for a line: files of this repository by their path, Node's and other people's by package. */
const loadedBy = (line: string): string[] => {
  const directory = mkdtempSync(join(tmpdir(), "portolan-loaded-"));
  try {
    const list = join(directory, "list");
    const hooks = `data:text/javascript,${encodeURIComponent(register)}`;
    const { status, stderr } = spawnSync(process.execPath, ["--import", hooks, "packages/cli/dist/main.js", ...line.split(" ")], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, LOADED: list },
    });
    expect(status, stderr).to.equal(0);
    expect(existsSync(list)).to.equal(true);
    return readFileSync(list, "utf8")
      .trimEnd()
      .split("\n")
      .map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url)?.[1] ?? url.replace(/^.*\/packages\//, ""));
  } finally {
    rmSync(directory, { recursive: true });
  }
};

const WALK = "inspect walk --arch amd64 examples/images/sort.amd64.core 0x402010";

describe("a cold start", () => {
  it("of `inspect walk` loads no other command, no container and no part of a machine", () => {
    const loaded = loadedBy(WALK);
    const files = (folder: string): string[] =>
      loaded.filter((path) => path.startsWith(`${folder}/dist/`)).map((path) => path.slice(folder.length + 6));
    // A module that adds a command, not what several have in common.
    const addsCommand = (path: string): boolean =>
      /^export const add\w+ = \(\w+: Command, terminal: Terminal/m.test(readFileSync(join(root, "packages/cli/src", path), "utf8"));
    const commands = files("cli").filter((path) => addsCommand(path.replace(/\.js$/, ".ts")));
    expect(commands.toSorted()).to.deep.equal(["commands/inspect/index.js", "commands/inspect/walk.js"]);
    expect(
      files("core").filter((path) => /^(?:address-space|area|backends|frames|objects|posix|swap|used-space|verify)\//.test(path)),
    ).to.deep.equal([]);
    expect(files("core").filter((path) => path.startsWith("compose/"))).to.deep.equal(["compose/load-architecture.js"]);
    const packages = new Set(loaded.map((path) => (path.includes("/dist/") ? path.replace(/\/dist\/.*/, "") : path)));
    expect([...packages].filter((name) => !name.startsWith("node:")).toSorted()).to.deep.equal([
      "arch-amd64",
      "cli",
      "commander",
      "core",
      "image",
      "inspect",
      "picocolors",
    ]);
    expect(loaded.length, loaded.join("\n")).to.be.lessThan(130);
  });

  it("of `--version` loads no command at all, and one of `run` loads the container: the list tells", () => {
    expect(loadedBy("--version").filter((path) => path.startsWith("cli/dist/commands/"))).to.deep.equal([]);
    expect(loadedBy("run --help")).to.include.members(["cli/dist/commands/run.js", "tsyringe", "reflect-metadata"]);
  });
});
