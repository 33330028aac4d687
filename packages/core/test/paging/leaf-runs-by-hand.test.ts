/**
 * Runs of entries in tables laid out by hand, of formats that no machine has: what they answer and leave behind, and which
 * entries were asked about one by one. Those answers come from a model that knows words as numbers of 64 bits.
 */
import { expect } from "chai";
import { fieldWidth, type EntryFormat, type Field, type FieldValues, type Level } from "#src/architecture/entry-format.js";
import { PAGE_CACHEABLE, PAGE_USER, READ, rightsFor, WRITE, type PageFlags } from "#src/architecture/rights.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { LevelCodec, type FormatCodec } from "#src/paging/entry-codec.js";
import { LeafRuns, type SingleEntries } from "#src/paging/leaf-runs.js";

/** A bit that says yes when it is set; its complement says yes when it is clear. */
type Sign = number;

/** Where entries have what. */
interface Places {
  readonly there: Sign;
  /** An entry may be written when all of these say so: any entry, if there are none. */
  readonly writes: readonly Sign[];
  readonly user?: Sign;
  readonly cached?: Sign;
  readonly accessed: number;
  readonly dirty: number;
  /** Set in leaves of the other form. */
  readonly other: number;
  /** Bits that we leave clear: in the low half, and in the high one if there is one. */
  readonly spares: readonly [number, ...number[]];
  readonly frame: readonly [high: number, low: number];
  readonly unitShift?: number;
  readonly frameShift: number;
}

interface Layout extends Places {
  readonly name: string;
  readonly bytes: 4 | 8;
}

const below = { there: 0, writes: [1], user: 2, cached: 3, accessed: 5, dirty: 6, other: 7, frameShift: 12 } as const;
const above = { there: 63, writes: [61], user: 59, cached: 55, accessed: 58, dirty: 57, other: 54, frameShift: 13 } as const;
const inverse = { ...below, there: ~0, writes: [~1], user: ~2, cached: ~3 } as const;
const silent = { there: 0, writes: [], accessed: 5, dirty: 6, other: 7, frameShift: 12 } as const;

const narrow = (name: string, places: Omit<Places, "spares">): Layout => ({ ...places, name: `four bytes${name}`, bytes: 4, spares: [9] });
const wide = (name: string, places: Omit<Places, "spares">): Layout => ({
  ...places,
  name: `eight bytes${name}`,
  bytes: 8,
  spares: [9, 60],
});

const LAYOUTS: readonly Layout[] = [
  narrow("", { ...below, frame: [31, 12] }),
  narrow(" whose clear bits permit", { ...inverse, accessed: 31, dirty: 30, frame: [28, 13], frameShift: 13 }),
  narrow(" that say nothing of rights", { ...silent, frame: [31, 12] }),
  wide(" with the address across the middle", { ...below, frame: [51, 12] }),
  wide(" with all but the address at the top", { ...above, frame: [50, 13] }),
  wide(" with the right to write in both halves", { ...below, writes: [1, 62], accessed: 40, frame: [39, 12] }),
  wide(" with the address in the low half", { ...above, there: 32, writes: [33], accessed: 0, frame: [31, 13] }),
  wide(" with the address in the high half", { ...inverse, writes: [~31], cached: ~50, frame: [47, 32] }),
];

/** The bits that stand for page flags. An entry that may not be read is not there. */
const signsOf = ({ there, writes, user, cached }: Layout): readonly (readonly [name: string, sign: Sign, flag: PageFlags])[] => {
  const signs: [string, Sign, PageFlags][] = [["there", there, READ]];
  if (user !== undefined) signs.push(["user", user, PAGE_USER]);
  if (cached !== undefined) signs.push(["cached", cached, PAGE_CACHEABLE]);
  writes.forEach((sign, i) => signs.push([`write ${i}`, sign, WRITE]));
  return signs;
};

const bitOf = (sign: Sign): number => (sign < 0 ? ~sign : sign);
/** The value of a bit that says yes or no. */
const saying = (sign: Sign, isYes: boolean): 0 | 1 => (isYes === sign >= 0 ? 1 : 0);
const fieldOf = (name: string, bits: Field["bits"], role: Field["role"] = "control"): Field => ({ name, bits, role, says: name });

type RuleName = "kind" | "rights" | "attributes" | "when";

/** A level of such entries, and of others of which all but one bit is like them. One rule may read what it has no use for. */
const levelOf = (layout: Layout, reader?: RuleName, unused?: Field, otherEntries = 1): Level & Required<Pick<Level, "leaf" | "forms">> => {
  const signs = signsOf(layout);
  const fields = signs.map(([name, sign]) => fieldOf(name, bitOf(sign)));
  const other = fieldOf("other", layout.other);
  const frame = { ...fieldOf("frame", layout.frame, "frame"), ...(layout.unitShift === undefined ? {} : { unitShift: layout.unitShift }) };
  const reads = (rule: RuleName, needed: readonly Field[]): Field[] => [...needed, ...(rule === reader && unused ? [unused] : [])];
  const permits = (values: FieldValues, flag: PageFlags): boolean =>
    signs.every(([name, sign, meant]) => meant !== flag || values[name] === saying(sign, true));
  const leaf: EntryFormat = {
    name: layout.name,
    bytes: layout.bytes,
    fields: [...fields, other, frame, fieldOf("accessed", layout.accessed, "accessed"), fieldOf("dirty", layout.dirty, "dirty")],
    encode: (flags) => Object.fromEntries(signs.map(([name, sign, flag]) => [name, saying(sign, (flags & flag) !== 0)])),
    ...(layout.writes.length > 0 && {
      rights: {
        reads: reads("rights", fields),
        tell(values) {
          const allowed = (permits(values, READ) ? READ : 0) | (permits(values, WRITE) ? WRITE : 0);
          return rightsFor(allowed, permits(values, PAGE_USER) ? allowed : 0);
        },
      },
    }),
    ...(layout.cached !== undefined && {
      attributes: { reads: reads("attributes", fields), tell: (values) => (permits(values, PAGE_CACHEABLE) ? PAGE_CACHEABLE : 0) },
    }),
  };
  return {
    name: "any",
    indexBits: 5,
    manual: "none",
    kind: { reads: reads("kind", fields), tell: (values) => (permits(values, READ) ? "leaf" : "absent") },
    leaf,
    forms: [{ when: { reads: reads("when", [other]), tell: (values) => values["other"] === 1 }, leaf, entries: otherEntries }],
  };
};

const bit = (at: number): bigint => 1n << BigInt(at);
const withSign = (word: bigint, sign: Sign, isYes: boolean): bigint =>
  saying(sign, isYes) === 1 ? word | bit(bitOf(sign)) : word & ~bit(bitOf(sign));
const hasSign = (word: bigint, sign: Sign): boolean => withSign(word, sign, true) === word;

/** What words mean, read plainly. */
const isWritable = ({ there, writes }: Layout, word: bigint): boolean => [there, ...writes].every((sign) => hasSign(word, sign));
const protectedOf = (layout: Layout, word: bigint): bigint =>
  isWritable(layout, word) ? layout.writes.reduce((rest, sign) => withSign(rest, sign, false), word) : word;
const frameOf = ({ there, frame: [high, low], unitShift = low, frameShift }: Layout, word: bigint): number =>
  hasSign(word, there) ? Number((BigInt.asUintN(high - low + 1, word >> BigInt(low)) << BigInt(unitShift)) >> BigInt(frameShift)) : -1;

/** Entries by letters: the large ones may be written. */
const LETTERS: Readonly<Record<string, { readonly flags: PageFlags; readonly isOther?: true; readonly spare?: 0 | -1 }>> = {
  W: { flags: READ | WRITE | PAGE_USER },
  R: { flags: READ | PAGE_USER },
  K: { flags: READ | WRITE },
  k: { flags: READ },
  C: { flags: READ | WRITE | PAGE_USER | PAGE_CACHEABLE },
  // Absent; the second of them has all that a page has, but is not there.
  "-": { flags: 0 },
  "+": { flags: WRITE | PAGE_USER },
  O: { flags: READ | WRITE | PAGE_USER, isOther: true },
  o: { flags: READ | PAGE_USER, isOther: true },
  // With a bit that we do not write: the lowest or the highest of them.
  L: { flags: READ | WRITE | PAGE_USER, spare: 0 },
  l: { flags: READ | PAGE_USER, spare: 0 },
  H: { flags: READ | WRITE | PAGE_USER, spare: -1 },
  h: { flags: READ | PAGE_USER, spare: -1 },
};
/** Whose frame is not simply read off, and whose right to write is not simply taken. */
const WITHOUT_FRAME = "-+Oo";
const NOT_OURS = "-+OoLH";
/** With nothing to take, so whether it is asked about is all the same. */
const ALL_THE_SAME = "lh";

/** The word in place `at` of a table: its marks and its address are like nobody else's. */
const wordOf = (layout: Layout, letter: string, at: number): bigint => {
  const { flags, isOther, spare } = LETTERS[letter];
  const [high, low] = layout.frame;
  let word = signsOf(layout).reduce((rest, [, sign, flag]) => withSign(rest, sign, (flags & flag) !== 0), 0n);
  if (flags === 0) return word;
  word |= BigInt.asUintN(high - low + 1, BigInt(at + 1) * 0x9e37_79b9_7f4a_7c15n) << BigInt(low);
  if (at % 2 === 1) word |= bit(layout.accessed);
  if (at % 3 === 0) word |= bit(layout.dirty);
  if (isOther) word |= bit(layout.other);
  if (spare !== undefined) word |= bit(layout.spares.at(spare) ?? 0);
  return word;
};

/** Tables, the run between brackets. */
const TABLES = [
  // Before anything else: words that have nothing set but the bit that says they are there.
  "[kkkk]kk",
  "WW[WWWWWWW]WW",
  "--[RRRR]WW",
  "[KKKK]KK",
  "[CCCWWWCCC]",
  "W[WWWWRRRRKKKKkkkk]W",
  "[WWWRRWWW-WWWKWW]",
  "[WW--W-WW++-W+K]+W",
  "[-WWW---]---WW",
  "[WWW+++]+++WW",
  "[WWOOWoOoWW]OO",
  "OO[OOO]OW",
  "W[WLWLLWLR]W",
  "W[WHWHHWHK]WH",
  "[LLL]L",
  "W[HHH]H",
  "[RlRllhRhhkWlW]W",
  "[l]W",
  "W[W]W",
  "W[k]W",
  "W[-]-",
  "WW[]WW",
];
const TABLE = 0x2_1000;
const AROUND = 3;

/** A table in a memory that begins in the chunk before it; single entries are told by the model, which remembers who asked. */
class Stage implements SingleEntries {
  readonly asked: number[] = [];
  readonly #layout: Layout;
  readonly #memory: PhysicalMemory;
  readonly #runs: LeafRuns;
  #words: bigint[] = [];
  #letters = "";
  #first = 0;
  #count = 0;

  constructor(
    layout: Layout,
    byteOrder: "little" | "big",
    codec = new LevelCodec(levelOf(layout), {}),
    leaf: FormatCodec | null = codec.leaf,
  ) {
    if (leaf === null) throw new Error("the level has leaves");
    this.#layout = layout;
    this.#memory = new PhysicalMemory({ bytes: 2 ** 16, base: 0x1_8000, physicalBits: 52, byteOrder, frameShift: layout.frameShift });
    this.#runs = new LeafRuns(this.#memory, codec, leaf, this);
  }

  frameAt(address: number): number {
    return frameOf(this.#layout, this.#ask(address));
  }

  writeProtectAt(address: number): boolean {
    const word = this.#ask(address);
    this.#write(address, protectedOf(this.#layout, word));
    return isWritable(this.#layout, word);
  }

  /** The frames of a run are those of its entries; `asked` of them are not read off. */
  checkFrames(table: string, asked?: string): void {
    this.#lay(table);
    const frames = new Float64Array(this.#count + 2 * AROUND).fill(-7);
    this.#runs.frames(this.#addressOf(this.#first), this.#count, frames, AROUND);
    const told = this.#words.slice(this.#first, this.#first + this.#count).map((word) => frameOf(this.#layout, word));
    const around = Array.from({ length: AROUND }, () => -7);
    expect([...frames], table).to.deep.equal([...around, ...told, ...around]);
    expect(this.#wordsNow(), table).to.deep.equal(this.#words);
    this.#checkAsked(table, asked, "");
  }

  /** The entries of a run lose the right to write and nothing else, those beside it keep it; `asked` of them are not ours to change. */
  checkProtection(table: string, asked?: string): void {
    this.#lay(table);
    const isIn = (at: number): boolean => at >= this.#first && at < this.#first + this.#count;
    const writable = this.#words.filter((word, at) => isIn(at) && isWritable(this.#layout, word));
    expect(this.#runs.writeProtect(this.#addressOf(this.#first), this.#count), table).to.equal(writable.length);
    expect(this.#wordsNow(), table).to.deep.equal(this.#words.map((word, at) => (isIn(at) ? protectedOf(this.#layout, word) : word)));
    this.#checkAsked(table, asked, ALL_THE_SAME);
  }

  /** Each once, in order. */
  #checkAsked(table: string, asked: string | undefined, allTheSame: string): void {
    const places = Array.from({ length: this.#count }, (_, i) => this.#first + i);
    const isAsked = (at: number): boolean => asked === undefined || asked.includes(this.#letters[at]);
    const isTold = (at: number): boolean => asked === undefined || !allTheSame.includes(this.#letters[at]);
    expect(this.asked.filter(isTold), `asked about ${table}`).to.deep.equal(places.filter(isAsked));
  }

  #lay(table: string): void {
    this.#letters = table.replaceAll(/[[\]]/g, "");
    this.#first = table.indexOf("[");
    this.#count = table.indexOf("]") - this.#first - 1;
    this.#words = Array.from(this.#letters, (letter, at) => wordOf(this.#layout, letter, at));
    this.#words.forEach((word, at) => this.#write(this.#addressOf(at), word));
    this.asked.length = 0;
  }

  #ask(address: number): bigint {
    this.asked.push((address - TABLE) / this.#layout.bytes);
    return this.#read(address);
  }

  #addressOf(at: number): number {
    return TABLE + at * this.#layout.bytes;
  }

  #wordsNow(): bigint[] {
    return this.#words.map((_, at) => this.#read(this.#addressOf(at)));
  }

  #read(address: number): bigint {
    if (this.#layout.bytes === 4) return BigInt(this.#memory.read32(address));
    return (BigInt(this.#memory.readHigh(address)) << 32n) | BigInt(this.#memory.readLow(address));
  }

  #write(address: number, word: bigint): void {
    if (this.#layout.bytes === 4) this.#memory.write32(address, Number(word));
    else this.#memory.write64(address, Number(word & 0xffff_ffffn), Number(word >> 32n));
  }
}

for (const layout of LAYOUTS) {
  for (const byteOrder of ["little", "big"] as const) {
    describe(`runs of entries of ${layout.name}, ${byteOrder}-endian`, () => {
      it("have their frames read off, but for holes and leaves of another form", () => {
        const stage = new Stage(layout, byteOrder);
        for (const table of TABLES) stage.checkFrames(table, WITHOUT_FRAME);
      });

      it("lose the right to write where they lie, but for what we did not write ourselves, whatever run came before", () => {
        const stage = new Stage(layout, byteOrder);
        for (const table of [...TABLES, ...TABLES.toReversed()]) stage.checkProtection(table, NOT_OURS);
      });
    });
  }
}

/** All of a run or only what is not ours is asked about one by one. */
const check = (stage: Stage, isPlain: boolean, table = "W[WWRR-KkWOWLWH+C]W"): void => {
  stage.checkFrames(table, isPlain ? WITHOUT_FRAME : undefined);
  stage.checkProtection(table, isPlain ? NOT_OURS : undefined);
};

describe("entries are asked about one by one", () => {
  const layout = wide("", { ...below, accessed: 40, frame: [39, 12] });
  const own = (at: number): boolean => (at >= 12 && at <= 40) || at === layout.dirty;

  for (const rule of ["kind", "rights", "attributes", "when"] as const) {
    it(`where the rule of their ${rule} reads a bit of the address or a mark, and where it reads others it does not matter`, () => {
      for (let at = 0; at < 64; at += 1) {
        const codec = new LevelCodec(levelOf(layout, rule, fieldOf("unused", at)), {});
        check(new Stage(layout, "little", codec), !own(at));
      }
    });
  }

  it("where a field that a rule reads only begins or ends in the address or a mark", () => {
    const fields: (readonly [high: number, low: number])[] = [
      [11, 7],
      [12, 7],
      [44, 41],
      [44, 40],
      [34, 29],
      [5, 3],
      [6, 5],
      [7, 5],
    ];
    for (const bits of fields) {
      const field = fieldOf("unused", bits);
      const isPlain = !Array.from({ length: fieldWidth(field) }, (_, i) => bits[1] + i).some(own);
      check(new Stage(layout, "big", new LevelCodec(levelOf(layout, "kind", field), {})), isPlain);
    }
  });

  it("where the address stands elsewhere in them", () => {
    for (const byteOrder of ["little", "big"] as const) {
      check(new Stage(wide("", { ...below, frame: [49, 10], unitShift: 12 }), byteOrder), false);
      check(new Stage(narrow("", { ...below, frame: [31, 10], unitShift: 12 }), byteOrder), false);
    }
  });

  it("where several make one leaf, and not where one does", () => {
    for (const entries of [1, 16]) {
      const level = levelOf(layout, undefined, undefined, entries);
      const codec = new LevelCodec(
        { ...level, forms: level.forms.map((form) => ({ ...form, when: { reads: [], tell: () => true } })) },
        {},
      );
      check(new Stage(layout, "little", codec, codec.forms[0]), entries === 1, "W[WWR-KHW]W");
    }
  });
});
