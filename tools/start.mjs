/** `npm start`: the demonstration, or the command line with the arguments that follow `--`. */
import { node, prepare } from "./bootstrap.mjs";

prepare();
const args = process.argv.slice(2);
process.exit(node("packages/cli/dist/main.js", args.length === 0 ? ["demo", "examples"] : args));
