import { LIME_HEADER_BYTES, LIME_MAGIC } from "../lime.js";
import { checkRegions, counted, type RegionContents } from "./contents.js";

/**
 * LiME, version 1, little-endian, piece by piece.
 *
 * @see LiME doc/README, LiME Memory Range Header
 * @throws PortolanError `ERR_BAD_ARGUMENT` for regions that overlap, do not ascend, or give other bytes than they say
 */
export async function* writeLime(regions: Iterable<RegionContents>): AsyncGenerator<Uint8Array> {
  const all = [...regions];
  checkRegions(all);
  for (const region of all) {
    const header = new DataView(new ArrayBuffer(LIME_HEADER_BYTES));
    header.setUint32(0, LIME_MAGIC, true);
    header.setUint32(4, 1, true);
    header.setBigUint64(8, BigInt(region.first), true);
    header.setBigUint64(16, BigInt(region.first + region.bytes - 1), true);
    yield new Uint8Array(header.buffer);
    yield* counted(region);
  }
}
