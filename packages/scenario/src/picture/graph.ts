/** What the pictures have in common: how objects and areas are named, and what lies over what. */
import type { AreaView, ObjectGraph, ObjectView } from "@portolan/core";

/** What spaces are called, by number. */
export type Names = ReadonlyMap<number, string>;

/** Objects whose stacks go on with this one. */
export const childrenOf = (graph: ObjectGraph, object: ObjectView): ObjectView[] =>
  graph.objects.filter(({ below }) => below === object.id);

/** `shadow 3, frozen` */
export const nameOf = (object: ObjectView): string => {
  if (object.kind === "anonymous") return "anonymous memory";
  const name = object.name === "" ? `${object.kind} ${object.id}` : `${object.kind} ${object.name}`;
  return object.kind === "shadow" && !object.isWritable ? `${name}, frozen` : name;
};

/** `sh 0x10000 rw- private, 4 pages from 2` */
export const areaInWords = (area: AreaView, names: Names): string => {
  const from = area.offset === 0 ? "" : ` from ${area.offset}`;
  return `${ownerOf(area, names)} 0x${area.base.toString(16)} ${rightsOf(area)} ${area.isPrivate ? "private" : "shared"}, ${area.pages} page${area.pages === 1 ? "" : "s"}${from}`;
};

/** The name of the space that an area belongs to. */
export const ownerOf = (area: AreaView, names: Names): string => names.get(area.space) ?? `space ${area.space}`;

/** `rw-` */
export const rightsOf = ({ flags }: AreaView): string =>
  `${(flags & 1) !== 0 ? "r" : "-"}${(flags & 2) !== 0 ? "w" : "-"}${(flags & 4) !== 0 ? "x" : "-"}`;
