/** What an area permits. Numbers are HelenOS's. @see HelenOS kernel/generic/include/mm/as.h, AS_AREA_* */
import { PAGE_CACHEABLE, PAGE_USER, type PageFlags } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";

/** The low three bits are the accesses themselves, so that `flags & access` answers. */
export const AREA_READ = 1;
/** Pages may be written; never together with {@link AREA_EXECUTE}. */
export const AREA_WRITE = 2;
/** Instructions may be fetched; never together with {@link AREA_WRITE}. */
export const AREA_EXECUTE = 4;
/** Caches may hold the pages; absent for device memory. No access is decided by it. */
export const AREA_CACHEABLE = 8;
/** A sum of `AREA_READ`, `AREA_WRITE`, `AREA_EXECUTE` and `AREA_CACHEABLE`; other bits, no permission, or `AREA_WRITE` with `AREA_EXECUTE` are ERR_AREA_FLAGS. */
export type AreaFlags = number;

/** Trait: the area is private. A write makes a copy in a shadow of its own and never reaches the object in front. */
export const COPY_ON_WRITE = 0x10;
/** Trait: the area grows downwards when the page below it is touched, as stacks do. */
export const GROWS_DOWN = 0x20;
/** Trait: the right may be given later. Areas of HelenOS's calls have none of the three, which restricts nothing. */
export const MAY_READ = 0x40;
/** @see MAY_READ */
export const MAY_WRITE = 0x80;
/** @see MAY_READ */
export const MAY_EXECUTE = 0x100;
/** A sum of `COPY_ON_WRITE`, `GROWS_DOWN`, `MAY_READ`, `MAY_WRITE` and `MAY_EXECUTE`. */
export type AreaMappingTraits = number;

const PERMISSIONS = AREA_READ | AREA_WRITE | AREA_EXECUTE;
const KNOWN = PERMISSIONS | AREA_CACHEABLE;

/**
 * The one validator of area flags, for creation, sharing and changes alike.
 * @throws PortolanError ERR_AREA_FLAGS for bits nobody knows, for no permission at all, and for writable and
 *   executable at once
 */
export const checkAreaFlags = (flags: AreaFlags): void => {
  if (!Number.isInteger(flags) || flags < 0 || flags > KNOWN) {
    throw new PortolanError("ERR_AREA_FLAGS", { flags, known: KNOWN });
  }
  if ((flags & PERMISSIONS) === 0) throw new PortolanError("ERR_AREA_FLAGS", { flags, permissions: "none" });
  if ((flags & AREA_WRITE) !== 0 && (flags & AREA_EXECUTE) !== 0) {
    throw new PortolanError("ERR_AREA_FLAGS", { flags, permissions: "writable and executable at once" });
  }
};

/**
 * The page flags of mappings in an area: what the area permits, and whose they are.
 * @param owner PAGE_USER for a user's, never global; of the kernel's: PAGE_GLOBAL where spaces share them, or nothing
 */
export const pageFlagsOf = (flags: AreaFlags, owner: PageFlags = PAGE_USER): PageFlags =>
  (flags & PERMISSIONS) | owner | ((flags & AREA_CACHEABLE) !== 0 ? PAGE_CACHEABLE : 0);

/** `"rw-c"` and the like, for people. */
export const areaFlagsInWords = (flags: AreaFlags): string =>
  `${(flags & AREA_READ) !== 0 ? "r" : "-"}${(flags & AREA_WRITE) !== 0 ? "w" : "-"}` +
  `${(flags & AREA_EXECUTE) !== 0 ? "x" : "-"}${(flags & AREA_CACHEABLE) !== 0 ? "c" : "-"}`;
