/**
 * Having dirty pages kept by the pager. A store must never be lost between a page's copying and its mapping, so:
 *
 * 1. the pages count as clean from now on;
 * 2. no entry lets them be written any more, on any processor: the next store to one faults, and marks it DIRTY again;
 * 3. their bytes are copied, with every store that came before;
 * 4. the copies go to the pager, while no lock is held. What it fails to keep is DIRTY again.
 *
 * A page that is written while it is dirty again goes out once more when the first write is over: a pager has at most one
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
 * Begins to write dirty pages of [first, first + count). No lock is held.
 * @param waiting those who wait already, for a page that is to be written once more
 * @returns the flush, or the first of those
 * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const flushFile = (file: FileObject, first: number, count: number, waiting: readonly Flush[] = []): Flush => {
  const { locks, gate, transfers, preemption } = file.parts;
  const flush = waiting[0] ?? new Flush();
  if (waiting.length === 0) gate.pass("flush");
  const writes: PageWrite[] = [];
  locks.acquire("object", file.number);
  for (let offset = file.cache.nextResident(first); offset >= 0 && offset < first + count; offset = file.cache.nextResident(offset + 1)) {
    const marks = file.cache.marksOf(offset);
    const ongoing = file.writing.get(offset);
    if ((marks & BUSY) !== 0) continue;
    if (ongoing !== undefined) {
      ((marks & DIRTY) === 0 ? ongoing.flushes : ongoing.again).push(flush);
      flush.expect();
    } else if ((marks & DIRTY) !== 0) {
      const write = new PageWrite(file, locks, offset, flush);
      file.writing.set(offset, write);
      file.markClean(offset);
      writes.push(write);
    }
  }
  locks.release("object", file.number);
  if (writes.length > 0) {
    const offsets = new Set(writes.map(({ offset }) => offset));
    const from = writes[0].offset;
    writeProtect(file.parts, file.areas, from, writes[writes.length - 1].offset - from + 1, (offset) => offsets.has(offset));
  }
  preemption.at("page-out-started");
  const failure = keepLength(file);
  if (failure !== null) flush.fail(failure);
  for (const write of writes) {
    if (write.isOver) continue;
    if (failure === null) send(file, write);
    else write.end(failure);
  }
  // Who waits for a page that is clean by now waits no more; its bytes went with the write before.
  for (const { settle } of waiting.map((each) => ({ settle: () => each.settle(failure) }))) settle();
  if (waiting.length === 0) flush.begun();
  transfers.start();
  return flush;
};

const send = (file: FileObject, write: PageWrite): void => {
  const { locks, memory, events } = file.parts;
  const { offset } = write;
  locks.acquire("object", file.number);
  const bytes = Math.min(memory.frameSize, file.length - offset * memory.frameSize);
  const content = new Uint8Array(Math.max(bytes, 0));
  memory.readBytes(file.cache.get(offset) * memory.frameSize, content);
  locks.release("object", file.number);
  if (events.sink !== null) events.sink({ kind: "pager", object: file.number, offset, action: "page-out", what: "written" });
  write.send(file.pager, content, memory.frameSize);
};

/** Tells the pager how long the file has become. Why it could not, or null. */
const keepLength = (file: FileObject): PagerFailure | null => {
  if (file.kept === file.length) return null;
  const { length } = file;
  const failure = setLength(file, length);
  if (failure === null) file.kept = length;
  return failure;
};

/** What the pager says to a length, whatever it does. */
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
