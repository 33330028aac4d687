/**
 * `npm run check [NAMES…]`: every check beside the tests, or the named ones. A line and a time for each; ends with the true sums
 * and fails if one failed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { pnpm, prepare, root } from "./bootstrap.mjs";

const TEN_MINUTES = 600_000;

/** Runs a program of an installed package with this very Node. @returns what it said, with its status */
const run = (program, args, cwd = root) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8", timeout: TEN_MINUTES, maxBuffer: 2 ** 28 });
  return { passed: status === 0, said: `${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}` };
};
const tool = (path, ...args) => run(process.execPath, [join(root, path), ...args]);

/** Packs every package as it would be published, and looks at what came out. */
const packages = (look) => {
  const folder = mkdtempSync(join(tmpdir(), "portolan-pack-"));
  try {
    for (const name of readdirSync(join(root, "packages"))) {
      const packed = run(...pnpm("pack", "--pack-destination", folder), join(root, "packages", name));
      if (!packed.passed) return packed;
      const archive = readdirSync(folder).find((file) => file.endsWith(".tgz"));
      const looked = look(join(folder, archive));
      if (!looked.passed) return { passed: false, said: `${name}: ${looked.said}` };
      rmSync(join(folder, archive));
    }
    return { passed: true, said: "" };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** The command line is run, not imported: it has no types to look at. */
const isImported = (archive) => !archive.includes("portolan-cli-");

const scriptsIn = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : scriptsIn(path);
    return entry.name.endsWith(".mjs") ? [path] : [];
  });

/** Scripts name files that are built, in other packages too: a file that is gone shows only to whoever runs the script. */
const scripts = () => {
  const missing = ["tools", "benchmarks", "examples"].flatMap((home) =>
    scriptsIn(join(root, home)).flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)]
        .filter(([, to]) => !existsSync(join(dirname(path), to)))
        .map(([, to]) => `${relative(root, path)}: there is no ${to}`),
    ),
  );
  return { passed: missing.length === 0, said: missing.join("\n") };
};

const CHECKS = {
  types: () => tool("node_modules/typescript/bin/tsc", "-b"),
  format: () => tool("node_modules/oxfmt/bin/oxfmt", "--check", "."),
  lint: () => tool("node_modules/oxlint/bin/oxlint", "--deny-warnings", "packages", "tools", "examples", "benchmarks"),
  scripts,
  knip: () => tool("node_modules/knip/bin/knip.js"),
  publint: () => packages((archive) => tool("node_modules/publint/src/cli.js", archive, "--strict")),
  attw: () =>
    packages((archive) =>
      isImported(archive)
        ? tool("node_modules/@arethetypeswrong/cli/dist/index.js", archive, "--profile", "esm-only")
        : { passed: true, said: "" },
    ),
  docs: () => tool("tools/docs.mjs"),
};

prepare();
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in CHECKS));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(", ")}; there are ${Object.keys(CHECKS).join(", ")}`);
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const name of asked.length === 0 ? Object.keys(CHECKS) : asked) {
  const began = performance.now();
  const result = CHECKS[name]();
  if (result.passed) passed += 1;
  else failed += 1;
  if (!result.passed) console.log(result.said);
  console.log(`${result.passed ? "ok " : "RED"} ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
