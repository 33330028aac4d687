/** `npm run bench`: every benchmark beside its peer, or with `-- ROW …` some of them. All of them write benchmarks/RESULTS.md. */
import { node, prepare } from "./bootstrap.mjs";

prepare();
process.exit(node("benchmarks/main.mjs", process.argv.slice(2)));
