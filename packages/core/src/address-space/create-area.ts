/** Making an area: every check first, then everything that can fail, then the change. */
import { checkAreaFlags, type AreaFlags } from "../area/area-flags.js";
import type { Backend } from "../backends/backend.js";
import { PortolanError } from "../errors.js";
import type { Wide } from "../units/address-units.js";
import type { AddressSpace, AreaInfo } from "./address-space.js";

/** What a new area should be like. Addresses and sizes are bytes. */
export interface AreaRequest {
  /** First address, page aligned; absent: wherever there is room between the bounds. */
  readonly base?: Wide;
  /** Bytes; rounded up to pages. */
  readonly size: Wide;
  readonly flags: AreaFlags;
  /** `null`: no fault is served; mappings are set by hand. */
  readonly backend: Backend | null;
  /** Keeps one unmapped page on either side. */
  readonly guard?: boolean;
  /** Without a base: lowest and highest (inclusive) address to consider; the user range where absent. */
  readonly lowest?: Wide;
  readonly highest?: Wide;
}

/**
 * @returns what it is like
 * @throws PortolanError ERR_MISALIGNED, ERR_BAD_ARGUMENT, ERR_AREA_FLAGS, ERR_AREA_RANGE, ERR_AREA_OVERLAP,
 *   ERR_NO_FREE_RANGE, ERR_OUT_OF_MEMORY, and what the backend objects to; nothing has changed then
 * @see HelenOS kernel/generic/src/mm/as.c, as_area_create()
 */
export const createArea = (space: AddressSpace, request: AreaRequest, partial: boolean): AreaInfo => {
  const { parts } = space;
  const pages = parts.units.pagesFor(request.size);
  checkAreaFlags(request.flags);
  // Without one nothing would ever come in: that is said with null, not by forgetting it.
  if (request.backend === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { backend: "none", rule: "a backend, or null" });
  const guard = request.guard === true;
  const wanted = request.base === undefined ? -1 : parts.units.alignedPageOf(request.base, "base");
  parts.locks.acquire("address-space", space.id);
  try {
    const first = wanted < 0 ? space.placement.choose(request, pages, guard) : wanted;
    if (wanted >= 0) space.placement.check(first, pages, -1, guard);
    const object = request.backend === null ? null : request.backend.open(parts.backends, pages, request.flags);
    const area = parts.areas.create(space.id, first, pages, request.flags, { partial, guard });
    try {
      parts.areas.setBackend(area, request.backend);
      parts.areas.setTraits(area, request.backend?.traits ?? 0);
      if (object !== null) parts.areas.setObject(area, object, request.backend?.offset ?? 0);
      space.tree.insert(area);
    } catch (error) {
      parts.areas.destroy(area);
      throw error;
    }
    if (object !== null) object.link(area);
    const sink = parts.events.sink;
    if (sink !== null) sink({ kind: "area", space: space.id, first, pages, action: "create" });
    return space.info(area);
  } finally {
    parts.locks.release("address-space", space.id);
  }
};

/** The area at an address, complete. @throws PortolanError ERR_AREA_NOT_FOUND, ERR_AREA_BUSY, ERR_BAD_ADDRESS */
export const areaAt = (space: AddressSpace, address: Wide): number => {
  const area = space.tree.find(space.parts.units.pageOf(address));
  if (area < 0) throw new PortolanError("ERR_AREA_NOT_FOUND", { address: BigInt(address) });
  if (space.parts.areas.isPartial(area)) throw new PortolanError("ERR_AREA_BUSY", { address: BigInt(address) });
  return area;
};
