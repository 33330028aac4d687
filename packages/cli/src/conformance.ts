/** What the commands about conformance share: the subject behind a name, and what becomes of reports. */
import { PortolanError, type Architecture, type Oracle } from "@portolan/core";
import {
  OUR_READER,
  readVectors,
  REPORTERS,
  strangersInRows,
  type Reader,
  type ReporterName,
  type Subject,
  type VectorSet,
} from "@portolan/conformance";
import { publishedVectors } from "@portolan/conformance/published";
import { InvalidArgumentError } from "commander";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { architectureNamed, besideNamed, oracleNamed } from "./architectures.js";

/** A machine, its second decoder, who reads images of it, and the vectors that are published for it or given. */
export const subjectNamed = async (name: string, files: readonly string[]): Promise<Subject> => {
  const architecture = await architectureNamed(name);
  const oracle: Oracle | null = await oracleNamed(name);
  const given = files.map((file) => readVectors(readFileSync(file, "utf8"), file));
  const other = given.find(({ machine }) => machine !== architecture.name);
  if (other !== undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { vectors: other.machine, machine: architecture.name });
  given.forEach((set, i) => {
    for (const [place, reason] of strangersIn(set, architecture))
      throw new PortolanError("ERR_BAD_VECTORS", { file: files[i] ?? "", place, reason });
  });
  const vectors = [...publishedVectors(architecture.name), ...given];
  const reader = readerIn(await besideNamed(name, "reader"), name);
  return {
    architecture,
    ...(oracle === null ? {} : { oracle }),
    ...(reader === null ? {} : { reader }),
    ...(vectors.length === 0 ? {} : { vectors }),
  };
};

/** What a set of vectors names that the machine does not have, by place and reason. */
const strangersIn = (set: VectorSet, architecture: Architecture): readonly (readonly [place: string, reason: string])[] => {
  const { switches } = architecture;
  const named = set.vectors.flatMap(({ registers }, i) =>
    Object.keys(registers.switches)
      .filter((name) => !Object.hasOwn(switches, name))
      .map((name) => [`vectors[${i}].registers.switches.${name}`, `is none of ${Object.keys(switches).join(", ")}`] as const),
  );
  return [...named, ...strangersInRows(set, architecture)];
};

/** @throws PortolanError ERR_BAD_ARGUMENT for what is no reader of images: a name that readers do not have, or no function */
const readerIn = (value: unknown, name: string): Partial<Reader> | null => {
  if (value === null) return null;
  if (typeof value !== "object")
    throw new PortolanError("ERR_BAD_ARGUMENT", { module: name, reader: typeof value, rule: "an object of functions" });
  for (const [member, work] of Object.entries(value))
    if (!Object.hasOwn(OUR_READER, member) || typeof work !== "function")
      throw new PortolanError("ERR_BAD_ARGUMENT", { module: name, reader: member, known: Object.keys(OUR_READER) });
  return value;
};

export interface Wanted {
  readonly format: ReporterName;
  /** Standard output where absent. */
  readonly file?: string;
}

/** Stands for the machine's name in the name of a report's file. */
export const MACHINE = "{machine}";

/** `junit=report.xml`, `text`; refused where there is no folder for it, before anything runs */
export const wantedOf = (value: string, before: readonly Wanted[] = []): readonly Wanted[] => {
  const [format = ""] = value.split("=", 1);
  const file = value.length === format.length ? undefined : value.slice(format.length + 1);
  if (!Object.hasOwn(REPORTERS, format))
    throw new InvalidArgumentError(`A report is one of ${Object.keys(REPORTERS).join(", ")}, and =FILE behind it.`);
  if (file === "") throw new InvalidArgumentError("There is no file behind the =.");
  if (file !== undefined && !existsSync(dirname(file))) throw new InvalidArgumentError(`There is no folder ${dirname(file)}.`);
  return [...before, { format: format as ReporterName, ...(file === undefined ? {} : { file }) }];
};
