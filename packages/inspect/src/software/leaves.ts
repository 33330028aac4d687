/** What TLBs, storage buffers and the page hash table map, entry by entry, in the order in which it stands there. */
import { PAGE_CACHEABLE, PAGE_GLOBAL, type Architecture, type Rights, type TlbRow } from "@portolan/core/architecture";
import { isUsersAddress } from "../address-rules.js";
import { Addresses } from "../addresses.js";
import type { Origin } from "../mappings.js";
import { holds, type Memory } from "../memory.js";
import type { ScanEnd, ScanTotals } from "../scan.js";
import { locate } from "./locate.js";
import { PageHashReader } from "./page-hash.js";
import type { PlacedBuffer, SoftwareSources, SourceName } from "./sources.js";
import { slotsOf } from "./tsb.js";

/** One mapping. Addresses and sizes are in bytes. */
export interface Leaf {
  readonly virtual: bigint;
  readonly bytes: number;
  readonly physical: number;
  readonly rights: Rights;
  /** PAGE_GLOBAL, PAGE_CACHEABLE, PAGE_ACCESSED and PAGE_DIRTY. */
  readonly flags: number;
  /** Of one entry: its number is there. */
  readonly origin: Origin;
}

/** Leaves of a page hash table that are told of at once. */
const ENOUGH = 512;

/** Entries that are read at most: of a hostile table there is no end. */
const MOST_LEAVES = 2 ** 22;

/** A buffer with the space that it belongs to. */
export interface OwnedBuffer extends PlacedBuffer {
  readonly asid: number | null;
}

/** The buffers that are meant: of one space, or of all that are known. */
export const buffersIn = ({ buffers, spaces, asid, isOne, view }: SoftwareSources): readonly OwnedBuffer[] => {
  const own = buffers.map((placed): OwnedBuffer => ({ ...placed, asid }));
  if (isOne) return own;
  const others = spaces
    .filter((space) => space.asid !== asid)
    .flatMap((space) =>
      (view.buffers ?? []).flatMap((buffer): OwnedBuffer[] => {
        const value = space.registers?.[buffer.register];
        return value === undefined ? [] : [{ buffer, value, asid: space.asid }];
      }),
    );
  return [...own, ...others];
};

/** A row as a leaf. The user's rights count where the user may name the address at all. */
export const leafOf = (architecture: Architecture, source: "tlb" | "tsb", row: TlbRow): Leaf => {
  const { virtual, bytes, physical, kernel, user, unit, index, asid } = row;
  const flags = (row.global ? PAGE_GLOBAL : 0) | (row.uncached === true ? 0 : PAGE_CACHEABLE);
  const rights = kernel | (isUsersAddress(architecture, virtual) ? user << 3 : 0);
  return { virtual, bytes, physical: Number(physical), rights, flags, origin: { source, unit, index, asid, space: null } };
};

/** All leaves of a place, of all spaces or of one, by the handful. The last word is how it went. */
export async function* leavesOf(
  memory: Memory,
  architecture: Architecture,
  sources: SoftwareSources,
  source: Exclude<SourceName, "tree">,
  most = MOST_LEAVES,
): AsyncGenerator<readonly Leaf[], ScanTotals, void> {
  const totals = { end: "complete" as ScanEnd, tables: 0, repeated: 0, cycles: 0, leaves: 0, odd: 0, marked: 0 };
  const addresses = new Addresses(architecture);
  const isAddress = (row: TlbRow): boolean => {
    const is = addresses.isCanonical(row.virtual);
    if (!is) totals.odd += 1;
    return is;
  };
  const isUnit = ({ unit }: Pick<TlbRow, "unit">): boolean => sources.unit === null || unit === sources.unit;
  const isMeant = (row: TlbRow): boolean => isUnit(row) && (!sources.isOne || row.global || row.asid === sources.asid);
  let batch: Leaf[] = [];
  /** Puts one to the others; false where there are as many as may be. */
  const put = (leaf: Leaf): boolean => {
    if (totals.leaves >= most) {
      totals.end = "leaves";
      return false;
    }
    totals.leaves += 1;
    batch.push(leaf);
    return true;
  };
  const taken = (): readonly Leaf[] => {
    const full = batch;
    batch = [];
    return full;
  };
  if (source === "tlb") {
    for (const row of sources.tlb ?? []) {
      totals.tables += 1;
      if (row.valid === false || !isMeant(row) || !isAddress(row)) continue;
      if (!put(leafOf(architecture, "tlb", row))) break;
    }
    yield taken();
    return totals;
  }
  if (source === "tsb") {
    for (const placed of buffersIn(sources)) {
      if (!isUnit(placed.buffer)) continue;
      const found = locate(memory, architecture, sources, placed);
      if (found === null || !holds(memory, found.physical)) {
        totals.odd += 1;
        continue;
      }
      totals.tables += found.slots;
      for await (const row of slotsOf(memory, found)) {
        if (!isAddress(row)) continue;
        if (!put(leafOf(architecture, "tsb", row))) break;
      }
      yield taken();
      if (totals.end !== "complete") break;
    }
    return totals;
  }
  if (sources.hash === null) return totals;
  const table = await PageHashReader.open(memory, architecture, sources.hash.directory, sources.hash.chains);
  const tags = new Map(sources.spaces.map(({ space, asid }) => [space, asid]));
  let read = 0;
  for (let chain = 0; chain < table.chains; chain += 1) {
    totals.tables += 1;
    const { entries, end } = await table.chain(chain);
    for (const entry of entries) {
      const { space, at, virtual, physical, rights, flags } = entry;
      read += 1;
      if (read > most) {
        totals.end = "leaves";
        yield taken();
        return totals;
      }
      if (!table.isSound(entry)) {
        totals.odd += 1;
        continue;
      }
      if (sources.isOne && space !== sources.space) continue;
      put({
        virtual,
        bytes: table.frameBytes,
        physical,
        rights,
        flags,
        origin: { source: "hash", unit: null, index: at, asid: tags.get(space) ?? null, space },
      });
    }
    if (batch.length >= ENOUGH) yield taken();
    if (end === "complete") continue;
    totals.odd += 1;
    if (end === "cycle") totals.cycles += 1;
  }
  yield taken();
  return totals;
}
