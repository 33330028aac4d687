/** `npm test`: every test of every package, on compiled output and on all cores. Arguments go to mocha. */
import { availableParallelism } from "node:os";
import { node, prepare } from "./bootstrap.mjs";

prepare();
const specs = ["packages/*/dist-test/**/*.test.js"];
const ways = ["--enable-source-maps", "--timeout", "120000", "--parallel", "--jobs", String(availableParallelism())];
process.exit(node("node_modules/mocha/bin/mocha.js", [...ways, ...process.argv.slice(2), ...specs]));
