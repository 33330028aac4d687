/**
 * The page fault: what happens when a processor could not translate, and the area decides whether it should have.
 *
 * The area's permission comes first, always; a present entry is an answer only if it permits this access; a present
 * entry that does not, in an area that does, is widened on the same frame; only an absent page is supplied by the
 * area's object.
 *
 * @see HelenOS kernel/generic/src/mm/as.c, as_page_fault()
 */
import { BUS, DOMAIN, RESERVED, type FaultReason } from "../architecture/faults.js";
import type { Switches } from "../architecture/entry-format.js";
import { KERNEL, PAGE_ACCESSED, PAGE_DIRTY, WRITE, permits, type Access, type AccessMask, type Privilege } from "../architecture/rights.js";
import { pageFlagsOf } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import { NO_PAGE, ON_ITS_WAY, UNREADABLE } from "../objects/memory-object.js";
import { lockObject, unlockObject } from "../objects/shared-object.js";
import type { PageOnItsWay, Transfer } from "../objects/transfer.js";
import type { AddressSpace } from "./address-space.js";
import { arrangeWait } from "./page-wait.js";

/** The fault could not be served; nothing has changed. The numbers of the three results are those of HelenOS in 2008. */
export const FAULT = 0;
/** The fault was served: the access may be tried again. */
export const OK = 1;
/**
 * HelenOS's third answer, for FAULT, when the kernel was copying to or from user space: the copy gives up, with the number of
 * bytes done, and nobody dies.
 */
export const DEFER = 2;
/**
 * The page is on its way: a pager has been asked and answers later. Nothing is lost; whoever runs the guest lets it wait
 * and tries the access again when the page has come, or could not be read.
 */
export const WAIT = 3;
/** FAULT, OK or DEFER, as HelenOS's `as_page_fault()` answers; or WAIT, which HelenOS spends asleep. */
export type FaultResult = typeof FAULT | typeof OK | typeof DEFER | typeof WAIT;

/** Why a fault could not be served, in words that reports and tests can compare. */
export type FaultRule =
  | "served"
  | "no area at this address"
  | "the area is still being built"
  | "the area forbids this access"
  | "the area has no backend"
  | "the area's memory has no such page"
  | "the page is on its way"
  | "the page could not be read"
  | "out of memory"
  | "nothing answers at that physical address"
  | "an entry of the tables has a form that the manual forbids"
  | "the domain of the translation is closed"
  | "the processor keeps the kernel from what is the user's";

/** The rule that decided the last fault of a space; reused, never allocated on the way. */
export interface FaultVerdict {
  result: FaultResult;
  rule: FaultRule;
  /** After WAIT: what the access waits for. Means nothing after another result. */
  waitsFor: PageOnItsWay | null;
}

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
  let answer = attempt(space, page, accesses);
  for (let round = 1; typeof answer !== "number"; round += 1) {
    answer = arrangeWait(space, page, answer, round) ? attempt(space, page, accesses) : space.verdict.result;
  }
  let result = answer;
  if (result === FAULT && isCopying) result = defer(space.verdict);
  if (space.parts.events.sink !== null) tellFault(space, page, accesses, result);
  return result;
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

const decide = (space: AddressSpace, page: number, accesses: AccessMask): FaultResult => {
  const { parts, verdict } = space;
  const area = space.tree.find(page);
  if (area < 0) return refuse(verdict, "no area at this address");
  const areas = parts.areas;
  if (areas.isPartial(area)) return refuse(verdict, "the area is still being built");
  const flags = areas.flagsOf(area);
  if ((flags & accesses) === 0) return refuse(verdict, "the area forbids this access");
  const object = areas.objectOf(area);
  if (object === null) {
    return markByHand(space, page, flags & accesses) ? accept(verdict) : refuse(verdict, "the area has no backend");
  }

  parts.locks.acquire("area", area);
  lockObject(parts.locks, object);
  parts.locks.acquire("page-table", space.id);
  try {
    if (!parts.tables.find(space.context, page)) {
      parts.preemption.at("fault-before-supply");
      return bringIn(space, area, page, flags & accesses);
    }
    // Another processor was first, or its entry is narrower than the area by now: no new frame either way.
    if (!permitsOne(parts.tables.found.rights, space.privilege, flags & accesses)) space.widen(page, pageFlagsOf(flags, space.pageOwner));
    markByFault(space, page, flags & accesses);
    space.forgetLocally(page);
    return accept(verdict);
  } finally {
    parts.locks.release("page-table", space.id);
    unlockObject(parts.locks, object);
    parts.locks.release("area", area);
  }
};

/** Does an access that a machine reports as these want its page marked as written, by whoever handles the fault? */
const isFirstWrite = (space: AddressSpace, accesses: AccessMask): boolean =>
  space.parts.architecture.can.recordWrite === "fault" && (accesses & WRITE) !== 0;

/** Leaves the marks of an access that will be tried again, on machines that leave them to the handler. */
const markByFault = (space: AddressSpace, page: number, accesses: AccessMask): void => {
  const { architecture, tables } = space.parts;
  const isWrite = isFirstWrite(space, accesses);
  if (isWrite || architecture.can.recordAccess === "fault") tables.mark(space.context, page, isWrite);
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

/** What an object answered that gave no frame. */
const withoutFrame = (verdict: FaultVerdict, answer: number): FaultResult => {
  if (answer === ON_ITS_WAY) {
    verdict.result = WAIT;
    verdict.rule = "the page is on its way";
    return WAIT;
  }
  return refuse(verdict, answer === UNREADABLE ? "the page could not be read" : "the area's memory has no such page");
};

const tellPageIn = (space: AddressSpace, page: number, frame: number, from: string, what: string): void => {
  space.parts.events.sink?.({ kind: "page-in", space: space.id, page, frame, from, what });
};

const permitsOne = (rights: number, privilege: Privilege, accesses: AccessMask): boolean => {
  for (let access = 1; access <= 4; access *= 2) {
    if ((accesses & access) !== 0 && permits(rights, privilege, access)) return true;
  }
  return false;
};

const refuse = (verdict: FaultVerdict, rule: FaultRule): FaultResult => {
  verdict.result = FAULT;
  verdict.rule = rule;
  return FAULT;
};

const defer = (verdict: FaultVerdict): FaultResult => {
  verdict.result = DEFER;
  return DEFER;
};

const accept = (verdict: FaultVerdict): FaultResult => {
  verdict.result = OK;
  verdict.rule = "served";
  return OK;
};
