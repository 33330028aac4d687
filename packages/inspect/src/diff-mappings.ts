/** What differs between two images, or between two roots of one. */
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_GLOBAL, type Architecture } from "@portolan/core/architecture";
import { listMappings, type ListOptions } from "./list-mappings.js";
import type { ListTotals, Mapping } from "./mappings.js";
import type { Registers } from "./memory-types.js";
import type { Memory } from "./memory.js";
import { partsOf } from "./software/parts.js";
import type { Roots } from "./tree.js";

/** One side of a comparison. */
export interface DiffSide {
  readonly memory: Memory;
  readonly roots: Roots;
  /** Where they differ between the sides; elsewhere those of the options count. */
  readonly registers?: Registers;
}

/** What became of a stretch of addresses. */
export interface MappingChange {
  readonly kind: "appeared" | "vanished" | "changed";
  /** Virtual, in bytes, inclusive. */
  readonly first: bigint;
  readonly last: bigint;
  readonly before: Mapping | null;
  readonly after: Mapping | null;
  /**
   * Of what changed. A target moved if its physical address is another one; a size, if the pages are larger or smaller; attributes, if
   * it is global or cached now, or no longer, or memory of another type, as far as both sides can tell.
   */
  readonly what: readonly ("rights" | "target" | "attributes" | "size" | "software")[];
}

/** What both sides came to; a scan that ended early is compared as far as it went. */
export interface DiffTotals {
  readonly before: ListTotals;
  readonly after: ListTotals;
  readonly changes: number;
}

/**
 * Compares two sides in the order of addresses, as a stream. Marks of access are no change.
 *
 * @throws PortolanError as `eachMapping`, when the first is asked for
 */
export async function* diffMappings(
  before: DiffSide,
  after: DiffSide,
  architecture: Architecture,
  options: Omit<ListOptions, "merge"> = {},
): AsyncGenerator<MappingChange, DiffTotals, void> {
  const ends: DiffTotals[] = [];
  const list = ({ memory, registers = options.registers }: DiffSide, roots: Roots): AsyncGenerator<Mapping, ListTotals, void> =>
    listMappings(memory, architecture, roots, { ...options, ...(registers === undefined ? {} : { registers }), merge: "ranges" });
  for (const part of partsOf(before.roots, after.roots)) {
    const one = list(before, part.before);
    const other = list(after, part.after);
    ends.push(yield* compare(new Side(one), new Side(other), architecture.pageShift));
  }
  return ends.reduce(together);
}

/** Counts of several comparisons as one's. */
const together = (one: DiffTotals, other: DiffTotals): DiffTotals => ({
  before: added(one.before, other.before),
  after: added(one.after, other.after),
  changes: one.changes + other.changes,
});

const added = (one: ListTotals, other: ListTotals): ListTotals => {
  const sum = { ...one };
  for (const name of Object.keys(one) as (keyof ListTotals)[]) {
    const [a, b] = [one[name], other[name]];
    if (typeof a === "number" && typeof b === "number") Object.assign(sum, { [name]: a + b });
  }
  return one.end === "complete" ? { ...sum, end: other.end } : sum;
};

async function* compare(one: Side, other: Side, pageShift: number): AsyncGenerator<MappingChange, DiffTotals, void> {
  let changes = 0;
  // At most one: neighbours with the same two sides become one change.
  let held: MappingChange[] = [];
  try {
    await one.next();
    await other.next();
    for (;;) {
      const [a, b] = [one.current, other.current];
      if (a === null && b === null) break;
      // A side that came to its budget says nothing about what lies behind.
      if ((a === null && one.isCut) || (b === null && other.isCut)) break;
      const first = minOf(a === null ? null : one.from, b === null ? null : other.from);
      const inA = a !== null && one.from === first;
      const inB = b !== null && other.from === first;
      const end = minOf(a === null ? null : inA ? a.last : one.from - 1n, b === null ? null : inB ? b.last : other.from - 1n);
      const what = inA && inB ? differences(a, b, first, pageShift) : [];
      if (!inA || !inB || what.length > 0) {
        const change: MappingChange = {
          kind: inA ? (inB ? "changed" : "vanished") : "appeared",
          first,
          last: end,
          before: inA ? a : null,
          after: inB ? b : null,
          what,
        };
        const [last] = held;
        if (last !== undefined && last.before === change.before && last.after === change.after && last.last + 1n === first)
          held = [{ ...last, last: end }];
        else {
          yield* held;
          changes += 1;
          held = [change];
        }
      }
      if (inA) await one.passTo(end);
      if (inB) await other.passTo(end);
    }
    yield* held;
    return { before: await one.totals(), after: await other.totals(), changes };
  } finally {
    await one.close();
    await other.close();
  }
}

/** One list, and how far it has been compared. */
class Side {
  current: Mapping | null = null;
  /** First address of `current` that was not compared. */
  from = 0n;
  /** It came to its budget. */
  isCut = false;
  #totals: ListTotals | null = null;
  readonly #list: AsyncGenerator<Mapping, ListTotals, void>;

  constructor(list: AsyncGenerator<Mapping, ListTotals, void>) {
    this.#list = list;
  }

  async next(): Promise<void> {
    const step = await this.#list.next();
    if (step.done === true) {
      this.#totals = step.value;
      this.isCut = step.value.end !== "complete";
      this.current = null;
      return;
    }
    this.current = step.value;
    this.from = step.value.first;
  }

  async passTo(end: bigint): Promise<void> {
    if (this.current === null || end >= this.current.last) await this.next();
    else this.from = end + 1n;
  }

  async totals(): Promise<ListTotals> {
    while (this.#totals === null) await this.next();
    return this.#totals;
  }

  async close(): Promise<void> {
    if (this.#totals === null) await this.#list.return(undefined as never);
  }
}

const minOf = (one: bigint | null, other: bigint | null): bigint => {
  if (one === null || other === null) return one ?? other ?? 0n;
  return one < other ? one : other;
};

const ALL_BUT_MARKS = ~(PAGE_ACCESSED | PAGE_DIRTY);

const differences = (a: Mapping, b: Mapping, at: bigint, pageShift: number): MappingChange["what"] => {
  const what: MappingChange["what"][number][] = [];
  if (a.rights !== b.rights) what.push("rights");
  const target = (mapping: Mapping): number => (mapping.physical === null ? -1 : mapping.physical + Number(at - mapping.first));
  if (target(a) !== target(b)) what.push("target");
  const isOtherType = a.memoryType !== null && b.memoryType !== null && a.memoryType !== b.memoryType;
  if (isOtherType || ((a.flags ^ b.flags) & ALL_BUT_MARKS & ~(a.untold | b.untold)) !== 0) what.push("attributes");
  if (a.pageBytes !== b.pageBytes) what.push("size");
  const offset = ({ software, first }: Mapping): bigint =>
    software?.offset === undefined ? -1n : software.offset + ((at - first) >> BigInt(pageShift));
  if (a.software?.kind !== b.software?.kind || a.software?.type !== b.software?.type || offset(a) !== offset(b)) what.push("software");
  return what;
};

/** In words: `"user rw-, global"`. */
export const rightsInWords = (rights: number, flags = 0): string => {
  const letters = (mask: number): string => `${(mask & 1) === 0 ? "-" : "r"}${(mask & 2) === 0 ? "-" : "w"}${(mask & 4) === 0 ? "-" : "x"}`;
  return `kernel ${letters(rights & 7)} user ${letters(rights >>> 3)}${(flags & PAGE_GLOBAL) === 0 ? "" : " global"}`;
};
