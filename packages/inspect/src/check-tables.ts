/** What is suspicious in tables, each finding with a stable code, so that scripts can tell. */
import {
  EXECUTE,
  fieldBits,
  LEAF_ENTRY,
  KERNEL,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  permits,
  READ,
  USER,
  WRITE,
  type Architecture,
} from "@portolan/core/architecture";
import { fieldValue } from "./culprit.js";
import { rightsInWords } from "./diff-mappings.js";
import { Notes, type Finding, type FindingCode } from "./findings.js";
import { hexadecimal } from "./in-words.js";
import { holds, type Memory } from "./memory.js";
import { Scan, type Budget, type ScanTotals } from "./scan.js";
import { checkSoftware } from "./software/check-software.js";
import { treeOf, type Roots, type Tree, type TreeOptions } from "./tree.js";
import { walkAddress } from "./walk-address.js";

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
  /** In words what was looked at, where that is no tree alone. */
  readonly looked?: string;
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
  const { software } = roots;
  if (software === undefined) return checkTree(memory, architecture, roots, options);
  return checkSoftware(memory, architecture, software, options, {
    check: (root) => checkTree(memory, architecture, { root }, options),
    walk: (root, address) =>
      walkAddress(memory, architecture, { root }, address, { switches: options.switches ?? {}, access: READ, privilege: KERNEL }),
  });
};

const checkTree = async (memory: Memory, architecture: Architecture, roots: Roots, options: CheckOptions): Promise<CheckReport> => {
  const tree = treeOf(architecture, options);
  const depths = tree.levels.length;
  const gathering = new Gathering(tree, options.limit ?? 100);
  const types = new MemoryTypes(options.registers ?? {});
  const tables = new Map<number, { readonly depth: number; readonly bytes: number }>();
  const leaves = new Leaves(tree);
  const kernelFirst = kernelFirstOf(tree, options.kernelFrom);
  const windows = (architecture.layout.windows ?? []).map(({ name, first, last }) => ({
    name,
    first: tree.pageOf(first),
    last: tree.pageOf(last),
  }));
  const forbids = [canForbid(tree, KERNEL), canForbid(tree, USER)];
  const isBoth = (rights: Rights, privilege: Privilege): boolean => permits(rights, privilege, WRITE | EXECUTE);
  let both = 0;
  let firstBoth = -1;
  let endBoth = 0;
  for (const span of tree.spansOf(roots))
    tables.set(span.base + span.firstIndex * tree.levels[0].entryBytes, { depth: 0, bytes: span.entries * tree.levels[0].entryBytes });

  const scan = new Scan(
    memory,
    tree,
    {
      table(at) {
        const { page, pages, physical: target, entryAddress: physical, depth } = at;
        const towards = `${hexadecimal(target)} from the ${tree.levels[depth].level.name} at ${hexadecimal(at.tables[depth])}`;
        if (at.isCycle) {
          gathering.cause("cycle", target * depths + depth, page, pages, 1, () => ({ physical, depth, more: `: to ${towards}` }));
          return false;
        }
        const known = tables.get(target);
        if (known === undefined) {
          tables.set(target, { depth: depth + 1, bytes: tree.levels[depth + 1].tableBytes });
          return true;
        }
        const isElsewhere = known.depth !== depth + 1;
        gathering.cause("table-shared", target * depths + depth, page, pages, 1, () => ({
          physical,
          depth,
          more: `: ${towards}${isElsewhere ? `, and at level ${known.depth}` : ""}`,
        }));
        // At the same level the same leaves would follow; their rights may differ, which aliases would tell.
        return isElsewhere || tree.levels[depth + 1].codec.table === null;
      },
      odd(at, what) {
        const code = what === "outside" ? "table-outside" : what === "reserved" && isMisaligned(at) ? "misaligned" : what;
        gathering.entry(code, at, what === "outside" ? `: ${hexadecimal(at.tables[at.depth])}` : "");
      },
      leaf(at) {
        const { rights, physical, pages, page } = at;
        const isUsers = isBoth(rights, USER);
        if (isUsers || isBoth(rights, KERNEL)) {
          if ((isUsers && forbids[USER]) || (isBoth(rights, KERNEL) && forbids[KERNEL]))
            gathering.pages("writable-executable", at, `: ${rightsInWords(rights)}`);
          else {
            if (both === 0) firstBoth = page;
            both += pages;
            endBoth = page + pages;
          }
        }
        if (rights >>> 3 !== 0 && page >= kernelFirst) gathering.pages("user-in-kernel-range", at, `: ${rightsInWords(rights)}`);
        if (at.isBroken) gathering.entry("broken-group", at);
        if (!holds(memory, physical)) gathering.pages("page-outside", at, `: physical ${hexadecimal(physical)}`);
        for (const { name, first, last } of windows) if (page >= first && page <= last) gathering.entry("unreachable", at, `: ${name}`);
        if (rights !== 0 && at.format !== null)
          leaves.add(physical, page, pages, rights | (types.of(at.format, at.lo, at.hi) << RIGHTS_BITS));
      },
    },
    { budget: options.budget ?? CHECK_BUDGET },
  );
  const totals = await scan.run(roots);
  if (both > 0)
    gathering.add({ code: "never-no-execute", page: firstBoth, end: endBoth, places: both, physical: 0, depth: depths - 1, more: "" });
  checkExposed(tree, gathering, tables, leaves);
  checkAliases(tree, memory, gathering, leaves, types, options.linear === true);
  return { ...gathering.finish(), totals };
};

/** The first page that is the kernel's by its address alone, or by what the caller says; Infinity where nobody says. */
const kernelFirstOf = (tree: Tree, told: bigint | undefined): number => {
  const { architecture, limit, translation } = tree;
  if (told !== undefined) {
    if (!tree.isCanonical(told)) throw new PortolanError("ERR_BAD_ADDRESS", { address: hexadecimal(told) });
    return tree.pageOf(told);
  }
  if (architecture.layout.kernelAddressSpaceShadowed) return Infinity;
  if (translation.kernelRootRegister !== undefined) return tree.rootShapes()[1]?.firstPage ?? Infinity;
  return architecture.virtualRule === "sign-extended" ? limit / 2 : Infinity;
};

/** Can tables of this machine, as its switches stand, let somebody write and not execute? (Of the kernel: its own pages.) */
const canForbid = (tree: Tree, privilege: Privilege): boolean => {
  const { switches, levels, combined } = tree;
  const answers = (formats: readonly (EntryFormat | undefined)[]): Set<Rights> => {
    const all = new Set<Rights>();
    for (const rule of formats.map((format) => format?.rights)) {
      if (rule === undefined) continue;
      const widths = rule.reads.map((field) => fieldBits(field)[0] - fieldBits(field)[1] + 1);
      const bits = widths.reduce((sum, width) => sum + width, 0);
      for (let value = 0; value < 2 ** bits; value += 1) {
        const values: Record<string, number> = {};
        let rest = value;
        for (const [i, field] of rule.reads.entries()) {
          values[field.name] = rest % 2 ** widths[i];
          rest = Math.floor(rest / 2 ** widths[i]);
        }
        all.add(rule.tell(values satisfies FieldValues, switches));
      }
    }
    return all;
  };
  const above = answers(levels.map(({ level }) => level.table)).add(ALL_RIGHTS);
  const below = answers(levels.flatMap(({ level }) => [level.leaf, ...(level.forms ?? []).map(({ leaf }) => leaf)]));
  for (const one of above)
    for (const other of below) {
      const rights = combined[one & other];
      const isOwn = privilege === USER || rights >>> 3 === 0;
      if (isOwn && permits(rights, privilege, WRITE) && !permits(rights, privilege, EXECUTE)) return true;
    }
  return false;
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
