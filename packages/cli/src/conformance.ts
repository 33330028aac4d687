/** What the commands about conformance share: the subject behind a name, and what becomes of reports. */
import { PortolanError, type Oracle } from "@portolan/core";
import { readVectors, REPORTERS, type ReporterName, type Subject } from "@portolan/conformance";
import { publishedVectors } from "@portolan/conformance/published";
import { InvalidArgumentError } from "commander";
import { readFileSync } from "node:fs";
import { architectureNamed, oracleNamed } from "./architectures.js";

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
