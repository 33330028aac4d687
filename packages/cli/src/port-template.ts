/** The files of a port's package as it begins: the paper machine with every value marked that is to be replaced. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../template/", import.meta.url));
const SUFFIX = ".template";

/** Where a package lies, which decides how it finds the others. */
export type Home = "repository" | "elsewhere";

export interface Port {
  /** What `--arch` takes. */
  readonly name: string;
  readonly home: Home;
  /** As it is typed after `conform`. */
  readonly where: string;
}

/** Paths within the package, and what is there. */
export const filesOf = (port: Port): ReadonlyMap<string, string> => {
  const names: Readonly<Record<string, string>> = {
    NAME: port.name,
    PACKAGE: packageName(port),
    COMMAND: port.home === "repository" ? "npm start --" : "npx portolan",
    WHERE: port.where,
  };
  const filled = (path: string): string =>
    readFileSync(join(folder, path), "utf8").replaceAll(/\b(?:NAME|PACKAGE|COMMAND|WHERE)\b/g, (word) => names[word] ?? word);
  const templates = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(SUFFIX));
  return new Map([
    ...templates.toSorted().map((path) => [path.slice(0, -SUFFIX.length), filled(path)] as const),
    ["package.json", json(manifestOf(port))],
    ["tsconfig.json", compact(projectOf(port, "src"))],
    ["test/tsconfig.json", compact(projectOf(port, "test"))],
  ]);
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
/** Lists of words on one line: as the formatter has them everywhere but in manifests. */
const compact = (value: unknown): string =>
  json(value).replaceAll(/\[\s+("[^[\]{}]*")\s+\]/g, (_, words: string) => `[${words.replaceAll(/\s+"/g, ' "')}]`);

/** The package of a port: those of the repository share its scope. */
export const packageName = ({ name, home }: Port): string => (home === "repository" ? `@portolan/arch-${name}` : `portolan-arch-${name}`);

const manifestOf = (port: Port): object => {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  const isOurs = port.home === "repository";
  const ours = isOurs ? "workspace:*" : `^${version}`;
  const door = (name: string): object => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
  return {
    name: packageName(port),
    version: isOurs ? version : "0.1.0",
    description: `${port.name} for Portolan.`,
    ...(isOurs ? { license: "BSD-3-Clause" } : {}),
    type: "module",
    engines: { node: ">=20.19" },
    exports: { ".": door("index"), "./oracle": door("oracle"), "./package.json": "./package.json" },
    imports: { "#src/*": "./dist/*" },
    files: ["dist", "README.md"],
    sideEffects: false,
    ...(isOurs
      ? {}
      : {
          scripts: { build: "tsc -b . test", test: "tsc -b . test && mocha --enable-source-maps --timeout 60000 'dist-test/**/*.test.js'" },
        }),
    dependencies: { "@portolan/core": ours },
    devDependencies: {
      ...(isOurs ? {} : { "@portolan/cli": ours }),
      "@portolan/conformance": ours,
      ...(isOurs
        ? {}
        : {
            "@types/chai": "^5.2.3",
            "@types/mocha": "^10.0.10",
            "@types/node": "^20.19.25",
            chai: "^6.3.0",
            mocha: "^12.0.3",
            typescript: "^7.0.2",
          }),
    },
  };
};

/** The options of the repository, for packages that lie elsewhere. */
const OPTIONS = {
  target: "es2022",
  lib: ["es2023"],
  module: "nodenext",
  moduleResolution: "nodenext",
  composite: true,
  declaration: true,
  sourceMap: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
};

const projectOf = ({ home }: Port, part: "src" | "test"): object => {
  const isOurs = home === "repository";
  const up = part === "src" ? "../.." : "../../..";
  return {
    ...(isOurs ? { extends: `${up}/tsconfig.base.json` } : {}),
    compilerOptions: {
      ...(isOurs ? {} : OPTIONS),
      ...(part === "src"
        ? { rootDir: "src", outDir: "dist", types: [] }
        : { rootDir: ".", outDir: "../dist-test", types: ["node", "mocha"] }),
    },
    include: [part === "src" ? "src" : "."],
    ...(part === "src"
      ? isOurs
        ? { references: [{ path: "../core" }] }
        : {}
      : { references: [{ path: ".." }, ...(isOurs ? [{ path: "../../core" }, { path: "../../conformance" }] : [])] }),
  };
};
