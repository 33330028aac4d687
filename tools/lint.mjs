/** `npm run lint`: oxlint over the sources; a warning is a failure. */
import { node, prepare } from "./bootstrap.mjs";

prepare();
process.exit(node("node_modules/oxlint/bin/oxlint", ["--deny-warnings", "packages", "tools", "examples"]));
