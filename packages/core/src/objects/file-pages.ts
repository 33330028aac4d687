/** Pages that leave a file: beyond its new end, or since their frames are wanted elsewhere. */
import { PortolanError } from "../errors.js";
import { clearTail } from "./file-io.js";
import { unmapEverywhere } from "./file-mappings.js";
import type { FileObject } from "./file-object.js";
import { setLength } from "./file-writeback.js";
import type { MemoryObject } from "./memory-object.js";
import { BUSY, DIRTY, type PageCache } from "./page-cache.js";

/** What a file has to know of the shadows that stand on it: their pages have the file's offsets. */
interface Shadow extends MemoryObject {
  readonly number: number;
  readonly cache: PageCache;
  readonly parts: { readonly frameGone: (frame: number) => void; readonly slotGone: (slot: number) => void };
}

const isShadow = (object: MemoryObject): object is Shadow => object.kind === "shadow";

/** Shadows that stand on the object, on those, and so on. */
const shadowsOf = (object: MemoryObject): Shadow[] =>
  Array.from(object.shadowers ?? []).flatMap((each) => [...(isShadow(each) ? [each] : []), ...shadowsOf(each)]);

/** Areas that may show a page of the file: its own, and those of shadows over it. */
const areasOver = (file: FileObject): number[] => [...file.areas, ...shadowsOf(file).flatMap(({ areas = [] }) => Array.from(areas))];

/**
 * Sets the length. No lock is held.
 * @throws PortolanError ERR_PAGER_FAILED; nothing has changed then
 */
export const truncateFile = (file: FileObject, length: number): void => {
  const { locks, memory, transfers } = file.parts;
  // The pager forgets first: it is the only one who can refuse.
  if (length < file.kept) {
    const failure = setLength(file, length);
    if (failure !== null) throw new PortolanError("ERR_PAGER_FAILED", { file: file.name, length, failure });
    file.kept = length;
  }
  locks.acquire("object", file.number);
  const isShorter = length < file.length;
  if (isShorter) file.length = length;
  const { pages } = file;
  if (isShorter) {
    file.coming.get(pages - 1)?.limit(length - (pages - 1) * memory.frameSize);
    cutOff(file, pages);
  }
  clearTail(file);
  file.length = length;
  locks.release("object", file.number);
  if (isShorter) {
    for (const shadow of shadowsOf(file)) {
      locks.acquire("object", shadow.number);
      shadow.cache.removeRange(pages, Infinity, shadow.parts.frameGone, shadow.parts.slotGone);
      locks.release("object", shadow.number);
    }
    // No fault finds a page beyond the end from here on; frames go with the last entry that maps them.
    unmapEverywhere(file.parts, areasOver(file), pages, Infinity);
  }
  transfers.start();
};

/** Forgets pages from `pages` on, whatever they are about to do. The file is locked. */
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
  const { locks, frames } = file.parts;
  const isFree = (offset: number): boolean => (file.cache.marksOf(offset) & (BUSY | DIRTY)) === 0 && !file.writing.has(offset);
  const over = areasOver(file);
  let dropped = 0;
  for (let offset = file.cache.nextResident(first); offset >= 0 && offset < first + count; offset = file.cache.nextResident(offset + 1)) {
    if (!isFree(offset)) continue;
    unmapEverywhere(file.parts, over, offset, 1);
    locks.acquire("object", file.number);
    const frame = file.cache.get(offset);
    // Somebody may have mapped or written it in between.
    if (frame >= 0 && isFree(offset) && frames.references(frame) === 1) {
      file.cache.remove(offset);
      frames.release(frame);
      dropped += 1;
    }
    locks.release("object", file.number);
  }
  return dropped;
};
