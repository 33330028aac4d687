/**
 * The face that HelenOS programs know: its names, its arguments, its result numbers. Every call works on one space,
 * its caller's.
 *
 * @see HelenOS kernel/generic/src/mm/as.c, sys_as_area_*(); abi/include/abi/errno.h
 */
import { AREA_CACHEABLE, checkAreaFlags, type AreaFlags } from "../area/area-flags.js";
import { anonymous } from "../backends/anonymous.js";
import { PortolanError, type Errno } from "../errors.js";
import type { Wide } from "../units/address-units.js";
import type { AddressSpace, AreaInfo } from "./address-space.js";

/** Success. */
export const EOK = 0;
/** Result numbers as in 2008: later kernels added a number between EHANGUP and EEXISTS, and turned their signs. */
export const ERRNO: Readonly<Record<Exclude<Errno, "EACCES">, number>> = {
  ENOENT: -1,
  ENOMEM: -2,
  EPERM: -6,
  EEXISTS: -8,
  ENOTSUP: -10,
  EADDRNOTAVAIL: -11,
  EINVAL: -13,
  EBUSY: -14,
};

/** What a failed creation returns: all bits set, which is no page-aligned address. */
export const AS_MAP_FAILED = -1n;

/**
 * System calls on behalf of one address space. What a program gets wrong comes back as a negative number of
 * {@link ERRNO}, never as an exception, and has changed nothing; {@link ERRNO} and docs/errors.md say which error gives which.
 */
export class Syscalls {
  readonly #space: AddressSpace;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  /** Anonymous memory, always cacheable. The address, or AS_MAP_FAILED. */
  as_area_create(address: Wide, size: Wide, flags: AreaFlags): bigint {
    try {
      return this.#space.createArea({ base: address, size, flags: cacheable(flags), backend: anonymous }).base;
    } catch (error) {
      resultOf(error);
      return AS_MAP_FAILED;
    }
  }

  /** As `as_area_create`, wherever there is room at or above `lowest`. */
  as_area_create_anywhere(size: Wide, flags: AreaFlags, lowest?: Wide): bigint {
    try {
      const bound = lowest === undefined ? {} : { lowest };
      return this.#space.createArea({ size, flags: cacheable(flags), backend: anonymous, ...bound }).base;
    } catch (error) {
      resultOf(error);
      return AS_MAP_FAILED;
    }
  }

  /** `flags` is unused, as ever. */
  as_area_resize(address: Wide, size: Wide, _flags: AreaFlags): number {
    return attempt(() => this.#space.resizeArea(address, size));
  }

  /** Cacheability stays as it is. */
  as_area_change_flags(address: Wide, flags: AreaFlags): number {
    return attempt(() => this.#space.changeAreaFlags(address, flags, true));
  }

  /** Destroys the area that holds an address, wherever in it. EOK, or ENOENT where there is none. */
  as_area_destroy(address: Wide): number {
    return attempt(() => this.#space.destroyArea(address));
  }

  /** Bytes of the area that holds an address; 0 where there is none. @throws PortolanError ERR_BAD_ADDRESS */
  as_area_get_size(address: Wide): bigint {
    return this.#space.areaSize(address);
  }

  /** All areas of the space in order of their addresses; copies. */
  as_get_area_info(): AreaInfo[] {
    return [...this.#space.areas()];
  }
}

/** Looked at before anything is added to them: bit operators would lose what is wrong with them. */
const cacheable = (flags: AreaFlags): AreaFlags => {
  checkAreaFlags(flags);
  return flags | AREA_CACHEABLE;
};

const attempt = (operation: () => void): number => {
  try {
    operation();
    return EOK;
  } catch (error) {
    return resultOf(error);
  }
};

/** HelenOS had no EACCES then: what may never be permitted is not permitted. */
const resultOf = (error: unknown): number => {
  if (error instanceof PortolanError) return ERRNO[error.errno === "EACCES" ? "EPERM" : error.errno];
  throw error;
};
