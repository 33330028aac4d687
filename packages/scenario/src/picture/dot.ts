/** The graph in the language of Graphviz. @see Graphviz, "DOT Language" */
import type { ObjectGraph } from "@portolan/core";
import { nameOf, ownerOf, rightsOf, type Names } from "./graph.js";
import { pagesInWords } from "./text.js";

/** A directed graph from spaces through areas to the bottoms of their stacks. */
export const objectDot = (graph: ObjectGraph, title: string, names: Names = new Map()): string => {
  const lines = [
    "digraph objects {",
    `  label=${quoted(title)}; labelloc=t; rankdir=TB;`,
    `  node [shape=box, fontname="sans-serif", fontsize=11];`,
  ];
  const spaces = new Set(graph.areas.map(({ space }) => space));
  for (const space of spaces) lines.push(`  space${space} [shape=ellipse, label=${quoted(names.get(space) ?? `space ${space}`)}];`);
  graph.areas.forEach((area, i) => {
    const what = `0x${area.base.toString(16)}\n${rightsOf(area)} ${area.isPrivate ? "private" : "shared"}, ${area.pages} pages`;
    lines.push(
      `  area${i} [style=rounded, label=${quoted(what)}, tooltip=${quoted(ownerOf(area, names))}];`,
      `  space${area.space} -> area${i};`,
    );
    if (area.object !== null) lines.push(`  area${i} -> object${area.object}${area.offset === 0 ? "" : ` [label="+${area.offset}"]`};`);
  });
  for (const object of graph.objects) {
    const pages = pagesInWords(object.pages);
    const style = object.kind === "shadow" ? (object.isWritable ? "filled" : "filled,dashed") : "solid";
    lines.push(
      `  object${object.id} [style=${quoted(style)}, fillcolor="#e8eef6", label=${quoted(`${nameOf(object)}${pages === "" ? "" : `\n${pages}`}`)}];`,
    );
    if (object.below !== null) lines.push(`  object${object.id} -> object${object.below};`);
  }
  return `${lines.join("\n")}\n}\n`;
};

const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
