/** mmap() and munmap(). @see POSIX.1-2017 mmap(), munmap(); Linux man-pages mmap(2) */
import { mapArea } from "../address-space/map-area.js";
import { unmapRange } from "../address-space/unmap-range.js";
import { areaIn } from "../address-space/each-range.js";
import { FAULT } from "../address-space/fault.js";
import {
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  COPY_ON_WRITE,
  GROWS_DOWN,
  MAY_EXECUTE,
  MAY_READ,
  MAY_WRITE,
  type AreaFlags,
  type AreaMappingTraits,
} from "../area/area-flags.js";
import { READ, WRITE } from "../architecture/rights.js";
import { anonymous } from "../backends/anonymous.js";
import type { Backend } from "../backends/backend.js";
import { FileObject, LONGEST_FILE } from "../objects/file-object.js";
import type { MemoryObject } from "../objects/memory-object.js";
import { isAligned, pageDown, pagesUp, rangeOf } from "./arguments.js";
import { refuse } from "./errno.js";
import { backendOver, closeFile, newFile, type OpenFile } from "./file-system.js";
import type { PosixMemory } from "./memory.js";
import {
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_KNOWN,
  MAP_NONBLOCK,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "./numbers.js";
import { placeFixed, placeHinted } from "./placing.js";

const MAY_ALL = MAY_READ | MAY_WRITE | MAY_EXECUTE;

/** A call of mmap: addresses and lengths are words, in bytes. */
export interface MapCall {
  readonly address: bigint;
  readonly length: bigint;
  readonly protection: number;
  readonly flags: number;
  /** The open file, or null for anonymous memory. */
  readonly file: OpenFile | null;
  readonly offset: bigint;
}

/** What an area is to show, and under which rules. */
interface Shown {
  readonly object: MemoryObject;
  readonly backend: Backend;
  readonly traits: AreaMappingTraits;
  readonly offset: number;
}

/**
 * What a protection lets an area do. Memory that may be written or executed may be read as well: the machines that have
 * neither write-only nor execute-only pages decide for all.
 */
export const rightsOf = (protection: number): AreaFlags => {
  const written = (protection & PROT_WRITE) !== 0 ? AREA_WRITE | AREA_READ : 0;
  const executed = (protection & PROT_EXEC) !== 0 ? AREA_EXECUTE | AREA_READ : 0;
  return ((protection & PROT_READ) !== 0 ? AREA_READ : 0) | written | executed;
};

/** Maps. The address. */
export const map = (memory: PosixMemory, call: MapCall): bigint => {
  const { units, limits, bits, space } = memory;
  const { flags, file } = call;
  // There are no huge pages.
  if ((flags & MAP_HUGETLB) !== 0) return refuse("EINVAL");
  if (call.length === 0n) return refuse("EINVAL");
  const isFixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  const bytes = pagesUp(units, call.length, bits);
  if (bytes === 0n || bytes > limits.endAddress) return refuse("ENOMEM");
  if (space.tree.count > limits.mostAreas) return refuse("ENOMEM");
  const pages = Number(bytes >> BigInt(units.pageShift));
  const first = isFixed ? placeFixed(memory, call.address, bytes) : placeHinted(memory, pageDown(units, call.address), pages);
  if ((flags & MAP_FIXED_NOREPLACE) !== 0 && areaIn(space, first, first + pages) >= 0) return refuse("EEXIST");
  const shown = file === null ? ofMemory(memory, flags, bytes) : ofFile(memory, file, call, pages);
  try {
    mapArea(space, {
      first,
      pages,
      flags: rightsOf(call.protection) | AREA_CACHEABLE,
      replaces: isFixed,
      ...shown,
    });
  } finally {
    // From here on its mappings keep it.
    if (file === null && shown.object instanceof FileObject) closeFile(shown.object);
  }
  if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE) populate(memory, first, pages);
  return units.addressOf(first);
};

/** Unmaps whatever lies in a range. 0. */
export const unmap = (memory: PosixMemory, address: bigint, length: bigint): number => {
  const { units, limits, bits, space } = memory;
  if (!isAligned(units, address) || address > limits.endAddress || length > limits.endAddress - address) return refuse("EINVAL");
  const [first, end] = rangeOf(units, bits, address, length, "EINVAL");
  if (first === end) return refuse("EINVAL");
  // A hole makes two of one.
  if (space.tree.count >= limits.mostAreas && isCut(memory, first) && space.tree.find(first) === space.tree.find(end))
    return refuse("ENOMEM");
  unmapRange(space, first, end - first);
  return 0;
};

/** Does an area have pages on both sides of where this page begins? */
export const isCut = ({ space, parts }: PosixMemory, page: number): boolean => {
  const area = space.tree.find(page);
  return area >= 0 && parts.areas.firstOf(area) < page;
};

/**
 * Brings in what a range will show, as writing to private memory and reading everything else would. It ends where a page
 * cannot be had; that is no failure.
 */
const populate = ({ space, parts }: PosixMemory, first: number, pages: number): void => {
  const { areas } = parts;
  const area = space.tree.find(first);
  const flags = areas.flagsOf(area);
  if ((flags & AREA_READ) === 0) return;
  const isPrivate = (areas.traitsOf(area) & COPY_ON_WRITE) !== 0 || areas.objectOf(area) === parts.backends.anonymous;
  const access = isPrivate && (flags & AREA_WRITE) !== 0 ? WRITE : READ;
  for (let page = first; page < first + pages; page += 1) if (space.pageFault(page, access) === FAULT) return;
};

/** Anonymous memory: a private area's own, or a file without a name that only those it is handed down to ever see. */
const ofMemory = ({ parts }: PosixMemory, flags: number, bytes: bigint): Shown => {
  switch (flags & MAP_TYPE) {
    case MAP_SHARED: {
      if ((flags & MAP_GROWSDOWN) !== 0) return refuse("EINVAL");
      if (bytes > BigInt(LONGEST_FILE)) return refuse("ENOMEM");
      const object = newFile(parts, "shared memory", Number(bytes));
      return { object, backend: backendOver("shared memory", object), traits: MAY_ALL, offset: 0 };
    }
    case MAP_PRIVATE: {
      const traits = (flags & MAP_GROWSDOWN) === 0 ? MAY_ALL : MAY_ALL | GROWS_DOWN;
      return { object: parts.backends.anonymous, backend: anonymous, traits, offset: 0 };
    }
    default:
      return refuse("EINVAL");
  }
};

/** A mapping of a file: whoever opened it has to be able to read, and to write what is written through. */
const ofFile = ({ units }: PosixMemory, file: OpenFile, call: MapCall, pages: number): Shown => {
  const { flags, protection, offset } = call;
  const type = flags & MAP_TYPE;
  const { object, backend } = file.node;
  const isShared = type === MAP_SHARED || type === MAP_SHARED_VALIDATE;
  if (offset + units.bytesOf(pages) >= 1n << (object === null ? 64n : 63n)) return refuse("EOVERFLOW");
  if (type === MAP_SHARED_VALIDATE && (flags & ~(MAP_KNOWN | MAP_TYPE)) !== 0) return refuse("EOPNOTSUPP");
  if (!isShared && type !== MAP_PRIVATE) return refuse("EINVAL");
  if (isShared && (protection & PROT_WRITE) !== 0 && !file.isWritable) return refuse("EACCES");
  if (!file.isReadable) return refuse("EACCES");
  if (object === null) return refuse("ENODEV");
  if ((flags & MAP_GROWSDOWN) !== 0) return refuse("EINVAL");
  const may = isShared && !file.isWritable ? MAY_READ | MAY_EXECUTE : MAY_ALL;
  return { object, backend, traits: isShared ? may : may | COPY_ON_WRITE, offset: Number(offset >> BigInt(units.pageShift)) };
};
