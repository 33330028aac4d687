/** Every mapping below the roots, leaf by leaf or in merged ranges, as a stream. */
import {
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  type Architecture,
  type Field,
  type PageFlags,
  type Rights,
} from "@portolan/core/architecture";
import type { ConventionName, SoftwareEntry } from "./conventions.js";
import { count, filterOf, noSums, type ListTotals, type Mapping, type MappingFilter } from "./mappings.js";
import { MemoryTypes, type MemoryType } from "./memory-types.js";
import type { Memory } from "./memory.js";
import { Scan, type Budget } from "./scan.js";
import { listSoftware } from "./software/list-software.js";
import { bestOf } from "./software/sources.js";
import { treeOf, type Roots, type Tree, type TreeOptions } from "./tree.js";
import { conventionOf } from "./walk-address.js";

/** How to list. */
export interface ListOptions extends TreeOptions {
  readonly filter?: MappingFilter;
  /** Only virtual addresses in this range, in bytes, inclusive. */
  readonly range?: { readonly first: bigint; readonly last: bigint };
  readonly budget?: Budget;
  /** Entries that are not present are listed too, as this system means them. */
  readonly os?: ConventionName;
  /**
   * `"leaves"` one by one; `"ranges"`: neighbours of equal rights, attributes, memory type and page size that lie side by side in
   * physical memory too; `"rights"`: neighbours of equal rights, wherever they lie. Ranges where absent.
   */
  readonly merge?: "leaves" | "ranges" | "rights";
  /** Flags that are not to be told of memory whose type a register decides that was not: {@link untoldFlags}. None where absent. */
  readonly untold?: PageFlags;
}

/** Is called for every leaf that passes the filter; `at` stands at it and is written over afterwards. */
export interface LeafVisitor {
  /** A leaf that passes. Its flags are as the entry has them, whatever registers are told: `MemoryTypes` knows more. */
  leaf(at: Scan): void;
  /** An entry that is not present and means something to the operating system. */
  software?(at: Scan, entry: SoftwareEntry): void;
  /** After each table. False ends the list. */
  pause?(): Promise<boolean | void> | boolean | void;
}

/**
 * Tells of every leaf, in the order of addresses: the fast way, without an object for each.
 *
 * @throws PortolanError ERR_NO_TREE, ERR_BAD_ADDRESS for a range that is none, ERR_BAD_ARGUMENT for the rest
 */
export const eachMapping = async (
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  visitor: LeafVisitor,
  options: Omit<ListOptions, "merge"> = {},
): Promise<ListTotals> => {
  const tree = treeOf(architecture, options);
  const convention = conventionOf(options.os, tree.levels[0].entryBytes);
  const smallest = tree.levels.at(-1)?.pagesPerEntry ?? 1;
  const pageBytes = 2 ** tree.pageShift;
  const filter = options.filter === undefined ? null : filterOf(options.filter, smallest * pageBytes);
  const passes = (at: Scan): boolean => filter === null || filter(at.rights, at.physical, at.pages * pageBytes);
  const sums = noSums();
  const scan = new Scan(
    memory,
    tree,
    {
      leaf(at) {
        if (!passes(at)) return;
        count(sums, at.rights, at.pages * pageBytes, at.pages > smallest);
        visitor.leaf(at);
      },
      ...(convention === null
        ? {}
        : {
            absent(at: Scan) {
              if ((at.lo | at.hi | at.beside) === 0) return;
              const told = convention.tell((BigInt(at.hi) << 32n) | BigInt(at.lo), tree.levels[at.depth].shift, BigInt(at.beside));
              if (told === null) return;
              at.physical = told.physical ?? 0;
              if (!passes(at)) return;
              sums.software += 1;
              visitor.software?.(at, told);
            },
          }),
      ...(visitor.pause === undefined ? {} : { pause: () => visitor.pause?.() }),
    },
    convention?.beside === undefined ? options : { ...options, beside: convention.beside },
  );
  return { ...(await scan.run(roots)), ...sums, source: "tree" };
};

/** A mapping in the making. */
interface Run {
  firstPage: number;
  pages: number;
  physical: number | null;
  rights: Rights;
  /** Flags that every leaf has, for all that is known; that some leaf has; and that of some leaf nobody can tell. */
  every: PageFlags;
  some: PageFlags;
  untold: PageFlags;
  /** Null of what is not present. */
  type: MemoryType | null;
  /** Of those that are joined: not all are this type, and some are certainly others. */
  isMixed: boolean;
  hasSeveralTypes: boolean;
  /** 0 of several sizes. */
  pagesEach: number;
  depth: number;
  leaves: number;
  software: SoftwareEntry | null;
}

const ALL_BUT_MARKS = ~(PAGE_ACCESSED | PAGE_DIRTY);

const withCache = (flags: PageFlags, isCached: boolean): PageFlags => (isCached ? flags | PAGE_CACHEABLE : flags & ~PAGE_CACHEABLE);

/** Puts memory of another type to a run's, or of one that may be another. */
const mix = (run: Run, type: MemoryType | null): void => {
  const [name, other] = [run.type?.name ?? null, type?.name ?? null];
  run.isMixed = true;
  if (name === null) run.type = type;
  else if (other !== null) run.hasSeveralTypes = true;
};

/** Marks that no entry of the machine has a bit for: nobody can say that a page was not accessed. */
const marksLacking = ({ levels }: Tree): PageFlags => {
  const has = (role: Field["role"]): boolean =>
    levels.some(({ level: { leaf, forms = [] } }) =>
      [leaf, ...forms.map((form) => form.leaf)].some((format) => format?.fields.some((field) => field.role === role)),
    );
  return (has("accessed") ? 0 : PAGE_ACCESSED) | (has("dirty") ? 0 : PAGE_DIRTY);
};

/** Joins neighbours, and hands on what is finished. */
export class Joiner implements LeafVisitor {
  readonly finished: Mapping[] = [];
  readonly #tree: Tree;
  readonly #merge: NonNullable<ListOptions["merge"]>;
  readonly #pageBytes: number;
  readonly #types: MemoryTypes;
  readonly #untold: PageFlags;
  #run: Run | null = null;

  constructor(tree: Tree, merge: NonNullable<ListOptions["merge"]>, { registers, untold = 0 }: Pick<ListOptions, "registers" | "untold">) {
    this.#types = new MemoryTypes(tree.architecture, registers);
    // What was told and says nothing is as good as not told.
    this.#untold = (this.#types.isTold ? untold | PAGE_CACHEABLE : untold) | marksLacking(tree);
    this.#tree = tree;
    this.#merge = merge;
    this.#pageBytes = 2 ** tree.pageShift;
  }

  leaf(at: Scan): void {
    this.#add(at, null);
  }

  software(at: Scan, entry: SoftwareEntry): void {
    this.#add(at, entry);
  }

  /** Finishes what is left. */
  end(): void {
    const run = this.#run;
    if (run === null) return;
    const first = this.#tree.addressOf(run.firstPage);
    const bytes = run.pages * this.#pageBytes;
    const { physical, rights, every, some, untold, type, isMixed, hasSeveralTypes, pagesEach, depth, leaves, software } = run;
    this.finished.push({
      first,
      last: first + BigInt(bytes) - 1n,
      bytes,
      physical,
      rights,
      flags: every & some & ~untold,
      unequal: some & ~every,
      untold,
      memoryType: isMixed ? null : (type?.name ?? null),
      hasSeveralTypes,
      pageBytes: pagesEach === 0 ? null : pagesEach * this.#pageBytes,
      depth,
      leaves,
      software,
      origin: null,
    });
    this.#run = null;
  }

  #add(at: Scan, software: SoftwareEntry | null): void {
    const isSingle = this.#merge === "leaves";
    const type = software !== null || at.format === null ? null : this.#types.of(at.format, at.lo, at.hi);
    const untold = type === null || type.isCached !== null ? this.#untold & ~PAGE_CACHEABLE : this.#untold;
    const flags = (type?.isCached === null || !this.#types.isTold ? at.flags : withCache(at.flags, type?.isCached === true)) & ~untold;
    const run = this.#run;
    if (run !== null && !isSingle && this.#joins(run, at, flags, type, software)) {
      run.every &= flags | untold;
      run.some |= flags;
      run.untold |= untold;
      if (run.type !== type) mix(run, type);
      if (run.pagesEach !== at.pages) run.pagesEach = 0;
      run.pages += at.pages;
      run.leaves += 1;
      if (this.#merge === "rights" && run.physical !== null && run.physical + (run.pages - at.pages) * this.#pageBytes !== at.physical)
        run.physical = null;
      return;
    }
    this.end();
    const physical = software?.kind === "swap" ? null : at.physical;
    this.#run = {
      firstPage: at.page,
      pages: at.pages,
      physical,
      rights: at.rights,
      every: flags | untold,
      some: flags,
      untold,
      type,
      isMixed: false,
      hasSeveralTypes: false,
      pagesEach: at.pages,
      depth: at.depth,
      leaves: 1,
      software,
    };
  }

  #joins(run: Run, at: Scan, flags: PageFlags, type: MemoryType | null, software: SoftwareEntry | null): boolean {
    if (run.firstPage + run.pages !== at.page || run.rights !== at.rights || this.#tree.isHoleBelow(at.page)) return false;
    if (run.software?.kind !== software?.kind || run.software?.type !== software?.type) return false;
    if (this.#merge === "rights") return true;
    // Side by side in swap space, where offsets count pages.
    if (software?.kind === "swap") return run.software?.offset === undefined || run.software.offset + BigInt(run.pages) === software.offset;
    return (
      run.type === type &&
      // Of one type the same is untold.
      ((run.some ^ flags) & ALL_BUT_MARKS) === 0 &&
      run.pagesEach === at.pages &&
      run.physical !== null &&
      run.physical + run.pages * this.#pageBytes === at.physical
    );
  }
}

/**
 * Every mapping, in the order of addresses, as a stream; the totals are its last word. Memory stays bounded: what is finished
 * is handed over table by table.
 *
 * @throws PortolanError as {@link eachMapping}, when the first is asked for
 */
export async function* listMappings(
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  options: ListOptions = {},
): AsyncGenerator<Mapping, ListTotals, void> {
  if (roots.software !== undefined && bestOf(roots.software) !== "tree")
    return yield* listSoftware(memory, architecture, roots.software, options);
  const { tree } = roots.software ?? { tree: null };
  return yield* listTree(memory, architecture, tree === null ? roots : { root: tree }, options);
}

async function* listTree(
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  options: ListOptions,
): AsyncGenerator<Mapping, ListTotals, void> {
  const joiner = new Joiner(treeOf(architecture, options), options.merge ?? "ranges", options);
  let wake: () => void = () => {};
  let resume: () => void = () => {};
  const waiting = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  let isWanted = true;
  let ready = waiting();
  const listing = eachMapping(
    memory,
    architecture,
    roots,
    {
      leaf: (at) => joiner.leaf(at),
      software: (at, entry) => joiner.software(at, entry),
      async pause() {
        if (joiner.finished.length < 256) return isWanted;
        const taken = new Promise<void>((resolve) => (resume = resolve));
        wake();
        await taken;
        return isWanted;
      },
    },
    options,
  );
  let isOver = false;
  const over = (): void => {
    isOver = true;
    wake();
  };
  void listing.then(over, over);
  try {
    for (;;) {
      await ready;
      ready = waiting();
      if (isOver) break;
      yield* joiner.finished.splice(0);
      resume();
    }
    const totals = await listing;
    joiner.end();
    yield* joiner.finished.splice(0);
    return totals;
  } finally {
    isWanted = false;
    resume();
  }
}
