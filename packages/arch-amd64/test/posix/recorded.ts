/** Answers that a kernel gave once, for machines that have no such kernel: each call with its answer, dumps as a number. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { callOf, lineOf, type Call } from "./calls.js";
import { digestOf } from "./dumps.js";
import type { KernelAnswers, KernelFeatures } from "./linux.js";

/** Where the record lies. */
export const RECORD = fileURLToPath(new URL("../../test/posix/recorded.txt", import.meta.url));

/** One world of a record. */
export interface RecordedWorld {
  readonly calls: readonly Call[];
  readonly answers: readonly string[];
}

/** The text of a record. */
export const recordOf = (scripts: readonly (readonly Call[])[], { features, worlds }: KernelAnswers): string => {
  const lines = [`features movesSeveral=${features.movesSeveral ? 1 : 0} lowest=${features.lowest}`];
  for (const [index, calls] of scripts.entries()) {
    lines.push("world");
    for (const [at, call] of calls.entries()) {
      const answer = worlds[index]?.[at] ?? "";
      lines.push(`${lineOf(call)} = ${call.name === "dump" && answer !== "gone" ? digestOf(answer) : answer}`);
    }
  }
  return `${lines.join("\n")}\n`;
};

/** Reads a record: the one that lies here, if no other is given. */
export const readRecord = (
  record = readFileSync(RECORD, "utf8"),
): { readonly features: KernelFeatures; readonly worlds: readonly RecordedWorld[] } => {
  const [head = "", ...texts] = record.trimEnd().split("\nworld\n");
  const [, movesSeveral, lowest] = /movesSeveral=(\d) lowest=(\d+)/.exec(head) ?? [];
  const worlds = texts.map((text) => {
    const pairs = text.split("\n").map((line) => line.split(" = "));
    return { calls: pairs.map(([call = ""]) => callOf(call)), answers: pairs.map(([, answer = ""]) => answer) };
  });
  return { features: { movesSeveral: movesSeveral === "1", lowest: BigInt(lowest ?? "0") }, worlds };
};
