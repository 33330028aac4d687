/** The suite inside mocha, as a port's own test has it: on a tree, on a machine without tags, on a page hash table. */
import { conformance } from "@portolan/conformance/mocha";
import { honest } from "./liars/liar.js";

for (const { architecture, oracle, vectors } of Object.values(honest)) conformance(architecture, { oracle, vectors, profile: "core" });
