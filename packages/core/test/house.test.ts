/** The house: documents against code, and who may import whom. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ERRORS, type ErrorEntry } from "#src/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const source = join(root, "packages/core/src");
const compiled = join(root, "packages/core/dist");

/** Rooms by floor; files beside them belong to floor 0, but the doors. */
const FLOORS: readonly (readonly string[])[] = [
  ["architecture", "units", "collections"],
  ["machine", "tlb"],
  ["paging", "asid", "frames"],
  ["address-space", "area", "backends", "objects", "posix", "swap", "used-space"],
  ["compose", "verify"],
];

/** The whole door, `@portolan/core`, and those that load less: `/parts` and `/architecture`. */
const DOORS: readonly string[] = ["index.ts", "parts.ts", "architecture.ts"];

const floorOf = (file: string): number => {
  const path = relative(source, file);
  const [room = ""] = path.split("/");
  if (DOORS.includes(path)) return FLOORS.length;
  return path.includes("/") ? FLOORS.findIndex((rooms) => rooms.includes(room)) : 0;
};

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name));

/** Modules that a file imports, types or more. */
const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/^(?:import|export)\s[^;]*?from "([^"]+)";/gms)].map(([, specifier]) => specifier ?? "");

/** What is loaded with a compiled module of the core: itself, what it imports, and other people's packages by name. */
const loadedWith = (file: string, seen = new Set<string>()): Set<string> => {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, specifier = ""] of readFileSync(join(compiled, file), "utf8").matchAll(/^(?:import|export)\s(?:[^;]*?from )?"([^"]+)";/gms))
    if (specifier.startsWith(".")) loadedWith(join(file, "..", specifier), seen);
    else seen.add(specifier);
  return seen;
};

const expectWholeDoorHas = async (door: object): Promise<void> => {
  const whole: Readonly<Record<string, unknown>> = await import("#src/index.js");
  for (const [name, value] of Object.entries(door)) expect(whole[name], name).to.equal(value);
};

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

  it("has a light door that loads no part of a machine: what is behind it is named here, and the whole door has it too", async () => {
    expect([...loadedWith("architecture.js")].toSorted()).to.deep.equal([
      "architecture.js",
      ...["architecture", "entry-format", "faults", "rights", "shape", "validate"].map((name) => `architecture/${name}.js`),
      "compose/load-architecture.js",
      "errors.js",
      "machine/translation-context.js",
      ...["entry-codec", "explain-entry", "page-hash-format"].map((name) => `paging/${name}.js`),
      "random.js",
      ...["refill", "software-caches", "tlb-entry", "tsb"].map((name) => `tlb/${name}.js`),
      "token.js",
    ]);
    expect([...loadedWith("index.js")], "a heavy one is seen").to.include.members(["tsyringe", "reflect-metadata", "compose/machine.js"]);
    await expectWholeDoorHas(await import("#src/architecture.js"));
  });

  it("has a door for the parts of ports, which loads tokens and the container's marks beside, and the container no part", async () => {
    const light = loadedWith("architecture.js");
    expect([...loadedWith("parts.js")].filter((file) => !light.has(file)).toSorted()).to.deep.equal([
      "asid/asid-policy.js",
      "compose/inject.js",
      "compose/reflect.js",
      "compose/tokens.js",
      "frames/frame-allocator.js",
      "machine/physical-memory.js",
      "paging/page-tables.js",
      "parts.js",
      "reflect-metadata",
      "tsyringe",
    ]);
    await expectWholeDoorHas(await import("#src/parts.js"));
  });

  it("is entered by the light door where images are read", () => {
    for (const name of ["image", "inspect"]) {
      const folder = join(root, "packages", name, "src");
      for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((entry) => entry.endsWith(".ts")))
        expect(importsOf(join(folder, file)), `${name}/src/${file} imports from @portolan/core/architecture`).not.to.include(
          "@portolan/core",
        );
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
