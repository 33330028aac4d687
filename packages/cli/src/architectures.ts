/** The only file that lists every port. */
import { loadArchitecture, PortolanError, type Architecture, type Importer, type Oracle } from "@portolan/core/architecture";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Names that `--arch` takes without more. */
export const ARCHITECTURES: readonly string[] = [
  "ia32",
  "ia32pae",
  "amd64",
  "amd64la57",
  "arm",
  "armv7",
  "arm64",
  "arm64g16",
  "arm64g64",
  "mips32",
  "mips32be",
  "sv32",
  "riscv64",
  "sv48",
  "sv57",
  "sparc64",
  "abs32le",
];

/** Is it one of the names above, and no package or path? */
export const isNameOfOurs = (name: string): boolean => ARCHITECTURES.includes(name);

/** Names whose module is not the package of that name. */
const MODULES: Readonly<Record<string, string>> = {
  amd64la57: "@portolan/arch-amd64/la57",
  armv7: "@portolan/arch-arm/v7",
  arm64g16: "@portolan/arch-arm64/granule16",
  arm64g64: "@portolan/arch-arm64/granule64",
  ia32pae: "@portolan/arch-ia32/pae",
  mips32be: "@portolan/arch-mips32/big",
  sv32: "@portolan/arch-riscv64/sv32",
  sv48: "@portolan/arch-riscv64/sv48",
  sv57: "@portolan/arch-riscv64/sv57",
};

/**
 * A machine by name, package name, or path of a module.
 * @throws PortolanError ERR_UNKNOWN_ARCHITECTURE, which lists the known ones, and ERR_BAD_ARCHITECTURE with every reason
 */
export const architectureNamed = async (name: string): Promise<Architecture> => {
  const module = isPath(name) ? pathToFileURL(moduleAt(resolve(name))).href : Object.hasOwn(MODULES, name) ? MODULES[name] : name;
  try {
    return await loadArchitecture(module, importer);
  } catch (error) {
    if (!(error instanceof PortolanError) || error.code !== "ERR_UNKNOWN_ARCHITECTURE") throw error;
    const why = isMissing(error.cause) ? `no such ${isPath(name) ? "file" : "name or package"}` : (error.values["why"] ?? "");
    throw new PortolanError("ERR_UNKNOWN_ARCHITECTURE", { architecture: name, why, known: [...ARCHITECTURES] }, error);
  }
};

/** A directory stands for the package in it, or a door of it; what cannot be found there is left to the loader to say. */
const moduleAt = (path: string, door = ""): string => {
  try {
    const manifest = createRequire(join(path, "package.json"));
    return manifest.resolve(`${(manifest("./package.json") as { name: string }).name}${door}`);
  } catch {
    return path;
  }
};

/**
 * The second decoder that a machine's package brings as `./oracle`, or a module as its export `oracle`; null where there is
 * none.
 */
export const oracleNamed = async (name: string): Promise<Oracle | null> => {
  const known = Object.hasOwn(MODULES, name) ? MODULES[name] : undefined;
  const module = isPath(name)
    ? pathToFileURL(moduleAt(resolve(name), "/oracle")).href
    : `${known ?? (/^[a-z][a-z0-9]*$/.test(name) ? `@portolan/arch-${name}` : name)}/oracle`;
  try {
    const { oracle } = await importer(module);
    return typeof oracle === "object" && oracle !== null && "manual" in oracle ? (oracle as Oracle) : null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    // A directory that is a package without this door is no module either.
    if (["ERR_MODULE_NOT_FOUND", "ERR_PACKAGE_PATH_NOT_EXPORTED", "ERR_UNSUPPORTED_DIR_IMPORT"].includes(String(code))) return null;
    throw error;
  }
};

/** What a module that is named by its path exports beside its machine; null where a name is no path, or nothing is exported so. */
export const besideNamed = async (name: string, member: string): Promise<unknown> =>
  isPath(name) ? ((await importer(pathToFileURL(moduleAt(resolve(name))).href))[member] ?? null) : null;

/** Things that begin like a path or end like a module are one, and so is whatever is there. */
const isPath = (name: string): boolean => /^(?:[./~]|[A-Za-z]:[\\/])|\.[cm]?[jt]s$/.test(name) || (name.includes("/") && existsSync(name));

/** Finds packages from here, and then from the directory the command was typed in. */
const importer: Importer = async (specifier) => {
  try {
    return (await import(specifier)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (!isMissing(error) || specifier.startsWith("file:")) throw error;
    let found: string;
    try {
      found = createRequire(resolve("here.js")).resolve(specifier);
    } catch {
      throw error;
    }
    return (await import(pathToFileURL(found).href)) as Readonly<Record<string, unknown>>;
  }
};

/** Is it a name that nobody knows, or a file that is not there? Whoever typed it has mistyped it. */
export const isMistyped = (error: unknown): boolean =>
  error instanceof PortolanError &&
  error.code === "ERR_UNKNOWN_ARCHITECTURE" &&
  error.cause instanceof PortolanError &&
  isMissing(error.cause.cause);

/** Is it the module itself that is not there, and not one that it imports? */
const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  error.code === "ERR_MODULE_NOT_FOUND" &&
  error.message.includes(`imported from ${fileURLToPath(import.meta.url)}`);
