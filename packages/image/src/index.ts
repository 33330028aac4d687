/** Images of physical memory, read and written piece by piece. Pure: bytes come from the caller; files have the door `./node`, listings of TLBs `./listings`. */
export type {
  ByteSource,
  ElfIdentity,
  Hole,
  ImageFormat,
  ImageProcessor,
  ImageRegion,
  MemoryImage,
  OpenOptions,
  VmcoreInfo,
} from "./image.js";
export { openImage } from "./open.js";
export { blobSource, bytesSource, type BlobLike, type BlobSlice } from "./source.js";
export { regionOf, regionsOf, type RegionContents } from "./write/contents.js";
export { writeElf, type ElfOptions } from "./write/elf.js";
export { writeLime } from "./write/lime.js";
export { writeRaw, type RawOptions } from "./write/raw.js";
