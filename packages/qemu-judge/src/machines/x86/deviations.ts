/** Where QEMU's walks of x86 tables and ours part ways without either being wrong, or with QEMU being wrong. */
import { EXECUTE } from "@portolan/core";
import type { JudgedCase } from "../../case.js";
import { PageImage } from "../../page-image.js";
import type { Explanation } from "../../verdict/explanation.js";
import type { SlotKind } from "../profile.js";
import { indexIn, type TreeShape } from "./x86.js";

const PRESENT = 1;
const RESERVED_BIT = 8;
const ACCESSED = 1n << 5n;
const GIGABYTE_SHIFT = 30;

/** An entry that a walk reads, and where. */
export interface PassedEntry {
  readonly at: number;
  readonly entry: bigint;
}

const bytesToWord = (bytes: Uint8Array): bigint => bytes.reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n);

/** The entries that a walk reads, as they were before the accesses, the root's first; the last leads no further. */
export const entriesFor = (
  shape: TreeShape,
  judged: JudgedCase,
  address: bigint,
  image = new PageImage(judged.memory),
): readonly PassedEntry[] => {
  const found: PassedEntry[] = [];
  const { entryBytes, shifts, isTable, frame } = shape;
  let table = judged.root ?? 0;
  for (let depth = 0; depth < shifts.length; depth += 1) {
    const at = table + indexIn(address, depth, shape) * entryBytes;
    const entry = bytesToWord(image.read(at, entryBytes));
    found.push({ at, entry });
    if (entry % 2n === 0n || !isTable(entry, depth, judged)) break;
    table = Number(entry & frame);
  }
  return found;
};

/** A reserved bit is told as QEMU tells it since 7.2: with RSVD, and with P clear. */
const reservedWithoutPresent = (slot: SlotKind): Explanation => ({
  id: "x86.reserved-bit-without-p",
  says: "QEMU since 7.2 reports a reserved bit with P clear in the error code; RSVD is only ever set together with P.",
  manual: "Intel SDM vol 3A §4.7 (RSVD flag)",
  follows: "portolan",
  keepsMemory: true,
  matches: (query, actual) =>
    query.expected.kind === "fault" &&
    query.expected.reason === "reserved" &&
    query.expected.report !== undefined &&
    (query.expected.report.code & (RESERVED_BIT | PRESENT)) === (RESERVED_BIT | PRESENT) &&
    actual.kind === "trap" &&
    actual.trap.trap === query.expected.report.trap &&
    actual.trap.code === query.expected.report.code - PRESENT &&
    actual.trap.address === query.address + (query.access === EXECUTE ? 0n : BigInt(slot.dataOffset)),
});

type Ways = (judged: JudgedCase) => ReadonlySet<number>;

/** Where some of the entries lie on the way of accesses that end in a fault; found once for each case. */
const waysToFaults = (shape: TreeShape, some: (way: readonly PassedEntry[]) => readonly PassedEntry[]): Ways => {
  const known = new WeakMap<JudgedCase, ReadonlySet<number>>();
  return (judged) => {
    const old = known.get(judged);
    if (old !== undefined) return old;
    const image = new PageImage(judged.memory);
    const refused = judged.queries.filter(({ expected }) => expected.kind === "fault");
    const places = new Set(refused.flatMap(({ address }) => some(entriesFor(shape, judged, address, image))).map(({ at }) => at));
    known.set(judged, places);
    return places;
  };
};

/** Nothing but the accessed flag is set in a word of the judged tables, at one of these places. */
const isMarked =
  (places: Ways): NonNullable<Explanation["matchesWord"]> =>
  ({ at, found, wanted }, judged) =>
    found === (wanted | ACCESSED) && places(judged).has(at);

const accessedAboveFault = (shape: TreeShape): Explanation => ({
  id: "x86.accessed-above-a-fault",
  says: "QEMU sets the accessed flag of each entry that leads on, even if the walk ends in a fault further down; ours only if it ends well.",
  manual: "Intel SDM vol 3A §4.8 (an entry that is used as part of a translation), §4.10.3; AMD64 APM vol 2 §5.4.2 (a table that is read)",
  follows: "either",
  matches: () => false,
  matchesWord: isMarked(waysToFaults(shape, (way) => way.slice(0, -1))),
});

/** Its reserved bits and rights are looked at later than those of 2 MiB and 4 KiB pages, which are marked last. */
export const accessedGigabytePage = (shape: TreeShape): Explanation => ({
  id: "x86.accessed-gigabyte-page-that-refuses",
  says: "QEMU sets the accessed flag of an entry that maps 1 GiB before it looks at its reserved bits and rights; ours only if it lets the access through.",
  manual: "Intel SDM vol 3A §4.8",
  follows: "either",
  matches: () => false,
  matchesWord: isMarked(
    waysToFaults(shape, (way) => {
      const depth = shape.shifts.indexOf(GIGABYTE_SHIFT);
      return way.length === depth + 1 ? way.slice(depth) : [];
    }),
  ),
});

/** What both machines have in common. */
export const x86Explanations = (shape: TreeShape, slot: SlotKind): readonly Explanation[] => [
  reservedWithoutPresent(slot),
  accessedAboveFault(shape),
];
