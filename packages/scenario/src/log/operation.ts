/**
 * What processes do, one operation a line: the written form that scenarios, failures and bug reports share.
 *
 * Pages are the machine's and counted from the first page of a scenario's stage, so that one log runs on every machine;
 * words are 32 bits. Processes, files and segments have names. Any operation may say what it expects: the word read, or
 * how it ends (`"done"`, `"SIGSEGV"`, `"ENOMEM"`, …); one that says nothing must be done.
 */

/** The word read, or how an operation ends. */
export type Expectation = number | string;

/** `r`, `w` and `x`, each where it belongs, `-` where it does not: `"rw-"`. */
export type RightsInWords = string;

/** How memory is mapped: with copies of one's own, or as everybody sees it. */
export type Kind = "private" | "shared";

/** What to do with pages soon. @see POSIX.1-2017 posix_madvise(); Linux man-pages madvise(2) */
export type Advice = "dontneed" | "free" | "willneed";

interface In {
  readonly process: string;
}

interface Range extends In {
  readonly page: number;
  readonly pages: number;
}

/** One operation of a log. */
export type Operation = (
  | { readonly op: "process"; readonly as: string }
  | ({ readonly op: "fork"; readonly as: string } & In)
  | ({ readonly op: "exit" } & In)
  /** Becomes the program in a file, whose pages lie at `page`, and may be read and executed; what the process had mapped goes. */
  | ({ readonly op: "exec"; readonly of: string; readonly page: number } & In)
  /** Installs the process on a processor; an access does so by itself on processor 0. */
  | ({ readonly op: "run"; readonly cpu: number } & In)
  /** A file whose page i is filled with the word `word + i`. */
  | { readonly op: "file"; readonly as: string; readonly pages: number; readonly word: number }
  | { readonly op: "truncate"; readonly of: string; readonly pages: number }
  /** Its opener closes it; mappings keep it. */
  | { readonly op: "close"; readonly of: string }
  /** A System V segment. */
  | { readonly op: "segment"; readonly as: string; readonly pages: number }
  | ({ readonly op: "attach"; readonly of: string; readonly page: number; readonly rights: RightsInWords } & In)
  | ({ readonly op: "detach"; readonly page: number } & In)
  | { readonly op: "remove"; readonly of: string }
  | ({
      readonly op: "map";
      readonly rights: RightsInWords;
      readonly kind: Kind;
      /** A file; absent: anonymous memory. */
      readonly of?: string;
      /** Page of the file that the first page shows. */
      readonly offset?: number;
    } & Range)
  | ({ readonly op: "unmap" } & Range)
  | ({ readonly op: "protect"; readonly rights: RightsInWords } & Range)
  | ({ readonly op: "move"; readonly to: number; readonly becomes: number } & Range)
  | ({ readonly op: "advise"; readonly advice: Advice } & Range)
  | ({ readonly op: "sync" } & Range)
  | ({ readonly op: "read" | "fetch"; readonly page: number; readonly cpu?: number } & In)
  | ({ readonly op: "write"; readonly page: number; readonly word: number; readonly cpu?: number } & In)
  /** Writes `word + i` to page i of a range, or reads it back. */
  | ({ readonly op: "fill" | "verify"; readonly word: number } & Range)
  /** What must be true of the whole machine now; what is not named is not looked at. */
  | { readonly op: "check"; readonly shadows?: number; readonly depth?: number; readonly swapped?: number; readonly processes?: number }
  /** Words for whoever reads along. */
  | { readonly op: "note"; readonly text: string }
) & { readonly expect?: Expectation };

/** What a log says of the machine before the first operation. */
export interface LogHeader {
  readonly log: "portolan";
  readonly version: 1;
  readonly title: string;
  /** Processors; 1 where absent. */
  readonly cpus?: number;
  /** Frames that are free when the log begins: what is more is put out of reach, so that memory is as short on every machine. */
  readonly free?: number;
  /** Pages that a swap device holds; no device where absent. */
  readonly swap?: number;
}

/** A log: its header and operations. */
export interface Log {
  readonly header: LogHeader;
  /** Operation i stands in line `lines[i]` of its file, counted from 1. */
  readonly operations: readonly Operation[];
  readonly lines: readonly number[];
}
