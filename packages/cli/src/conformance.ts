/** What the commands about conformance share: the subject behind a name, and what becomes of reports. */
import { PortolanError, type Oracle } from "@portolan/core";
import { readVectors, REPORTERS, type ReporterName, type Subject, type VectorSet } from "@portolan/conformance";
import { InvalidArgumentError } from "commander";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { architectureNamed, oracleNamed } from "./architectures.js";

/** Where the published vectors of a machine lie. */
export const publishedFolder = (machine: string): string =>
  join(dirname(fileURLToPath(import.meta.resolve("@portolan/conformance/package.json"))), "vectors", machine);

/** @throws PortolanError ERR_BAD_VECTORS that names the file and the place */
export const publishedVectors = (machine: string): readonly VectorSet[] => {
  let names: readonly string[];
  try {
    names = readdirSync(publishedFolder(machine));
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .map((name) => readVectors(readFileSync(join(publishedFolder(machine), name), "utf8"), name));
};

/** A machine, its second decoder, and the vectors that are published for it or given. */
export const subjectNamed = async (name: string, files: readonly string[]): Promise<Subject> => {
  const architecture = await architectureNamed(name);
  const oracle: Oracle | null = await oracleNamed(name);
  const given = files.map((file) => readVectors(readFileSync(file, "utf8"), file));
  const other = given.find(({ machine }) => machine !== architecture.name);
  if (other !== undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { vectors: other.machine, machine: architecture.name });
  const vectors = [...publishedVectors(architecture.name), ...given];
  return { architecture, ...(oracle === null ? {} : { oracle }), ...(vectors.length === 0 ? {} : { vectors }) };
};

export interface Wanted {
  readonly format: ReporterName;
  /** Standard output where absent. */
  readonly file?: string;
}

/** `junit=report.xml`, `text` */
export const wantedOf = (value: string, before: readonly Wanted[] = []): readonly Wanted[] => {
  const [format = "", file] = value.split("=", 2);
  if (!Object.hasOwn(REPORTERS, format))
    throw new InvalidArgumentError(`A report is one of ${Object.keys(REPORTERS).join(", ")}, and =FILE behind it.`);
  return [...before, { format: format as ReporterName, ...(file === undefined ? {} : { file }) }];
};
