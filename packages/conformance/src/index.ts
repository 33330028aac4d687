/** The contract as runnable clauses. */
export { GROUPS, groupOf, TRAITS, type Check, type Clause, type Group, type Negative, type Trait } from "./clause.js";
export { clauses } from "./clauses/index.js";
export { Failure, Undecided } from "./failure.js";
export { FEATURES, featuresOf, type Feature } from "./features.js";
export { POLICIES, type Dials, type Policy } from "./policies.js";
export { OUR_READER, type Reader } from "./rig/reader.js";
export { Rig, type Subject } from "./rig/rig.js";
export { badge, countsLine, html, json, junit, markdown, matrix, REPORTERS, tap, text, type ReporterName } from "./reporters/reporters.js";
export { readExpectations, type Expectation } from "./run/expectations.js";
export { PROFILES, type Profile, type ProfileName } from "./run/profiles.js";
export { isGood, OUTCOMES, type Counts, type Outcome, type Report, type Result } from "./run/report.js";
export { casesOf, conform, runCase, suiteHash, SUITE_VERSION, type RunOptions } from "./run/run.js";
export { sha256 } from "./run/sha256.js";
export type { Vector, VectorAnswer, VectorEntry, VectorQuery, VectorRows, VectorSet, VectorStep } from "./vectors/format.js";
export { makeVectors, vectorsText } from "./vectors/make.js";
export { readVectors } from "./vectors/read.js";
export { entriesOf, strangersInRows } from "./vectors/rows.js";
export { replayHistory } from "./histories/replay.js";
