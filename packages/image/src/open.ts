import { PortolanError } from "@portolan/core";
import { CachedSource } from "./cache.js";
import type { ByteSource, MemoryImage, OpenOptions } from "./image.js";
import { readRaw } from "./raw.js";
import { imageOver } from "./regions.js";

const CACHED_BLOCKS = 4096;

/**
 * Opens an image: reads its headers, and nothing of the memory.
 *
 * @throws PortolanError `ERR_BAD_IMAGE` for headers that cannot be, `ERR_IMAGE_UNSUPPORTED` for a format that is known and not
 *   read, `ERR_BAD_ARGUMENT` for options that cannot be; whatever the source throws
 */
export const openImage = async (source: ByteSource, options: OpenOptions = {}): Promise<MemoryImage> => {
  const { cachedBlocks = CACHED_BLOCKS } = options;
  if (!Number.isSafeInteger(cachedBlocks) || cachedBlocks < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { cachedBlocks });
  const cached = new CachedSource(source, cachedBlocks);
  return imageOver("raw", cached, readRaw(source.size, options));
};
