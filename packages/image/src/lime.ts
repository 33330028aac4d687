import type { CachedSource } from "./cache.js";
import type { ImageRegion, OpenOptions } from "./image.js";
import { NOBODY, PHYSICAL_END, type Findings } from "./regions.js";
import { badImage, hex, unsupported } from "./trouble.js";

export const LIME_MAGIC = 0x4c694d45;
export const LIME_HEADER_BYTES = 32;
/** Most ranges that are read; kernels have dozens. */
const MOST_RANGES = 2 ** 16;

/**
 * LiME, version 1: before each range of memory a header of 32 bytes, with magic, version, first and last address; ranges ascend.
 *
 * @see LiME doc/README, LiME Memory Range Header
 * @throws PortolanError `ERR_BAD_IMAGE`, `ERR_IMAGE_UNSUPPORTED`
 */
export const readLime = async (source: CachedSource, { truncated = false }: OpenOptions): Promise<Findings> => {
  const regions: ImageRegion[] = [];
  const remarks: string[] = [];
  const bytes = new Uint8Array(LIME_HEADER_BYTES);
  const header = new DataView(bytes.buffer);
  let isLittle = true;
  let last = -1n;
  for (let at = 0; at < source.size;) {
    if (at + LIME_HEADER_BYTES > source.size) {
      if (!truncated)
        throw badImage(at, `a header of ${LIME_HEADER_BYTES} bytes does not fit before the end of the file, which has ${source.size}`);
      remarks.push("the file ends within a header");
      break;
    }
    if (regions.length === MOST_RANGES) throw badImage(at, `there are more than ${MOST_RANGES} ranges`);
    await source.read(at, bytes);
    if (at === 0) isLittle = header.getUint32(0, true) === LIME_MAGIC;
    if (header.getUint32(0, isLittle) !== LIME_MAGIC) throw badImage(at, "no LiME header starts like this");
    const version = header.getUint32(4, isLittle);
    if (version !== 1) throw unsupported(`LiME, version ${version}`);
    const first = header.getBigUint64(8, isLittle);
    const end = header.getBigUint64(16, isLittle);
    if (end < first) throw badImage(at, `the range ends at ${hex(end)}, before it starts at ${hex(first)}`);
    if (first <= last) throw badImage(at, `the range starts at ${hex(first)}, and the one before it ends at ${hex(last)}: ranges ascend`);
    if (end >= BigInt(PHYSICAL_END)) throw badImage(at, `the range ends at ${hex(end)}, and physical addresses have at most 52 bits`);
    const offset = at + LIME_HEADER_BYTES;
    let size = Number(end - first) + 1;
    if (offset + size > source.size) {
      if (!truncated) throw badImage(at, `the range would end at byte ${offset + size} of the file, which has ${source.size}`);
      remarks.push(`the range at ${hex(first)} ends behind the file, and is cut there`);
      size = source.size - offset;
    }
    if (size > 0) regions.push({ first: Number(first), bytes: size, offset });
    last = end;
    at = offset + size;
  }
  if (source.size === 0) throw badImage(0, "it is empty");
  return { regions, ...NOBODY, remarks };
};
