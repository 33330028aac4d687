/**
 * What happens at the door of a page fault that ended with a page on its way: no lock is held any more, so the pager is
 * asked, and if it answers at once nobody waits at all.
 */
import type { PagerFailure } from "../objects/pager.js";
import type { Transfer } from "../objects/transfer.js";
import type { AddressSpace } from "./address-space.js";
import { FAULT, WAIT, type FaultRule } from "./fault.js";

/** What a task is told when its page does not come. */
const RULES: Readonly<Record<PagerFailure, FaultRule>> = {
  EIO: "the page could not be read",
  ENOMEM: "out of memory",
  EBUS: "the area's memory has no such page",
};

/** Pages come and go: a pager that throws each of them out again before it is mapped is not asked for ever. */
const MOST_ROUNDS = 16;

/**
 * A fault of `page` ended with WAIT, for `transfer`, which it began or met.
 *
 * @param round how often this fault has come here already
 * @returns true if the fault is to be served again at once; false: the verdict stands. It is WAIT then, and `waitsFor` says
 *   for what, or FAULT if the page could not be had
 */
export const arrangeWait = (space: AddressSpace, page: number, transfer: Transfer, round: number): boolean => {
  const { transfers } = space.parts;
  const failed = transfers.takeNews(space.id, page, transfer);
  if (failed !== null) {
    // This very fault has waited already, in vain. What it began by coming again nobody needs to ask for.
    if (transfer.state === "queued" && !transfer.isAwaited) transfer.withdraw();
    transfers.start();
    return refuse(space, failed.failure);
  }
  transfer.awaitedBy(space.id, page);
  transfers.start();
  if (transfer.state === "failed") {
    transfers.takeNews(space.id, page, transfer);
    return refuse(space, transfer.failure);
  }
  if (transfer.isOver) return round < MOST_ROUNDS || refuse(space, "EIO");
  const { verdict } = space;
  verdict.result = WAIT;
  verdict.rule = "the page is on its way";
  verdict.waitsFor = transfer;
  return false;
};

const refuse = ({ verdict }: AddressSpace, failure: PagerFailure | null): false => {
  verdict.result = FAULT;
  verdict.rule = RULES[failure ?? "EIO"];
  verdict.waitsFor = null;
  return false;
};
