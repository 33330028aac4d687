/**
 * What the access-permission bits let through.
 *
 * Nothing forbids a fetch but XN, and a fetch needs the right to read; so every set of rights here that has READ has
 * EXECUTE, until XN takes it away.
 *
 * @see ARM ARM (DDI 0100) §B4.3.1; ARMv7-A ARM (DDI 0406C) §B3.7.1, tables B3-8 and B3-9
 */
import { EXECUTE, READ, WRITE, rightsFor, type AccessMask, type Rights, type Switches } from "@portolan/core/architecture";

/** Formats of the descriptors, named after the architecture that brought them. */
export type Format = "v5" | "v6" | "v7";

const NONE: AccessMask = 0;
const RO: AccessMask = READ | EXECUTE;
const RW: AccessMask = READ | WRITE | EXECUTE;
const NOBODY: Rights = rightsFor(NONE, NONE);

/** AP = 00 was given a meaning by two bits of the control register; both at once are reserved. */
const withoutPermission = (switches: Switches): Rights => {
  if (switches["S"] === switches["R"]) return NOBODY;
  return switches["S"] ? rightsFor(RO, NONE) : rightsFor(RO, RO);
};

/** AP of one quarter of a page. */
export const rightsOfAp = (ap: number, switches: Switches): Rights =>
  [withoutPermission(switches), rightsFor(RW, NONE), rightsFor(RW, RO), rightsFor(RW, RW)][ap] ?? NOBODY;

/** APX (AP[2]) and AP[1:0], less what XN forbids. APX = 1, AP = 11 was reserved until ARMv6K. */
export const rightsOfApx = (apx: number, ap: number, xn: number, format: Format, switches: Switches): Rights => {
  const readOnly = [NOBODY, rightsFor(RO, NONE), rightsFor(RO, RO), format === "v6" ? NOBODY : rightsFor(RO, RO)][ap] ?? NOBODY;
  const rights = apx === 1 ? readOnly : rightsOfAp(ap, format === "v6" ? switches : {});
  return xn === 1 ? rights & ~rightsFor(EXECUTE, EXECUTE) : rights;
};

/** AP[2:1] where AP[0] is the access flag (SCTLR.AFE): AP[0] counts as set. */
export const rightsOfAp21 = (apx: number, ap1: number, xn: number): Rights => rightsOfApx(apx, ap1 * 2 + 1, xn, "v7", {});
