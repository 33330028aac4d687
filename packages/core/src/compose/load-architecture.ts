/**
 * Choosing an architecture at startup, by name, by package name or by the address of a module, and checking a stranger
 * at the door.
 */
import type { Architecture } from "../architecture/architecture.js";
import { checkArchitecture } from "../architecture/validate.js";
import { PortolanError } from "../errors.js";

/** Imports a module. Give your own so that names resolve from where you are: `(name) => import(name)`. */
export type Importer = (specifier: string) => Promise<Readonly<Record<string, unknown>>>;

const ownImport: Importer = async (specifier) => import(specifier);

/**
 * @param nameOrModule `"ia32"` (short for `@portolan/arch-ia32`), any package name, or the URL of a module
 * @throws PortolanError ERR_UNKNOWN_ARCHITECTURE if there is no such module, or nothing in it describes a machine;
 *   ERR_BAD_ARCHITECTURE with every reason if what it describes cannot be
 */
export const loadArchitecture = async (nameOrModule: string, importer: Importer = ownImport): Promise<Architecture> => {
  const specifier = /^[a-z][a-z0-9]*$/.test(nameOrModule) ? `@portolan/arch-${nameOrModule}` : nameOrModule;
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await importer(specifier);
  } catch (error) {
    if (error instanceof PortolanError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new PortolanError("ERR_UNKNOWN_ARCHITECTURE", { architecture: nameOrModule, module: specifier, why }, error);
  }
  const found = Object.values(module).filter(looksLikeOne);
  const [only] = new Set(found);
  if (only === undefined || new Set(found).size > 1) {
    throw new PortolanError("ERR_UNKNOWN_ARCHITECTURE", {
      architecture: nameOrModule,
      module: specifier,
      why: only === undefined ? "it exports no architecture" : "it exports more than one architecture",
    });
  }
  return checkArchitecture(only);
};

/** Whatever has some of the chapters of a description is meant as one; what it lacks is said at the door. */
const looksLikeOne = (value: unknown): value is object =>
  typeof value === "object" && value !== null && ["contract", "translation", "tlb", "layout"].filter((key) => key in value).length >= 2;
