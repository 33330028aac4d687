/** docs/defects.md against the titles of tests, both ways. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const numbersIn = (text: string, kind: string): number[] =>
  [...text.matchAll(new RegExp(`${kind}-(\\d+)`, "g"))].map(([, number]) => Number(number));

/** Titles of tests by the defects they name. */
const titles = (kind: string): Map<number, Set<string>> => {
  const found = new Map<number, Set<string>>();
  for (const name of readdirSync(join(root, "packages"))) {
    const folder = join(root, "packages", name, "test");
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".test.ts")) continue;
      const source = readFileSync(join(entry.parentPath, entry.name), "utf8");
      for (const [, title = ""] of source.matchAll(/\bit\(\s*"((?:[^"\\]|\\.)*)"/g)) {
        for (const number of numbersIn(title, kind)) found.set(number, (found.get(number) ?? new Set()).add(title));
      }
    }
  }
  return found;
};

/** Rows of one kind of defects: titles of tests by number. */
const documented = (kind: string): Map<number, Set<string>> => {
  const rows = readFileSync(join(root, "docs/defects.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith(`| ${kind}-`));
  const found = new Map(
    rows.map((row) => {
      const cells = row.split("|").map((cell) => cell.trim());
      expect(cells.length, row).to.equal(7);
      for (const cell of cells.slice(1, 6)) expect(cell, row).not.to.equal("");
      return [numbersIn(cells[1] ?? "", kind)[0], new Set((cells[5] ?? "").split("<br>"))];
    }),
  );
  expect(found.size, "each defect has one row").to.equal(rows.length);
  return found;
};

describe("the table of historical defects", () => {
  for (const kind of ["HD", "CZ"]) {
    it(`has a row for each ${kind} defect with the titles of its tests, and each test that names one is in the table`, () => {
      const rows = documented(kind);
      const tested = titles(kind);
      expect([...tested.keys()].toSorted((one, other) => one - other)).to.deep.equal([...rows.keys()]);
      for (const [number = 0, expected] of rows)
        expect([...(tested.get(number) ?? [])], `${kind}-${number}`).to.have.members([...expected]);
    });
  }

  it("has all the defects of the address-space managers", () => {
    expect([...documented("HD").keys()]).to.deep.equal(Array.from({ length: 53 }, (_, i) => i + 1));
  });
});
