/** Where QEMU's harts do other things than the manual says, as far as that is known. */
import { EXECUTE, READ, WRITE, type Access } from "@portolan/core";
import type { Explanation } from "../verdict/explanation.js";

/** mcause of a page fault. */
const PAGE_FAULTS: Readonly<Record<Access, number>> = { [EXECUTE]: 12, [READ]: 13, [WRITE]: 15 };

/** A walk that cannot read an entry ends in a page fault there; QEMU keeps access faults of walks for those that PMP refuses. */
export const TABLE_NOWHERE: Explanation = {
  id: "riscv64.table-outside-memory",
  says: "a table that lies where there is no memory: the manual has an access fault, QEMU a page fault",
  manual: "RISC-V Privileged Architecture (20211203) §4.3.2, step 2",
  follows: "portolan",
  keepsMemory: true,
  matches: ({ expected, access }, actual) =>
    expected.kind === "fault" && expected.nowhere?.isTable === true && actual.kind === "trap" && actual.trap.code === PAGE_FAULTS[access],
};
