/** The house: documents against code, and who may import whom. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ERRORS } from "#src/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const source = join(root, "packages/core/src");

/** Rooms by floor; files beside them belong to floor 0, but the index, which is the door. */
const FLOORS: readonly (readonly string[])[] = [
  ["architecture", "units", "collections"],
  ["machine", "tlb"],
  ["paging", "asid", "frames"],
  ["address-space", "area", "backends", "objects", "used-space"],
  ["compose", "verify"],
];

const floorOf = (file: string): number => {
  const path = relative(source, file);
  const [room = ""] = path.split("/");
  if (path === "index.ts") return FLOORS.length;
  return path.includes("/") ? FLOORS.findIndex((rooms) => rooms.includes(room)) : 0;
};

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name));

/** Modules that a file imports, with whether only types come in. */
const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/^(?:import|export)\s[^;]*?from "([^"]+)";/gms)].map(([, specifier]) => specifier ?? "");

describe("the house", () => {
  it("lets a room import from its own floor or below, never from above", () => {
    const wrong: string[] = [];
    for (const file of files) {
      const floor = floorOf(file);
      expect(floor, `${file} lies in no known room`).to.be.greaterThan(-1);
      for (const specifier of importsOf(file).filter((name) => name.startsWith("."))) {
        const target = join(file, "..", specifier.replace(/\.js$/, ".ts"));
        if (floorOf(target) > floor) wrong.push(`${relative(source, file)} imports ${relative(source, target)}`);
      }
    }
    expect(wrong).to.deep.equal([]);
  });

  it("shows the container to the composition room only, and nobody Node", () => {
    for (const file of files) {
      const imports = importsOf(file);
      expect(
        imports.filter((name) => name.startsWith("node:")),
        file,
      ).to.deep.equal([]);
      if (!file.includes("/compose/")) expect(imports, file).not.to.include("tsyringe");
    }
  });

  it("documents every error with the words that it says, and no other", () => {
    const text = readFileSync(join(root, "docs/errors.md"), "utf8");
    const documented = [...text.matchAll(/^## (\S+)$/gm)].map(([, code]) => code);
    expect(documented).to.have.members(Object.keys(ERRORS));
    for (const { says, hint } of Object.values(ERRORS)) expect(text).to.contain(says).and.to.contain(hint);
  });

  it("gives every architecture a README, a test and a row in the table of machines", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    for (const name of readdirSync(join(root, "packages")).filter((entry) => entry.startsWith("arch-"))) {
      expect(readdirSync(join(root, "packages", name)), name).to.include.members(["README.md", "test"]);
      expect(readme).to.contain(`| \`${name.slice(5)}\` |`);
    }
  });
});
