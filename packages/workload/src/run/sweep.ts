/** Accesses that touch a loaded program from end to end, where there is no trace of what it would do. */
import { AREA_EXECUTE, AREA_WRITE } from "@portolan/core";
import type { LoadedArea, LoadedProgram } from "../load/load-program.js";
import { FETCH, LOAD, STORE, type TraceKind, type TraceVisitor } from "../trace/trace.js";

/** Segments longer than this are not loaded word by word: their zeroes would take longer than they are worth. */
const LONG = 16 * 1024 * 1024;
/** A program whose accesses are refused is at its end; an address space that it only asks for would never be. */
export const MOST_REFUSED = 1000;

/** Heap and stack are touched so far: enough to see them grow page by page. */
const TOUCHED = 64 * 1024;
const WORD = 4;
/** Between stores into a segment: every page is written, most of the file's bytes stay to be checked. */
const STRIDE = 256;

/**
 * Fetches every word of what is executable, loads every word of every segment, writes here and there where that is
 * allowed and loads that again; fills some heap from below and some stack from above.
 *
 * @returns false if it gave up, because {@link MOST_REFUSED} accesses were refused
 */
export const sweep = (program: LoadedProgram, visitor: SweepVisitor): boolean => {
  for (const area of program.areas) {
    if (area.what === "segment") {
      const step = area.size > LONG ? STRIDE : WORD;
      if ((area.flags & AREA_EXECUTE) !== 0) upward(area, visitor, FETCH, step);
      upward(area, visitor, LOAD, step);
      if ((area.flags & AREA_WRITE) === 0) continue;
      upward(area, visitor, STORE, STRIDE);
      upward(area, visitor, LOAD, STRIDE);
    } else if (area.what === "heap") {
      upward(area, visitor, STORE, WORD, TOUCHED);
      upward(area, visitor, LOAD, WORD, TOUCHED);
    } else {
      downward(area, visitor);
    }
    if (visitor.refused >= MOST_REFUSED) return false;
  }
  return true;
};

/** Performs accesses, and knows how many were refused. */
export interface SweepVisitor extends TraceVisitor {
  readonly refused: number;
}

const upward = ({ base, size }: LoadedArea, visitor: SweepVisitor, kind: TraceKind, step: number, most = Infinity): void => {
  const bytes = Math.min(Number(size), most);
  for (let at = 0; at < bytes && visitor.refused < MOST_REFUSED; at += step) visit(visitor, kind, base + BigInt(at));
};

const downward = ({ base, size }: LoadedArea, visitor: SweepVisitor): void => {
  const bytes = Math.min(Number(size), TOUCHED);
  const top = base + size;
  for (let at = WORD; at <= bytes; at += WORD) visit(visitor, STORE, top - BigInt(at));
  for (let at = bytes; at >= WORD; at -= WORD) visit(visitor, LOAD, top - BigInt(at));
};

const visit = (visitor: TraceVisitor, kind: TraceKind, address: bigint): void =>
  visitor.access(kind, Number(address >> 32n), Number(address & 0xffff_ffffn), WORD);
