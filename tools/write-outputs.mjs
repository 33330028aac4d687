/**
 * Writes what commands really print into the documents that show it: a `console` block whose first line is
 * `$ npm start -- ARGS` gets the output of that command. A test compares them. Run after a build: `node tools/write-outputs.mjs`.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bootstrap.mjs";

const printed = (args) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["packages/cli/dist/main.js", ...args], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return stdout.trim();
};

const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
for (const path of [
  "README.md",
  ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`),
  ...pages.map((name) => `docs/${name}`),
]) {
  const text = readFileSync(join(root, path), "utf8");
  const written = text.replaceAll(/^```console\n\$ npm start(?: -- (.*))?\n[^`]*^```$/gm, (_, line) => {
    const args = line === undefined ? ["demo", "examples"] : line.split(" ");
    return `\`\`\`console\n$ npm start${line === undefined ? "" : ` -- ${line}`}\n${printed(args)}\n\`\`\``;
  });
  writeFileSync(join(root, path), written);
}
