/** Mappings that move with their frames: same object, same offsets, another place. @see Linux man-pages mremap(2) */
import { NO_AREA } from "../area/area-table.js";
import { PAGE_ACCESSED, PAGE_DIRTY, WRITE, permits } from "../architecture/rights.js";
import { pageFlagsOf } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import { withReclaim } from "../swap/with-reclaim.js";
import type { AddressSpace } from "./address-space.js";
import { areaIn } from "./each-range.js";
import { checkOneMapping, checkResizable, grow, prepareGrowth } from "./grow-area.js";
import { mergeAround } from "./merge-areas.js";
import { prepareUnmap, unmapPrepared } from "./unmap-range.js";

/** What moves where. All numbers are pages. */
export interface MoveRequest {
  readonly first: number;
  /** At least 1; all of them one mapping. */
  readonly pages: number;
  /** How many there are afterwards, at least 1: fewer are cut off at the end, more are added there. */
  readonly after: number;
  /** First page afterwards, in no overlap with the pages now; absent: wherever there is room between the bounds. */
  readonly to?: number;
  /** With `to`: whatever lies there is unmapped; otherwise it is in the way. */
  readonly replaces?: boolean;
  /** Without `to`: lowest and highest page (included) to consider, and from which end. */
  readonly lowest?: number;
  readonly highest?: number;
  readonly fromTop?: boolean;
}

/**
 * Moves a mapping, or a part of one, with the frames that its pages have.
 *
 * @returns its first page
 * @throws PortolanError ERR_BAD_ARGUMENT (the places overlap), ERR_AREA_NOT_FOUND (not one mapping), ERR_AREA_BUSY,
 *   ERR_AREA_NOT_RESIZABLE, ERR_AREA_RANGE, ERR_AREA_OVERLAP, ERR_NO_FREE_RANGE, ERR_OUT_OF_MEMORY, ERR_OUT_OF_FRAMES;
 *   nothing has changed then
 */
export const moveRange = (space: AddressSpace, request: MoveRequest): number => {
  const first = withReclaim(space.parts, () => tryToMove(space, request));
  // What was in the way may have been the last mapping of a file.
  space.parts.transfers.start();
  return first;
};

const tryToMove = (space: AddressSpace, request: MoveRequest): number => {
  const { locks } = space.parts;
  locks.acquire("address-space", space.id);
  try {
    const last = checkOneMapping(space, request.first, request.pages);
    if (request.after > request.pages) checkResizable(space, last);
    const to = place(space, request);
    moveTo(space, request, to);
    mergeAround(space, to, to + request.after);
    return to;
  } finally {
    locks.release("address-space", space.id);
  }
};

const place = ({ placement }: AddressSpace, request: MoveRequest): number => {
  const { first, pages, after, to, lowest = 0, highest = Infinity, fromTop = false } = request;
  if (to === undefined) return placement.choosePages(after, lowest, highest, false, fromTop);
  if (to < first + pages && first < to + after) throw new PortolanError("ERR_BAD_ARGUMENT", { first, pages, to, after });
  if (request.replaces === true) placement.checkRange(to, after);
  else placement.check(to, after, NO_AREA, false);
  return to;
};

/** Everything that may fail, then everything else. */
const moveTo = (space: AddressSpace, { first, pages, after, replaces }: MoveRequest, to: number): void => {
  const { areas } = space.parts;
  const moving = Math.min(pages, after);
  const splits = space.splits.begin();
  const last = space.tree.find(first + moving - 1);
  let tail = NO_AREA;
  if (replaces === true) prepareUnmap(space, to, after, splits);
  for (const page of [first, first + moving, first + pages]) splits.at(page);
  // The cuts are not carried out yet: as many areas move as there are now, a part of one being one.
  for (let area = areaIn(space, first, first + moving); area >= 0; area = areaIn(space, areas.endOf(area), first + moving))
    splits.promiseInsert();
  if (after > pages) tail = prepareGrowth(space, last, first + pages, after - pages, splits);
  try {
    insertEntries(space, first, moving, to);
  } catch (error) {
    if (tail >= 0) areas.destroy(tail);
    splits.abandon();
    throw error;
  }
  splits.carryOut();
  if (replaces === true) {
    takeOver(space, first, moving, to, after);
    unmapPrepared(space, to, after);
  }
  for (let area = areaIn(space, first, first + moving); area >= 0; area = areaIn(space, first, first + moving))
    moveArea(space, area, to - first);
  unmapPrepared(space, first + moving, pages - moving);
  if (after > pages) grow(space, space.tree.find(to + moving - 1), tail, after - pages);
};

/** Calls `visit` for every used page of [first, end), ascending. */
const eachUsed = (space: AddressSpace, first: number, end: number, visit: (page: number, area: number) => void): void => {
  const { areas } = space.parts;
  for (let area = areaIn(space, first, end); area >= 0; area = areaIn(space, areas.endOf(area), end)) {
    for (let page = areas.used.nextAtOrAbove(area, first); page >= 0 && page < end; page = areas.used.nextAtOrAbove(area, page + 1))
      visit(page, area);
  }
};

/** Does an area that lies at the page map it? */
const isTaken = (space: AddressSpace, page: number): boolean => {
  const area = space.tree.find(page);
  return area >= 0 && space.parts.areas.used.contains(area, page);
};

/** What a page shall be mapped with elsewhere: what its area permits, and no write that its entry does not. `tables.found` is the entry. */
const flagsAt = (space: AddressSpace, area: number): number => {
  const { areas, tables } = space.parts;
  const flags = pageFlagsOf(areas.flagsOf(area), space.pageOwner);
  return permits(tables.found.rights, space.privilege, WRITE) ? flags : flags & ~WRITE;
};

/**
 * Maps the frames of [first, first + count) at `to` and behind as well, but for pages that are taken there. Entries carry
 * a frame's reference with them, so none is added.
 *
 * @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then
 */
const insertEntries = (space: AddressSpace, first: number, count: number, to: number): void => {
  const { locks, tables, withdrawals } = space.parts;
  const { context } = space;
  let done = first;
  let isHeld = true;
  locks.acquire("page-table", space.id);
  try {
    eachUsed(space, first, first + count, (page, area) => {
      if (!isTaken(space, page - first + to)) {
        tables.find(context, page);
        const { frame, flags } = tables.found;
        tables.insert(context, page - first + to, frame, flagsAt(space, area));
        if ((flags & PAGE_ACCESSED) !== 0) tables.mark(context, page - first + to, (flags & PAGE_DIRTY) !== 0);
      }
      done = page + 1;
    });
  } catch (error) {
    locks.release("page-table", space.id);
    isHeld = false;
    const debt = withdrawals.begin(context, to, count);
    eachUsed(space, first, done, (page) => {
      if (!isTaken(space, page - first + to)) tables.remove(context, page - first + to, debt);
    });
    withdrawals.settle();
    throw error;
  } finally {
    if (isHeld) locks.release("page-table", space.id);
  }
};

/**
 * Unmaps what is used at [to, to + after), in areas that are about to go. Entries whose pages are about to be the moved
 * ones' are given their frames, so that no table has to be found for them.
 */
const takeOver = (space: AddressSpace, first: number, moving: number, to: number, after: number): void => {
  const { areas, locks, tables, withdrawals, events } = space.parts;
  const { context } = space;
  const entries: number[] = [];
  const pages: number[] = [];
  for (let area = areaIn(space, to, to + after); area >= 0; area = areaIn(space, areas.endOf(area), to + after)) {
    const from = Math.max(to, areas.firstOf(area));
    const count = Math.min(to + after, areas.endOf(area)) - from;
    locks.acquire("area", area);
    const debt = withdrawals.begin(context, from, count);
    eachUsed(space, from, from + count, (page) => {
      const source = page - to + first;
      tables.find(context, page);
      const { frame } = tables.found;
      if (source < first + moving && isTaken(space, source)) {
        entries.push(tables.suspend(context, page, debt));
        pages.push(page);
      } else {
        tables.remove(context, page, debt);
      }
      debt.releaseLater(frame);
      if (events.sink !== null) events.sink({ kind: "unmap", space: space.id, page, frame });
    });
    areas.used.removeRange(area, from, count);
    withdrawals.settle();
    locks.release("area", area);
  }
  locks.acquire("page-table", space.id);
  pages.forEach((page, index) => {
    const source = page - to + first;
    tables.find(context, source);
    const { frame, flags } = tables.found;
    tables.resume(context, entries[index], page, frame, flagsAt(space, space.tree.find(source)));
    if ((flags & PAGE_ACCESSED) !== 0) tables.mark(context, page, (flags & PAGE_DIRTY) !== 0);
  });
  locks.release("page-table", space.id);
};

/** Moves one whole area, whose frames are mapped at the other place already. Its place in the tree is promised. */
const moveArea = (space: AddressSpace, area: number, by: number): void => {
  const { areas, locks, tables, withdrawals, events } = space.parts;
  const first = areas.firstOf(area);
  const pages = areas.pagesOf(area);
  locks.acquire("area", area);
  if (areas.used.pagesOf(area) > 0) {
    const debt = withdrawals.begin(space.context, first, pages);
    eachUsed(space, first, first + pages, (page) => {
      tables.remove(space.context, page, debt);
      if (events.sink !== null) events.sink({ kind: "unmap", space: space.id, page, frame: tables.found.frame });
    });
    withdrawals.settle();
  }
  space.tree.remove(area);
  areas.setFirst(area, first + by);
  areas.used.shift(area, by);
  space.tree.insert(area);
  locks.release("area", area);
  if (events.sink !== null) events.sink({ kind: "area", space: space.id, first: first + by, pages, action: "move" });
};
