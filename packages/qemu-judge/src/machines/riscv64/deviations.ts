/** Where QEMU's harts do other things than the manual says, as far as that is known. */
import type { JudgedCase, JudgedQuery } from "../../case.js";
import { Words } from "../../mailbox.js";
import type { Explanation } from "../../verdict/explanation.js";

const [VALID, READ_WRITE_EXECUTE] = [1n, 0xen];
const PPN = ((1n << 44n) - 1n) << 10n;
const RESERVED = 0x7fn << 54n;
const PBMT = 3n << 61n;
const ACCESSED_DIRTY = 0xc0n;
const NAPOT = 1n << 63n;
/** PPN[0][3:0], and what it is in a page of 64 KiB. */
const NAPOT_SIZE = 0xfn << 10n;
const NAPOT_64K = 0x8n << 10n;

/** The entries that a walk reads, from the root, if no bit that is reserved stops it. */
const entriesFor = ({ root = 0, memory }: JudgedCase, { address }: JudgedQuery, levels: number): readonly bigint[] => {
  const entries: bigint[] = [];
  let table = BigInt(root);
  for (let i = levels - 1; i >= 0; i -= 1) {
    const at = Number(table + ((address >> BigInt(12 + 9 * i)) & 0x1ffn) * 8n);
    const piece = memory.find((one) => at >= one.at && at < one.at + one.bytes.length);
    if (piece === undefined) break;
    const entry = new Words(piece.bytes, 8, "little").get((at - piece.at) / 8);
    entries.push(entry);
    if ((entry & VALID) === 0n || (entry & READ_WRITE_EXECUTE) !== 0n) break;
    table = (entry & PPN) << 2n;
  }
  return entries;
};

/** Bits 60 to 54 with Svnapot or Svpbmt, and the fourth memory type: QEMU 7.2 looks at neither. QEMU without them does. */
export const reservedIgnored = (levels: number): Explanation => ({
  id: "riscv64.reserved-bits-ignored",
  says: "bits 60 to 54 of an entry, or a memory type that is reserved: the manual has a page fault, QEMU with Svnapot and Svpbmt none",
  manual: "RISC-V Privileged Architecture (20211203) §4.3.2, step 3; §4.4.1; chapter 6 (Svpbmt)",
  follows: "portolan",
  matches: (query, _actual, judged) =>
    query.expected.kind === "fault" &&
    query.expected.reason === "reserved" &&
    entriesFor(judged, query, levels).some((entry) => (entry & RESERVED) !== 0n || (entry & PBMT) === PBMT),
});

/** It marks the entry before it looks at the size, and faults then as it should. */
export const RESERVED_SIZE_MARKED: Explanation = {
  id: "riscv64.reserved-size-marked",
  says: "an entry with N and a size that is reserved faults, and QEMU has set A and D in it by then",
  manual: "RISC-V Privileged Architecture (20211203) §4.3.2, steps 3 and 7; chapter 5 (Svnapot), table 5.1",
  follows: "portolan",
  matches: () => false,
  matchesWord: ({ found, wanted }) =>
    (wanted & NAPOT) !== 0n &&
    (wanted & NAPOT_SIZE) !== NAPOT_64K &&
    (wanted & VALID) !== 0n &&
    ((found ^ wanted) & ~ACCESSED_DIRTY) === 0n,
};

/** As far as 7.2 lets a hart of 32 bits reach. */
export const FOUR_GIB = 1n << 32n;
/** scause of page faults: of a fetch, a load, a store. */
const PAGE_FAULT_CODES: readonly number[] = [12, 13, 15];

/** So a table that is nowhere is judged as one that PMP lets through, and 7.2 has a page fault for that. */
export const TABLE_ABOVE_4_GIB: Explanation = {
  id: "riscv32.table-above-4-gib",
  says: "a table at 4 GiB or above, where no memory is: the manual has an access fault, QEMU a page fault, for its PMP compares 32 bits of an address that has 34",
  manual: "RISC-V Privileged Architecture (20211203) §3.7.1 (pmpaddr with 32 bits), §4.3.2, step 2",
  follows: "portolan",
  keepsMemory: true,
  matches: ({ expected }, actual) =>
    expected.kind === "fault" &&
    expected.reason === "bus" &&
    expected.nowhere !== undefined &&
    expected.nowhere.isTable &&
    expected.nowhere.physical >= FOUR_GIB &&
    actual.kind === "trap" &&
    PAGE_FAULT_CODES.includes(actual.trap.code),
};
