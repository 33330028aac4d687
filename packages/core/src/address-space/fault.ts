/**
 * The page fault: what happens when a processor could not translate, and the area decides whether it should have.
 *
 * The area's permission comes first, always; a present entry is an answer only if it permits this access; a present
 * entry that does not, in an area that does, is widened on the same frame; only an absent page is supplied by the
 * area's object. Areas whose pages are copied before they are written, or whose object wants to know when one is, are
 * served in object-fault.ts.
 *
 * @see HelenOS kernel/generic/src/mm/as.c, as_page_fault()
 */
import { BUS, DOMAIN, RESERVED, type FaultReason } from "../architecture/faults.js";
import type { Switches } from "../architecture/entry-format.js";
import { KERNEL, PAGE_ACCESSED, PAGE_DIRTY, type Access, type AccessMask } from "../architecture/rights.js";
import { pageFlagsOf } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import { NO_PAGE } from "../objects/memory-object.js";
import { lockObject, unlockObject } from "../objects/shared-object.js";
import type { Transfer } from "../objects/transfer.js";
import type { AddressSpace } from "./address-space.js";
import { faultBelow } from "./grow-down.js";
import { isFirstWrite, markByFault, permitsOne } from "./fault-marks.js";
import { faultOnObject } from "./object-fault.js";
import { faultAfterReclaim } from "../swap/with-reclaim.js";
import { arrangeWait } from "./page-wait.js";
import { FAULT, OK, WAIT, accept, defer, refuse, withoutFrame, type FaultResult, type FaultRule } from "./verdict.js";

export { DEFER, FAULT, OK, WAIT, type FaultResult, type FaultRule, type FaultVerdict } from "./verdict.js";

/** Objections of a processor that no change of ours would end: the tables lead nowhere, or hold what it cannot read. */
const HOPELESS: Readonly<Partial<Record<FaultReason, FaultRule>>> = {
  [BUS]: "nothing answers at that physical address",
  [RESERVED]: "an entry of the tables has a form that the manual forbids",
  [DOMAIN]: "the domain of the translation is closed",
};

/** Serves what a processor objected to, for `reason`, if an address space can serve it at all. Otherwise as `servePageFault`. */
export const answerFault = (
  space: AddressSpace,
  page: number,
  reason: FaultReason,
  accesses: AccessMask,
  isCopying = false,
): FaultResult => {
  const rule = HOPELESS[reason];
  if (rule === undefined) return space.pageFault(page, accesses, isCopying);
  const result = refuse(space.verdict, rule);
  return isCopying ? defer(space.verdict) : result;
};

/**
 * Does the processor, under its switches, withhold from the kernel what it lets the user do with a page? No change of the
 * entry would end that. The verdict says so then.
 */
export const isKeptFromKernel = (space: AddressSpace, page: number, access: Access, switches: Switches): boolean => {
  const { locks, tables, units } = space.parts;
  locks.acquire("page-table", space.id);
  const { kernelRights, userRights } = tables.walk(space.context, units.addressOf(page), access, KERNEL, switches);
  locks.release("page-table", space.id);
  if ((kernelRights & access) !== 0 || (userRights & access) === 0) return false;
  refuse(space.verdict, "the processor keeps the kernel from what is the user's");
  return true;
};

/**
 * Serves a fault of `space` at `page` (the machine's page).
 *
 * @param accesses what the processor's report is consistent with; one of them being permitted is enough
 * @param isCopying the kernel was copying for the user: what cannot be served ends the copy and nobody's life
 * @returns OK if the access may be tried again; else FAULT, or DEFER while copying; `space.verdict` says why. Nothing has
 *   changed then. WAIT if the page is on its way: `space.verdict.waitsFor` says when to try again
 */
export const servePageFault = (space: AddressSpace, page: number, accesses: AccessMask, isCopying: boolean): FaultResult => {
  const { frames, events } = space.parts;
  const { refusals } = frames;
  let result = tryFault(space, page, accesses);
  if (result === FAULT && frames.refusals !== refusals) result = reclaimAndTry(space, page, accesses);
  if (result === FAULT && isCopying) result = defer(space.verdict);
  if (events.sink !== null) tellFault(space, page, accesses, result);
  return result;
};

// By itself: what a function keeps for one that it makes costs every call of it.
const reclaimAndTry = (space: AddressSpace, page: number, accesses: AccessMask): FaultResult =>
  faultAfterReclaim(space, () => tryFault(space, page, accesses));

/** Serves a fault with the frames there are; whoever has a page that is wanted is asked for it. */
const tryFault = (space: AddressSpace, page: number, accesses: AccessMask): FaultResult => {
  const answer = attempt(space, page, accesses);
  return typeof answer === "number" ? answer : awaitPage(space, page, accesses, answer);
};

const awaitPage = (space: AddressSpace, page: number, accesses: AccessMask, transfer: Transfer): FaultResult => {
  let answer: FaultResult | Transfer = transfer;
  for (let round = 1; typeof answer !== "number"; round += 1) {
    answer = arrangeWait(space, page, answer, round) ? attempt(space, page, accesses) : space.verdict.result;
  }
  return answer;
};

/** Decides under the lock of the space; once it is given back, the verdict may be somebody else's. A page on its way is the answer itself. */
const attempt = (space: AddressSpace, page: number, accesses: AccessMask): FaultResult | Transfer => {
  const { locks, transfers } = space.parts;
  locks.acquire("address-space", space.id);
  try {
    const result = decide(space, page, accesses);
    return result === WAIT && transfers.latest !== null ? transfers.latest : result;
  } finally {
    locks.release("address-space", space.id);
  }
};

const tellFault = (space: AddressSpace, page: number, accesses: AccessMask, result: FaultResult): void => {
  space.parts.events.sink?.({ kind: "page-fault", space: space.id, page, accesses, result: result === OK ? "ok" : space.verdict.rule });
};

// By itself, as `reclaimAndTry` is.
const decideBelow = (space: AddressSpace, page: number, accesses: AccessMask): FaultResult =>
  faultBelow(space, page, () => decide(space, page, accesses)) ?? refuse(space.verdict, "no area at this address");

const decide = (space: AddressSpace, page: number, accesses: AccessMask): FaultResult => {
  const { parts, verdict } = space;
  const area = space.tree.find(page);
  if (area < 0) return decideBelow(space, page, accesses);
  const areas = parts.areas;
  if (areas.isPartial(area)) return refuse(verdict, "the area is still being built");
  const flags = areas.flagsOf(area);
  if ((flags & accesses) === 0) return refuse(verdict, "the area forbids this access");
  const object = areas.objectOf(area);
  if (object === null) {
    return markByHand(space, page, flags & accesses) ? accept(verdict) : refuse(verdict, "the area has no backend");
  }
  if (!areas.isPlain(area)) return faultOnObject(space, area, page, object, flags & accesses);

  parts.locks.acquire("area", area);
  lockObject(parts.locks, object);
  parts.locks.acquire("page-table", space.id);
  try {
    if (!parts.tables.find(space.context, page)) {
      parts.preemption.at("fault-before-supply");
      return bringIn(space, area, page, flags & accesses);
    }
    // Another processor was first, or its entry is narrower than the area by now: no new frame either way.
    if (!permitsOne(parts.tables.found.rights, space.privilege, flags & accesses))
      space.widen(page, parts.tables.found.frame, pageFlagsOf(flags, space.pageOwner));
    markByFault(space, page, flags & accesses);
    space.forgetLocally(page);
    return accept(verdict);
  } finally {
    parts.locks.release("page-table", space.id);
    unlockObject(parts.locks, object);
    parts.locks.release("area", area);
  }
};

/**
 * Marks a page that was mapped by hand as accessed, or as written, where a page that is not faults.
 * @returns false if the page is absent, narrower, or marked already: that was not what the processor objected to
 */
const markByHand = (space: AddressSpace, page: number, accesses: AccessMask): boolean => {
  const { architecture, locks, tables } = space.parts;
  const isWrite = isFirstWrite(space, accesses);
  if (!isWrite && architecture.can.recordAccess !== "fault") return false;
  const wanted = isWrite ? PAGE_ACCESSED | PAGE_DIRTY : PAGE_ACCESSED;
  locks.acquire("page-table", space.id);
  try {
    const { found } = tables;
    if (!tables.find(space.context, page) || (found.flags & wanted) === wanted || !permitsOne(found.rights, space.privilege, accesses))
      return false;
    tables.mark(space.context, page, isWrite);
    return true;
  } finally {
    locks.release("page-table", space.id);
  }
};

/** Supplies an absent page, maps it and marks it used; or leaves everything as it was. */
const bringIn = (space: AddressSpace, area: number, page: number, accesses: AccessMask): FaultResult => {
  const { parts, verdict } = space;
  const areas = parts.areas;
  const object = areas.objectOf(area);
  if (object === null) return refuse(verdict, "the area has no backend");
  const offset = areas.offsetOf(area) + (page - areas.firstOf(area));
  const sink = parts.events.sink;
  const what = sink === null ? "" : object.describe(offset);
  let frame = NO_PAGE;
  let isReserved = false;
  try {
    areas.used.reserve(area);
    isReserved = true;
    frame = object.supply(offset);
    if (frame < 0) {
      areas.used.unreserve(area);
      return withoutFrame(verdict, frame);
    }
    parts.preemption.at("fault-before-insert");
    parts.tables.insert(space.context, page, frame, pageFlagsOf(areas.flagsOf(area), space.pageOwner));
    // The access that brings a page in counts: it would only fault once more.
    markByFault(space, page, accesses);
  } catch (error) {
    if (isReserved) areas.used.unreserve(area);
    if (frame >= 0) parts.frames.release(frame);
    if (error instanceof PortolanError && error.errno === "ENOMEM") return refuse(verdict, "out of memory");
    throw error;
  }
  areas.used.insert(area, page, 1);
  if (sink !== null) tellPageIn(space, page, frame, object.kind, what);
  return accept(verdict);
};

const tellPageIn = (space: AddressSpace, page: number, frame: number, from: string, what: string): void => {
  space.parts.events.sink?.({ kind: "page-in", space: space.id, page, frame, from, what });
};
