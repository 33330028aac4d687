/** How a clause says no, and how it says that it cannot tell. */

/** The implementation does not do what the rule says. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** The smallest sequence of operations that shows it, one JSON value a line. */
  readonly log: string;

  constructor(message: string, log = "") {
    super(message);
    this.log = log;
  }
}

/** The clause cannot be decided with what is at hand. */
export class Undecided extends Error {
  override readonly name = "Undecided";
}

export const show = (value: unknown): string => {
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  if (typeof value === "string") return value;
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? `0x${inner.toString(16)}` : inner)) ?? "undefined";
};

/** @throws Failure unless both are the same, members of objects and lists included */
export const same = (actual: unknown, expected: unknown, what: string): void => {
  if (Object.is(actual, expected)) return;
  const [is, should] = [show(actual), show(expected)];
  if (typeof actual === "object" && typeof expected === "object" && is === should) return;
  throw new Failure(`${what}: is ${is}, should be ${should}`);
};

/** @throws Failure unless it holds */
export const holds = (isTrue: boolean, what: string): void => {
  if (!isTrue) throw new Failure(what);
};
