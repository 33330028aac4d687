/**
 * Gives a trace's pages a home in an address space: areas are made for the regions it touches, in place where they fit
 * and elsewhere where they do not.
 *
 * A region is a run of pages with the same rights; small gaps do not end it. A page that the trace both writes and
 * executes gets two homes, one for data and one for code, because no area may do both.
 */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  EXECUTE,
  PortolanError,
  WRITE,
  type AccessMask,
  type AddressSpace,
  type AreaFlags,
  type Machine,
} from "@portolan/core";
import type { Footprint } from "./footprint.js";

/** Where the pages of a trace went. Pages are the machine's, in both address spaces. */
export interface Homes {
  /** The machine's page for data accesses, and for fetches, of a page of the trace. Absent: the page itself. */
  readonly data: ReadonlyMap<number, number>;
  readonly code: ReadonlyMap<number, number>;
  /** Areas made, and how many of them, with how many pages, are not where the trace has them. */
  readonly regions: number;
  readonly movedRegions: number;
  readonly movedPages: number;
  /** Pages with two homes. */
  readonly splitPages: number;
}

interface Region {
  readonly first: number;
  count: number;
  readonly flags: AreaFlags;
  /** It shows code of pages whose data lies elsewhere: it can never be in place. */
  readonly isSecondHome: boolean;
}

/** Untouched pages that do not end a region. */
const GAP = 16;

/**
 * @param isTaken pages of the trace that have a home already, because the program that was loaded has them
 * @param mayMove may regions that do not fit be moved?
 * @throws PortolanError ERR_DOES_NOT_FIT if something would have to move and may not, or there is no room;
 *   ERR_OUT_OF_MEMORY; the space has the areas it had before then
 */
export const settle = (
  machine: Machine,
  space: AddressSpace,
  footprint: Footprint,
  isTaken: (page: number) => boolean,
  mayMove: boolean,
): Homes => {
  const pages = [...footprint.pages.keys()].filter((page) => !isTaken(page)).sort((one, other) => one - other);
  const doneTo = (page: number): AccessMask => footprint.pages.get(page) ?? 0;
  const isSplit = (page: number): boolean => (doneTo(page) & WRITE) !== 0 && (doneTo(page) & EXECUTE) !== 0;
  const first = regionsOf(
    pages,
    (page) => AREA_READ | AREA_CACHEABLE | ((doneTo(page) & WRITE) !== 0 ? AREA_WRITE : (doneTo(page) & EXECUTE) !== 0 ? AREA_EXECUTE : 0),
    isTaken,
    false,
  );
  const second = regionsOf(
    pages.filter(isSplit),
    () => AREA_READ | AREA_EXECUTE | AREA_CACHEABLE,
    () => false,
    true,
  );
  const staying = first.filter((region) => fits(machine, region));
  const moving = [...first.filter((region) => !fits(machine, region)), ...second];
  if (moving.length > 0 && !mayMove) {
    const [one] = moving as [Region];
    const reason = one.isSecondHome ? "pages are both written and executed" : "regions lie outside the user's range";
    throw new PortolanError("ERR_DOES_NOT_FIT", {
      reason,
      regions: moving.length,
      first: BigInt(one.first) * BigInt(machine.parts.units.pageSize),
    });
  }
  const data = new Map<number, number>();
  const code = new Map<number, number>();
  const made: bigint[] = [];
  try {
    for (const region of staying) made.push(place(machine, space, region, true));
    for (const region of moving) {
      const base = place(machine, space, region, false);
      made.push(base);
      const home = machine.parts.units.pageOf(base);
      for (let i = 0; i < region.count; i += 1) {
        const page = region.first + i;
        if (!region.isSecondHome) data.set(page, home + i);
        if (region.isSecondHome || !isSplit(page)) code.set(page, home + i);
      }
    }
  } catch (error) {
    for (const base of made) space.destroyArea(base);
    throw error;
  }
  return {
    data,
    code,
    regions: first.length + second.length,
    movedRegions: moving.length,
    movedPages: moving.reduce((sum, { count }) => sum + count, 0),
    splitPages: pages.filter(isSplit).length,
  };
};

const regionsOf = (
  pages: readonly number[],
  flagsOf: (page: number) => AreaFlags,
  isTaken: (page: number) => boolean,
  isSecondHome: boolean,
): Region[] => {
  const regions: Region[] = [];
  let open: Region | null = null;
  for (const page of pages) {
    const flags = flagsOf(page);
    const end: number = open === null ? 0 : open.first + open.count;
    if (open !== null && open.flags === flags && page - end <= GAP && isFree(end, page, isTaken)) {
      open.count = page - open.first + 1;
    } else {
      open = { first: page, count: 1, flags, isSecondHome };
      regions.push(open);
    }
  }
  return regions;
};

const isFree = (from: number, end: number, isTaken: (page: number) => boolean): boolean => {
  for (let page = from; page < end; page += 1) if (isTaken(page)) return false;
  return true;
};

const fits = (machine: Machine, { first, count, isSecondHome }: Region): boolean => {
  const { units } = machine.parts;
  const { user } = machine.architecture.layout;
  return (
    !isSecondHome &&
    first >= 1 &&
    units.isCanonicalRange(first, count) &&
    first >= units.pageOf(user.first) &&
    first + count - 1 <= units.pageOf(user.last)
  );
};

const place = (machine: Machine, space: AddressSpace, { first, count, flags }: Region, isInPlace: boolean): bigint => {
  const { units } = machine.parts;
  const size = units.bytesOf(count);
  try {
    return isInPlace
      ? space.createArea({ base: units.addressOf(first), size, flags, backend: anonymous }).base
      : space.createArea({ size, flags, backend: anonymous }).base;
  } catch (error) {
    if (!(error instanceof PortolanError) || (error.code !== "ERR_AREA_OVERLAP" && error.code !== "ERR_NO_FREE_RANGE")) throw error;
    throw new PortolanError(
      "ERR_DOES_NOT_FIT",
      { reason: "there is no room for a region of the trace", first: units.addressOf(first), bytes: size },
      error,
    );
  }
};
