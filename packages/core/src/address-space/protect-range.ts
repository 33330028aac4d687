/** Giving a range of pages other rights, area by area. @see POSIX.1-2017 mprotect(); Linux man-pages mprotect(2) */
import { WRITE, permits, type PageFlags } from "../architecture/rights.js";
import { AREA_EXECUTE, AREA_READ, AREA_WRITE, MAY_EXECUTE, MAY_READ, MAY_WRITE, pageFlagsOf, type AreaFlags } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import type { AddressSpace } from "./address-space.js";
import { isShared } from "./change-flags.js";
import { withdrawPages } from "./destroy-area.js";
import { areaIn, checkCovered } from "./each-range.js";
import { dematerialise, isUnmaterialised, materialise } from "./materialise.js";
import { mergeAround, mergeWithNext } from "./merge-areas.js";
import type { Splits } from "./split-area.js";

const RIGHTS = AREA_READ | AREA_WRITE | AREA_EXECUTE;
const MAY = MAY_READ | MAY_WRITE | MAY_EXECUTE;
/** From a right to the trait that says that it may be given. */
const MAY_SHIFT = Math.log2(MAY_READ / AREA_READ);

/**
 * Gives pages [first, first + count) the rights `rights`, no right at all included; what else the areas are they stay.
 * Areas are cut at both ends where rights begin to differ, and neighbours that are alike again become one.
 *
 * What is lost is lost at once, on every processor. What is gained is gained by the next fault: an entry that is narrower
 * than its area may belong to a page that a write has to copy first.
 *
 * @param rights a sum of `AREA_READ`, `AREA_WRITE` and `AREA_EXECUTE`, or 0
 * @throws PortolanError ERR_AREA_FLAGS, ERR_AREA_NOT_FOUND (a page without an area), ERR_AREA_BUSY, ERR_ACCESS (an area may
 *   never have that right), ERR_AREA_KIND (an area whose rights are fixed), ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const protectRange = (space: AddressSpace, first: number, count: number, rights: AreaFlags): void => {
  if (!Number.isInteger(rights) || rights < 0 || rights > RIGHTS)
    throw new PortolanError("ERR_AREA_FLAGS", { flags: rights, known: RIGHTS });
  const { areas, locks } = space.parts;
  const end = first + count;
  locks.acquire("address-space", space.id);
  try {
    const isHidden = rights === 0;
    const only = space.tree.find(first);
    if (!isHidden && only >= 0 && areas.endOf(only) >= end && !areas.isPartial(only)) {
      protectWithin(space, only, first, end, rights);
      return;
    }
    const last = checkAll(space, first, end, rights);
    const splits = space.splits.begin(isHidden);
    const lowest = areas.firstOf(last) <= first ? last : space.tree.find(first);
    if (areas.endOf(last) > end && rightsOf(space, last) !== rights) splits.cut(last, end);
    if (rightsOf(space, lowest) !== rights) splits.cut(lowest, first);
    splits.carryOut();
    if (isHidden) rememberPages(space, first, end, splits);
    for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, areas.endOf(area), end)) setRights(space, area, rights);
    mergeAround(space, first, end);
  } finally {
    locks.release("address-space", space.id);
  }
};

/**
 * As nearly always: one area has all of the range. What lies beside a cut is what the pages were, and are not any more: only
 * where the area ended already they may have become like their neighbours.
 * @throws PortolanError as `protectRange`; nothing has changed then
 */
const protectWithin = (space: AddressSpace, area: number, first: number, end: number, rights: AreaFlags): void => {
  const { areas } = space.parts;
  if (rightsOf(space, area) === rights) return;
  checkRights(space, area, rights);
  const beginsThere = areas.firstOf(area) === first;
  const endsThere = areas.endOf(area) === end;
  let changed = area;
  if (!beginsThere || !endsThere) {
    const splits = space.splits.begin();
    if (!endsThere) splits.cut(area, end);
    if (!beginsThere) splits.cut(area, first);
    splits.carryOut();
    if (!beginsThere) changed = splits.latest;
  }
  setRights(space, changed, rights);
  if (endsThere) mergeWithNext(space, changed, space.tree.next(changed));
  if (beginsThere) mergeWithNext(space, space.tree.previous(changed), changed);
};

const rightsOf = (space: AddressSpace, area: number): AreaFlags => space.parts.areas.flagsOf(area) & RIGHTS;

/** The last area of the range, if every page has one that may have these rights. @throws PortolanError as `protectRange` */
const checkAll = (space: AddressSpace, first: number, end: number, rights: AreaFlags): number => {
  const { areas } = space.parts;
  checkCovered(space, first, end);
  let area = space.tree.find(first);
  checkRights(space, area, rights);
  while (areas.endOf(area) < end) {
    area = space.tree.next(area);
    checkRights(space, area, rights);
  }
  return area;
};

/** May the area have these rights? Where its traits say nothing, as HelenOS does: its backend decides, and nobody may share it. */
const checkRights = (space: AddressSpace, area: number, rights: AreaFlags): void => {
  const { areas, units } = space.parts;
  if (rightsOf(space, area) === rights) return;
  const may = (areas.traitsOf(area) & MAY) >> MAY_SHIFT;
  if (may !== 0) {
    if ((rights & ~may) === 0) return;
    throw new PortolanError("ERR_ACCESS", { address: units.addressOf(areas.firstOf(area)), rights, may });
  }
  const backend = areas.backendOf(area);
  if (backend !== null && backend.canChangeFlags && !isShared(space, area)) return;
  throw new PortolanError("ERR_AREA_KIND", { address: units.addressOf(areas.firstOf(area)), backend: backend?.name ?? "none" });
};

/**
 * Where no access is permitted there are no entries, and pages that only entries know need somebody else who does.
 * @throws PortolanError ERR_OUT_OF_MEMORY; the cuts are undone then
 */
const rememberPages = (space: AddressSpace, first: number, end: number, splits: Splits): void => {
  const { areas } = space.parts;
  const done: number[] = [];
  try {
    for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, areas.endOf(area), end)) {
      if (areas.used.pagesOf(area) === 0 || !isUnmaterialised(space, area)) continue;
      materialise(space, area);
      done.push(area);
    }
  } catch (error) {
    for (const area of done) dematerialise(space, area);
    splits.undo();
    throw error;
  }
  splits.settle();
};

/** Gives one whole area other rights. Never fails. */
const setRights = (space: AddressSpace, area: number, rights: AreaFlags): void => {
  const { areas, locks, events } = space.parts;
  const before = areas.flagsOf(area);
  if ((before & RIGHTS) === rights) return;
  const flags = (before & ~RIGHTS) | rights;
  locks.acquire("area", area);
  if (rights === 0) withdrawPages(space, area, areas.firstOf(area), areas.pagesOf(area));
  else if ((before & ~flags) !== 0 && areas.used.pagesOf(area) > 0)
    narrow(space, area, before & ~flags, pageFlagsOf(flags, space.pageOwner));
  areas.setFlags(area, flags);
  locks.release("area", area);
  if (events.sink !== null)
    events.sink({ kind: "area", space: space.id, first: areas.firstOf(area), pages: areas.pagesOf(area), action: "flags" });
};

/** Rewrites every entry of an area that loses rights, in one withdrawal, so that it permits what `flags` say, but no write that it did not permit before. */
const narrow = (space: AddressSpace, area: number, lost: AreaFlags, flags: PageFlags): void => {
  const { areas, tables, withdrawals } = space.parts;
  const { used } = areas;
  const low = used.firstInterval(area);
  let end = low + used.intervalPages;
  // An only interval is the last one too.
  if (used.intervalPages !== used.pagesOf(area)) used.lastInterval(area);
  const last = used.intervalFirst + used.intervalPages;
  const debt = withdrawals.begin(space.context, low, last - low);
  let page = low;
  for (;;) {
    if (lost === AREA_WRITE) {
      tables.writeProtect(space.context, page, end - page, debt);
      page = end;
    }
    for (; page < end; page += 1) {
      if (!tables.find(space.context, page)) throw new Error("a used page has no mapping");
      // A page that waits for its first write, or for the copy that goes before it, goes on waiting.
      const kept = permits(tables.found.rights, space.privilege, WRITE) ? flags : flags & ~WRITE;
      tables.update(space.context, page, kept, debt);
    }
    if (end === last) break;
    page = used.nextAtOrAbove(area, end);
    end = used.intervalFirst + used.intervalPages;
  }
  withdrawals.settle();
};
