import { PortolanError } from "@portolan/core/architecture";
import { checkRegions, counted, zeros, type RegionContents } from "./contents.js";

/** How to write raw memory. */
export interface RawOptions {
  /** Physical address of the file's first byte; 0 where nothing is said. */
  readonly base?: number;
  /** Writes the regions one after the other, without zeros for the holes between them. */
  readonly packed?: boolean;
}

/**
 * Raw memory, piece by piece. Each piece is the writer's until the next one is asked for.
 *
 * @throws PortolanError `ERR_BAD_ARGUMENT` for regions that overlap, do not ascend, lie below the base, or give other bytes than they say
 */
export async function* writeRaw(
  regions: Iterable<RegionContents>,
  { base = 0, packed = false }: RawOptions = {},
): AsyncGenerator<Uint8Array> {
  const all = [...regions];
  checkRegions(all);
  let end = base;
  for (const region of all) {
    if (region.first < base) throw new PortolanError("ERR_BAD_ARGUMENT", { first: region.first, base });
    if (!packed) yield* zeros(region.first - end);
    yield* counted(region);
    end = region.first + region.bytes;
  }
}
