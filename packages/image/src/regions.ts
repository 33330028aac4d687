import { PortolanError, type TranslationState } from "@portolan/core/architecture";
import type { CachedSource } from "./cache.js";
import type { ImageFormat, ImageProcessor, ImageRegion, MemoryImage } from "./image.js";

/** One past the last physical address that an image can have: no machine has more than 52 bits of them. */
export const PHYSICAL_END = 2 ** 52;

/** What a reader found out about an image. */
export type Findings = Omit<MemoryImage, "read" | "format">;

/** An image over its list of regions. */
export const imageOver = (format: ImageFormat, source: CachedSource, findings: Findings): MemoryImage => {
  const { regions } = findings;
  return {
    format,
    ...findings,
    read: async (physical, target) => {
      if (!Number.isSafeInteger(physical) || physical < 0) throw new PortolanError("ERR_BAD_ARGUMENT", { physical });
      let done = 0;
      for (let i = regionAt(regions, physical); done < target.length; i++) {
        const region = regions[i];
        const inside = physical + done - (region?.first ?? 0);
        if (region === undefined || inside < 0) break;
        const piece = target.subarray(done, done + region.bytes - inside);
        await source.read(region.offset + inside, piece);
        done += piece.length;
      }
      return done;
    },
  };
};

/** The number of the first region that ends behind `physical`; the number of regions if none does. */
const regionAt = (regions: readonly ImageRegion[], physical: number): number => {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const region = regions[middle];
    if (region !== undefined && region.first + region.bytes <= physical) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Of processors formats without notes tell nothing. */
export const NOBODY: { readonly processors: readonly ImageProcessor[]; readonly states: readonly TranslationState[] } = {
  processors: [],
  states: [],
};
