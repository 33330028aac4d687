/** Files, for programs that run in Node; a browser bundle does not import this. */
import { PortolanError } from "@portolan/core";
import { open } from "node:fs/promises";
import type { ByteSource } from "./image.js";

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
      for (let done = 0; done < target.length; ) {
        const { bytesRead } = await file.read(target, done, target.length - done, offset + done);
        if (bytesRead === 0) throw new PortolanError("ERR_BAD_IMAGE", { at: offset + done, because: "the file has become shorter" });
        done += bytesRead;
      }
    },
    close: () => file.close(),
  };
};
