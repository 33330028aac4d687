/** `npm run coverage`: the tests under V8's coverage; a summary on the screen, the pages in coverage/. Arguments go to mocha. */
import { node, prepare } from "./bootstrap.mjs";

prepare();
const mocha = ["node_modules/mocha/bin/mocha.js", "--enable-source-maps", "--timeout", "240000", "--reporter", "dot"];
const report = ["--reporter", "text-summary", "--reporter", "html", "--include", "packages/*/dist/**", "--include", "packages/*/src/**"];
const specs = "packages/*/dist-test/**/*.test.js";
process.exit(node("node_modules/c8/bin/c8.js", ["--all", ...report, process.execPath, ...mocha, ...process.argv.slice(2), specs]));
