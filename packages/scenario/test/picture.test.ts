import { readFileSync } from "node:fs";
import { abs32le } from "@portolan/arch-abs32le";
import { amd64 } from "@portolan/arch-amd64";
import { expect } from "chai";
import { readLog } from "#src/log/read-log.js";
import { performLog, type Performance } from "#src/perform/perform.js";
import { objectDot } from "#src/picture/dot.js";
import { objectSvg } from "#src/picture/svg.js";
import { objectTree } from "#src/picture/text.js";

const family = (): Performance => {
  const log = readLog(
    [
      `{"log":"portolan","version":1,"title":"<a> & \\"b\\""}`,
      `{"op":"file","as":"f","pages":2,"word":1}`,
      `{"op":"process","as":"mother"}`,
      `{"op":"map","process":"mother","page":0,"pages":4,"rights":"rw-","kind":"private"}`,
      `{"op":"map","process":"mother","page":8,"pages":2,"rights":"rw-","kind":"shared","of":"f"}`,
      `{"op":"fill","process":"mother","page":0,"pages":2,"word":1}`,
      `{"op":"write","process":"mother","page":9,"word":1}`,
      `{"op":"fork","process":"mother","as":"child"}`,
      `{"op":"write","process":"child","page":1,"word":9}`,
    ].join("\n"),
    "x",
  );
  return performLog(abs32le, log, "x");
};

describe("pictures of objects", () => {
  it("show as text what lies over what, and which pages are where", () => {
    const { graph, names } = family();
    const tree = objectTree(graph, names).join("\n");
    expect(tree).to.match(/^anonymous memory\n└─ shadow \d, frozen: pages 0–1\n/mu);
    expect(tree).to.match(/ {3}├─ mother 0x[0-9a-f]+ rw- private, 4 pages\n {3}└─ shadow \d: page 1\n {6}└─ child /u);
    expect(tree).to.match(/^file f: pages 0–1, dirty 1\n├─ mother .* shared, 2 pages\n└─ child .* shared, 2 pages$/mu);
  });

  it("are well-formed SVG, whatever the names", () => {
    const { graph, names, title } = family();
    const svg = objectSvg(graph, title, names);
    expect(svg).to.include("<title>&lt;a&gt; &amp; &quot;b&quot;</title>");
    const open: string[] = [];
    for (const [, end, name, rest] of svg.matchAll(/<(\/?)([a-z]+)([^>]*)>/gu)) {
      if (end === "/") expect(open.pop()).to.equal(name);
      else if (!(rest ?? "").endsWith("/")) open.push(name ?? "");
    }
    expect(open).to.deep.equal([]);
    expect(svg).not.to.include("NaN");
  });

  it("are a graph in DOT with a node for every object, area and space", () => {
    const { graph, names, title } = family();
    const dot = objectDot(graph, title, names);
    expect(dot.match(/^ {2}object\d+ \[/gmu)).to.have.length(graph.objects.length);
    expect(dot.match(/^ {2}area\d+ \[/gmu)).to.have.length(graph.areas.length);
    expect(dot.match(/^ {2}space\d+ \[/gmu)).to.have.length(2);
    expect(dot).to.include(`label="<a> & \\"b\\""`);
  });
});

describe("the picture in the documents", () => {
  it("is what the scenario leaves", () => {
    const at = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
    const { graph, names, title } = performLog(amd64, readLog(at("examples/scenarios/fork.ndjson"), "fork"), "fork");
    expect(objectSvg(graph, title, names)).to.equal(at("docs/pictures/fork.svg"));
  });
});
