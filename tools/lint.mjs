/** `npm run lint`: oxlint with types over the sources; a warning is a failure. Arguments (`--fix`) go to it. */
import { node, prepare } from "./bootstrap.mjs";

prepare();
process.exit(
  node("node_modules/oxlint/bin/oxlint", ["--deny-warnings", ...process.argv.slice(2), "packages", "tools", "examples", "benchmarks"]),
);
