/**
 * What every command of the workspace does first: brings the pinned pnpm (the machine may have none), installs from the
 * lockfile when it has changed, and builds what has changed. Says nothing while all goes well.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".portolan-installed");

/** Runs a program; shows what it printed only if it failed, and ends with its status. */
const quietly = (what, program, args) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status === 0) return;
  console.error(`${what} failed:\n${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}`);
  process.exit(status ?? 1);
};

/** Runs a program in front of the user. @returns its exit status */
export const openly = (program, args, options = {}) => {
  const { status } = spawnSync(program, args, { cwd: root, stdio: "inherit", ...options });
  return status ?? 1;
};

/** A program of an installed package, run by this very Node. */
export const node = (path, args) => openly(process.execPath, [join(root, path), ...args]);

/** The pinned pnpm, which npm fetches once: a program and its arguments. */
export const pnpm = (...args) => {
  const { config } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return ["npm", ["exec", "--yes", `pnpm@${config.pnpm}`, "--", ...args]];
};

const checkNode = () => {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Portolan needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
};

const install = () => {
  const manifests = ["pnpm-lock.yaml", "pnpm-workspace.yaml"];
  const folders = [".", "examples", "docs", "benchmarks", ...readdirSync(join(root, "packages")).map((name) => join("packages", name))];
  for (const folder of folders) manifests.push(join(folder, "package.json"));
  const hash = createHash("sha256");
  for (const file of manifests) if (existsSync(join(root, file))) hash.update(readFileSync(join(root, file)));
  const wanted = hash.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  quietly("installing", ...pnpm("install", "--frozen-lockfile"));
  writeFileSync(stamp, wanted);
};

/** What was compiled from a source that is gone would go on being run. */
const sweep = (from, to) => {
  if (!existsSync(to)) return;
  for (const file of readdirSync(to, { recursive: true })) {
    const [, stem, kind] = /^(.*?)(\.js|\.d\.ts)(?:\.map)?$/.exec(file) ?? [];
    if (kind !== undefined && !existsSync(join(from, `${stem}.ts`))) rmSync(join(to, file));
  }
};

/** Installs and builds, as far as that is needed. */
export const prepare = () => {
  checkNode();
  install();
  for (const name of readdirSync(join(root, "packages"))) {
    const home = join(root, "packages", name);
    sweep(join(home, "src"), join(home, "dist"));
    sweep(join(home, "test"), join(home, "dist-test"));
  }
  quietly("building", process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"]);
};
