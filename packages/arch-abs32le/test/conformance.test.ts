/** The conformance suite, in short: `portolan conform abs32le --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { abs32le } from "#src/index.js";
import { oracle } from "#src/oracle.js";

conformance(abs32le, { oracle, vectors: publishedVectors(abs32le.name), profile: "quick" });
