/** Where QEMU's 64-bit ARM does other things than the manual says, as far as that is known. */
import type { JudgedCase, JudgedQuery } from "../../case.js";
import { Words } from "../../mailbox.js";
import type { Explanation } from "../../verdict/explanation.js";
import type { Half } from "./arm64.js";

const [KIND, BLOCK, TABLE] = [3n, 1n, 3n];
const LAST_LEVEL = 3;

/** Bits 47:12 of an address; the lower ones are zero in a table's. */
const NEXT = (1n << 48n) - (1n << 12n);

/** Levels at which a granule has blocks, without the extensions for 52 bits of address. */
const BLOCKS: Readonly<Record<Half["granuleKiB"], readonly number[]>> = { 4: [1, 2], 16: [2], 64: [2] };

/** Where a walk ends, and with which descriptor; null if it leads out of the case's memory. */
const lastOf = (
  { root = 0, kernelRoot = 0, memory }: JudgedCase,
  { address }: JudgedQuery,
  { granuleKiB, bits }: Half,
  isHigh: boolean,
): { readonly level: number; readonly descriptor: bigint } | null => {
  const pageShift = 10 + Math.log2(granuleKiB);
  const indexBits = pageShift - 3;
  const levels = Math.ceil((bits - pageShift) / indexBits);
  let table = BigInt(isHigh ? kernelRoot : root);
  let left = bits;
  for (let level = LAST_LEVEL + 1 - levels; ; level += 1) {
    const shift = pageShift + (LAST_LEVEL - level) * indexBits;
    const at = Number(table + (BigInt.asUintN(left, address) >> BigInt(shift)) * 8n);
    const piece = memory.find((one) => at >= one.at && at < one.at + one.bytes.length);
    if (piece === undefined) return null;
    const descriptor = new Words(piece.bytes, 8, "little").get((at - piece.at) / 8);
    if (level === LAST_LEVEL || (descriptor & KIND) !== TABLE) return { level, descriptor };
    table = descriptor & NEXT & -(1n << BigInt(pageShift));
    left = shift;
  }
};

/** QEMU 7.2 maps (512 GiB with pages of 4 KiB) by descriptors that say "block" at a level that has none. */
export const blocksEverywhere = (low: Half, high: Half): Explanation => ({
  id: "arm64.block-where-none-is",
  says: "a descriptor of a block at a level that has no blocks: the manual has a translation fault, QEMU a block",
  manual: "Arm ARM (DDI 0487) §D5.3.1",
  follows: "portolan",
  matches: (query, _actual, judged) => {
    if (query.expected.kind !== "fault") return false;
    const isHigh = ((query.address >> 55n) & 1n) === 1n;
    const half = isHigh ? high : low;
    const last = lastOf(judged, query, half, isHigh);
    if (last === null || last.level === LAST_LEVEL || (last.descriptor & KIND) !== BLOCK) return false;
    return !BLOCKS[half.granuleKiB].includes(last.level);
  },
});

const CONTIGUOUS = 1n << 52n;
/** By granule and level, entries that the contiguous bit makes one. */
const TOGETHER: Readonly<Record<Half["granuleKiB"], Readonly<Record<number, number>>>> = {
  4: { 1: 16, 2: 16, 3: 16 },
  16: { 2: 32, 3: 128 },
  64: { 2: 32, 3: 32 },
};

/**
 * QEMU 7.2 takes each entry of a contiguous run at its word. Where software has not put the parts of the larger page in
 * their order, the manual lets a TLB take either.
 */
export const contiguousIgnored = (half: Half): Explanation => ({
  id: "arm64.contiguous-out-of-order",
  says: "entries with the contiguous bit that are not the parts of one larger page: QEMU takes each at its word",
  manual: "Arm ARM (DDI 0487) §D5.3.3",
  follows: "either",
  matches: (query, _actual, judged) => {
    const isHigh = ((query.address >> 55n) & 1n) === 1n;
    const last = lastOf(judged, query, half, isHigh);
    if (last === null || (last.descriptor & CONTIGUOUS) === 0n) return false;
    const entries = BigInt(TOGETHER[half.granuleKiB][last.level] ?? 1);
    const pageShift = 10 + Math.log2(half.granuleKiB);
    const shift = BigInt(pageShift + (LAST_LEVEL - last.level) * (pageShift - 3));
    return (last.descriptor >> shift) % entries !== (query.address >> shift) % entries;
  },
});
