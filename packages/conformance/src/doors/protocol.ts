/**
 * What is said to a program that answers for a machine: one JSON object a line, on its standard input, and one a line back.
 * docs/adapter-protocol.md is the description; this is its type.
 */
import type { VectorEntry } from "../vectors/format.js";

export const PROTOCOL = 1;

export type Request =
  | { readonly op: "hello"; readonly protocol: typeof PROTOCOL; readonly machine: string }
  | {
      readonly op: "reset";
      readonly ram: { readonly first: string; readonly bytes: string };
      readonly switches: Readonly<Record<string, boolean>>;
    }
  | { readonly op: "write"; readonly address: string; readonly bytes: string }
  | { readonly op: "read"; readonly address: string; readonly count: number }
  | { readonly op: "dump"; readonly address: string; readonly count: number }
  | { readonly op: "root"; readonly address: string; readonly asid: number }
  | ({ readonly op: "entry" } & VectorEntry)
  | { readonly op: "switch"; readonly name: string; readonly value: boolean }
  | { readonly op: "invalidate"; readonly what: "all" | "asid" | "page"; readonly asid: number; readonly address: string }
  | {
      readonly op: "translate";
      readonly address: string;
      readonly access: "read" | "write" | "execute";
      readonly privilege: "kernel" | "user";
    };

/** What the answer to a request must be; members that are left out are not compared. */
export type Expected = Readonly<Record<string, string | number | boolean>>;

export interface Line {
  readonly request: Request;
  readonly expected: Expected;
  /** A program may answer that it does not support this; what follows up to the next reset is left out then. */
  readonly mayBeRefused?: boolean;
}

/** What a program has answered to a line. */
export type Answer = Readonly<Record<string, unknown>>;

/** A clause as a dialogue. */
export interface Script {
  readonly clause: string;
  readonly lines: readonly Line[];
  /** What is wrong with all the answers together, or null; asked when each of them is as it was expected. */
  readonly judge?: (answers: readonly Answer[]) => Promise<string | null>;
}
