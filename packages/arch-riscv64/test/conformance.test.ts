/** The conformance suite, in short: `portolan conform riscv64 sv48 sv57 sv32 --profile certified` asks everything. */
import { conformance } from "@portolan/conformance/mocha";
import { publishedVectors } from "@portolan/conformance/published";
import { riscv64 } from "#src/index.js";
import { oracle } from "#src/oracle.js";
import { oracle as sv32Oracle } from "#src/sv32-oracle.js";
import { sv32 } from "#src/sv32.js";
import { sv48 } from "#src/sv48.js";
import { oracle as sv48Oracle } from "#src/sv48-oracle.js";
import { sv57 } from "#src/sv57.js";
import { oracle as sv57Oracle } from "#src/sv57-oracle.js";

conformance(riscv64, { oracle, vectors: publishedVectors(riscv64.name), profile: "quick" });
conformance(sv48, { oracle: sv48Oracle, vectors: publishedVectors(sv48.name), profile: "quick" });
conformance(sv57, { oracle: sv57Oracle, vectors: publishedVectors(sv57.name), profile: "quick" });
conformance(sv32, { oracle: sv32Oracle, vectors: publishedVectors(sv32.name), profile: "quick" });
