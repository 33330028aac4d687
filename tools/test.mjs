/** `npm test`: every test of every package, on compiled output. Arguments go to mocha. */
import { node, prepare } from "./bootstrap.mjs";

prepare();
const specs = ["packages/*/dist-test/**/*.test.js"];
process.exit(node("node_modules/mocha/bin/mocha.js", ["--enable-source-maps", "--timeout", "60000", ...process.argv.slice(2), ...specs]));
