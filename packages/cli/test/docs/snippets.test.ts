/** Programs in documents run, and say what their comments say. */
import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { blocksOf, documents, root } from "./documents.js";

const here = fileURLToPath(new URL(".", import.meta.url));

/** A folder from which the packages are found, for as long as the work takes. */
const inFolder = async (work: (folder: string) => void | Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(here, "snippets-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** `EXPRESSION; // → VALUE` becomes a comparison. */
const checked = (block: string): string =>
  block.replaceAll(
    /^(.+?);\s*\/\/ → (.+)$/gm,
    (line, expression: string, value: string) => `$check(${expression}, ${value}, ${JSON.stringify(line)});`,
  );

describe("programs in documents", () => {
  for (const document of documents) {
    for (const [i, block] of blocksOf(document, "js").entries()) {
      it(`run as they stand: number ${i + 1} of ${document.path}`, () =>
        inFolder(async (folder) => {
          const before = process.cwd();
          const file = join(folder, "snippet.mjs");
          let comparisons = 0;
          const name = `$check${Date.now()}`;
          Object.assign(globalThis, {
            [name](seen: unknown, said: unknown, line: string) {
              comparisons += 1;
              expect(seen, line).to.deep.equal(said);
            },
          });
          writeFileSync(file, checked(block).replaceAll("$check(", `globalThis.${name}(`));
          process.chdir(root);
          try {
            await import(pathToFileURL(file).href);
          } finally {
            process.chdir(before);
            Reflect.deleteProperty(globalThis, name);
          }
          expect(comparisons)
            .to.equal(block.split("// →").length - 1)
            .and.be.greaterThan(0);
        }));
    }
  }

  it("have the types they say they have, and doors are exported by the package that lists them", () =>
    inFolder((folder) => {
      const files = documents.flatMap((document) => [
        ...blocksOf(document, "ts").map((block) => `${block}\nexport {};\n`),
        ...doorsIn(document.path, document.text),
      ]);
      expect(files.length).to.be.greaterThan(3);
      for (const [i, text] of files.entries()) writeFileSync(join(folder, `snippet-${i}.ts`), text);
      const config = {
        extends: join(root, "tsconfig.base.json"),
        compilerOptions: { noEmit: true, composite: false, incremental: false, noUnusedLocals: false },
        include: ["*.ts"],
      };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
      const { stdout } = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], { encoding: "utf8" });
      expect(stdout).to.equal("");
    }));
});

/** What the table under "Doors" of a package's page names, as imports of that package. */
const doorsIn = (path: string, text: string): string[] => {
  const [, name] = /^packages\/([a-z0-9-]+)\/README\.md$/.exec(path) ?? [];
  const [, section] = /^## Doors\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(text) ?? [];
  if (name === undefined || section === undefined) return [];
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  const names = rows.flatMap((row) => Array.from(row.matchAll(/`([A-Za-z_]\w*)(?:\([^`]*\))?`/g), ([, door = ""]) => door));
  return [`export type { ${[...new Set(names)].join(", ")} } from "@portolan/${name}";\n`];
};
