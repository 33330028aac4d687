/**
 * Page faults in areas whose entries may be narrower than the area for good reason: because a write has to make a copy
 * first, or because an object wants to know of it.
 *
 * | entry               | access         | private area                       | shared memory, files            |
 * | ------------------- | -------------- | ---------------------------------- | ------------------------------- |
 * | absent              | read, execute  | what is seen, read-only            | the page, read-only while clean |
 * | absent              | write          | own page, or a copy of what is seen | the page, marked dirty         |
 * | present, no WRITE   | write          | own page, or a copy of what is seen | the same frame, marked dirty   |
 * | present, enough     | any            | somebody was first: nothing to do  | the same                        |
 *
 * A report that fits a read as well as a write is taken for a read while the entry is not good for one, and for a write
 * then: the access faults once more, and ends as if the machine had told.
 */
import { WRITE, type AccessMask, type PageFlags } from "../architecture/rights.js";
import { pageFlagsOf, COPY_ON_WRITE } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import { NO_PAGE, type MemoryObject } from "../objects/memory-object.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { ShadowObject, showPage } from "../objects/shadow-object.js";
import type { AddressSpace } from "./address-space.js";
import { copyOnWrite } from "./copy-on-write.js";
import { markByFault, permittedOf } from "./fault-marks.js";
import { accept, refuse, withoutFrame, type FaultResult } from "./verdict.js";

/** Serves a fault in an area that is not plain; the area permits `accesses`, one at least. The space is locked. */
export const faultOnObject = (space: AddressSpace, area: number, page: number, object: MemoryObject, accesses: AccessMask): FaultResult => {
  const { locks } = space.parts;
  locks.acquire("area", area);
  lockObject(locks, object);
  try {
    return serve(space, area, page, object, accesses);
  } catch (error) {
    if (error instanceof PortolanError && error.errno === "ENOMEM") return refuse(space.verdict, "out of memory");
    throw error;
  } finally {
    unlockObject(locks, object);
    locks.release("area", area);
  }
};

const serve = (space: AddressSpace, area: number, page: number, object: MemoryObject, accesses: AccessMask): FaultResult => {
  const { areas, tables, locks } = space.parts;
  const isPrivate = (areas.traitsOf(area) & COPY_ON_WRITE) !== 0;
  let isWrite = accesses === WRITE;
  // Whether somebody was first makes no difference to a page of one's own, and the others are copied.
  if (isWrite && isPrivate) return copyOnWrite(space, area, page, object);
  locks.acquire("page-table", space.id);
  const isMapped = tables.find(space.context, page);
  if (isMapped) {
    const missing = accesses & ~permittedOf(tables.found.rights, space.privilege, accesses);
    isWrite = missing === WRITE;
    if (!isWrite) {
      // Somebody was first; or the area permits more by now, and what is missing is no write.
      if (missing !== 0) space.widen(page, tables.found.frame, narrowed(space, area, tables.found.flags));
      markByFault(space, page, accesses);
      space.forgetLocally(page);
      locks.release("page-table", space.id);
      return accept(space.verdict);
    }
  }
  // Once the lock is given back, what was found may be somebody else's.
  const { frame } = tables.found;
  locks.release("page-table", space.id);
  if (isWrite && isPrivate) return copyOnWrite(space, area, page, object);
  const offset = areas.offsetOf(area) + (page - areas.firstOf(area));
  return isMapped ? permitWrite(space, area, page, object, offset, frame) : bringIn(space, area, page, object, offset, isWrite, accesses);
};

/** The area's page flags, but WRITE only if the entry has it already. */
const narrowed = (space: AddressSpace, area: number, flags: PageFlags): PageFlags =>
  pageFlagsOf(space.parts.areas.flagsOf(area), space.pageOwner) & ~(WRITE & ~flags);

/** A clean page that everybody shares is written for the first time. */
const permitWrite = (space: AddressSpace, area: number, page: number, object: MemoryObject, offset: number, frame: number): FaultResult => {
  const { areas, locks } = space.parts;
  object.markDirty?.(offset);
  locks.acquire("page-table", space.id);
  space.widen(page, frame, pageFlagsOf(areas.flagsOf(area), space.pageOwner));
  markByFault(space, page, WRITE);
  space.forgetLocally(page);
  locks.release("page-table", space.id);
  return accept(space.verdict);
};

/** An absent page comes in: read-only where a write is to be noticed. */
const bringIn = (
  space: AddressSpace,
  area: number,
  page: number,
  object: MemoryObject,
  offset: number,
  isWrite: boolean,
  accesses: AccessMask,
): FaultResult => {
  const { parts, verdict } = space;
  const { areas } = parts;
  const isPrivate = (areas.traitsOf(area) & COPY_ON_WRITE) !== 0;
  const sink = parts.events.sink;
  const what = sink === null ? "" : object.describe(offset);
  parts.preemption.at("fault-before-supply");
  areas.used.reserve(area);
  let frame = NO_PAGE;
  try {
    frame = isPrivate ? showPage(object, offset) : object.supply(offset);
    if (frame < 0) {
      areas.used.unreserve(area);
      return withoutFrame(verdict, frame);
    }
    let flags = pageFlagsOf(areas.flagsOf(area), space.pageOwner);
    if (isPrivate ? !isOwnToWrite(object, offset, frame) : !isWrite && object.isClean?.(offset) === true) flags &= ~WRITE;
    mapPage(space, area, page, frame, flags, accesses);
  } catch (error) {
    areas.used.unreserve(area);
    if (frame >= 0) parts.frames.release(frame);
    parts.backends.anonymous.rest();
    throw error;
  }
  if (isWrite) object.markDirty?.(offset);
  if (sink !== null) tellPageIn(space, page, frame, object.kind, what);
  return accept(verdict);
};

/** Is what is seen a page of the area's own, which it may write without anybody having to know? */
const isOwnToWrite = (front: MemoryObject, offset: number, frame: number): boolean =>
  front instanceof ShadowObject && front.isWritable && front.cache.get(offset) === frame && !front.isClean(offset);

/**
 * Maps an absent page to a frame, and marks it used for an access that is about to be made. Room among the used pages has
 * been reserved.
 * @param frame with the reference that the entry takes
 * @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then, and the reservation stands
 */
export const mapPage = (space: AddressSpace, area: number, page: number, frame: number, flags: PageFlags, accesses: AccessMask): void => {
  const { areas, tables, locks, preemption } = space.parts;
  preemption.at("fault-before-insert");
  locks.acquire("page-table", space.id);
  try {
    tables.insert(space.context, page, frame, flags);
    markByFault(space, page, accesses);
  } finally {
    locks.release("page-table", space.id);
  }
  areas.used.insert(area, page, 1);
};

const tellPageIn = (space: AddressSpace, page: number, frame: number, from: string, what: string): void => {
  space.parts.events.sink?.({ kind: "page-in", space: space.id, page, frame, from, what });
};
