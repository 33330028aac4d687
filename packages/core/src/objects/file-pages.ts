/** Pages that leave a file: beyond its new end, or since their frames are wanted elsewhere. */
import { PortolanError } from "../errors.js";
import { clearTail } from "./file-io.js";
import { areasOver, shadowsOf, unmapEverywhere, withAllLocked } from "./file-mappings.js";
import type { FileObject } from "./file-object.js";
import { setLength } from "./file-writeback.js";
import { BUSY, DIRTY } from "./page-cache.js";

/**
 * Sets the length. No lock is held.
 * @throws PortolanError ERR_PAGER_FAILED; nothing has changed then
 */
export const truncateFile = (file: FileObject, length: number): void => {
  const { memory, transfers } = file.parts;
  withAllLocked(file, () => {
    // The pager forgets first: it is the only one who can refuse.
    if (length < file.kept) {
      const failure = setLength(file, length);
      if (failure !== null) throw new PortolanError("ERR_PAGER_FAILED", { file: file.name, length, failure });
      file.kept = length;
    }
    const pages = Math.ceil(length / memory.frameSize);
    if (length < file.length) {
      unmapEverywhere(file.parts, areasOver(file), pages, Infinity);
      for (const { cache, parts } of shadowsOf(file)) cache.removeRange(pages, Infinity, parts.frameGone, parts.slotGone);
      file.length = length;
      file.coming.get(pages - 1)?.limit(length - (pages - 1) * memory.frameSize);
      cutOff(file, pages);
    }
    clearTail(file);
    file.length = length;
  });
  transfers.start();
};

/** Forgets pages from `pages` on, whatever they are about to do. All is locked. */
const cutOff = (file: FileObject, pages: number): void => {
  const { frames, transfers } = file.parts;
  for (const transfer of Array.from(file.coming.values())) if (transfer.offset >= pages) transfer.cancel();
  for (const [offset, write] of file.writing) {
    if (offset < pages) continue;
    file.writing.delete(offset);
    write.cancel((work) => transfers.later(work));
  }
  for (let offset = file.cache.nextResident(pages); offset >= 0; offset = file.cache.nextResident(offset + 1)) {
    file.markClean(offset);
    frames.release(file.cache.remove(offset));
  }
};

/** Takes clean pages of [first, first + count) away that nobody is busy with. No lock is held. How many went. */
export const dropClean = (file: FileObject, first: number, count: number): number => {
  const isFree = (offset: number): boolean => (file.cache.marksOf(offset) & (BUSY | DIRTY)) === 0 && !file.writing.has(offset);
  let dropped = 0;
  for (let offset = file.cache.nextResident(first); offset >= 0 && offset < first + count; offset = file.cache.nextResident(offset + 1)) {
    if (isFree(offset) && withAllLocked(file, () => isFree(offset) && drop(file, offset))) dropped += 1;
  }
  return dropped;
};

/**
 * A page goes from every space, and then from the file; unless somebody has pinned its frame, or there is no memory to note
 * that an area's used pages have a hole. All is locked.
 */
const drop = (file: FileObject, offset: number): boolean => {
  const { frames } = file.parts;
  try {
    unmapEverywhere(file.parts, areasOver(file), offset, 1);
  } catch (error) {
    if (error instanceof PortolanError && error.errno === "ENOMEM") return false;
    throw error;
  }
  const frame = file.cache.get(offset);
  if (frame < 0 || frames.references(frame) > 1) return false;
  file.cache.remove(offset);
  frames.release(frame);
  return true;
};
