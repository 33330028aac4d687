/** The conformance suite, in short: `portolan conform amd64 amd64la57 --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { amd64 } from "#src/index.js";
import { amd64la57 } from "#src/la57.js";
import { oracle as la57Oracle } from "#src/la57-oracle.js";
import { oracle } from "#src/oracle.js";

conformance(amd64, { oracle, vectors: publishedVectors(amd64.name), profile: "quick" });
conformance(amd64la57, { oracle: la57Oracle, vectors: publishedVectors(amd64la57.name), profile: "quick" });
