import { PortolanError } from "@portolan/core/architecture";
import type { CachedSource } from "./cache.js";
import type { ImageRegion, OpenOptions } from "./image.js";
import { NOBODY, PHYSICAL_END, type Findings } from "./regions.js";

/**
 * Raw physical memory: byte 0 of the file is the byte at `base`, less the holes.
 *
 * @throws PortolanError `ERR_BAD_ARGUMENT` for a base or holes that cannot be
 */
export const readRaw = ({ size }: CachedSource, { base = 0, holes = [] }: OpenOptions): Findings => {
  if (!Number.isSafeInteger(base) || base < 0 || base + size > PHYSICAL_END) throw new PortolanError("ERR_BAD_ARGUMENT", { base, size });
  const regions: ImageRegion[] = [];
  let first = base;
  let offset = 0;
  for (const hole of holes) {
    const isRange = Number.isSafeInteger(hole.first) && Number.isSafeInteger(hole.bytes) && hole.bytes > 0;
    if (!isRange || hole.first < first || hole.first + hole.bytes > PHYSICAL_END) {
      throw new PortolanError("ERR_BAD_ARGUMENT", { hole: hole.first, bytes: hole.bytes, after: first });
    }
    const bytes = Math.min(hole.first - first, size - offset);
    if (bytes > 0) regions.push({ first, bytes, offset });
    offset += hole.first - first + (hole.stored === false ? 0 : hole.bytes);
    first = hole.first + hole.bytes;
    if (offset >= size) break;
  }
  if (offset < size) {
    if (first + size - offset > PHYSICAL_END) throw new PortolanError("ERR_BAD_ARGUMENT", { base, size });
    regions.push({ first, bytes: size - offset, offset });
  }
  return { regions, ...NOBODY, remarks: [] };
};
