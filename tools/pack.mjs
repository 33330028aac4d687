/**
 * `npm run pack -- FOLDER`: every package as the file that a registry would have of it. A project elsewhere installs them
 * with `npm install FOLDER/*.tgz`, all together, because they depend on each other.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { openly, pnpm, prepare, root } from "./bootstrap.mjs";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error("npm run pack -- FOLDER");
  process.exit(2);
}
const where = resolve(process.env.INIT_CWD ?? process.cwd(), folder);
mkdirSync(where, { recursive: true });
prepare();
process.exit(openly(...pnpm("--recursive", "--filter", "./packages/*", "pack", "--pack-destination", where), { cwd: root }));
