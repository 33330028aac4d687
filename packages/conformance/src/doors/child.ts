/**
 * Judges a program that answers for a machine. It is started anew when it dies, hangs or answers nonsense; the clause that it was
 * asked is an ERROR then, and the run goes on.
 */
import { FAULT_REASONS, PortolanError } from "@portolan/core";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { groupOf, type Trait } from "../clause.js";
import { clauses } from "../clauses/index.js";
import { featuresOf } from "../features.js";
import type { Subject } from "../rig/rig.js";
import { isExpected } from "../run/expectations.js";
import { PROFILES, profileHash } from "../run/profiles.js";
import { countOutcomes, REPORT_FORMAT, type Outcome, type Report, type Result } from "../run/report.js";
import { suiteHash, SUITE_VERSION, type RunOptions } from "../run/run.js";
import { PROTOCOL, type Answer, type Expected, type Line, type Request, type Script } from "./protocol.js";
import { IMAGE_WRITERS, scriptOf, WRITERS } from "./scripts.js";

export { PROTOCOL, type Request } from "./protocol.js";

export interface ChildOptions extends RunOptions {
  /** Given to the shell. */
  readonly command: string;
  /** How long one answer may take; 5000 where absent. */
  readonly timeoutMs?: number;
}

/** Lines that are sent before the first answer is awaited. */
const WINDOW = 64;
/** A line longer than this is nonsense. */
const LONGEST = 2 ** 20;

const bad = (reason: string, values: Readonly<Record<string, string | number>> = {}): PortolanError =>
  new PortolanError("ERR_BAD_ADAPTER", { reason, ...values });

/** What a program has written, for whoever reads a report on a terminal: not too much of it, and nothing that moves the cursor. */
const shown = (text: string): string =>
  text
    .slice(0, 500)
    .replaceAll(/[^\n -~\u00a0-\ud7ff\ue000-\ufffd]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A running program and the conversation with it. */
class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #timeoutMs: number;
  readonly #waiting: { readonly id: number; readonly done: (answer: Answer) => void; readonly failed: (error: Error) => void }[] = [];
  #timer: NodeJS.Timeout | null = null;
  #text = "";
  #said = "";
  #id = 0;
  #broken: Error | null = null;

  constructor(command: string, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#process = spawn(command, { shell: true, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stdout.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => (this.#said = (this.#said + text).slice(-500)));
    // What is written to a program that is gone is told by its exit.
    this.#process.stdin.on("error", () => {});
    this.#process.on("error", (error) => this.#break(bad("it cannot be started", { why: error.message })));
    this.#process.on("close", (code, signal) =>
      this.#break(bad("it ended", { status: code ?? signal ?? "?", said: shown(this.#said.trim()) })),
    );
  }

  get isBroken(): boolean {
    return this.#broken !== null;
  }

  async ask(request: Request): Promise<Answer> {
    if (this.#broken !== null) throw this.#broken;
    this.#id += 1;
    const id = this.#id;
    const answer = new Promise<Answer>((done, failed) => this.#waiting.push({ id, done, failed }));
    this.#process.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    this.#watch();
    return answer;
  }

  /** Ends it, with whatever it has started. */
  end(): void {
    this.#break(bad("it was ended"));
  }

  #hear(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      if (line.trim() !== "") this.#take(line);
    }
    if (this.#text.length > LONGEST) this.#break(bad("a line has no end", { bytes: this.#text.length }));
  }

  #take(line: string): void {
    let answer: unknown;
    try {
      answer = JSON.parse(line);
    } catch {
      return this.#break(bad("a line is no JSON", { line: shown(line) }));
    }
    const first = this.#waiting[0];
    if (typeof answer !== "object" || answer === null || first === undefined || !("id" in answer) || answer.id !== first.id)
      return this.#break(bad("an answer does not carry the request's id", { line: shown(line), id: first?.id ?? "none" }));
    this.#waiting.shift();
    this.#watch();
    first.done(answer);
  }

  /** The clock runs while an answer is awaited. */
  #watch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#waiting.length === 0 || this.#broken !== null) return;
    this.#timer = setTimeout(() => this.#break(bad("it does not answer", { milliseconds: this.#timeoutMs })), this.#timeoutMs);
  }

  #break(error: Error): void {
    if (this.#broken !== null) return;
    this.#broken = error;
    this.#watch();
    if (this.#process.pid !== undefined && this.#process.exitCode === null) {
      try {
        process.kill(-this.#process.pid, "SIGKILL");
      } catch {
        // It has gone by itself meanwhile.
      }
    }
    for (const { failed } of this.#waiting.splice(0)) failed(error);
  }
}

const isHex = (value: unknown): value is string => typeof value === "string" && /^0x[0-9a-fA-F]{1,16}$/.test(value);

/** What is the kernel's is forbidden too, however a machine reports it. */
const isSameFault = (is: unknown, value: unknown): boolean =>
  [is, value].every((fault) => fault === "privileged" || fault === "protection");

/** What an answer has in place of what was expected, or null. */
const difference = (answer: Answer, expected: Expected): string | null => {
  for (const [key, value] of Object.entries(expected)) {
    const is = answer[key];
    const isSame =
      (key === "physical" || key === "root") && isHex(is)
        ? BigInt(is) === BigInt(String(value))
        : key === "bytes" && typeof is === "string"
          ? is.toLowerCase() === value
          : is === value || isSameFault(is, value);
    if (!isSame) return `${key} should be ${String(value)}, the answer is ${JSON.stringify({ ...answer, id: undefined })}`;
  }
  return null;
};

/** What has no member that it must have is no answer, nor is what has two where one is right. */
const isSensible = ({ request }: Line, answer: Answer): boolean => {
  if (request.op === "translate") {
    const { physical, fault } = answer;
    return fault === undefined ? isHex(physical) : physical === undefined && fault !== "none" && FAULTS.includes(fault);
  }
  if (request.op === "read") return typeof answer["bytes"] === "string";
  if (request.op === "dump") return isDump(answer, request.count);
  return true;
};

const FAULTS: readonly unknown[] = FAULT_REASONS;

/** Whole bytes, no more than were asked for, and where an image would say that the tables begin. */
const isDump = ({ bytes, root }: Answer, count: number): boolean =>
  typeof bytes === "string" &&
  /^(?:[0-9a-fA-F]{2})*$/.test(bytes) &&
  bytes.length <= count * 2 &&
  typeof root === "string" &&
  /^0x[0-9a-fA-F]{1,13}$/.test(root);

interface Verdict {
  readonly outcome: Outcome;
  readonly detail: string;
  readonly log: string;
}

/** Says the whole dialogue, some lines ahead of the answers, and stops at the first that is wrong. */
const converse = async (child: Child, { lines, judge }: Script, isStrict: boolean): Promise<Verdict> => {
  const all: Answer[] = [];
  let isLeftOut = false;
  let refused: string | null = null;
  let compared = 0;
  for (let from = 0; from < lines.length; from += WINDOW) {
    const part = lines.slice(from, from + WINDOW);
    const answers = await Promise.all(part.map(async ({ request }) => child.ask(request)));
    all.push(...answers);
    for (const [i, line] of part.entries()) {
      const answer = answers[i] ?? {};
      // Entries that a program does not hold are left out, with what is asked of them; those that the hardware can are missed at the end.
      if (line.request.op === "reset") isLeftOut = false;
      if (line.request.op === "entry" && answer["error"] === "unsupported") {
        if (line.mayBeRefused !== true) refused ??= JSON.stringify(line.request);
        isLeftOut = true;
      }
      if (isLeftOut) continue;
      if (answer["error"] === "unsupported")
        return {
          // Images are for programs that have them; whoever is certified answers everything else.
          outcome: isStrict && line.request.op !== "dump" ? "UNRESOLVED" : "UNSUPPORTED",
          detail: `the adapter does not support ${line.request.op}`,
          log: "",
        };
      if (answer["error"] !== undefined)
        return {
          outcome: "ERROR",
          detail: `${line.request.op} is answered with an error: ${shown(textOf(answer["error"]))}`,
          log: JSON.stringify(line.request),
        };
      if (!isSensible(line, answer))
        return {
          outcome: "ERROR",
          detail: `the answer to ${line.request.op} lacks what it must have: ${shown(JSON.stringify(answer))}`,
          log: JSON.stringify(line.request),
        };
      if (line.request.op === "translate") compared += 1;
      const wrong = difference(answer, line.expected);
      if (wrong !== null)
        return { outcome: "FAIL", detail: `${JSON.stringify(line.request)}: ${wrong}`, log: logOf(lines.slice(0, from + i + 1)) };
    }
  }
  const leftOut: Outcome = isStrict ? "UNRESOLVED" : "UNSUPPORTED";
  if (lines.some(({ request }) => request.op === "entry") && compared === 0)
    return { outcome: leftOut, detail: "the adapter does not support entry", log: "" };
  if (refused !== null)
    return { outcome: leftOut, detail: `the adapter does not support an entry that the hardware can hold: ${refused}`, log: "" };
  const wrong = (await judge?.(all)) ?? null;
  return wrong === null ? { outcome: "PASS", detail: "", log: "" } : { outcome: "FAIL", detail: wrong, log: logOf(lines) };
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** From the last reset on, without what was written over or asked before. */
const logOf = (lines: readonly Line[]): string => {
  const start = lines.findLastIndex(({ request }) => request.op === "reset");
  const last = lines.length - 1;
  const forget = lines.findLastIndex(({ request }) => request.op === "invalidate" && request.what === "all");
  const kept = new Map<string, Request>();
  const result: Request[] = [];
  lines.slice(Math.max(start, 0)).forEach(({ request }, i) => {
    const at = Math.max(start, 0) + i;
    if (request.op === "translate" && at < forget) return;
    if (request.op === "write") {
      const before = kept.get(request.address);
      if (before !== undefined && at <= Math.max(forget, 0)) result.splice(result.indexOf(before), 1);
      kept.set(request.address, request);
    }
    if (request.op === "invalidate" && at < forget) return;
    if (request.op === "root" && at < forget && result.some(({ op }) => op === "root")) return;
    if (at <= last) result.push(request);
  });
  return result.map((request) => JSON.stringify(request)).join("\n");
};

/** Judges the program behind `command` as the machine that the subject describes. */
export const conformChild = async (subject: Subject, options: ChildOptions): Promise<Report> => {
  const profile = options.profile ?? "full";
  const seed = options.seed ?? 1;
  const groups: readonly string[] = PROFILES[profile].groups;
  const all = clauses.filter(
    ({ id }) => groups.includes(groupOf(id)) && (id in WRITERS || id in IMAGE_WRITERS || id === "L1.vectors.published"),
  );
  const asked = all.filter(({ id }) => options.only === undefined || options.only.some((prefix) => id.startsWith(prefix)));
  const results: Result[] = [];
  const features = featuresOf(subject.architecture);
  let child: Child | null = null;
  let hopeless: string | null = null;
  let failedHellos = 0;
  const trait: Trait = "cold";

  const connect = async (): Promise<Child> => {
    if (child !== null && !child.isBroken) return child;
    const fresh = new Child(options.command, options.timeoutMs ?? 5000);
    child = fresh;
    const answer = await fresh.ask({ op: "hello", protocol: PROTOCOL, machine: subject.architecture.name });
    if (answer["protocol"] !== PROTOCOL || answer["machine"] !== subject.architecture.name) {
      fresh.end();
      throw bad("it does not answer for this machine", { machine: subject.architecture.name, answer: JSON.stringify(answer) });
    }
    failedHellos = 0;
    return fresh;
  };

  const judge = async (id: string): Promise<Verdict> => {
    if (hopeless !== null) return { outcome: "ERROR", detail: hopeless, log: "" };
    const script = scriptOf(subject, id, trait, seed);
    if (script === null || script.lines.length === 0) {
      const outcome = id === "L1.vectors.published" ? "UNRESOLVED" : "UNSUPPORTED";
      return { outcome, detail: "nothing in it can be asked of this machine", log: "" };
    }
    failedHellos += 1;
    try {
      const verdict = await converse(await connect(), script, PROFILES[profile].isStrict);
      failedHellos = 0;
      return verdict;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      // A program that breaks before its first word three times is not started again.
      if (failedHellos >= 3) hopeless = detail;
      return { outcome: "ERROR", detail, log: "" };
    }
  };

  for (const clause of asked) {
    const lacking = (clause.needs ?? []).filter((feature) => !features.has(feature));
    const verdict: Verdict =
      lacking.length > 0 ? { outcome: "UNSUPPORTED", detail: `the machine lacks ${lacking.join(", ")}`, log: "" } : await judge(clause.id);
    const expected = isExpected(options.expectations ?? [], { clause: clause.id, trait, policy: "described" });
    const outcome: Outcome =
      expected === undefined
        ? verdict.outcome
        : verdict.outcome === "FAIL"
          ? "XFAIL"
          : verdict.outcome === "PASS"
            ? "XPASS"
            : verdict.outcome;
    const result: Result = {
      clause: clause.id,
      group: groupOf(clause.id),
      trait,
      policy: "described",
      outcome,
      rule: clause.rule,
      source: clause.source,
      detail:
        expected === undefined
          ? verdict.detail
          : outcome === "XPASS"
            ? `holds, though it is expected to fail: ${expected.why}`
            : outcome === "XFAIL"
              ? `${verdict.detail} (expected: ${expected.why})`
              : verdict.detail,
      log: verdict.log,
      repeat: `portolan conform ${subject.architecture.name} --adapter ${quoted(options.command)} --only ${clause.id} --seed ${seed}${options.timeoutMs === undefined ? "" : ` --timeout ${options.timeoutMs}`}`,
    };
    results.push(result);
    options.onResult?.(result);
  }
  (child as Child | null)?.end();
  const counts = countOutcomes(results);
  return {
    format: REPORT_FORMAT,
    suite: { version: SUITE_VERSION, hash: suiteHash(), clauses: all.length },
    subject: { name: subject.architecture.name, title: `answered for by: ${options.command}`, way: "child" },
    profile,
    profileHash: profileHash(profile),
    seed,
    policies: ["described"],
    isLong: false,
    leftOut: all.length - asked.length,
    counts,
    isCertified:
      PROFILES[profile].isStrict && asked.length === all.length && counts.PASS > 0 && counts.PASS + counts.UNSUPPORTED === results.length,
    results,
  };
};

/** As one word for a shell. */
const quoted = (command: string): string => `'${command.replaceAll("'", `'\\''`)}'`;
