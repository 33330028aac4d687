/** An area that shows pages of a file. */
import { AREA_WRITE, COPY_ON_WRITE } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import { LONGEST_FILE, type FileObject } from "../objects/file-object.js";
import type { Backend } from "./backend.js";

/** Which part of the file an area shows, and whose its writes are. */
export interface FileView {
  /** Page of the file that the area begins with; 0 where absent. */
  readonly offset?: number;
  /** Do writes stay with the area? False where absent: they reach the file, and everybody else who maps it. */
  readonly isPrivate?: boolean;
}

/**
 * Pages of a file, from its cache. A page beyond the file's end is a bus error, now or later: the file may become longer,
 * or shorter, while areas show it.
 */
export const file = (object: FileObject, view: FileView = {}): Backend => {
  const { offset = 0, isPrivate = false } = view;
  return {
    name: "file",
    isShareable: !isPrivate,
    canChangeFlags: false,
    offset,
    traits: isPrivate ? COPY_ON_WRITE : 0,
    open(parts, pages, flags) {
      if (!Number.isSafeInteger(offset) || offset < 0 || offset + pages > LONGEST_FILE)
        throw new PortolanError("ERR_BAD_ARGUMENT", { offset, pages, most: LONGEST_FILE });
      if (object.isGone) throw new PortolanError("ERR_FILE_GONE", { file: object.name });
      if (object.parts.memory !== parts.memory) throw new PortolanError("ERR_BAD_ARGUMENT", { file: "of another machine" });
      if (!isPrivate && !object.isWritable && (flags & AREA_WRITE) !== 0)
        throw new PortolanError("ERR_FILE_READ_ONLY", { file: object.name });
      return object;
    },
  };
};
