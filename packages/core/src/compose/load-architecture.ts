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

/** A module that has been imported already, or what it exports. */
export type LoadedModule = Readonly<Record<string, unknown>> | Architecture;

/**
 * @param nameOrModule `"ia32"` (short for `@portolan/arch-ia32`), any package name, or the URL of a module; or a module that
 *   has been imported already
 * @throws PortolanError ERR_UNKNOWN_ARCHITECTURE if there is no such module, or nothing in it describes a machine;
 *   ERR_BAD_ARCHITECTURE with every reason if what it describes cannot be
 */
export const loadArchitecture = async (nameOrModule: string | LoadedModule, importer: Importer = ownImport): Promise<Architecture> => {
  if (typeof nameOrModule === "string") {
    const specifier = /^[a-z][a-z0-9]*$/.test(nameOrModule) ? `@portolan/arch-${nameOrModule}` : nameOrModule;
    return onlyOne(await imported(nameOrModule, specifier, importer), { architecture: nameOrModule, module: specifier });
  }
  const asked = { architecture: nameOrModule === null ? "null" : `a value of type ${typeof nameOrModule}` };
  if (typeof nameOrModule !== "object" || nameOrModule === null) throw unknown(asked, "it is neither a name nor a module");
  return looksLikeOne(nameOrModule) ? checkArchitecture(nameOrModule) : onlyOne(nameOrModule, asked);
};

type Asked = Readonly<Record<string, string>>;

const unknown = (asked: Asked, why: string, cause?: unknown): PortolanError =>
  new PortolanError("ERR_UNKNOWN_ARCHITECTURE", { ...asked, why }, cause);

const imported = async (name: string, specifier: string, importer: Importer): Promise<object> => {
  try {
    return await importer(specifier);
  } catch (error) {
    if (error instanceof PortolanError) throw error;
    throw unknown({ architecture: name, module: specifier }, error instanceof Error ? error.message : String(error), error);
  }
};

/** A module may export a description twice, by name and as its default, but not two. */
const onlyOne = (module: object, asked: Asked): Architecture => {
  const [only, ...others] = new Set(Object.values(module).filter(looksLikeOne));
  if (only === undefined) throw unknown(asked, "it exports no architecture");
  if (others.length > 0) throw unknown(asked, "it exports more than one architecture");
  return checkArchitecture(only);
};

/** Whatever has some of the chapters of a description is meant as one; what it lacks is said at the door. */
const looksLikeOne = (value: unknown): value is object =>
  typeof value === "object" && value !== null && ["contract", "translation", "tlb", "layout"].filter((key) => key in value).length >= 2;
