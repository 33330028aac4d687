/**
 * Mappings that lie in no tree: as they stand, one by one, or in the order of addresses with neighbours joined. What stands in no
 * order is gathered for that, in columns: a few bytes an entry.
 */
import { PAGE_ACCESSED, PAGE_CACHEABLE, PAGE_DIRTY, PortolanError, type Architecture } from "@portolan/core/architecture";
import { Addresses } from "../addresses.js";
import type { ListOptions } from "../list-mappings.js";
import { count, filterOf, noSums, type ListTotals, type Mapping } from "../mappings.js";
import type { Memory } from "../memory.js";
import { LeafColumns } from "./columns.js";
import { leavesOf, type Leaf } from "./leaves.js";
import { bestOf, type SoftwareSources } from "./sources.js";

/** @throws PortolanError ERR_NO_SOURCE where there is nothing but a tree, ERR_BAD_ADDRESS for a range that is none, ERR_BAD_ARGUMENT */
export async function* listSoftware(
  memory: Memory,
  architecture: Architecture,
  sources: SoftwareSources,
  options: ListOptions,
): AsyncGenerator<Mapping, ListTotals, void> {
  const { filter, range, budget, merge = "ranges" } = options;
  const source = bestOf(sources);
  if (source === "tree") throw new Error("a tree is listed as trees are");
  if (options.os !== undefined)
    throw new PortolanError("ERR_BAD_ARGUMENT", { os: options.os, rule: "entries of a tree mean something to systems" });
  const addresses = new Addresses(architecture, architecture.hardwarePageShift);
  for (const address of range === undefined ? [] : [range.first, range.last])
    if (!addresses.isCanonical(address)) throw new PortolanError("ERR_BAD_ADDRESS", { address: `0x${address.toString(16)}` });
  const smallest = 2 ** (source === "hash" ? architecture.pageShift : architecture.hardwarePageShift);
  const passes = filter === undefined ? null : filterOf(filter, smallest);
  const sums = noSums();
  const columns = new LeafColumns(addresses);
  const leaves = leavesOf(memory, architecture, sources, source, budget?.leaves);
  let next = await leaves.next();
  for (; next.done !== true; next = await leaves.next()) {
    for (const leaf of next.value) {
      if (range !== undefined && (leaf.virtual > range.last || leaf.virtual + BigInt(leaf.bytes) <= range.first)) continue;
      if (passes !== null && !passes(leaf.rights, leaf.physical, leaf.bytes)) continue;
      count(sums, leaf.rights, leaf.bytes, leaf.bytes > smallest);
      if (merge === "leaves") yield mappingOf(leaf);
      else columns.add(leaf);
    }
  }
  yield* joined(columns, merge);
  return { ...next.value, ...sums, source };
}

const mappingOf = ({ virtual, bytes, physical, rights, flags, origin }: Leaf): Mapping => ({
  first: virtual,
  last: virtual + BigInt(bytes) - 1n,
  bytes,
  physical,
  rights,
  flags,
  unequal: 0,
  untold: 0,
  memoryType: (flags & PAGE_CACHEABLE) === 0 ? "uncached" : "cached",
  hasSeveralTypes: false,
  pageBytes: bytes,
  depth: 0,
  leaves: 1,
  software: null,
  origin,
});

const ALL_BUT_MARKS = ~(PAGE_ACCESSED | PAGE_DIRTY);

/** Neighbours of one space and one buffer joined, as those of a tree are. */
function* joined(columns: LeafColumns, merge: "ranges" | "rights" | "leaves"): Generator<Mapping, void, void> {
  // At most one.
  let held: Mapping[] = [];
  for (const leaf of columns.sorted()) {
    const fresh = mappingOf(leaf);
    const [last] = held;
    if (last === undefined || !follows(last, fresh, merge)) {
      yield* held;
      held = [fresh];
      continue;
    }
    const isNext = last.physical !== null && last.physical + last.bytes === fresh.physical;
    const { origin } = last;
    const hasSeveralTypes = last.hasSeveralTypes || last.memoryType !== fresh.memoryType;
    held = [
      {
        ...last,
        last: fresh.last,
        bytes: last.bytes + fresh.bytes,
        physical: isNext ? last.physical : null,
        flags: last.flags & fresh.flags,
        unequal: last.unequal | (last.flags ^ fresh.flags),
        memoryType: hasSeveralTypes ? null : last.memoryType,
        hasSeveralTypes,
        pageBytes: last.pageBytes === fresh.pageBytes ? last.pageBytes : null,
        leaves: last.leaves + 1,
        origin: origin === null ? null : { ...origin, index: null },
      },
    ];
  }
  yield* held;
}

const follows = (one: Mapping, other: Mapping, merge: "ranges" | "rights" | "leaves"): boolean => {
  const [a, b] = [one.origin, other.origin];
  if (one.last + 1n !== other.first || one.rights !== other.rights) return false;
  if (a?.unit !== b?.unit || a?.asid !== b?.asid || a?.space !== b?.space) return false;
  if (merge === "rights") return true;
  return (
    ((one.flags ^ other.flags) & ALL_BUT_MARKS) === 0 &&
    one.pageBytes === other.pageBytes &&
    one.physical !== null &&
    other.physical !== null &&
    one.physical + one.bytes === other.physical
  );
};
