/** docs/contract.md against the titles of tests and docs/contract-tests.md, both ways. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CONTRACT_VERSION } from "#src/index.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const text = (path: string): string => readFileSync(join(root, path), "utf8");
const clausesIn = (line: string): string[] => line.match(/\b[CP]-\d+\.\d+\b/g) ?? [];

/** Clauses in the order of the page. */
const clauses = Array.from(text("docs/contract.md").matchAll(/^- \*\*([CP]-\d+\.\d+)\*\* /gm), ([, clause = ""]) => clause);

/** Titles of all tests of all packages, as they are written. */
const titles = (): Set<string> => {
  const found = new Set<string>();
  for (const name of readdirSync(join(root, "packages"))) {
    const folder = join(root, "packages", name, "test");
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".test.ts")) continue;
      const source = readFileSync(join(entry.parentPath, entry.name), "utf8");
      for (const [, , title = ""] of source.matchAll(/\bit\(\s*(["`])((?:(?!\1)[^\\]|\\.)*)\1/g)) found.add(title);
    }
  }
  return found;
};

describe("the contract and its tests", () => {
  const tested = titles();
  const rows = text("docs/contract-tests.md")
    .split("\n")
    .filter((line) => /^\| [CP]-/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const listed = new Map(rows.map(([, clause = "", cell = ""]) => [clause, cell.split("<br>")]));

  it("numbers clauses without a gap, chapter by chapter, and says the version that is checked at the door", () => {
    const chapters = Array.from(text("docs/contract.md").matchAll(/^## ([CP]-\d+) /gm), ([, chapter = ""]) => chapter);
    const expected = chapters.flatMap((chapter) => {
      const count = clauses.filter((clause) => clause.startsWith(`${chapter}.`)).length;
      return Array.from({ length: count }, (_, i) => `${chapter}.${i + 1}`);
    });
    expect(clauses).to.deep.equal(expected);
    expect(clauses.length).to.be.greaterThan(100);
    expect(text("docs/contract.md")).to.contain(`Version ${CONTRACT_VERSION} (\`CONTRACT_VERSION\`)`);
  });

  it("holds every clause by a test that bears its number or is listed", () => {
    const held = new Set([...[...tested].flatMap(clausesIn), ...listed.keys()]);
    expect(clauses.filter((clause) => !held.has(clause))).to.deep.equal([]);
  });

  it("names no clause that is not there, in titles, in the list or in other documents", () => {
    const named = [
      ...[...tested].flatMap(clausesIn),
      ...listed.keys(),
      ...["docs/contract.md", "docs/contract-tests.md", "docs/defects.md", "docs/glossary.md", "CONTRIBUTING.md", "README.md"].flatMap(
        (path) => clausesIn(text(path)),
      ),
      ...readdirSync(join(root, "docs/adr")).flatMap((name) => clausesIn(text(`docs/adr/${name}`))),
    ];
    expect([...new Set(named)].filter((clause) => !clauses.includes(clause))).to.deep.equal([]);
  });

  it("lists tests that exist, in the order of the contract, and not those that bear the number anyway", () => {
    expect([...listed.keys()]).to.deep.equal(clauses.filter((clause) => listed.has(clause)));
    for (const [clause, tests] of listed) {
      for (const title of tests) {
        expect(tested.has(title), `${clause}: no test is called "${title}"`).to.equal(true);
        expect(clausesIn(title), clause).to.not.include(clause);
      }
    }
  });
});
