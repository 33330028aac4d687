/** `portolan new`: the package of a port, as it begins. */
import { PortolanError } from "@portolan/core/architecture";
import type { Command } from "commander";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { ARCHITECTURES } from "../architectures.js";
import { filesOf, type Home, type Port } from "../port-template.js";
import type { Terminal } from "../terminal.js";

const AFTER = `
The package begins as the paper machine under another name. Every value that is
to be replaced is marked, and fails a clause of the conformance suite until it is.

Examples:
  portolan new vax
  portolan new vax --directory ../vax`;

/** Words that no constant may have as its name, and the names that the template's modules have themselves. */
const TAKEN: ReadonlySet<string> = new Set(
  (
    "break case catch class const continue debugger default delete do else enum export extends false finally for function if import in " +
    "instanceof new null return super switch this throw true try typeof var void while with yield let static await implements interface " +
    "package private protected public arguments eval undefined " +
    "bit codec data encode expect faults left leaf levels manuals mapping oracle paper pointer read rights root attributes conformance"
  ).split(" "),
);

/** Adds `portolan new` to the program: makes a port's package and says what to do next. */
export const addNew = (program: Command, terminal: Terminal): void => {
  program
    .command("new")
    .description("makes the package of a port: it compiles, and its conformance run is the list of what is left to do")
    .argument("<name>", "what --arch will take: lower-case letters and digits, ten at most")
    .option("-d, --directory <path>", "where to; must not be there yet; packages/arch-NAME in a checkout, portolan-arch-NAME elsewhere")
    .addHelpText("after", AFTER)
    .action((name: string, options: { readonly directory?: string }) => {
      checkName(name);
      const directory = resolve(options.directory ?? (isCheckout(process.cwd()) ? `packages/arch-${name}` : `portolan-arch-${name}`));
      const inPackages = basename(dirname(directory)) === "packages" && isCheckout(dirname(dirname(directory)));
      const home: Home = inPackages ? "repository" : "elsewhere";
      const port: Port = { name, home, where: inPackages ? `./packages/${basename(directory)}` : "." };
      const files = filesOf(port);
      write(directory, files);
      const here = relative(process.cwd(), directory);
      const shown = here.startsWith("..") ? directory : here;
      for (const path of files.keys()) terminal.out(`${join(shown, path)}\n`);
      terminal.out(nextOf(port, shown));
    });
};

/** @throws PortolanError ERR_BAD_ARGUMENT that says what a name is */
const checkName = (name: string): void => {
  const refuse = (rule: string): never => {
    throw new PortolanError("ERR_BAD_ARGUMENT", { name, rule });
  };
  if (!/^[a-z][a-z0-9]{0,9}$/.test(name)) refuse("one to ten lower-case letters and digits, a letter first");
  if (TAKEN.has(name)) refuse("no word of the language, and none that the template uses itself");
  if (ARCHITECTURES.includes(name)) refuse("none of a machine that there is");
};

/** Is it the root of a checkout of this repository? */
const isCheckout = (root: string): boolean => {
  try {
    const manifest = JSON.parse(readFileSync(join(root, "packages/core/package.json"), "utf8")) as { readonly name?: unknown };
    return manifest.name === "@portolan/core" && existsSync(join(root, "tsconfig.base.json"));
  } catch {
    return false;
  }
};

/**
 * Writes them all or none: beside their place, and then moved there.
 * @throws PortolanError ERR_BAD_ARGUMENT if something is there already, or nothing that could hold it; an error of the system
 */
const write = (directory: string, files: ReadonlyMap<string, string>): void => {
  const refuse = (rule: string): never => {
    throw new PortolanError("ERR_BAD_ARGUMENT", { directory, rule });
  };
  if (existsSync(directory)) refuse("must not be there yet");
  const parent = dirname(directory);
  if (!existsSync(parent) || !statSync(parent).isDirectory()) refuse("lies in a directory that is there");
  const aside = mkdtempSync(join(parent, `.${basename(directory)}-`));
  try {
    const whole = join(aside, "package");
    for (const [path, content] of files) {
      mkdirSync(dirname(join(whole, path)), { recursive: true });
      writeFileSync(join(whole, path), content);
    }
    renameSync(whole, directory);
  } finally {
    rmSync(aside, { recursive: true });
  }
};

const nextOf = ({ name, home, where }: Port, shown: string): string =>
  home === "repository"
    ? `
What to type next:
  npm run lock                                    the new package is known
  npx tsc -b ${where} ${where}/test
  npm start -- conform ${where} --profile core
                                                  what is left, by clause

CONTRIBUTING.md has the steps; with step 2 the command knows ${name} by its name.
`
    : `
What to type next, in ${shown}:
  npm install
  npm test                                        what is left, by clause
  npx portolan conform . --profile core           the same as a report

Where a registry has no packages of Portolan, npm run pack -- FOLDER in its
repository makes files of them: npm install FOLDER/*.tgz, once, instead of the first.
The steps are those of CONTRIBUTING.md there.
`;
