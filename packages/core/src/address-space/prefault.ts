/**
 * Bringing a page in before it is touched: exactly what the accesses themselves would do, under the same rules, and no
 * more. So a page that is there already stays as it is, its rights are never lessened, and a write to a page that is
 * shared copies it as a store would.
 */
import { EXECUTE, READ, WRITE, permits, type Access, type AccessMask } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";
import type { AddressSpace } from "./address-space.js";
import { FAULT, OK, servePageFault, type FaultResult, type FaultRule } from "./fault.js";

/** The store first: what it brings in can be read as well, and need not be brought in twice. */
const ORDER: readonly Access[] = [WRITE, READ, EXECUTE];

/**
 * Makes `page` ready for all of `accesses`. May be repeated.
 *
 * @param accesses a set of READ, WRITE and EXECUTE; each of them must be permitted by the area
 * @returns OK; else FAULT, or WAIT while the page is on its way, and `space.verdict` says why
 * @throws PortolanError ERR_BAD_ARGUMENT for other accesses, or none; nothing has changed then
 */
export const prefault = (space: AddressSpace, page: number, accesses: AccessMask): FaultResult => {
  checkAccesses(accesses);
  const { verdict } = space;
  const objection = objectionTo(space, page, accesses);
  if (objection !== null) {
    verdict.result = FAULT;
    verdict.rule = objection;
    return FAULT;
  }
  for (const access of ORDER) {
    if ((accesses & access) === 0 || isReadyFor(space, page, access)) continue;
    const result = servePageFault(space, page, access, false);
    if (result !== OK) return result;
  }
  verdict.result = OK;
  verdict.rule = "served";
  return OK;
};

/** @throws PortolanError ERR_BAD_ARGUMENT unless it is some of READ, WRITE and EXECUTE */
export const checkAccesses = (accesses: AccessMask): void => {
  const every = READ | WRITE | EXECUTE;
  if (!Number.isInteger(accesses) || accesses < 1 || accesses > every)
    throw new PortolanError("ERR_BAD_ARGUMENT", { accesses, rule: "some of READ, WRITE and EXECUTE" });
};

/** Why the accesses, taken together, are not permitted there. */
const objectionTo = (space: AddressSpace, page: number, accesses: AccessMask): FaultRule | null => {
  const { locks, areas } = space.parts;
  locks.acquire("address-space", space.id);
  const area = space.tree.find(page);
  // A stack grows when it is touched, so this has to be left to the fault itself.
  const objection = area >= 0 && (areas.flagsOf(area) & accesses) !== accesses ? "the area forbids this access" : null;
  locks.release("address-space", space.id);
  return objection;
};

/** Does the entry that is there let this access through already? */
const isReadyFor = (space: AddressSpace, page: number, access: Access): boolean => {
  const { locks, tables } = space.parts;
  locks.acquire("page-table", space.id);
  const isReady = tables.find(space.context, page) && permits(tables.found.rights, space.privilege, access);
  locks.release("page-table", space.id);
  return isReady;
};
