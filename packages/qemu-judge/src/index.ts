/** QEMU's MMUs as judges: cases, guests, verdicts. */
export type { BlankCase, Expected, JudgedCase, JudgedEntry, JudgedQuery, Piece } from "./case.js";
export { caseOfMachine } from "./cases/of-machine.js";
export { casesOfVectors } from "./cases/of-vectors.js";
export { withExpectations } from "./cases/our-side.js";
export { vectorsOf } from "./cases/as-vectors.js";
export { Guest } from "./guest/guest.js";
export { programPath, qemuVersion } from "./guest/qemu-process.js";
export { Judge } from "./judge.js";
export { PROFILES, profileNamed } from "./machines/index.js";
export { stampOf, type MachineProfile, type SlotKind, type Trap, type Window } from "./machines/profile.js";
export type { Actual } from "./verdict/actual.js";
export type { Explanation } from "./verdict/explanation.js";
export { Tally, type Disagreement } from "./verdict/verdict.js";
export { verify, type Verdict, type VerifyOptions } from "./verify.js";
