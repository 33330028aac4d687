/** docs/defects.md against the titles of tests, both ways. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const numbersIn = (text: string): number[] => [...text.matchAll(/HD-(\d+)/g)].map(([, number]) => Number(number));

/** Titles of tests by the defects they name. */
const titles = (): Map<number, Set<string>> => {
  const found = new Map<number, Set<string>>();
  for (const name of readdirSync(join(root, "packages"))) {
    const folder = join(root, "packages", name, "test");
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".test.ts")) continue;
      const source = readFileSync(join(entry.parentPath, entry.name), "utf8");
      for (const [, title = ""] of source.matchAll(/\bit\(\s*"((?:[^"\\]|\\.)*)"/g)) {
        for (const number of numbersIn(title)) found.set(number, (found.get(number) ?? new Set()).add(title));
      }
    }
  }
  return found;
};

describe("the table of historical defects", () => {
  it("has a row for each defect with the titles of its tests, and each test that names a defect is in the table", () => {
    const rows = readFileSync(join(root, "docs/defects.md"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("| HD-"));
    const documented = new Map(
      rows.map((row) => {
        const cells = row.split("|").map((cell) => cell.trim());
        expect(cells.length, row).to.equal(7);
        for (const cell of cells.slice(1, 6)) expect(cell, row).not.to.equal("");
        return [numbersIn(cells[1] ?? "")[0], new Set((cells[5] ?? "").split("<br>"))];
      }),
    );
    const tested = titles();
    expect([...documented.keys()]).to.deep.equal(Array.from({ length: 53 }, (_, i) => i + 1));
    expect([...tested.keys()].toSorted((one, other) => one - other)).to.deep.equal([...documented.keys()]);
    for (const [number = 0, expected] of documented) expect([...(tested.get(number) ?? [])], `HD-${number}`).to.have.members([...expected]);
  });
});
