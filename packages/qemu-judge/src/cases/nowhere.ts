/** Where a walk or an access wanted to go when our side calls it a bus error: a judge answers only if it has nothing there either. */
import { EXECUTE, TABLE_ENTRY, type Access, type Architecture, type Cpu, type Privilege, type Switches, type Walk } from "@portolan/core";
import type { Nowhere } from "../case.js";
import { storeysOf } from "./tables.js";

/**
 * @param walk of an access that ends in a bus error
 * @param root where that walk began; undefined if there were several to choose from
 * @returns undefined where it cannot be told: no tree, no root
 */
export const nowhereOf = (architecture: Architecture, walk: Walk, root: number | undefined, switches: Switches): Nowhere | undefined => {
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") return undefined;
  const storeys = storeysOf(architecture, translation, switches);
  const entryOf = (table: number, depth: number): bigint => {
    const storey = storeys[depth];
    if (storey === undefined) throw new Error(`${architecture.name}: a table below the last level`);
    return BigInt(table) + ((walk.address >> storey.shift) % BigInt(storey.entries)) * BigInt(storey.codec.entryBytes);
  };
  const last = walk.steps.at(-1);
  if (last === undefined) return root === undefined ? undefined : { physical: entryOf(root, 0), isTable: true };
  const depth = walk.steps.length - 1;
  const storey = storeys[depth];
  if (storey === undefined) return undefined;
  const [lo, hi] = [Number(last.raw & 0xffff_ffffn), Number(last.raw >> 32n)];
  const { codec } = storey;
  if (codec.kindOf(lo, hi) === TABLE_ENTRY && codec.table !== null)
    return { physical: entryOf(codec.table.addressOf(lo, hi), depth + 1), isTable: true };
  const leaf = codec.leafOf(lo, hi);
  if (leaf === null) return undefined;
  const span = (1n << storey.shift) * BigInt(leaf.entries);
  return { physical: BigInt(leaf.addressOf(lo, hi)) + (walk.address % span), isTable: false };
};

/** The same where no tree says it: an entry let the access through, and is still there. */
export const nowhereInTlb = (cpu: Cpu, page: number, access: Access, privilege: Privilege): Nowhere | undefined => {
  const { hardwarePageShift, layout } = cpu.architecture;
  const size = BigInt(2 ** hardwarePageShift);
  const address = BigInt(page) * size;
  // Of these no TLB is asked, whatever it holds for them.
  if (layout.windows?.some(({ first, last }) => address >= first && address <= last)) return undefined;
  const tlb = access === EXECUTE ? cpu.instructionTlb : cpu.dataTlb;
  const entry = tlb.probe(page, cpu.asidFor(privilege));
  return entry < 0 ? undefined : { physical: BigInt(tlb.frameOf(entry, page)) * size, isTable: false };
};
