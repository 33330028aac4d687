import { PortolanError } from "@portolan/core/architecture";
import { CachedSource } from "./cache.js";
import type { ByteSource, ImageFormat, MemoryImage, OpenOptions } from "./image.js";
import { readElf } from "./elf/read.js";
import { readLime } from "./lime.js";
import { readRaw } from "./raw.js";
import { recognise } from "./recognise.js";
import { imageOver, type Findings } from "./regions.js";

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
  if (!Number.isSafeInteger(source.size) || source.size < 0) throw new PortolanError("ERR_BAD_ARGUMENT", { size: source.size });
  const cached = new CachedSource(source, cachedBlocks);
  const format = options.format ?? (await recognise(cached));
  return imageOver(format, cached, await READERS[format](cached, options));
};

const READERS: Readonly<Record<ImageFormat, (source: CachedSource, options: OpenOptions) => Findings | Promise<Findings>>> = {
  raw: readRaw,
  "elf-core": readElf,
  lime: readLime,
};
