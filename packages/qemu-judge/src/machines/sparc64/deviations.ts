/**
 * Where QEMU's UltraSPARC differs from ours, and who follows the manual.
 *
 * The fields ASI and E of the status registers are not judged, nor the lowest bits of the fault address: QEMU leaves the former 0, and
 * cuts the latter to the page.
 */
import { USER } from "@portolan/core";
import type { Explanation } from "../../verdict/explanation.js";

/** Bit 0 of the field FT: a privilege violation. */
const FT_PRIVILEGE = 0x01 << 7;

const isInHole = (address: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(44, address)) !== address;

export const deviations: readonly Explanation[] = [
  {
    id: "sparc64.no-hole",
    says: "QEMU compares all 64 bits of an address with tags and knows no address out of range: in the hole it misses",
    manual: "UltraSPARC I & II User's Manual §6.9.4, table 6-11 (FT 0x20)",
    follows: "portolan",
    matches: ({ address, expected }, actual) =>
      isInHole(address) &&
      expected.kind === "fault" &&
      expected.reason === "bad-address" &&
      actual.kind === "trap" &&
      /^fast_(data|instruction)_access_MMU_miss/.test(actual.trap.trap),
  },
  {
    id: "sparc64.two-fault-types",
    says: "the user's access to a page that is the kernel's and NFO too: QEMU tells both reasons, ours the latter alone",
    manual: "UltraSPARC I & II User's Manual §6.9.4, table 6-11; Fujitsu SPARC64 V supplement, table F-9: several bits of FT may be set",
    follows: "qemu",
    matches: ({ privilege, expected }, actual) =>
      privilege === USER &&
      expected.kind === "fault" &&
      expected.reason === "reserved" &&
      actual.kind === "trap" &&
      actual.trap.trap === expected.report?.trap &&
      actual.trap.code === (expected.report.code | FT_PRIVILEGE),
  },
];
