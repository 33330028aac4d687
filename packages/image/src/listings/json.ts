/** JSON whose every value knows its place. No more of it is read than a listing can have. */
import { badListing } from "./trouble.js";

/** A value, and where it begins. */
export interface Node {
  readonly at: number;
  readonly value: string | number | boolean | null | readonly Node[] | ReadonlyMap<string, Node>;
}

const DEEPEST = 8;

/** Line and column of a place, both counted from 1. */
const placeOf = (text: string, at: number): readonly [line: number, column: number] => {
  let line = 1;
  let start = 0;
  for (let next = text.indexOf("\n"); next >= 0 && next < at; next = text.indexOf("\n", start)) {
    line += 1;
    start = next + 1;
  }
  return [line, at - start + 1];
};

/** An error at a place of a text. */
export const badAt = (text: string, at: number, because: string): Error => badListing(...placeOf(text, at), because);

/** @throws PortolanError `ERR_BAD_LISTING` for what is no JSON, has a name twice, or lies too deep */
export const parseJson = (text: string): Node => {
  let at = 0;
  const bad = (because: string): Error => badAt(text, at, because);
  const blank = (): void => {
    while (at < text.length && " \t\r\n".includes(text.charAt(at))) at += 1;
  };
  /** The rest of a value that a pattern describes, by the platform's own reader. */
  const simple = (pattern: RegExp, what: string): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) throw bad(what);
    at += found.length;
    return found;
  };
  const string = (): string => {
    const found = simple(
      /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})){0,1000}"/y,
      "a string of at most 1000 characters is missing",
    );
    return JSON.parse(found) as string;
  };
  /** What stands between two brackets, with commas. */
  const members = (close: string, member: () => void): void => {
    at += 1;
    blank();
    if (text.charAt(at) === close) {
      at += 1;
      return;
    }
    for (;;) {
      member();
      blank();
      const mark = text.charAt(at);
      if (mark !== "," && mark !== close) throw bad(`"," or "${close}" is missing`);
      at += 1;
      if (mark === close) return;
    }
  };
  const value = (depth: number): Node => {
    blank();
    const start = at;
    const first = text.charAt(at);
    if ((first === "{" || first === "[") && depth === DEEPEST) throw bad(`more than ${DEEPEST} brackets are open`);
    if (first === "[") {
      const list: Node[] = [];
      members("]", () => void list.push(value(depth + 1)));
      return { at: start, value: list };
    }
    if (first === "{") {
      const record = new Map<string, Node>();
      members("}", () => {
        blank();
        const named = at;
        const name = string();
        if (record.has(name)) {
          at = named;
          throw bad(`"${name}" is there twice`);
        }
        blank();
        simple(/:/y, '":" is missing');
        record.set(name, value(depth + 1));
      });
      return { at: start, value: record };
    }
    if (first === '"') return { at: start, value: string() };
    const word = simple(
      /true|false|null|-?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?/y,
      at === text.length ? "the text ends early" : "no JSON begins so",
    );
    return { at: start, value: JSON.parse(word) as boolean | null | number };
  };
  const node = value(0);
  blank();
  if (at < text.length) throw bad("the value has ended, and text follows");
  return node;
};
