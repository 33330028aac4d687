/** The only file that lists every port. */
import { loadArchitecture, PortolanError, type Architecture } from "@portolan/core";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Names that `--arch` takes without more. */
export const ARCHITECTURES: readonly string[] = ["ia32", "sparc64", "abs32le"];

/**
 * A machine by name, package name, or path of a module.
 * @throws PortolanError ERR_UNKNOWN_ARCHITECTURE, which lists the known ones, and ERR_BAD_ARCHITECTURE
 */
export const architectureNamed = async (name: string): Promise<Architecture> => {
  const isPath = /^[./]|\.[cm]?js$/.test(name);
  try {
    return await loadArchitecture(isPath ? pathToFileURL(resolve(name)).href : name, (specifier) => import(specifier));
  } catch (error) {
    if (!(error instanceof PortolanError) || error.code !== "ERR_UNKNOWN_ARCHITECTURE") throw error;
    throw new PortolanError("ERR_UNKNOWN_ARCHITECTURE", { architecture: name, known: [...ARCHITECTURES] }, error);
  }
};
