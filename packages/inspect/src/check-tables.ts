/** What is suspicious in tables, each finding with a stable code, so that scripts can tell. */
import {
  EXECUTE,
  fieldBits,
  LEAF_ENTRY,
  KERNEL,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  permits,
  USER,
  WRITE,
  type Architecture,
  type Rights,
} from "@portolan/core/architecture";
import { fieldValue } from "./culprit.js";
import { rightsInWords } from "./diff-mappings.js";
import { hexadecimal } from "./in-words.js";
import { holds, type Memory } from "./memory.js";
import { Scan, type Budget, type ScanTotals } from "./scan.js";
import { treeOf, type Roots, type Tree, type TreeOptions } from "./tree.js";

/** Every code, with what it says. `"danger"` breaks a protection, `"broken"` cannot be meant, `"note"` may be. */
export const FINDINGS = {
  "writable-executable": { severity: "danger", says: "the same privilege may write and execute" },
  "user-in-kernel-range": { severity: "danger", says: "the user may access addresses of the kernel's range" },
  "table-user-writable": { severity: "danger", says: "the user may write to a table" },
  "table-user-readable": { severity: "danger", says: "the user may read a table" },
  "alias-rights": { severity: "note", says: "one page is mapped twice with different rights" },
  "alias-attributes": { severity: "broken", says: "one page is mapped both cached and not cached" },
  reserved: { severity: "broken", says: "reserved bits are set" },
  malformed: { severity: "broken", says: "the entry has a form that the manual forbids" },
  "table-outside": { severity: "broken", says: "a table lies outside memory" },
  "page-outside": { severity: "note", says: "a page lies outside memory: a device, or nothing" },
  cycle: { severity: "danger", says: "a table leads back to itself: the tables map themselves" },
  "table-shared": { severity: "note", says: "a table is reached on several ways, or at several levels" },
  misaligned: { severity: "broken", says: "a page does not begin at a multiple of its size" },
  "broken-group": { severity: "broken", says: "entries that are to be one large page are not equal" },
  unreachable: { severity: "note", says: "a window names physical memory here: the entry is never used" },
} as const;

/** What a finding is of, for scripts. */
export type FindingCode = keyof typeof FINDINGS;

/** One thing that is suspicious. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: "danger" | "broken" | "note";
  /** Virtual address where it begins, in bytes; inclusive end. */
  readonly first: bigint;
  readonly last: bigint;
  /** Physical address of the (first) entry, in bytes; of the page, where a page is meant. */
  readonly physical: number;
  readonly depth: number;
  readonly says: string;
  /** Of aliases: the other virtual address. */
  readonly other?: bigint;
}

/** How to check. */
export interface CheckOptions extends TreeOptions {
  readonly budget?: Budget;
  /** Findings kept of each code; 100 where absent. All are counted. */
  readonly limit?: number;
}

/** Everything that was found. */
export interface CheckReport {
  readonly findings: readonly Finding[];
  /** Findings by code, those not kept included. */
  readonly counts: Readonly<Partial<Record<FindingCode, number>>>;
  /** Not `"complete"`: the rest was not looked at. */
  readonly totals: ScanTotals;
}

/** Leaves for the look at aliases, in columns. */
class Leaves {
  count = 0;
  physical = new Float64Array(1024);
  end = new Float64Array(1024);
  page = new Float64Array(1024);
  what = new Uint16Array(1024);

  add(physical: number, end: number, page: number, what: number): void {
    if (this.count === this.physical.length) this.#grow();
    this.physical[this.count] = physical;
    this.end[this.count] = end;
    this.page[this.count] = page;
    this.what[this.count] = what;
    this.count += 1;
  }

  #grow(): void {
    const grown = <T extends Float64Array | Uint16Array>(column: T, make: (length: number) => T): T => {
      const wider = make(column.length * 2);
      wider.set(column);
      return wider;
    };
    this.physical = grown(this.physical, (length) => new Float64Array(length));
    this.end = grown(this.end, (length) => new Float64Array(length));
    this.page = grown(this.page, (length) => new Float64Array(length));
    this.what = grown(this.what, (length) => new Uint16Array(length));
  }
}

const CHECK_BUDGET: Budget = { tables: 2 ** 18, leaves: 2 ** 22 };
const RIGHTS_BITS = 6;

/**
 * Looks at everything below the roots. Bounded by a budget: 2^18 tables and 2^22 leaves unless options say otherwise.
 *
 * @throws PortolanError ERR_NO_TREE, ERR_BAD_ARGUMENT
 */
export const checkTables = async (
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  options: CheckOptions = {},
): Promise<CheckReport> => {
  const tree = treeOf(architecture, options);
  const notes = new Notes(tree, options.limit ?? 100);
  const tables = new Map<number, { readonly depth: number; readonly bytes: number }>();
  const leaves = new Leaves();
  const pageBytes = 2 ** tree.pageShift;
  const { layout } = architecture;
  const kernelFirst = tree.pageOf(layout.kernel.first);
  const windows = (layout.windows ?? []).map(({ name, first, last }) => ({ name, first: tree.pageOf(first), last: tree.pageOf(last) }));
  for (const span of tree.spansOf(roots))
    tables.set(span.base + span.firstIndex * tree.levels[0].entryBytes, { depth: 0, bytes: span.entries * tree.levels[0].entryBytes });

  const scan = new Scan(
    memory,
    tree,
    {
      table(at) {
        if (at.isCycle) {
          notes.entry("cycle", at);
          return false;
        }
        const known = tables.get(at.physical);
        if (known === undefined) {
          tables.set(at.physical, { depth: at.depth + 1, bytes: tree.levels[at.depth + 1].tableBytes });
          return true;
        }
        notes.entry("table-shared", at, known.depth === at.depth + 1 ? "" : `: a table of level ${known.depth} too`);
        // At the same level the same leaves would follow; their rights may differ, which aliases would tell.
        return known.depth !== at.depth + 1 || at.tree.levels[at.depth + 1].codec.table === null;
      },
      odd(at, what) {
        const code = what === "outside" ? "table-outside" : what === "reserved" && isMisaligned(at) ? "misaligned" : what;
        notes.entry(code, at, what === "outside" ? `: ${hexadecimal(at.tables[at.depth])}` : "");
      },
      leaf(at) {
        const { rights, physical, pages, page } = at;
        const bytes = pages * pageBytes;
        if (permits(rights, USER, WRITE | EXECUTE) || permits(rights, KERNEL, WRITE | EXECUTE))
          notes.range("writable-executable", at, `: ${rightsInWords(rights)}`);
        if (rights >>> 3 !== 0 && page >= kernelFirst && !layout.kernelAddressSpaceShadowed)
          notes.range("user-in-kernel-range", at, `: ${rightsInWords(rights)}`);
        if (at.isBroken) notes.entry("broken-group", at);
        if (!holds(memory, physical)) notes.range("page-outside", at, `: physical ${hexadecimal(physical)}`);
        for (const { name, first, last } of windows) if (page >= first && page <= last) notes.entry("unreachable", at, `: ${name}`);
        if (rights !== 0)
          leaves.add(physical, physical + bytes, page, rights | ((at.flags & ~(PAGE_ACCESSED | PAGE_DIRTY)) << RIGHTS_BITS));
      },
    },
    { budget: options.budget ?? CHECK_BUDGET },
  );
  const totals = await scan.run(roots);
  notes.flush();
  checkExposed(tree, notes, tables, leaves);
  checkAliases(tree, notes, leaves);
  return { findings: notes.findings, counts: notes.counts, totals };
};

/** Are bits set that would be address bits within the page, were it a smaller one? */
const isMisaligned = ({ format, lo, hi, depth, tree }: Scan): boolean => {
  const { shift, codec } = tree.levels[depth];
  if (format === null || codec.kindOf(lo, hi) !== LEAF_ENTRY) return false;
  const raw = (BigInt(hi) << 32n) | BigInt(lo);
  const frame = format.format.fields.find(({ role }) => role === "frame");
  if (frame === undefined) return false;
  const moved = (frame.unitShift ?? fieldBits(frame)[1]) - fieldBits(frame)[1];
  return format.format.fields.some((field) => {
    const [high, low] = fieldBits(field);
    return field.role === "reserved" && fieldValue(field, raw) !== 0n && low + moved >= tree.pageShift && high + moved < shift;
  });
};

/** Tables that the user may read or write. */
const checkExposed = (
  tree: Tree,
  notes: Notes,
  tables: ReadonlyMap<number, { readonly depth: number; readonly bytes: number }>,
  leaves: Leaves,
): void => {
  const bases = Float64Array.from(tables.keys()).sort();
  for (let leaf = 0; leaf < leaves.count; leaf += 1) {
    const rights = leaves.what[leaf] & 0o77;
    if (rights >>> 3 === 0) continue;
    const physical = leaves.physical[leaf];
    // A table may be larger than a page, or begin before it: the one before is looked at too.
    for (let at = Math.max(0, firstFrom(bases, physical) - 1); at < bases.length && bases[at] < leaves.end[leaf]; at += 1) {
      const table = tables.get(bases[at]);
      if (table === undefined || bases[at] + table.bytes <= physical) continue;
      const page = leaves.page[leaf] + Math.max(0, Math.floor((bases[at] - physical) / 2 ** tree.pageShift));
      notes.add(
        permits(rights, USER, WRITE) ? "table-user-writable" : "table-user-readable",
        page,
        1,
        bases[at],
        table.depth,
        `: the table of level ${table.depth} at ${hexadecimal(bases[at])}`,
      );
    }
  }
};

const firstFrom = (sorted: Float64Array, value: number): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Pages that are mapped more than once, and not alike: a sweep over physical addresses. */
const checkAliases = (tree: Tree, notes: Notes, leaves: Leaves): void => {
  const order = Uint32Array.from({ length: leaves.count }, (_, leaf) => leaf).sort(
    (one, other) => leaves.physical[one] - leaves.physical[other],
  );
  // Of leaves that are alike the one that reaches farthest stands for all.
  const open = new Map<number, number>();
  for (const leaf of order) {
    const what = leaves.what[leaf];
    const physical = leaves.physical[leaf];
    for (const [otherWhat, other] of open) {
      if (leaves.end[other] <= physical) {
        open.delete(otherWhat);
        continue;
      }
      if (otherWhat === what) continue;
      const isRights = ((otherWhat ^ what) & 0o77) !== 0;
      const isAttributes = ((otherWhat ^ what) & (32 << RIGHTS_BITS)) !== 0;
      const otherPage = leaves.page[other] + Math.floor((physical - leaves.physical[other]) / 2 ** tree.pageShift);
      const otherAddress = tree.addressOf(otherPage);
      const where = `: physical ${hexadecimal(physical)}, here ${rightsInWords(what & 0o77)}, at ${hexadecimal(otherAddress)} ${rightsInWords(otherWhat & 0o77)}`;
      if (isRights) notes.add("alias-rights", leaves.page[leaf], 1, physical, tree.levels.length - 1, where, otherAddress);
      if (isAttributes) notes.add("alias-attributes", leaves.page[leaf], 1, physical, tree.levels.length - 1, where, otherAddress);
    }
    const alike = open.get(what);
    if (alike === undefined || leaves.end[alike] < leaves.end[leaf]) open.set(what, leaf);
  }
};

interface Stretch {
  readonly page: number;
  pages: number;
  readonly physical: number;
  readonly depth: number;
  readonly rights: Rights;
  readonly says: string;
}

/** Findings as they come, neighbours joined, no more than a few kept of each code. */
class Notes {
  readonly findings: Finding[] = [];
  readonly counts: Partial<Record<FindingCode, number>> = {};
  readonly #tree: Tree;
  readonly #limit: number;
  readonly #open = new Map<FindingCode, Stretch>();

  constructor(tree: Tree, limit: number) {
    this.#tree = tree;
    this.#limit = limit;
  }

  add(code: FindingCode, page: number, pages: number, physical: number, depth: number, more = "", other?: bigint): void {
    const count = (this.counts[code] ?? 0) + 1;
    this.counts[code] = count;
    if (count > this.#limit) return;
    const { severity, says } = FINDINGS[code];
    const first = this.#tree.addressOf(page);
    const last = first + BigInt(pages) * BigInt(2 ** this.#tree.pageShift) - 1n;
    this.findings.push({ code, severity, first, last, physical, depth, says: `${says}${more}`, ...(other === undefined ? {} : { other }) });
  }

  /** Of the entry at which the scan stands. */
  entry(code: FindingCode, at: Scan, more = ""): void {
    this.add(code, at.page, at.pages, at.entryAddress, at.depth, more);
  }

  /** The same of neighbours that are alike, as one. */
  range(code: FindingCode, at: Scan, says: string): void {
    const open = this.#open.get(code);
    if (open !== undefined && open.page + open.pages === at.page && open.rights === at.rights && !this.#tree.isHoleBelow(at.page)) {
      open.pages += at.pages;
      return;
    }
    this.#close(code);
    this.#open.set(code, { page: at.page, pages: at.pages, physical: at.entryAddress, depth: at.depth, rights: at.rights, says });
  }

  flush(): void {
    for (const code of this.#open.keys()) this.#close(code);
  }

  #close(code: FindingCode): void {
    const open = this.#open.get(code);
    if (open === undefined) return;
    this.#open.delete(code);
    this.add(code, open.page, open.pages, open.physical, open.depth, open.says);
  }
}
