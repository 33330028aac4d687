/** The conformance suite, in short: `portolan conform amd64 --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { amd64 } from "#src/index.js";
import { oracle } from "#src/oracle.js";

conformance(amd64, { oracle, vectors: publishedVectors(amd64.name), profile: "quick" });
