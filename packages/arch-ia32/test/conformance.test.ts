/** The conformance suite, in short: `portolan conform ia32 --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { ia32 } from "#src/index.js";
import { oracle } from "#src/oracle.js";

conformance(ia32, { oracle, vectors: publishedVectors(ia32.name), profile: "quick" });
