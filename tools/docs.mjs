/** `npm run docs`: the reference of every package, into docs/api. What is exported and undocumented, or linked and absent, is an error. */
import { join } from "node:path";
import { openly, prepare, root } from "./bootstrap.mjs";

prepare();
const home = join(root, "docs");
process.exit(openly(process.execPath, [join(home, "node_modules/typedoc/bin/typedoc"), "--logLevel", "Warn"], { cwd: home }));
