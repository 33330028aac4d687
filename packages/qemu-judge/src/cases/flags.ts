/**
 * Every combination of flag bits, at every level and in every form of entry: one table full of such words, below tables and
 * above pages that let everything through, so that nothing but the word decides.
 */
import {
  fieldBits,
  LEAF_ENTRY,
  TABLE_ENTRY,
  WRITE,
  type LevelCodec,
  type EntryFormat,
  type FieldRole,
  type FormatCodec,
  type Level,
  type Random,
} from "@portolan/core";
import type { BlankCase } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";
import { accessesTo, settingOf } from "./asked.js";
import { canonical, EVERYTHING, Ground, inOrder, pageOfSlots, storeysOf, Table, usedWordFor, wordFor, type Storey } from "./tables.js";

/** Words of a case: as many accesses, times six, as a round of the stub holds; fewer, so that every kind has its turn. */
const MOST_WORDS = 96;
const FEWEST_WORDS = 8;
/** Draws for a word of the kind that is gone through. */
const MOST_TRIES = 32;

/** One kind of entry that is gone through: the bits that are combined over the word that lets everything through. */
interface Subject {
  readonly depth: number;
  readonly name: string;
  readonly codec: FormatCodec;
  /** What an entry of this kind maps, or spans. */
  readonly span: bigint;
  readonly isTable: boolean;
  /** Bits of which every combination is made, and bits that are set one at a time. */
  readonly flags: readonly bigint[];
  readonly others: readonly bigint[];
}

const DECIDING: ReadonlySet<FieldRole> = new Set(["control", "accessed", "dirty", "global", "attribute"]);

/** Bits that say something; and those that are to be zero or free, and the lowest of the address: where a page begins shows there. */
const flagBits = ({ fields }: EntryFormat): { readonly flags: readonly bigint[]; readonly others: readonly bigint[] } => {
  const bits = (isMeant: (role: FieldRole) => boolean): readonly bigint[] =>
    fields.flatMap((field) => {
      const [high, low] = fieldBits(field);
      return isMeant(field.role) ? Array.from({ length: high - low + 1 }, (_, i) => 1n << BigInt(low + i)) : [];
    });
  const lowest = fields.flatMap((field) => (field.role === "frame" ? [1n << BigInt(fieldBits(field)[1])] : []));
  return {
    flags: bits((role) => DECIDING.has(role)),
    others: [...bits((role) => role !== "frame" && !DECIDING.has(role)), ...lowest],
  };
};

const subjectsOf = ({ codec }: Storey, depth: number, shift: bigint, level: Level): readonly Subject[] => {
  const forms = codec.forms.map((form) => ({ form, isTable: false }));
  const usual = [
    ...(codec.table === null ? [] : [{ form: codec.table, isTable: true }]),
    ...(codec.leaf === null ? [] : [{ form: codec.leaf, isTable: false }]),
  ];
  return [...usual, ...forms].map(({ form, isTable }) => ({
    depth,
    name: `${level.name}, ${form.format.name}`,
    codec: form,
    span: 1n << shift,
    isTable,
    ...flagBits(form.format),
  }));
};

/** A word of this kind that leads to `physical`, before its flags are changed. */
const baseWord = ({ codec }: Subject, physical: number): bigint => {
  if (codec.format.encode !== undefined) return wordFor(codec, physical, EVERYTHING);
  // Forms that the core only reads say nothing but the address until flags are combined over it.
  return codec.format.fields
    .filter(({ role }) => role === "frame")
    .reduce((word, field) => {
      const [high, low] = fieldBits(field);
      const part = (BigInt(physical) >> BigInt(field.unitShift ?? low)) & ((1n << BigInt(high - low + 1)) - 1n);
      return word | (part << BigInt(low));
    }, 0n);
};

const isOfKind = (level: LevelCodec, { codec, isTable }: Subject, word: bigint): boolean => {
  const [lo, hi] = [Number(word & 0xffff_ffffn), Number(word >> 32n)];
  const kind = level.kindOf(lo, hi);
  if (isTable) return kind === TABLE_ENTRY;
  return kind === LEAF_ENTRY && level.leafOf(lo, hi)?.format === codec.format;
};

/** At least `queries` accesses, kinds of entries in turn; all combinations of each kind if they are fewer than that. */
export const flagCases = function* (profile: MachineProfile, random: Random, queries: number): Generator<BlankCase> {
  const { architecture, cases } = profile;
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") return;
  const plain = settingOf(architecture, null);
  const subjects = storeysOf(architecture, translation, plain).flatMap((storey, depth) =>
    subjectsOf(storey, depth, storey.shift, translation.levels[depth]),
  );
  const words = Math.min(MOST_WORDS, Math.max(FEWEST_WORDS, Math.ceil(queries / 6 / subjects.length)));
  const tried = subjects.map(() => 0);
  for (let made = 0, turn = 0; made < queries; turn += 1) {
    const number = turn % subjects.length;
    const subject = subjects[number];
    if (subject === undefined) return;
    const total = 2 ** Math.min(subject.flags.length, 32);
    const done = tried[number] ?? 0;
    // All of them if they are few enough, one after the other, and then by chance, as if they are many.
    const count = Math.min(words, total);
    const isAll = total <= queries / 6 / subjects.length && done < total;
    const combinations = Array.from({ length: count }, (_, i) => (isAll ? (done + i) % total : random.below(total)));
    tried[number] = done + count;
    const switches = settingOf(architecture, random);
    const storeys = storeysOf(architecture, translation, switches);
    const ground = new Ground(cases.first, cases.bytes);
    const make = (depth: number): Table => {
      const storey = storeys[depth];
      return new Table(architecture, storey, depth, ground.take(storey.tableBytes));
    };
    // One way down to the table that is full of the words.
    const chain = [make(0)];
    const indices: number[] = [];
    for (let depth = 0; depth < subject.depth; depth += 1) {
      const next = make(depth + 1);
      const { codec, entries } = storeys[depth];
      const index = random.below(entries);
      if (codec.table === null) throw new Error(`${architecture.name}: nothing leads below level ${depth}`);
      chain[depth]?.set(index, wordFor(codec.table, next.at, EVERYTHING));
      indices.push(index);
      chain.push(next);
    }
    const full = chain[subject.depth];
    const below: Table[] = [];
    // Below a table's word: one page that lets everything through, wherever it is looked at.
    const page = ground.take(1 << architecture.hardwarePageShift);
    const { span, isTable, codec, flags, others, depth } = subject;
    let target = page;
    let within = 0n;
    if (isTable) {
      for (let lower = depth + 1; lower < storeys.length; lower += 1) below.push(make(lower));
      below.forEach((table, i) => {
        const storey = storeys[depth + 1 + i];
        const next = below[i + 1];
        const format = next === undefined ? storey.codec.leaf : storey.codec.table;
        if (format === null) throw new Error(`${architecture.name}: nothing to map a page with`);
        const index = random.below(storey.entries);
        // Some processors' kernels execute nothing that the user may write.
        const allowed = random.below(4) === 0 ? EVERYTHING & ~WRITE : EVERYTHING;
        table.set(index, next === undefined ? usedWordFor(architecture, format, page, allowed) : wordFor(format, next.at, EVERYTHING));
        within += BigInt(index) << storey.shift;
      });
      target = below[0]?.at ?? page;
    } else {
      // A large page begins where its size says; what is looked at lies in our RAM.
      const size = span * BigInt(codec.entries);
      target = Number((BigInt(page) / size) * size);
      within = BigInt(page - target) % span;
    }
    const places = new Set<number>();
    while (places.size < Math.min(count, full.entries)) {
      const index = random.below(full.entries);
      places.add(index);
    }
    const prefix = indices.reduce((sum, index, above) => sum + (BigInt(index) << storeys[above].shift), 0n);
    const addresses: bigint[] = [];
    [...places].forEach((index, i) => {
      // A page of several entries: the bits of the address among them come from the place of the entry.
      const aligned = target;
      const odd = others.length > 0 && random.below(4) === 0 ? (others[random.below(others.length)] ?? 0n) : 0n;
      const wordOf = (combination: number): bigint =>
        flags.reduce((sum, bit, at) => (Math.floor(combination / 2 ** at) % 2 === 1 ? sum ^ bit : sum), baseWord(subject, aligned) ^ odd);
      let word = wordOf(combinations[i] ?? 0);
      // Bits that say what an entry is are among them: three of four words are to be of the kind that is gone through.
      const most = isAll || random.below(4) === 0 ? 0 : MOST_TRIES;
      for (let tries = 0; tries < most && !isOfKind(storeys[depth].codec, subject, word); tries += 1) word = wordOf(random.below(total));
      full.set(index, word);
      const slot = BigInt(random.below((1 << architecture.hardwarePageShift) / profile.slot.bytes) * profile.slot.bytes);
      addresses.push(canonical(architecture, prefix + BigInt(index) * span + within + slot));
    });
    const asked = addresses.flatMap((address) => accessesTo(random, address));
    made += asked.length;
    yield {
      name: `flags: ${subject.name}`,
      ram: cases,
      root: chain[0].at,
      asid: architecture.asids.first,
      switches,
      memory: inOrder([...[...chain, ...below].map(({ piece }) => piece), pageOfSlots(profile, page)]),
      queries: asked,
    };
  }
};
