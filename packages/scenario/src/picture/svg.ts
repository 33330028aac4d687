/**
 * The graph as a picture that needs nothing else: areas on top, the objects they show below them, every stack ending in
 * its bottom; each page a cell. The shape of a cell says what the colour says.
 */
import type { AreaView, ObjectGraph, ObjectView, PageView } from "@portolan/core";
import { areaInWords, childrenOf, nameOf, ownerOf, rightsOf, type Names } from "./graph.js";
import { pagesInWords } from "./text.js";

const BOX = { width: 176, height: 64 };
const GAP = { x: 20, y: 44 };
const TOP = 64;
const LEFT = 16;
const CELL = 10;
/** Pages that are drawn one by one; what is more is said in words. */
const MOST_CELLS = 15;
/** Colours that people who confuse red and green tell apart. @see Okabe and Ito, "Color Universal Design" */
const COLOUR = { resident: "#0072b2", dirty: "#d55e00", swapped: "#ffffff", busy: "#f0e442", line: "#333333", frozen: "#e8eef6" };

interface Place {
  readonly x: number;
  readonly row: number;
}

/** A picture of all objects and areas. */
export const objectSvg = (graph: ObjectGraph, title: string, names: Names = new Map()): string => {
  const { objects, areas, columns } = layOut(graph);
  const rows = 1 + Math.max(0, ...[...objects.values(), ...areas.values()].map(({ row }) => row));
  const wide = LEFT * 2 + Math.max(3, columns) * (BOX.width + GAP.x);
  const high = TOP + rows * (BOX.height + GAP.y);
  const at = (place: Place): { x: number; y: number } => ({
    x: LEFT + place.x * (BOX.width + GAP.x),
    y: TOP + (rows - 1 - place.row) * (BOX.height + GAP.y),
  });
  const lines: string[] = [];
  const edge = (from: Place, to: Place, label: string): void => {
    const [a, b] = [at(from), at(to)];
    const [x1, y1, x2, y2] = [a.x + BOX.width / 2, a.y + BOX.height, b.x + BOX.width / 2, b.y];
    lines.push(
      `<path d="M${x1} ${y1} C${x1} ${y1 + GAP.y / 2} ${x2} ${y2 - GAP.y / 2} ${x2} ${y2}" fill="none" stroke="${COLOUR.line}" marker-end="url(#tip)"/>`,
    );
    if (label !== "") lines.push(`<text x="${(x1 + x2) / 2 + 6}" y="${(y1 + y2) / 2}" font-size="10">${label}</text>`);
  };
  for (const object of graph.objects) {
    const below = object.below === null ? undefined : objects.get(object.below);
    const place = objects.get(object.id);
    if (place !== undefined && below !== undefined) edge(place, below, "");
  }
  for (const [area, place] of areas) {
    const shown = area.object === null ? undefined : objects.get(area.object);
    if (shown !== undefined) edge(place, shown, area.offset === 0 ? "" : `+${area.offset}`);
  }
  for (const object of graph.objects) {
    const place = objects.get(object.id);
    if (place !== undefined) lines.push(...boxOf(object, at(place)));
  }
  for (const [area, place] of areas) lines.push(...areaBox(area, at(place), names));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" width="${wide}" height="${high}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="${COLOUR.line}"/></marker></defs>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="24" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...legend(),
    ...lines,
    `</svg>`,
    ``,
  ].join("\n");
};

/** Every leaf has a column of its own; what lies under several stands in the middle of them; bottoms are in row 0. */
const layOut = (graph: ObjectGraph): { objects: Map<number, Place>; areas: Map<AreaView, Place>; columns: number } => {
  const objects = new Map<number, Place>();
  const areas = new Map<AreaView, Place>();
  let columns = 0;
  const place = (object: ObjectView, row: number): Place => {
    const xs: number[] = [];
    for (const area of graph.areas.filter((each) => each.object === object.id)) {
      areas.set(area, { x: columns, row: row + 1 });
      xs.push(columns);
      columns += 1;
    }
    for (const child of childrenOf(graph, object)) xs.push(place(child, row + 1).x);
    if (xs.length === 0) {
      xs.push(columns);
      columns += 1;
    }
    const found = { x: xs.reduce((sum, x) => sum + x, 0) / xs.length, row };
    objects.set(object.id, found);
    return found;
  };
  for (const root of graph.objects.filter(({ below }) => below === null)) place(root, 0);
  for (const area of graph.areas.filter(({ object }) => object === null)) {
    areas.set(area, { x: columns, row: 1 });
    columns += 1;
  }
  return { objects, areas, columns };
};

const boxOf = (object: ObjectView, { x, y }: { x: number; y: number }): string[] => {
  const isFrozen = object.kind === "shadow" && !object.isWritable;
  const words = pagesInWords(object.pages);
  const lines = [
    `<g><title>${escaped(`${nameOf(object)}${words === "" ? "" : `: ${words}`}`)}</title>`,
    `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" fill="${isFrozen ? COLOUR.frozen : "#ffffff"}" stroke="${COLOUR.line}"${isFrozen ? ` stroke-dasharray="5 3"` : ""}/>`,
    `<text x="${x + 8}" y="${y + 18}">${escaped(shortened(nameOf(object), 26))}</text>`,
  ];
  object.pages.slice(0, MOST_CELLS).forEach((page, i) => lines.push(cell(page, x + 8 + i * (CELL + 1), y + 28)));
  const more = object.pages.length - MOST_CELLS;
  const said = more > 0 ? `and ${more} more` : words;
  lines.push(`<text x="${x + 8}" y="${y + 55}" font-size="10" fill="#555555">${escaped(shortened(said, 32))}</text></g>`);
  return lines;
};

const cell = (page: PageView, x: number, y: number): string => {
  const fill = page.isBusy ? COLOUR.busy : page.frame === null ? COLOUR.swapped : page.isDirty ? COLOUR.dirty : COLOUR.resident;
  const cross = page.frame === null ? `<path d="M${x} ${y}l${CELL} ${CELL}m0 -${CELL}l-${CELL} ${CELL}" stroke="${COLOUR.line}"/>` : "";
  const dot = page.isDirty ? `<circle cx="${x + CELL / 2}" cy="${y + CELL / 2}" r="2" fill="#ffffff"/>` : "";
  return `<rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" fill="${fill}" stroke="${COLOUR.line}"/>${cross}${dot}`;
};

const areaBox = (area: AreaView, { x, y }: { x: number; y: number }, names: Names): string[] => [
  `<g><title>${escaped(areaInWords(area, names))}</title>`,
  `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="12" fill="#fff7e6" stroke="${COLOUR.line}"/>`,
  `<text x="${x + 10}" y="${y + 20}" font-weight="bold">${escaped(shortened(ownerOf(area, names), 22))}</text>`,
  `<text x="${x + 10}" y="${y + 38}">0x${area.base.toString(16)}</text>`,
  `<text x="${x + 10}" y="${y + 55}" font-size="10">${rightsOf(area)} ${area.isPrivate ? "private" : "shared"}, ${area.pages} page${area.pages === 1 ? "" : "s"}, ${area.usedPages} mapped</text></g>`,
];

const legend = (): string[] => {
  const kinds: (readonly [string, PageView])[] = [
    ["resident", { offset: 0, frame: 0, isDirty: false, isBusy: false }],
    ["dirty", { offset: 0, frame: 0, isDirty: true, isBusy: false }],
    ["swapped out", { offset: 0, frame: null, isDirty: false, isBusy: false }],
  ];
  return kinds.map(
    ([words, page], i) => `${cell(page, LEFT + i * 110, 36)}<text x="${LEFT + i * 110 + 16}" y="45" font-size="11">${words}</text>`,
  );
};

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const shortened = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
