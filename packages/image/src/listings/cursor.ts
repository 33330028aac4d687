/** Text that is read from left to right, line by line, with the place of whatever is wrong. */
import { badListing } from "./trouble.js";

/** A line without what a log, a terminal or a letter puts before it. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly text: string;
  /** Where in `text` the line proper begins. */
  readonly start: number;
}

/** Marks of quotation, syslog's date and host, the kernel's level and time, and the processor or thread that some kernels add. */
const PREFIX =
  /^[>| \t]*(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S{1,255} kernel: ?)?(?:<\d{1,3}>)?(?:\[ {0,11}\d{1,11}\.\d{6}\](?:\[ {0,6}[CT]\d{1,6}\])?)? ?/;

/** The lines of a text, one after the other. */
export function* linesOf(text: string): Generator<Line> {
  let number = 1;
  for (let at = 0; at <= text.length; number += 1) {
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : found;
    const line = text.slice(at, text.charCodeAt(end - 1) === 13 && end > at ? end - 1 : end);
    yield { number, text: line, start: PREFIX.exec(line)?.[0].length ?? 0 };
    at = end + 1;
  }
}

/** A place in a text. What is taken is taken once; what is not there is an error with the place. */
export class Cursor {
  #line: Line;
  #at: number;
  readonly #following: Iterator<Line> | null;

  /** @param following the lines behind this one, for what may go on there; without, the line is all there is */
  constructor(line: Line, following: Iterator<Line> | null = null) {
    this.#line = line;
    this.#at = line.start;
    this.#following = following;
  }

  /** The groups of a pattern, if the text goes on so; it is taken. @param pattern sticky */
  try(pattern: RegExp): readonly string[] | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#line.text);
    if (found === null) return null;
    this.#at = pattern.lastIndex;
    return found.slice(1);
  }

  /** @throws PortolanError `ERR_BAD_LISTING` if the text does not go on so */
  take(pattern: RegExp, what: string): readonly string[] {
    const found = this.try(pattern);
    if (found === null) throw this.bad(`${what} is missing`);
    return found;
  }

  /** A hexadecimal number of 64 bits, without `0x`. */
  hex(what: string): bigint {
    return BigInt(`0x${this.take(/([0-9a-fA-F]{1,16})(?![0-9a-zA-Z])/y, what)[0]}`);
  }

  /** A decimal number that is no larger than `most`. */
  whole(what: string, most: number): number {
    const at = this.#at;
    const value = Number(this.take(/(\d{1,15})(?!\d)/y, what)[0]);
    if (value <= most) return value;
    this.#at = at;
    throw this.bad(`${what} is ${value}, and at most ${most}`);
  }

  /** Goes past blanks, and on to the next lines where this one ends. */
  skip(): void {
    while (this.isAtEnd) {
      const next = this.#following?.next();
      if (next === undefined || next.done === true) return;
      this.#line = next.value;
      this.#at = next.value.start;
    }
    this.try(/[ \t]*/y);
  }

  /** Nothing but blanks may follow. */
  end(): void {
    this.take(/[ \t]*$/y, "the end of the line");
  }

  get isAtEnd(): boolean {
    return /^[ \t]*$/.test(this.#line.text.slice(this.#at));
  }

  bad(because: string): Error {
    return badListing(this.#line.number, this.#at + 1, because);
  }
}
