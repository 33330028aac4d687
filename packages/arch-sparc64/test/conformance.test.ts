/** The conformance suite, in short: `portolan conform sparc64 --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { sparc64 } from "#src/index.js";
import { oracle } from "#src/oracle.js";

conformance(sparc64, { oracle, vectors: publishedVectors(sparc64.name), profile: "quick" });
