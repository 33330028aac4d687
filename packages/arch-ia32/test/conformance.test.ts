/** The conformance suite, in short: `portolan conform ia32 ia32pae --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { ia32 } from "#src/index.js";
import { oracle } from "#src/oracle.js";
import { oracle as paeOracle } from "#src/pae-oracle.js";
import { ia32pae } from "#src/pae.js";

conformance(ia32, { oracle, vectors: publishedVectors(ia32.name), profile: "quick" });
conformance(ia32pae, { oracle: paeOracle, vectors: publishedVectors(ia32pae.name), profile: "quick" });
