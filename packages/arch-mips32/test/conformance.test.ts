/** The conformance suite, in short: `portolan conform mips32 mips32be --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { mips32 } from "#src/index.js";
import { oracle } from "#src/oracle.js";
import { mips32be } from "#src/big.js";
import { oracle as mips32beOracle } from "#src/big-oracle.js";

conformance(mips32, { oracle, vectors: publishedVectors(mips32.name), profile: "quick" });
conformance(mips32be, { oracle: mips32beOracle, vectors: publishedVectors(mips32be.name), profile: "quick" });
