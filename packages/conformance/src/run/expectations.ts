/**
 * Expectation files: which clauses an implementation is known to fail, and why. A failure that is expected is XFAIL; one that does
 * not come is XPASS, so that the file is mended when the implementation is.
 */
import { PortolanError } from "@portolan/core";
import { TRAITS } from "../clause.js";
import { POLICIES } from "../policies.js";

export interface Expectation {
  /** A clause's id, or its beginning with `*` behind. */
  readonly clause: string;
  readonly why: string;
  readonly trait?: string;
  readonly policy?: string;
}

const KEYS = ["clause", "why", "trait", "policy"];

const bad = (file: string, place: string, reason: string): PortolanError =>
  new PortolanError("ERR_BAD_EXPECTATIONS", { file, place, reason });

/**
 * @param text `{ "format": 1, "expect": [{ "clause": "L1.walk.*", "why": "…" }] }`
 * @throws PortolanError ERR_BAD_EXPECTATIONS that names place and reason
 */
export const readExpectations = (text: string, file: string, known: ReadonlySet<string>): readonly Expectation[] => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad(file, "the file", error instanceof Error ? error.message : "no JSON");
  }
  if (typeof value !== "object" || value === null || !("format" in value) || value.format !== 1) throw bad(file, "format", "is not 1");
  if (!("expect" in value) || !Array.isArray(value.expect)) throw bad(file, "expect", "is not a list");
  return value.expect.map((entry: unknown, i) => {
    const place = `expect[${i}]`;
    if (typeof entry !== "object" || entry === null) throw bad(file, place, "is not an object");
    for (const [key, member] of Object.entries(entry)) {
      if (!KEYS.includes(key)) throw bad(file, `${place}.${key}`, `is none of ${KEYS.join(", ")}`);
      if (typeof member !== "string" || member === "") throw bad(file, `${place}.${key}`, "is no text");
    }
    const expectation = entry as Partial<Expectation>;
    const { trait, policy } = expectation;
    if (trait !== undefined && !(TRAITS as readonly string[]).includes(trait))
      throw bad(file, `${place}.trait`, `is none of ${TRAITS.join(", ")}`);
    if (policy !== undefined && !Object.hasOwn(POLICIES, policy))
      throw bad(file, `${place}.policy`, `is none of ${Object.keys(POLICIES).join(", ")}`);
    if (expectation.clause === undefined) throw bad(file, `${place}.clause`, "is missing");
    if (expectation.why === undefined) throw bad(file, `${place}.why`, "is missing");
    const matches = [...known].some((id) => matchesId(expectation.clause ?? "", id));
    if (!matches) throw bad(file, `${place}.clause`, `no clause is named ${expectation.clause}`);
    return expectation as Expectation;
  });
};

const matchesId = (pattern: string, id: string): boolean => (pattern.endsWith("*") ? id.startsWith(pattern.slice(0, -1)) : id === pattern);

export const isExpected = (
  expectations: readonly Expectation[],
  result: { readonly clause: string; readonly trait: string; readonly policy: string },
): Expectation | undefined =>
  expectations.find(
    ({ clause, trait, policy }) =>
      matchesId(clause, result.clause) &&
      (trait === undefined || trait === result.trait) &&
      (policy === undefined || policy === result.policy),
  );
