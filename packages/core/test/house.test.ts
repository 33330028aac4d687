/** The house: documents against code, and who may import whom. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ERRORS, type ErrorEntry } from "#src/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const source = join(root, "packages/core/src");

/** Rooms by floor; files beside them belong to floor 0, but the index, which is the door. */
const FLOORS: readonly (readonly string[])[] = [
  ["architecture", "units", "collections"],
  ["machine", "tlb"],
  ["paging", "asid", "frames"],
  ["address-space", "area", "backends", "objects", "posix", "swap", "used-space"],
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
    const sections = new Map(
      text.split(/^## /m).map((section): [string, string] => [/^\S*/.exec(section)?.[0] ?? "", section.replace(/^.*\n\n/, "").trim()]),
    );
    sections.delete("#");
    expect([...sections.keys()]).to.deep.equal(Object.keys(ERRORS).toSorted());
    for (const [code, { says, hint, errno }] of Object.entries<ErrorEntry>(ERRORS)) {
      expect(sections.get(code), `${code}: node tools/write-errors.mjs writes the page anew`).to.equal(
        `The message: ${says}.\n\nThe hint: ${hint}.\n\nAt the system-call face: ${errno ?? "EINVAL"}.`,
      );
    }
  });

  it("throws every error somewhere: none is documented for nothing", () => {
    const thrown = new Set<string>();
    for (const name of readdirSync(join(root, "packages"))) {
      const folder = join(root, "packages", name, "src");
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || entry.name === "errors.ts") continue;
        for (const [code] of readFileSync(join(entry.parentPath, entry.name), "utf8").matchAll(/(?<=")ERR_\w+(?=")/g)) thrown.add(code);
      }
    }
    expect(Object.keys(ERRORS).filter((code) => !thrown.has(code))).to.deep.equal([]);
  });

  it("gives every architecture a README, a test and a row in the table of machines", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    for (const name of readdirSync(join(root, "packages")).filter((entry) => entry.startsWith("arch-"))) {
      expect(readdirSync(join(root, "packages", name)), name).to.include.members(["README.md", "test"]);
      expect(readme).to.contain(`| \`${name.slice(5)}\` |`);
    }
  });
});
