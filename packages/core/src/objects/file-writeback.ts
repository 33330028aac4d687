/**
 * Having dirty pages kept by the pager. No store must be lost, so, while all is locked:
 *
 * 1. no entry lets the pages be written any more, on any processor;
 * 2. they count as clean: the next store to one faults, and marks it DIRTY again;
 * 3. their bytes are copied, with every store that came before.
 *
 * The copies go to the pager while no lock is held. What it fails to keep is DIRTY again.
 *
 * A page that became dirty again while it is being written goes out once more when that is over: a pager has at most one
 * request for a page.
 */
import { allocated } from "../allocation-gate.js";
import { PortolanError } from "../errors.js";
import { withAllLocked, writeProtect } from "./file-mappings.js";
import type { FileObject } from "./file-object.js";
import { Flush, PageWrite } from "./flush.js";
import { isPagerFailure, type PagerFailure } from "./pager.js";

/** Is there something that the pager does not know yet? */
export const hasToBeKept = (file: FileObject): boolean => file.dirtyPages > 0 || file.kept !== file.length;

/**
 * Begins to write dirty pages of [first, first + count), and waits for those that are being written. No lock is held.
 * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const flushFile = (file: FileObject, first: number, count: number): Flush => {
  const flush = new Flush();
  let failure: PagerFailure | null = null;
  const letters = withAllLocked(file, () => {
    const offsets: number[] = [];
    for (let offset = file.cache.nextResident(first); offset >= 0 && offset < first + count; offset = file.cache.nextResident(offset + 1)) {
      if (file.writing.has(offset) || !file.isClean(offset)) offsets.push(offset);
    }
    const made = prepare(file, offsets, [flush]);
    for (const _ of offsets) flush.expect();
    failure = keepLength(file);
    return made;
  });
  if (failure !== null) flush.fail(failure);
  send(file, letters, failure);
  flush.begun();
  file.parts.transfers.start();
  return flush;
};

/** Writes a page once more for those who found it dirty again while it was being written. No lock is held. */
export const flushAgain = (file: FileObject, offset: number, waiting: readonly Flush[]): void => {
  let failure: PagerFailure | null = null;
  const letters = withAllLocked(file, () => {
    const isToDo = file.writing.has(offset) || !file.isClean(offset);
    if (!isToDo) return null;
    const made = prepare(file, [offset], waiting);
    failure = keepLength(file);
    return made;
  });
  if (letters !== null) send(file, letters, failure);
  else for (const flush of waiting) flush.settle(null);
};

/** A write, and what is to be written. */
type Letter = readonly [write: PageWrite, content: Uint8Array];

/**
 * Makes copies of those pages that nobody is writing; `flushes`, which expect every page, wait for all. All is locked.
 * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
 */
const prepare = (file: FileObject, offsets: readonly number[], flushes: readonly Flush[]): Letter[] => {
  const { gate, memory } = file.parts;
  const mine = new Set(offsets.filter((offset) => !file.writing.has(offset)));
  const letters = Array.from(mine, (offset): Letter => {
    gate.pass("page to be written");
    const bytes = Math.min(memory.frameSize, file.length - offset * memory.frameSize);
    return [new PageWrite(file, offset, flushes), allocated("page to be written", () => new Uint8Array(bytes))];
  });
  for (const offset of offsets) {
    const ongoing = file.writing.get(offset);
    if (ongoing !== undefined) (file.isClean(offset) ? ongoing.flushes : ongoing.again).push(...flushes);
  }
  if (letters.length > 0) {
    const first = letters[0][0].offset;
    writeProtect(file.parts, file.areas, first, letters[letters.length - 1][0].offset - first + 1, (offset) => mine.has(offset));
  }
  for (const [write, content] of letters) {
    file.markClean(write.offset);
    file.writing.set(write.offset, write);
    memory.readBytes(file.cache.get(write.offset) * memory.frameSize, content);
  }
  return letters;
};

/** Hands copies to the pager, unless it could not note the length. No lock is held. */
const send = (file: FileObject, letters: readonly Letter[], failure: PagerFailure | null): void => {
  const { events, preemption, memory } = file.parts;
  preemption.at("page-out-started");
  for (const [write, content] of letters) {
    // Another processor may have cut the file off before it.
    if (write.isOver) continue;
    if (events.sink !== null) events.sink({ kind: "pager", object: file.number, offset: write.offset, action: "page-out", what: "asked" });
    if (failure === null) write.send(file.pager, content, memory.frameSize);
    else write.end(failure);
  }
};

/** Tells the pager how long the file has become. Why it could not note it, or null. All is locked. */
const keepLength = (file: FileObject): PagerFailure | null => {
  const { length } = file;
  if (file.kept === length) return null;
  const failure = setLength(file, length);
  if (failure === null) file.kept = length;
  return failure;
};

/** What the pager says to a length, whatever it does. All is locked. */
export const setLength = (file: FileObject, length: number): PagerFailure | null => {
  try {
    const answer: unknown = file.pager.setLength(length);
    if (answer === undefined) return null;
    if (isPagerFailure(answer)) return answer;
    throw new PortolanError("ERR_PAGER_FAILED", { length, answer: typeof answer });
  } catch (error) {
    file.complain(error instanceof PortolanError ? error : new PortolanError("ERR_PAGER_FAILED", { length }, error));
    return "EIO";
  }
};
