/** Files, for programs that run in Node; a browser bundle does not import this. */
import { open, type FileHandle } from "node:fs/promises";
import type { ByteSource } from "./image.js";
import { badImage } from "./trouble.js";

/** A file that is held open. */
export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/**
 * A file, read where it is asked for.
 *
 * @throws what the file system says; on reading, PortolanError `ERR_BAD_IMAGE` if the file has become shorter since
 */
export const fileSource = async (path: string): Promise<FileSource> => {
  const file = await open(path, "r");
  const { size } = await file.stat();
  return {
    size,
    read: async (offset, target) => {
      for (let done = 0; done < target.length;) {
        const { bytesRead } = await file.read(target, done, target.length - done, offset + done);
        if (bytesRead === 0) throw badImage(offset + done, "the file has become shorter");
        done += bytesRead;
      }
    },
    close: () => file.close(),
  };
};

/**
 * Writes pieces into a file, one after the other; stretches of zeros become holes of the file, where the file system has such.
 *
 * @returns the file's size, in bytes
 * @throws what the pieces or the file system throw; what was written until then is left
 */
export const writeToFile = async (path: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<number> => {
  const file = await open(path, "w");
  try {
    let size = 0;
    for await (const piece of pieces) {
      if (!isZero(piece)) await writeAll(file, piece, size);
      size += piece.length;
    }
    await file.truncate(size);
    return size;
  } finally {
    await file.close();
  }
};

const writeAll = async (file: FileHandle, piece: Uint8Array, at: number): Promise<void> => {
  for (let done = 0; done < piece.length;) {
    const { bytesWritten } = await file.write(piece, done, piece.length - done, at + done);
    done += bytesWritten;
  }
};

const NOTHING = Buffer.alloc(2 ** 16);

const isZero = (piece: Uint8Array): boolean => {
  for (let at = 0; at < piece.length; at += NOTHING.length) {
    const part = piece.subarray(at, at + NOTHING.length);
    if (!NOTHING.subarray(0, part.length).equals(part)) return false;
  }
  return true;
};
