/** How a page fault ends, and why. */
import type { PageOnItsWay } from "../objects/transfer.js";
import { ON_ITS_WAY, UNREADABLE } from "../objects/memory-object.js";

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

/** What a fault ends with for want of a frame, by what a memory object answered. */
export const withoutFrame = (verdict: FaultVerdict, answer: number): FaultResult => {
  if (answer === ON_ITS_WAY) {
    verdict.result = WAIT;
    verdict.rule = "the page is on its way";
    return WAIT;
  }
  return refuse(verdict, answer === UNREADABLE ? "the page could not be read" : "the area's memory has no such page");
};

/** FAULT, for a reason. */
export const refuse = (verdict: FaultVerdict, rule: FaultRule): FaultResult => {
  verdict.result = FAULT;
  verdict.rule = rule;
  return FAULT;
};

/** DEFER: the reason stands already. */
export const defer = (verdict: FaultVerdict): FaultResult => {
  verdict.result = DEFER;
  return DEFER;
};

/** OK. */
export const accept = (verdict: FaultVerdict): FaultResult => {
  verdict.result = OK;
  verdict.rule = "served";
  return OK;
};
