/** Objects, areas and pages as a tree of lines, from the bottoms of the stacks up to the areas that show them. */
import type { ObjectGraph, ObjectView, PageView } from "@portolan/core";
import { areaInWords, childrenOf, nameOf, type Names } from "./graph.js";

/** One tree a bottom object; areas are the leaves. */
export const objectTree = (graph: ObjectGraph, names: Names = new Map()): string[] => {
  const lines: string[] = [];
  for (const root of graph.objects.filter(({ below }) => below === null)) {
    lines.push(headline(root));
    branches(graph, names, root, "", lines);
  }
  for (const area of graph.areas.filter(({ object }) => object === null)) lines.push(`no object: ${areaInWords(area, names)}`);
  return lines;
};

const branches = (graph: ObjectGraph, names: Names, object: ObjectView, indent: string, lines: string[]): void => {
  const areas = graph.areas.filter((area) => area.object === object.id);
  const above = childrenOf(graph, object);
  const count = areas.length + above.length;
  let at = 0;
  const begin = (): readonly [string, string] => {
    at += 1;
    return at === count ? [`${indent}└─ `, `${indent}   `] : [`${indent}├─ `, `${indent}│  `];
  };
  for (const area of areas) lines.push(`${begin()[0]}${areaInWords(area, names)}`);
  for (const child of above) {
    const [here, deeper] = begin();
    lines.push(here + headline(child));
    branches(graph, names, child, deeper, lines);
  }
};

const headline = (object: ObjectView): string => {
  const pages = pagesInWords(object.pages);
  return nameOf(object) + (pages === "" ? "" : `: ${pages}`);
};

/** `pages 0–3 5, swapped 7, dirty 5` */
export const pagesInWords = (pages: readonly PageView[]): string => {
  const groups: (readonly [string, readonly PageView[]])[] = [
    ["", pages.filter(({ frame }) => frame !== null)],
    ["swapped ", pages.filter(({ frame }) => frame === null)],
    ["dirty ", pages.filter(({ isDirty }) => isDirty)],
    ["busy ", pages.filter(({ isBusy }) => isBusy)],
  ];
  return groups
    .filter(([, members]) => members.length > 0)
    .map(
      ([what, members]) =>
        `${what === "" ? (members.length === 1 ? "page " : "pages ") : what}${runs(members.map(({ offset }) => offset))}`,
    )
    .join(", ");
};

/** `0–3 5` */
const runs = (offsets: readonly number[]): string => {
  const found: string[] = [];
  for (let i = 0; i < offsets.length;) {
    let end = i;
    while (offsets[end + 1] === (offsets[end] ?? 0) + 1) end += 1;
    found.push(end === i ? `${offsets[i]}` : `${offsets[i]}–${offsets[end]}`);
    i = end + 1;
  }
  return found.join(" ");
};
