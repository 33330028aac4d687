/** The golden vectors that are published with the suite, read from its package: for whoever has a file system. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { VectorSet } from "../vectors/format.js";
import { readVectors } from "../vectors/read.js";

/** Where the published vectors of a machine lie, or would lie. */
export const publishedFolder = (machine: string): string => fileURLToPath(new URL(`../../vectors/${machine}`, import.meta.url));

/**
 * Every set that is published for a machine; none for machines of others.
 * @throws PortolanError ERR_BAD_VECTORS that names the file and the place
 */
export const publishedVectors = (machine: string): readonly VectorSet[] => {
  const folder = publishedFolder(machine);
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .map((name) => readVectors(readFileSync(`${folder}/${name}`, "utf8"), name));
};
