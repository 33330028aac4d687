/** What is suspicious in tables: everything below the roots is looked at once, and what is mapped more than once is held together. */
import {
  ALL_RIGHTS,
  EXECUTE,
  fieldBits,
  KERNEL,
  LEAF_ENTRY,
  permits,
  PortolanError,
  READ,
  USER,
  WRITE,
  type Architecture,
  type EntryFormat,
  type FieldValues,
  type Privilege,
  type Rights,
} from "@portolan/core/architecture";
import { checkAliases, RIGHTS_BITS } from "./check/aliases.js";
import { checkExposed } from "./check/exposed.js";
import { Gathering, type Gathered } from "./check/gathering.js";
import { Leaves } from "./check/leaves.js";
import { MemoryTypes } from "./memory-types.js";
import { fieldValue } from "./culprit.js";
import { rightsInWords } from "./diff-mappings.js";
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
  /** Aliases of linear maps are found one by one too, as `"alias-linear"`; where absent they are only counted, map by map. */
  readonly linear?: boolean;
  /** Where the kernel's addresses begin, on machines whose addresses do not say so themselves; nothing is assumed where absent. */
  readonly kernelFrom?: bigint;
}

/** Everything that was found. */
export interface CheckReport extends Gathered {
  /** Not `"complete"`: the rest was not looked at. */
  readonly totals: ScanTotals;
  /** In words what was looked at, where that is no tree alone. */
  readonly looked?: string;
}

const CHECK_BUDGET: Budget = { tables: 2 ** 18, leaves: 2 ** 22 };

/**
 * Looks at everything below the roots. Bounded by a budget: 2^18 tables and 2^22 leaves unless options say otherwise.
 *
 * @throws PortolanError ERR_NO_TREE, ERR_BAD_ARGUMENT, ERR_BAD_ADDRESS for a `kernelFrom` that is none
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
  const types = new MemoryTypes(architecture, options.registers);
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
        const above = at.tables[depth];
        const towards = (): string => `${hexadecimal(target)} from the ${tree.levels[depth].level.name} at ${hexadecimal(above)}`;
        if (at.isCycle) {
          gathering.cause("cycle", target * depths + depth, page, pages, 1, () => ({ physical, depth, more: () => `: to ${towards()}` }));
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
          more: () => `: ${towards()}${isElsewhere ? `, and at level ${known.depth}` : ""}`,
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
            gathering.pages("writable-executable", at, () => `: ${rightsInWords(rights)}`);
          else {
            if (both === 0) firstBoth = page;
            both += pages;
            endBoth = page + pages;
          }
        }
        if (rights >>> 3 !== 0 && page >= kernelFirst) gathering.pages("user-in-kernel-range", at, () => `: ${rightsInWords(rights)}`);
        if (at.isBroken) gathering.entry("broken-group", at);
        if (!holds(memory, physical)) gathering.pages("page-outside", at, () => `: physical ${hexadecimal(physical)}`);
        for (const { name, first, last } of windows) if (page >= first && page <= last) gathering.entry("unreachable", at, `: ${name}`);
        if (rights !== 0 && at.format !== null)
          leaves.add(physical, page, pages, rights | (types.numberOf(at.format, at.lo, at.hi) << RIGHTS_BITS));
      },
    },
    { budget: options.budget ?? CHECK_BUDGET },
  );
  const totals = await scan.run(roots);
  if (both > 0)
    gathering.put({ code: "never-no-execute", page: firstBoth, end: endBoth, places: both, physical: 0, depth: depths - 1, more: "" });
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
