/**
 * Trees that nobody would build: words with any bit turned over, tables that lead to themselves, frames that are not there. Half
 * of the addresses go where tables say something.
 */
import { fieldBits, PAGE_FLAG_SETS, type Random } from "@portolan/core";
import type { BlankCase } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";
import { accessesTo, settingOf } from "./asked.js";
import { canonical, EVERYTHING, Ground, inOrder, pageOfSlots, storeysOf, Table, wordFor, type Storey } from "./tables.js";

/** Tables of a level below the root, entries that say something in each, pages of data, and addresses of a case. */
const TABLES = 3;
const WORDS = 12;
const PAGES = 6;
const ADDRESSES = 40;

const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)];

/** At least `queries` accesses. */
export const randomTreeCases = function* (profile: MachineProfile, random: Random, queries: number): Generator<BlankCase> {
  const { architecture, cases, slot } = profile;
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") return;
  for (let made = 0, number = 0; made < queries; number += 1) {
    const switches = settingOf(architecture, random);
    const storeys = storeysOf(architecture, translation, switches);
    const ground = new Ground(cases.first, cases.bytes);
    const tables = storeys.map((storey, depth) =>
      Array.from({ length: depth === 0 ? 1 : TABLES }, () => new Table(architecture, storey, depth, ground.take(storey.tableBytes))),
    );
    const pages = Array.from({ length: PAGES }, () => ground.take(1 << architecture.hardwarePageShift));
    const known: number[][][] = tables.map((level) => level.map(() => []));
    tables.forEach((level, depth) => {
      const storey = storeys[depth];
      const next = tables[depth + 1];
      level.forEach((table, which) => {
        for (let i = 0; i < WORDS; i += 1) {
          const index = random.below(table.entries);
          table.set(index, randomWord(random, storey, next?.map(({ at }) => at) ?? [], pages));
          known[depth]?.[which]?.push(index);
        }
      });
    });
    const root = (tables[0] as readonly Table[])[0];
    const addresses = Array.from({ length: ADDRESSES }, () => {
      const index = (depth: number): number =>
        random.below(8) === 0 ? random.below(storeys[depth].entries) : pick(random, pick(random, known[depth] ?? [[0]]));
      const base = storeys.reduce((sum, { shift }, depth) => sum + (BigInt(index(depth)) << shift), 0n);
      const within = BigInt(random.below((1 << architecture.hardwarePageShift) / slot.bytes) * slot.bytes);
      return canonical(architecture, base + within);
    });
    const asked = addresses.flatMap((address) => accessesTo(random, address));
    made += asked.length;
    yield {
      name: `random tree ${number}`,
      ram: cases,
      root: root.at,
      asid: architecture.asids.first,
      switches,
      memory: inOrder([...tables.flat().map(({ piece }) => piece), ...pages.map((at) => pageOfSlots(profile, at))]),
      queries: asked,
    };
  }
};

/** A word that leads somewhere, often with bits turned over. */
const randomWord = (random: Random, { codec }: Storey, next: readonly number[], pages: readonly number[]): bigint => {
  const leaves = [codec.leaf, ...codec.forms].filter((form) => form !== null);
  const asTable = codec.table !== null && next.length > 0 && (leaves.length === 0 || random.below(4) !== 0);
  const format = asTable && codec.table !== null ? codec.table : pick(random, leaves);
  const physical = asTable ? pick(random, next) : pick(random, pages);
  let word = 0n;
  if (format.format.encode !== undefined)
    word = wordFor(format, physical, random.below(4) === 0 ? random.below(PAGE_FLAG_SETS) : EVERYTHING);
  else {
    for (const field of format.format.fields) {
      const [high, low] = fieldBits(field);
      const mask = (1n << BigInt(high - low + 1)) - 1n;
      const value = field.role === "frame" ? BigInt(physical) >> BigInt(field.unitShift ?? low) : BigInt(random.word());
      if (field.role !== "reserved") word |= (value & mask) << BigInt(low);
    }
  }
  const bits = codec.entryBytes * 8;
  for (let turns = random.below(3); turns > 0; turns -= 1) word ^= 1n << BigInt(random.below(bits));
  return word;
};
