/** Performs what a failure has printed: a history, one operation a line, or the schedule of an interleaving. */
import { PortolanError } from "@portolan/core";
import { replayInterleaving } from "../clauses/l5-interleavings.js";
import type { Policy } from "../policies.js";
import { Rig, type Subject } from "../rig/rig.js";
import { perform, type Operation } from "./history.js";

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  create: ["space", "page", "pages", "flags"],
  destroy: ["space", "page"],
  share: ["space", "page", "to", "at", "flags"],
  resize: ["space", "page", "pages"],
  protect: ["space", "page", "flags"],
  end: ["space"],
  switch: ["space", "cpu"],
  read: ["cpu", "page"],
  fetch: ["cpu", "page"],
  write: ["cpu", "page", "word"],
};
const BELOW: Readonly<Record<string, number>> = { space: 7, to: 7, cpu: 3, page: 4096, at: 4096, pages: 4096, flags: 16, word: 2 ** 32 };

/**
 * @param text one operation a line
 * @param policy the one under which it failed
 * @throws PortolanError ERR_BAD_ARGUMENT that names line and reason; Failure where machine and model differ
 */
export const replayHistory = (subject: Subject, text: string, file: string, policy: Policy = "described"): void => {
  const schedule = scheduleIn(text);
  if (schedule !== null) {
    const rig = new Rig(subject, { trait: "other", policy, seed: 1, isLong: false });
    replayInterleaving(rig, schedule.interleaving, schedule.cpus, schedule.schedule);
    return;
  }
  const history = text
    .split("\n")
    .map((line, i) => ({ line: line.trim(), place: `line ${i + 1}` }))
    .filter(({ line }) => line !== "")
    .map(({ line, place }): Operation => {
      const bad = (reason: string): never => {
        throw new PortolanError("ERR_BAD_ARGUMENT", { history: file, place, reason });
      };
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        return bad("no JSON");
      }
      if (typeof value !== "object" || value === null || !("op" in value) || typeof value.op !== "string") return bad("no operation");
      const fields = FIELDS[value.op];
      if (fields === undefined) return bad(`no operation is named ${value.op}`);
      for (const field of fields) {
        const member = (value as Readonly<Record<string, unknown>>)[field];
        if (!Number.isInteger(member) || (member as number) < 0 || (member as number) >= (BELOW[field] ?? 0))
          bad(`${field} is not a whole number below ${BELOW[field]}`);
      }
      return value as Operation;
    });
  if (history.length === 0) throw new PortolanError("ERR_BAD_ARGUMENT", { history: file, place: "line 1", reason: "no operation" });
  perform(new Rig(subject, { trait: "warm", policy, seed: 1, isLong: false }), history);
};

interface Schedule {
  readonly interleaving: string;
  readonly cpus: number;
  readonly schedule: string;
}

/** `{"interleaving":"…","cpus":2,"schedule":"0x12 1"}` */
const scheduleIn = (text: string): Schedule | null => {
  if (!text.trimStart().startsWith('{"interleaving"')) return null;
  try {
    const { interleaving, cpus, schedule } = JSON.parse(text) as Partial<Schedule>;
    if (typeof interleaving === "string" && typeof cpus === "number" && typeof schedule === "string")
      return { interleaving, cpus, schedule };
  } catch {
    // A history follows, and says what is wrong with its first line.
  }
  return null;
};
