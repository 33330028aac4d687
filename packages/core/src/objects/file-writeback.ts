/**
 * Having dirty pages kept by the pager. A store must never be lost between a page's copying and its mapping, so:
 *
 * 1. the pages count as clean from now on;
 * 2. no entry lets them be written any more, on any processor: the next store to one faults, and marks it DIRTY again;
 * 3. their bytes are copied, with every store that came before;
 * 4. the copies go to the pager, while no lock is held. What it fails to keep is DIRTY again.
 *
 * A page that became dirty again while it is being written goes out once more when that is over: a pager has at most one
 * request for a page.
 */
import { PortolanError } from "../errors.js";
import { writeProtect } from "./file-mappings.js";
import type { FileObject } from "./file-object.js";
import { Flush, PageWrite } from "./flush.js";
import { BUSY, DIRTY } from "./page-cache.js";
import { PAGER_FAILURES, type PagerFailure } from "./pager.js";

/** Is there something that the pager does not know yet? */
export const hasToBeKept = (file: FileObject): boolean => file.dirtyPages > 0 || file.kept !== file.length;

/**
 * Begins to write dirty pages of [first, first + count), and waits for those that are being written. No lock is held.
 * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const flushFile = (file: FileObject, first: number, count: number): Flush => {
  const { locks, gate, transfers } = file.parts;
  gate.pass("flush");
  const flush = new Flush();
  const writes: PageWrite[] = [];
  locks.acquire("object", file.number);
  for (let offset = file.cache.nextResident(first); offset >= 0 && offset < first + count; offset = file.cache.nextResident(offset + 1)) {
    if (!file.writing.has(offset) && (file.cache.marksOf(offset) & DIRTY) === 0) continue;
    flush.expect();
    join(file, offset, [flush], writes);
  }
  locks.release("object", file.number);
  const failure = writeOut(file, writes);
  if (failure !== null) flush.fail(failure);
  flush.begun();
  transfers.start();
  return flush;
};

/** Writes a page once more for those who found it dirty again while it was being written. No lock is held. */
export const flushAgain = (file: FileObject, offset: number, waiting: readonly Flush[]): void => {
  const { locks } = file.parts;
  const writes: PageWrite[] = [];
  locks.acquire("object", file.number);
  const isToDo = file.writing.has(offset) || (file.cache.marksOf(offset) & DIRTY) !== 0;
  if (isToDo) join(file, offset, waiting, writes);
  locks.release("object", file.number);
  if (isToDo) writeOut(file, writes);
  else for (const flush of waiting) flush.settle(null);
};

/** Lets `flushes`, which expect it, wait for a page that is dirty or being written. The file is locked. */
const join = (file: FileObject, offset: number, flushes: readonly Flush[], writes: PageWrite[]): void => {
  const ongoing = file.writing.get(offset);
  const isDirty = (file.cache.marksOf(offset) & DIRTY) !== 0;
  if (ongoing !== undefined) {
    (isDirty ? ongoing.again : ongoing.flushes).push(...flushes);
    return;
  }
  if ((file.cache.marksOf(offset) & BUSY) !== 0) throw new Error(`page ${offset} of a file is dirty before it has come`);
  const write = new PageWrite(file, file.parts.locks, offset, flushes);
  file.writing.set(offset, write);
  file.markClean(offset);
  writes.push(write);
};

/** Protects, copies and sends. What the pager said to the length, if it could not know it. */
const writeOut = (file: FileObject, writes: readonly PageWrite[]): PagerFailure | null => {
  if (writes.length > 0) {
    const offsets = new Set(writes.map(({ offset }) => offset));
    const first = writes[0].offset;
    writeProtect(file.parts, file.areas, first, writes[writes.length - 1].offset - first + 1, (offset) => offsets.has(offset));
  }
  file.parts.preemption.at("page-out-started");
  const failure = keepLength(file);
  for (const write of writes) {
    if (failure === null) send(file, write);
    else if (!write.isOver) write.end(failure);
  }
  return failure;
};

const send = (file: FileObject, write: PageWrite): void => {
  const { locks, memory, events } = file.parts;
  const { offset } = write;
  locks.acquire("object", file.number);
  // Another processor may have cut the file off before it.
  const content = write.isOver ? null : new Uint8Array(Math.min(memory.frameSize, file.length - offset * memory.frameSize));
  if (content !== null) memory.readBytes(file.cache.get(offset) * memory.frameSize, content);
  locks.release("object", file.number);
  if (content === null) return;
  if (events.sink !== null) events.sink({ kind: "pager", object: file.number, offset, action: "page-out", what: "asked" });
  write.send(file.pager, content, memory.frameSize);
};

/** Tells the pager how long the file has become. Why it could not, or null. */
const keepLength = (file: FileObject): PagerFailure | null => {
  const { length } = file;
  if (file.kept === length) return null;
  const failure = setLength(file, length);
  if (failure === null) file.kept = length;
  return failure;
};

/** What the pager says to a length, whatever it does. No lock is held. */
export const setLength = (file: FileObject, length: number): PagerFailure | null => {
  try {
    const answer: unknown = file.pager.setLength(length);
    if (answer === undefined) return null;
    if (PAGER_FAILURES.includes(answer)) return answer as PagerFailure;
    throw new PortolanError("ERR_PAGER_FAILED", { length, answer: typeof answer });
  } catch (error) {
    file.complain(error instanceof PortolanError ? error : new PortolanError("ERR_PAGER_FAILED", { length }, error));
    return "EIO";
  }
};
