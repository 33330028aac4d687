/** The conformance suite, in short: `portolan conform arm armv7 --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { arm32 } from "#src/index.js";
import { oracle } from "#src/oracle.js";
import { armv7 } from "#src/v7.js";
import { oracle as armv7Oracle } from "#src/v7-oracle.js";

conformance(arm32, { oracle, vectors: publishedVectors(arm32.name), profile: "quick" });
conformance(armv7, { oracle: armv7Oracle, vectors: publishedVectors(armv7.name), profile: "quick" });
