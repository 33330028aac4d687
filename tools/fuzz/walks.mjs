/** Changes of tables that know the formats: fields of entries by their descriptions, pointers to whatever is there, roots, holes. */
import { fieldBits, fieldWidth } from "../../packages/core/dist/index.js";
import { CONVENTIONS } from "../../packages/inspect/dist/index.js";

const PAGE = 4096;
const MOST_WORDS = 4000;
const MASK = (1n << 64n) - 1n;

const levelsOf = ({ translation }) => translation.levels;
const formatsOf = ({ table, leaf, forms = [] }) =>
  [table, leaf, ...forms.map((form) => form.leaf)].filter((format) => format !== undefined);

/** A table's entries in words of eight bytes, however wide they are. */
class Entries {
  constructor(words, bytes, isLittle) {
    this.words = words;
    this.bytes = bytes;
    this.isLittle = isLittle;
  }

  get(at) {
    const { view } = this.#view(at);
    return this.bytes === 8 ? view.getBigUint64(0, this.isLittle) : BigInt(view.getUint32(at % 8, this.isLittle));
  }

  set(at, value) {
    const { view, whole } = this.#view(at);
    if (this.bytes === 8) view.setBigUint64(0, value & MASK, this.isLittle);
    else view.setUint32(at % 8, Number(value & 0xffff_ffffn), this.isLittle);
    const word = view.getBigUint64(0, true);
    if (word === 0n) this.words.delete(whole);
    else this.words.set(whole, word);
  }

  #view(at) {
    const whole = at - (at % 8);
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, this.words.get(whole) ?? 0n, true);
    return { view, whole };
  }
}

/** @returns changed tables; `donor` is an input of the same machine */
export const changedTables = (chance, architecture, input, donor) => {
  const words = new Map(input.words);
  let { regions, roots, switches, ignoreReserved, os } = input;
  const levels = levelsOf(architecture);
  const [{ table: top }] = levels;
  const bytes = (top ?? levels[0].leaf).bytes;
  const entries = new Entries(words, bytes, architecture.byteOrder === "little");
  const pages = [...new Set(Array.from(words.keys(), (at) => at - (at % PAGE)))];
  const end = regions.length === 0 ? 0 : regions.at(-1).first + regions.at(-1).bytes;
  const anyPage = () => (pages.length === 0 || chance.once(8) ? chance.below(64) * PAGE : chance.of(pages));
  const anyEntry = () => {
    const keys = [...words.keys()];
    // Entries that are there, most of the time, or a neighbour of theirs.
    const at = keys.length > 0 && !chance.once(5) ? chance.of(keys) : anyPage() + 8 * chance.below(PAGE / 8);
    return at - (at % bytes) + (bytes === 4 && chance.once(2) ? 4 : 0) + (chance.once(4) ? bytes : 0);
  };
  const place = () =>
    chance.of([
      () => anyPage(),
      () => roots.root ?? 0,
      () => roots.kernelRoot ?? 0,
      () => end,
      () => Math.max(0, end - PAGE),
      () => end + PAGE * chance.below(1 << 20),
      () => 2 ** (40 + chance.below(12)),
      () => chance.below(2 ** 20) * PAGE,
    ])();
  const kinds = [
    // A bit, wherever.
    () => {
      const at = anyEntry();
      entries.set(at, entries.get(at) ^ (1n << BigInt(chance.below(bytes * 8))));
    },
    // A field, by some level's description.
    () => {
      const at = anyEntry();
      const format = chance.of(formatsOf(chance.of(levels)));
      const field = chance.of(format.fields);
      const width = BigInt(fieldWidth(field));
      const low = BigInt(fieldBits(field)[1]);
      const mask = ((1n << width) - 1n) << low;
      const value = chance.of([0n, 1n, (1n << width) - 1n, BigInt(chance.below(2 ** 31))]) << low;
      entries.set(at, (entries.get(at) & ~mask) | (value & mask));
    },
    // Where it leads.
    () => {
      const at = anyEntry();
      const format = chance.of(formatsOf(chance.of(levels)));
      const field = format.fields.find(({ role }) => role === "frame");
      if (field === undefined) return;
      const low = fieldBits(field)[1];
      const mask = ((1n << BigInt(fieldWidth(field))) - 1n) << BigInt(low);
      const target = chance.once(3) ? at - (at % PAGE) : place();
      const frame = (BigInt(Math.floor(target)) >> BigInt(field.unitShift ?? low)) << BigInt(low);
      const old = entries.get(at) === 0n ? entries.get(anyEntry()) : entries.get(at);
      entries.set(at, (old & ~mask) | (frame & mask));
    },
    // Copies of one entry: groups, tables that are all alike, neighbours.
    () => {
      const from = anyEntry();
      const to = chance.once(2) ? from : anyEntry();
      const count = chance.of([1, 2, 4, 15, 16, 31, 32, 127, 128, 512]);
      const start = chance.once(2) ? to - (to % (bytes * Math.min(count, PAGE / bytes))) : to;
      const value = entries.get(from);
      const step = chance.once(3) ? 1n << BigInt(chance.of([10, 12, 14, 16, 21])) : 0n;
      for (let i = 0; i < count && words.size < MOST_WORDS; i++) entries.set(start + i * bytes, value + step * BigInt(i));
    },
    // Smeared: part of an image of another moment, or of another machine that ran the same.
    () => {
      if (chance.once(2)) {
        const cut = place();
        for (const at of words.keys()) if (at >= cut) words.delete(at);
        for (const [at, word] of donor.words) if (at >= cut && words.size < MOST_WORDS) words.set(at, word);
      } else {
        const page = anyPage();
        const other = donor.words.size === 0 ? 0 : chance.of([...donor.words.keys()]);
        for (let at = 0; at < PAGE; at += 8) {
          const word = donor.words.get(other - (other % PAGE) + at);
          if (word === undefined || (chance.once(2) && at > PAGE / 2)) continue;
          words.set(page + at, word);
        }
      }
    },
    // Words that are gone, or moved.
    () => {
      const keys = [...words.keys()];
      if (keys.length === 0) return;
      const at = chance.of(keys);
      const word = words.get(at);
      words.delete(at);
      if (chance.once(2)) words.set(anyPage() + 8 * chance.below(PAGE / 8), word);
    },
    // A table that is another's twin.
    () => {
      const [from, to] = [anyPage(), anyPage()];
      for (let at = 0; at < PAGE && words.size < MOST_WORDS; at += 8) {
        const word = words.get(from + at);
        if (word !== undefined) words.set(to + at, word);
      }
    },
    () => {
      const which = architecture.translation.kernelRootRegister !== undefined && chance.once(2) ? "kernelRoot" : "root";
      const { [which]: gone, ...others } = roots;
      if (chance.once(8) && Object.keys(others).length > 0) roots = others;
      else roots = { ...roots, [which]: chance.once(6) ? (gone ?? 0) + chance.of([1, bytes, 32, 2048, 1024]) : place() };
    },
    () => {
      if (regions.length === 0) return;
      const number = chance.below(regions.length);
      const { first, bytes: size } = regions[number];
      const cut = chance.once(2) ? Math.min(Math.max(place() - first, 0), size) : chance.below(Math.min(size, 2 ** 31));
      const hole = chance.of([0, 8, 100, PAGE, 5 * PAGE, size]);
      const parts = [
        { first, bytes: cut },
        { first: first + cut + hole, bytes: size - cut - hole },
      ].filter(({ bytes: some }) => some > 0);
      if (regions.length < 8) regions = [...regions.slice(0, number), ...parts, ...regions.slice(number + 1)];
    },
    () => {
      const names = Object.keys(architecture.switches);
      if (names.length === 0) return;
      const name = chance.of(names);
      switches = { ...switches, [name]: chance.once(2) };
    },
    () => {
      ignoreReserved = !ignoreReserved;
    },
    () => {
      const fitting = Object.keys(CONVENTIONS).filter((name) => CONVENTIONS[name].bytes === bytes);
      os = fitting.length === 0 || chance.once(3) ? null : chance.of(fitting);
    },
  ];
  const weights = [6, 8, 8, 5, 3, 2, 2, 2, 2, 2, 1, 2];
  const draw = kinds.flatMap((kind, i) => Array.from({ length: weights[i] }, () => kind));
  for (let left = 1 + chance.below(5); left > 0; left--) chance.of(draw)();
  return { ...input, words, regions, roots, switches, ignoreReserved, os };
};
