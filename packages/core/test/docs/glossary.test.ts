/** docs/glossary.md against what the core exports, both ways. */
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as door from "#src/index.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const source = (path: string): string => readFileSync(join(root, "packages/core/src", path), "utf8");

/** Names that a module of the core exports, types included, as its source says. */
const exportedBy = (path: string): string[] => {
  const text = source(path);
  const lists = Array.from(text.matchAll(/^export (?:type )?\{([^}]*)\}/gm), ([, list = ""]) => list);
  const names = lists.flatMap((list) => list.split(",").map((name) => name.trim().replace(/^type /, "")));
  const whole = Array.from(text.matchAll(/^export (?:type )?\* from "\.\/(.+)\.js";/gm), ([, other = ""]) => exportedBy(`${other}.ts`));
  const declared = Array.from(text.matchAll(/^export (?:const|class|interface|type|function) (\w+)/gm), ([, name = ""]) => name);
  return [...names, ...whole.flat(), ...declared].filter((name) => name !== "");
};

const exported = (): Set<string> => new Set(exportedBy("index.ts"));

/** Rows of all its tables, as cells. */
const rows = readFileSync(join(root, "docs/glossary.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (?:---|here)/.test(line))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe("the glossary", () => {
  it("has every name that the core exports, once, and none that it does not", () => {
    const listed = rows.flatMap(([, names = ""]) => Array.from(names.matchAll(/`(\w+)`/g), ([, name = ""]) => name));
    const names = exported();
    for (const name of Object.keys(door)) expect(names, "the source was read rightly").to.include(name);
    expect(
      [...names].filter((name) => !listed.includes(name)),
      "exported, and in no row",
    ).to.deep.equal([]);
    expect(
      listed.filter((name) => !names.has(name)),
      "in a row, and not exported",
    ).to.deep.equal([]);
    expect(
      listed.filter((name, i) => listed.indexOf(name) !== i),
      "in two rows",
    ).to.deep.equal([]);
  });

  it("says of every term what it means and what each of the four others calls it, if only that they have none", () => {
    for (const cells of rows) {
      expect(cells.length, cells[0]).to.be.oneOf([3, 7]);
      for (const cell of cells) expect(cell, cells.join(" | ")).to.not.equal("");
    }
    const terms = rows.map(([term]) => term);
    expect(new Set(terms).size).to.equal(terms.length);
  });
});
