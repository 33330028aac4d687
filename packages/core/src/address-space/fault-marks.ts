/** What an entry permits of what a machine reports, and the marks that some machines leave to the handler of a fault. */
import { WRITE, type AccessMask, type Privilege, type Rights } from "../architecture/rights.js";
import type { AddressSpace } from "./address-space.js";

/** Does an access that a machine reports as these want its page marked as written, by whoever handles the fault? */
export const isFirstWrite = (space: AddressSpace, accesses: AccessMask): boolean =>
  space.parts.architecture.can.recordWrite === "fault" && (accesses & WRITE) !== 0;

/** Leaves the marks of an access that will be tried again, on machines that leave them to the handler. */
export const markByFault = (space: AddressSpace, page: number, accesses: AccessMask): void => {
  const { architecture, tables } = space.parts;
  const isWrite = isFirstWrite(space, accesses);
  if (isWrite || architecture.can.recordAccess === "fault") tables.mark(space.context, page, isWrite);
};

/** Does an entry permit one of the accesses? */
export const permitsOne = (rights: Rights, privilege: Privilege, accesses: AccessMask): boolean =>
  permittedOf(rights, privilege, accesses) !== 0;

/** Those of the accesses that an entry permits. */
export const permittedOf = (rights: Rights, privilege: Privilege, accesses: AccessMask): AccessMask =>
  (rights >>> (privilege * 3)) & accesses;
