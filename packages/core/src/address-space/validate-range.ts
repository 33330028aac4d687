/** May a range of addresses be accessed? Asked before work is begun that would stop half-way. */
import type { AccessMask } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";
import type { Wide } from "../units/address-units.js";
import type { AddressSpace } from "./address-space.js";
import { checkAccesses } from "./prefault.js";

/**
 * Looks whether every page of [address, address + size) lies in an area that permits all of `accesses`. Leaps from area to
 * area, so it takes as long as there are areas, not pages. What a page needs to come in is not asked: that can still fail.
 *
 * @param size bytes; of an empty range nothing is asked
 * @returns null if all may be accessed; else the first address that may not
 * @throws PortolanError ERR_BAD_ADDRESS if the range begins or ends where the machine has no addresses, ERR_BAD_ARGUMENT
 */
export const validateRange = (space: AddressSpace, address: Wide, size: Wide, accesses: AccessMask): bigint | null => {
  const { areas, locks, units } = space.parts;
  checkAccesses(accesses);
  const first = units.pageOf(address);
  const bytes = units.wholeBytes(size);
  if (bytes < 0n) throw new PortolanError("ERR_BAD_ARGUMENT", { size: bytes });
  if (bytes === 0n) return null;
  // The end is computed exactly: a range that wraps is no range.
  const last = units.pageOf(BigInt(address) + bytes - 1n, "last address");
  locks.acquire("address-space", space.id);
  try {
    for (let page = first; page <= last;) {
      const area = space.tree.find(page);
      if (area < 0 || areas.isPartial(area) || (areas.flagsOf(area) & accesses) !== accesses)
        return page === first ? BigInt(address) : units.addressOf(page);
      page = areas.firstOf(area) + areas.pagesOf(area);
    }
    return null;
  } finally {
    locks.release("address-space", space.id);
  }
};
