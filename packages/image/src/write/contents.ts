import { PortolanError } from "@portolan/core/architecture";
import type { MemoryImage } from "../image.js";
import { PHYSICAL_END } from "../regions.js";

/** A stretch of physical memory to be written, and how to come by its bytes when their turn comes. */
export interface RegionContents {
  /** Physical address of the first byte. */
  readonly first: number;
  readonly bytes: number;
  /** Pieces of any size that together have `bytes` bytes; each may be changed once the next one is asked for. */
  contents(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** A stretch whose bytes are in memory already. */
export const regionOf = (first: number, bytes: Uint8Array): RegionContents => ({ first, bytes: bytes.length, contents: () => [bytes] });

const PIECE_BYTES = 2 ** 18;

/** What an image has, to be written in another format. Regions that touch are one. */
export const regionsOf = (image: MemoryImage): readonly RegionContents[] => {
  const spans: { first: number; bytes: number }[] = [];
  for (const { first, bytes } of image.regions) {
    const last = spans.at(-1);
    if (last !== undefined && last.first + last.bytes === first) last.bytes += bytes;
    else spans.push({ first, bytes });
  }
  return spans.map(({ first, bytes }) => ({ first, bytes, contents: () => piecesOf(image, first, bytes) }));
};

async function* piecesOf(image: MemoryImage, first: number, bytes: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, bytes));
  for (let done = 0; done < bytes;) {
    const count = await image.read(first + done, piece.subarray(0, Math.min(piece.length, bytes - done)));
    yield piece.subarray(0, count);
    done += count;
  }
}

/** @throws PortolanError `ERR_BAD_ARGUMENT` unless the regions are in physical memory, not empty, ascending and disjoint */
export const checkRegions = (regions: readonly RegionContents[]): void => {
  let end = 0;
  for (const { first, bytes } of regions) {
    const isRange = Number.isSafeInteger(first) && Number.isSafeInteger(bytes) && bytes > 0 && first + bytes <= PHYSICAL_END;
    if (!isRange || first < end) throw new PortolanError("ERR_BAD_ARGUMENT", { first, bytes, after: end });
    end = first + bytes;
  }
};

/** The bytes of a region, counted. @throws PortolanError `ERR_BAD_ARGUMENT` if they are not as many as it says */
export async function* counted(region: RegionContents): AsyncGenerator<Uint8Array> {
  const { first, bytes } = region;
  let done = 0;
  for await (const piece of region.contents()) {
    done += piece.length;
    if (done > bytes) break;
    if (piece.length > 0) yield piece;
  }
  if (done !== bytes) throw new PortolanError("ERR_BAD_ARGUMENT", { first, bytes, given: done });
}

const ZEROS = new Uint8Array(2 ** 16);

/** So many zero bytes, in pieces that nobody may change. */
export function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= ZEROS.length) yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
}
