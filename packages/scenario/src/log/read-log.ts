/** From text to a log. The text is anybody's: whatever is wrong with it is said with line and reason, and nothing is performed. */
import { PortolanError } from "@portolan/core";
import type { Log, LogHeader, Operation } from "./operation.js";

/** What may stand in a field. */
type Rule = { readonly says: string; readonly holds: (value: unknown) => boolean };

const MOST_PAGES = 2 ** 24;
const MOST_TEXT = 400;
const MOST_BYTES = 64 * 2 ** 20;

const whole = (below: number): Rule => ({
  says: `a whole number below ${below}`,
  holds: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < below,
});
const counted = (most: number): Rule => ({
  says: `a whole number from 1 to ${most}`,
  holds: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most,
});
const text: Rule = {
  says: `a text of 1 to ${MOST_TEXT} characters`,
  holds: (value) => typeof value === "string" && value.length > 0 && value.length <= MOST_TEXT,
};
const oneOf = (...values: readonly string[]): Rule => ({
  says: values.map((value) => JSON.stringify(value)).join(" or "),
  holds: (value) => values.includes(value as string),
});
const rights: Rule = { says: `rights such as "rw-"`, holds: (value) => typeof value === "string" && /^[r-][w-][x-]$/u.test(value) };
const expectation: Rule = { says: "a word, or how the operation ends", holds: (value) => whole(2 ** 32).holds(value) || text.holds(value) };

const page = whole(MOST_PAGES);
const pages = counted(MOST_PAGES);
const word = whole(2 ** 32);
const cpu = whole(64);
const range = { process: text, page, pages };

type Fields = Readonly<Record<string, Rule>>;

/** Fields that an operation must have, and those that it may. */
const SHAPES: Readonly<Record<Operation["op"], readonly [needed: Fields, more?: Fields]>> = {
  process: [{ as: text }],
  fork: [{ process: text, as: text }],
  exit: [{ process: text }],
  exec: [{ process: text, of: text, page }],
  run: [{ process: text, cpu }],
  file: [{ as: text, pages, word }],
  truncate: [{ of: text, pages: page }],
  close: [{ of: text }],
  segment: [{ as: text, pages }],
  attach: [{ process: text, of: text, page, rights }],
  detach: [{ process: text, page }],
  remove: [{ of: text }],
  map: [
    { ...range, rights, kind: oneOf("private", "shared") },
    { of: text, offset: page },
  ],
  unmap: [range],
  protect: [{ ...range, rights }],
  move: [{ ...range, to: page, becomes: pages }],
  advise: [{ ...range, advice: oneOf("dontneed", "free", "willneed") }],
  sync: [range],
  read: [{ process: text, page }, { cpu }],
  fetch: [{ process: text, page }, { cpu }],
  write: [{ process: text, page, word }, { cpu }],
  fill: [{ ...range, word }],
  verify: [{ ...range, word }],
  check: [{}, { shadows: page, depth: page, swapped: page, processes: page }],
  note: [{ text }],
};

const HEADER: readonly [needed: Fields, more: Fields] = [
  { log: oneOf("portolan"), version: { says: "1", holds: (value) => value === 1 }, title: text },
  { cpus: counted(64), free: counted(MOST_PAGES), swap: counted(MOST_PAGES) },
];

/**
 * Reads a log: a header and operations, one JSON object a line; empty lines are left out.
 *
 * @param name what to call the text in errors
 * @throws PortolanError ERR_BAD_LOG that names line and reason
 */
export const readLog = (source: string, name: string): Log => {
  if (source.length > MOST_BYTES) throw bad(name, 1, `longer than ${MOST_BYTES} characters`);
  const operations: Operation[] = [];
  const lines: number[] = [];
  let header: LogHeader | null = null;
  source.split("\n").forEach((written, at) => {
    if (written.trim() === "") return;
    const line = at + 1;
    const members = membersOf(written, name, line);
    if (header === null) {
      check(members, HEADER, name, line);
      header = members as unknown as LogHeader;
      return;
    }
    const { op } = members;
    if (typeof op !== "string" || !Object.hasOwn(SHAPES, op))
      throw bad(name, line, `no operation is named ${JSON.stringify(op)}; there are ${Object.keys(SHAPES).join(", ")}`);
    const [needed, more = {}] = SHAPES[op as Operation["op"]];
    check(members, [needed, { ...more, op: text, expect: expectation }], name, line);
    operations.push(members as unknown as Operation);
    lines.push(line);
  });
  if (header === null) throw bad(name, 1, `no header; it looks like {"log":"portolan","version":1,"title":"…"}`);
  return { header, operations, lines };
};

/** A log as text, as {@link readLog} reads it. */
export const writeLog = ({ header, operations }: Pick<Log, "header" | "operations">): string =>
  [header, ...operations].map((line) => `${JSON.stringify(line)}\n`).join("");

const membersOf = (written: string, name: string, line: number): Readonly<Record<string, unknown>> => {
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    throw bad(name, line, "no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(name, line, "no JSON object");
  return value as Readonly<Record<string, unknown>>;
};

const check = (
  members: Readonly<Record<string, unknown>>,
  [needed, more]: readonly [needed: Fields, more: Fields],
  name: string,
  line: number,
): void => {
  for (const field of Object.keys(needed)) if (!Object.hasOwn(members, field)) throw bad(name, line, `${field} is missing`);
  for (const [field, value] of Object.entries(members)) {
    const rule = Object.hasOwn(needed, field) ? needed[field] : Object.hasOwn(more, field) ? more[field] : undefined;
    if (rule === undefined) throw bad(name, line, `there is no field ${field} here`);
    if (!rule.holds(value)) throw bad(name, line, `${field} is not ${rule.says}`);
  }
};

const bad = (log: string, line: number, reason: string): PortolanError => new PortolanError("ERR_BAD_LOG", { log, line, reason });
