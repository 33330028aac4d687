import type { ByteSource } from "./image.js";
import { badImage } from "./trouble.js";

/** The part of a `Blob` (a `File` too) that is used: no DOM types are needed to compile against this package. */
export interface BlobLike {
  /** In bytes. */
  readonly size: number;
  /** The bytes from `start` to before `end`. */
  slice(start: number, end: number): BlobSlice;
}

/** A piece of a blob, whose bytes come when they are asked for. */
export interface BlobSlice {
  /** Its bytes. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** A Blob, as a page gets it from a file input; only the slices that are asked for are read. */
export const blobSource = (blob: BlobLike): ByteSource => ({
  size: blob.size,
  read: async (offset, target) => {
    const bytes = new Uint8Array(await blob.slice(offset, offset + target.length).arrayBuffer());
    if (bytes.length < target.length) throw badImage(offset + bytes.length, "the blob has become shorter");
    target.set(bytes);
  },
});

/** Bytes that are in memory already. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, target) => {
    target.set(bytes.subarray(offset, offset + target.length));
    return Promise.resolve();
  },
});
