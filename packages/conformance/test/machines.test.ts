/** The suite inside mocha, on the paper machine: what a port's own test looks like. */
import { abs32le } from "@portolan/arch-abs32le";
import { oracle } from "@portolan/arch-abs32le/oracle";
import { conformance } from "@portolan/conformance/mocha";
import { honest } from "./liars/liar.js";

conformance(abs32le, { oracle, vectors: honest.abs32le.vectors, profile: "core" });
