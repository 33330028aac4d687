import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cli } from "#src/cli.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const ESCAPE = "\u001B";

/** What the command complains of, read through a pipe, where these variables are set and no other that speaks of colours. */
const complaint = (variables: Readonly<Record<string, string>>): string => {
  const { CI: _ci, FORCE_COLOR: _forced, NO_COLOR: _refused, ...others } = process.env;
  const line = ["packages/cli/dist/main.js", "run", "--arch", "vax", "a-program"];
  const { status, stderr } = spawnSync(process.execPath, line, { cwd: root, encoding: "utf8", env: { ...others, ...variables } });
  expect(status).to.equal(2);
  return stderr;
};

describe("colours", () => {
  it("are not for whoever reads through a pipe, nor for the log of a CI server", () => {
    const plain = complaint({});
    expect(plain).to.match(/^ERR_UNKNOWN_ARCHITECTURE: /);
    expect(complaint({ CI: "true" })).to.equal(plain);
    expect(complaint({ NO_COLOR: "1", FORCE_COLOR: "1" })).to.equal(plain);
    expect(complaint({ FORCE_COLOR: "0" })).to.equal(plain);
  });

  it("are there for whoever insists, and where a person looks", async () => {
    expect(complaint({ FORCE_COLOR: "1" })).to.match(new RegExp(`^${ESCAPE}\\[31mERR_UNKNOWN_ARCHITECTURE${ESCAPE}\\[39m: `));
    let err = "";
    const terminal = { out: () => {}, err: (text: string) => void (err += text), isTerminal: true, hasColours: true, now: () => 0 };
    expect(await cli(["run", "--arch", "vax", "a-program"], terminal)).to.equal(2);
    expect(err).to.contain(`${ESCAPE}[31m`);
  });
});
