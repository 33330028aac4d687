/** The conformance suite, in short: `portolan conform arm64 arm64g16 arm64g64 --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { arm64g16 } from "#src/granule16.js";
import { oracle as oracle16 } from "#src/granule16-oracle.js";
import { arm64g64 } from "#src/granule64.js";
import { oracle as oracle64 } from "#src/granule64-oracle.js";
import { arm64 } from "#src/index.js";
import { oracle } from "#src/oracle.js";

conformance(arm64, { oracle, vectors: publishedVectors(arm64.name), profile: "quick" });
conformance(arm64g16, { oracle: oracle16, vectors: publishedVectors(arm64g16.name), profile: "quick" });
conformance(arm64g64, { oracle: oracle64, vectors: publishedVectors(arm64g64.name), profile: "quick" });
