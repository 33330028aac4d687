/** Reading and writing a file as read() and write() do: through its page cache, page by page, as far as it goes. */
import { PortolanError } from "../errors.js";
import { FIRST_WANTED, hasReclaimed } from "../swap/with-reclaim.js";
import type { FileObject } from "./file-object.js";
import { ON_ITS_WAY } from "./memory-object.js";
import type { Transfer } from "./transfer.js";

/** Why a read or a write ended: all was done (or the file ended), or a page could not be had. */
export interface FileVerdict {
  rule: "done" | "the page is on its way" | "the page could not be read" | "out of memory";
  /** With "the page is on its way": what to wait for, and then to go on behind the bytes that are done. */
  waitsFor: Transfer | null;
}

/** Bytes from `offsetBytes` on into `target`, up to the end of the file. No lock is held. */
export const readFile = (file: FileObject, offsetBytes: number, target: Uint8Array): number => {
  const { memory } = file.parts;
  const size = memory.frameSize;
  return eachPage(file, offsetBytes, target.length, (at, done, length) => {
    const left = Math.min(length, file.length - at);
    if (left <= 0) return END;
    const page = Math.floor(at / size);
    const within = at - page * size;
    const frame = file.resident(page);
    if (frame < 0) return frame;
    const count = Math.min(left, size - within);
    memory.readBytes(frame * size + within, target.subarray(done, done + count));
    return count;
  });
};

/** Bytes of `source` to `offsetBytes` and after; the file grows where it has to. No lock is held. */
export const writeFile = (file: FileObject, offsetBytes: number, source: Uint8Array): number => {
  const { memory, frames } = file.parts;
  const size = memory.frameSize;
  return eachPage(file, offsetBytes, source.length, (at, done, length) => {
    const page = Math.floor(at / size);
    const within = at - page * size;
    const count = Math.min(length, size - within);
    const isWhole = within === 0 && (count === size || at + count >= file.length);
    let frame: number;
    if (page >= file.pages || (isWhole && file.cache.get(page) < 0)) {
      // Nothing of it is to be read first: it is all new.
      frame = frames.takeZeroed();
      try {
        file.cache.insert(page, frame);
      } catch (error) {
        frames.release(frame);
        throw error;
      }
    } else {
      frame = file.resident(page);
      if (frame < 0) return frame;
    }
    if (at > file.length) clearTail(file);
    memory.writeBytes(frame * size + within, source.subarray(done, done + count));
    file.markDirty(page);
    if (at + count > file.length) file.length = at + count;
    return count;
  });
};

/**
 * What lies behind the end in the last page becomes part of the file: it reads as zeroes, whatever was stored there
 * through a mapping. The file is locked, and the page is not on its way: that is zeroed when it comes.
 */
export const clearTail = (file: FileObject): void => {
  const { memory } = file.parts;
  const size = memory.frameSize;
  const page = Math.floor(file.length / size);
  const within = file.length - page * size;
  if (within === 0 || file.cache.get(page) < 0 || file.coming.has(page)) return;
  memory.writeBytes(file.cache.get(page) * size + within, new Uint8Array(size - within));
};

const END = 0;

/** A pager that throws each page out again before it is used is not asked for ever. */
const MOST_ROUNDS = 16;

/**
 * Goes page by page, under one lock as long as pages are in memory. `step` answers the bytes that it did, {@link END}, or
 * what `resident` answered that is no frame; it is tried again when a pager has answered at once, or frames were reclaimed.
 */
const eachPage = (
  file: FileObject,
  offsetBytes: number,
  length: number,
  step: (at: number, done: number, length: number) => number,
): number => {
  const { locks, transfers } = file.parts;
  const { verdict } = file;
  verdict.rule = "done";
  verdict.waitsFor = null;
  let done = 0;
  let wanted = FIRST_WANTED;
  for (let rounds = 0; done < length;) {
    let count = 0;
    let waitsFor: Transfer | null = null;
    let isShort = false;
    locks.acquire("object", file.number);
    try {
      do {
        done += count;
        if (count > 0) rounds = 0;
        count = done < length ? step(offsetBytes + done, done, length - done) : END;
      } while (count > END);
      if (count === ON_ITS_WAY) waitsFor = transfers.latest;
    } catch (error) {
      if (!(error instanceof PortolanError && error.errno === "ENOMEM")) throw error;
      isShort = error.code === "ERR_OUT_OF_FRAMES";
      verdict.rule = "out of memory";
    } finally {
      locks.release("object", file.number);
    }
    if (isShort && hasReclaimed(file.parts, wanted)) {
      wanted *= 2;
      verdict.rule = "done";
      continue;
    }
    if (waitsFor === null) return done;
    transfers.start();
    rounds += 1;
    // It came at once, or nobody wants it any more: the same page again.
    if ((waitsFor.state === "arrived" || waitsFor.state === "given up") && rounds < MOST_ROUNDS) continue;
    verdict.waitsFor = waitsFor.isOver ? null : waitsFor;
    verdict.rule = waitsFor.isOver ? ruleOf(waitsFor) : "the page is on its way";
    return done;
  }
  return done;
};

const ruleOf = ({ failure }: Transfer): FileVerdict["rule"] => (failure === "ENOMEM" ? "out of memory" : "the page could not be read");
