/** What documents point to is there. */
import { expect } from "chai";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { documentAt, documents, proseOf, root, tableOf, type Document } from "./documents.js";

/** The anchors of a document's headings, as GitHub makes them. */
const anchorsOf = (document: Document): Set<string> => {
  const seen = new Map<string, number>();
  return new Set(
    Array.from(proseOf(document).matchAll(/^#+ (.+)$/gm), ([, heading = ""]) => {
      const slug = heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{M}\- _]/gu, "")
        .replaceAll(" ", "-");
      const times = seen.get(slug) ?? 0;
      seen.set(slug, times + 1);
      return times === 0 ? slug : `${slug}-${times}`;
    }),
  );
};

describe("links in documents", () => {
  it("lead to files that exist, and to headings that are in them", () => {
    const wrong: string[] = [];
    let links = 0;
    for (const document of documents) {
      for (const [, target = ""] of proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        links += 1;
        const [path = "", anchor] = target.split("#");
        const file = path === "" ? join(root, document.path) : join(root, dirname(document.path), path);
        if (!existsSync(file)) wrong.push(`${document.path}: ${target} is not there`);
        else if (anchor !== undefined && !anchorsOf({ path, text: readFileSync(file, "utf8") }).has(anchor))
          wrong.push(`${document.path}: ${target} has no such heading`);
      }
    }
    expect(wrong).to.deep.equal([]);
    expect(links).to.be.greaterThan(50);
  });

  it("are there for every decision, in order of their numbers", () => {
    const records = readdirSync(join(root, "docs/adr")).filter((name) => /^\d{4}-/.test(name));
    const listed = Array.from(documentAt("docs/adr/README.md").text.matchAll(/^\d+\. \[.+?\]\((.+?)\)$/gm), ([, name = ""]) => name);
    expect(listed).to.deep.equal(records.toSorted());
    for (const [i, name] of listed.entries()) {
      const [, title] = new RegExp(`^${i + 1}\\. \\[(.+?)\\]`, "m").exec(documentAt("docs/adr/README.md").text) ?? [];
      expect(documentAt(`docs/adr/${name}`).text.split("\n")[0], name).to.contain(title);
    }
  });
});

describe("packages in documents", () => {
  const packages = readdirSync(join(root, "packages"));

  it("are all in the README's table, with no other, and each has a page under its own name", () => {
    const rows = tableOf(documentAt("README.md"), "| package | what it is |").map(([cell = ""]) => cell);
    expect(rows).to.have.members(packages.map((name) => `[\`@portolan/${name}\`](packages/${name})`));
    for (const name of packages) {
      const page = documentAt(`packages/${name}/README.md`).text;
      expect(page.split("\n")[0], name).to.match(new RegExp(`^# @portolan/${name}\\b`));
      expect(page, `${name} shows no example`).to.match(/^```(?:js|console)$/m);
    }
  });

  it("of machines are all in the table of machines, with no other", () => {
    const rows = tableOf(documentAt("README.md"), "| name | package | page |").map(([name = "", cell = ""]) => [name, cell]);
    const machines = packages.filter((name) => name.startsWith("arch-"));
    expect(rows).to.have.deep.members(machines.map((name) => [`\`${name.slice(5)}\``, `[\`@portolan/${name}\`](packages/${name})`]));
  });
});
