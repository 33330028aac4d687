import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../stubs/", import.meta.url));
const known = Object.keys(JSON.parse(readFileSync(`${folder}stubs.json`, "utf8")) as object);

describe("the stubs", () => {
  it("are listed, each with its binary, and no binary is there without a source", () => {
    const binaries = readdirSync(folder).flatMap((name) => (name.endsWith(".bin") ? [name.slice(0, -4)] : []));
    expect(binaries.toSorted()).to.deep.equal(known.toSorted());
  });

  for (const name of known) {
    it(`match their source byte for byte where the assembler is installed: ${name}`, function () {
      const { status, stdout, stderr } = spawnSync(process.execPath, [`${folder}build.mjs`, "--check", name], { encoding: "utf8" });
      expect(status, stdout + stderr).to.equal(0);
      if (stdout.includes("not rebuilt")) this.skip();
    });
  }
});
