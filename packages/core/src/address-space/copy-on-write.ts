/**
 * A write to a private page. If the area's front may be written and has the page, that is the one; if it does not, a
 * copy of what is seen so far goes into it. A front that may not be written (what lies at the bottom, or a shadow that a
 * fork has frozen) gets a shadow in front of it first, unless nobody else has use for it any more: then it is thawed.
 *
 * An entry that mapped the page's old frame is taken away everywhere before there is one of the new frame, as machines
 * demand whose TLBs may not see both (ARM DDI 0406C §B3.10.1, break-before-make).
 */
import { WRITE } from "../architecture/rights.js";
import { pageFlagsOf } from "../area/area-flags.js";
import { bypassCovered, isThawable, thaw } from "../objects/collapse.js";
import { NO_PAGE, type MemoryObject } from "../objects/memory-object.js";
import { findAtBottom, findInShadows, ShadowObject, ZERO_PAGE } from "../objects/shadow-object.js";
import type { AddressSpace } from "./address-space.js";
import { markByFault } from "./fault-marks.js";
import { mapPage } from "./object-fault.js";
import { accept, withoutFrame, type FaultResult } from "./verdict.js";

/**
 * Serves a write to a page of a private area whose entry is absent, or present without WRITE. Space, area and stack are
 * locked.
 *
 * @param front the area's
 * @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then
 */
export const copyOnWrite = (space: AddressSpace, area: number, page: number, front: MemoryObject): FaultResult => {
  const { verdict } = space;
  const { areas } = space.parts;
  const offset = areas.offsetOf(area) + (page - areas.firstOf(area));
  const target = front instanceof ShadowObject && (front.isWritable || isThawable(front)) ? front : null;
  if (target !== null) {
    const own = target.resident(offset);
    if (own >= 0) {
      if (!widenOwn(space, area, page, target, offset, own)) mapOwn(space, area, page, target, offset, own);
      return accept(verdict);
    }
    if (own !== NO_PAGE) return withoutFrame(verdict, own);
  }
  const below = target === null ? front : belowOf(target);
  let source = findInShadows(below, offset);
  const isCounted = source === NO_PAGE;
  if (isCounted) source = findAtBottom(below, offset);
  if (source < 0 && source !== ZERO_PAGE) return withoutFrame(verdict, source);
  writeCopy(space, area, page, front, target, offset, source, isCounted && source !== ZERO_PAGE);
  return accept(verdict);
};

const belowOf = ({ below }: ShadowObject): MemoryObject => {
  if (below === null) throw new Error("a shadow stands on nothing");
  return below;
};

/** The area's own page, which it may write: nothing is copied. False if its entry is absent, and nothing has changed. */
const widenOwn = (space: AddressSpace, area: number, page: number, target: ShadowObject, offset: number, frame: number): boolean => {
  const { areas, locks, tables } = space.parts;
  locks.acquire("page-table", space.id);
  const isMapped = tables.widen(space.context, page, frame, pageFlagsOf(areas.flagsOf(area), space.pageOwner));
  if (isMapped) {
    thaw(target);
    target.markDirty(offset);
    markByFault(space, page, WRITE);
    space.forgetLocally(page);
  }
  locks.release("page-table", space.id);
  return isMapped;
};

/** The same, where the entry is absent. */
const mapOwn = (space: AddressSpace, area: number, page: number, target: ShadowObject, offset: number, frame: number): void => {
  const { areas, frames } = space.parts;
  areas.used.reserve(area);
  try {
    mapPage(space, area, page, frame, pageFlagsOf(areas.flagsOf(area), space.pageOwner), WRITE);
  } catch (error) {
    areas.used.unreserve(area);
    throw error;
  }
  frames.share(frame);
  thaw(target);
  target.markDirty(offset);
};

/**
 * Copies `source` (ZERO_PAGE: zeroes) into the front, or into a shadow in front of it, and maps the copy.
 * @param isCounted has the source got a reference more, to be given back?
 */
const writeCopy = (
  space: AddressSpace,
  area: number,
  page: number,
  front: MemoryObject,
  target: ShadowObject | null,
  offset: number,
  source: number,
  isCounted: boolean,
): void => {
  const { areas, frames, memory, objects, preemption, events } = space.parts;
  const flags = pageFlagsOf(areas.flagsOf(area), space.pageOwner);
  const isMapped = areas.used.contains(area, page);
  let shadow = target;
  let fresh = NO_PAGE;
  let isReserved = false;
  let isIn = false;
  try {
    if (!isMapped) {
      areas.used.reserve(area);
      isReserved = true;
    }
    fresh = source === ZERO_PAGE ? frames.takeZeroed() : frames.take();
    if (source !== ZERO_PAGE) memory.copyFrame(source, fresh);
    preemption.at("copy-before-insert");
    shadow ??= new ShadowObject(objects, front);
    shadow.cache.insert(offset, fresh);
    isIn = true;
    if (isMapped) exchange(space, page, fresh, flags);
    else mapPage(space, area, page, fresh, flags, WRITE);
  } catch (error) {
    if (isIn && shadow !== null) shadow.cache.remove(offset);
    if (fresh !== NO_PAGE) frames.release(fresh);
    if (isReserved) areas.used.unreserve(area);
    if (shadow !== null && target === null) shadow.discard();
    throw error;
  } finally {
    if (isCounted) frames.release(source);
  }
  // One reference is the cache's, one the entry's.
  frames.share(fresh);
  if (target === null) {
    shadow.link(area);
    areas.setObject(area, shadow, areas.offsetOf(area));
    front.unlink(area);
  } else {
    thaw(target);
  }
  if (events.sink !== null) tellCopy(space, page, source === ZERO_PAGE ? -1 : source, fresh);
  bypassCovered(shadow, offset);
};

/** Gives a present page another frame; everybody has forgotten the old one before. Never fails. */
const exchange = (space: AddressSpace, page: number, frame: number, flags: number): void => {
  const { tables, withdrawals, locks } = space.parts;
  const debt = withdrawals.begin(space.context, page, 1);
  const entry = tables.suspend(space.context, page, debt);
  debt.releaseLater(tables.found.frame);
  withdrawals.settle();
  locks.acquire("page-table", space.id);
  tables.resume(space.context, entry, page, frame, flags);
  markByFault(space, page, WRITE);
  locks.release("page-table", space.id);
};

const tellCopy = (space: AddressSpace, page: number, from: number, to: number): void => {
  space.parts.events.sink?.({ kind: "copy", space: space.id, page, from, to });
};
