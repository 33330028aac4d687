/** What is true of the processor, with PAE and without: its buffers, what takes entries out of them, and who lives where. */
import type { Architecture, TlbGeometry } from "@portolan/core/architecture";

/** The P6 family's buffers: 64 entries for data and 32 for instructions, four ways. @see Intel SDM vol 3A, table 12-1 */
const buffer = (entries: number, largeShift: number): TlbGeometry => ({
  entries,
  ways: 4,
  replacement: "used-bit",
  pageShifts: [12, largeShift],
  wired: 0,
  lockable: false,
  paired: false,
});

/** @param largeShift the address bits of the larger page: 22 without PAE, 21 with it */
export const buffersWith = (largeShift: number): Architecture["tlb"] => ({
  refill: "hardware",
  instruction: buffer(32, largeShift),
  data: buffer(64, largeShift),
  invalidation: {
    // CR4.PGE turned off and on where it is set, a CR3 write where not: global entries go as well. @see SDM vol 3A §4.10.4.1
    all: { sparesGlobal: false, sparesLocked: false },
    asid: { by: "all", sparesGlobal: true, sparesLocked: false },
    // INVLPG drops the page whatever its G bit.
    page: { dropsGlobal: true, anyAsid: true },
    rootLoadInvalidates: true,
  },
  honoursGlobal: { switch: "PGE" },
  manual: "Intel SDM vol 3A §4.10",
});

/** There are none: whoever loads CR3 begins with empty buffers. */
export const asids: Architecture["asids"] = { bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 };

/** The halves as HelenOS divides them. */
export const layout: Architecture["layout"] = {
  user: { first: 0n, last: 0x7fff_ffffn },
  kernel: { first: 0x8000_0000n, last: 0xffff_ffffn },
  userStack: 0x7fff_f000n,
  kernelAddressSpaceShadowed: false,
};
