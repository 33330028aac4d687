/** The codec of entry formats against the same formats read with bigints: formats that nobody would build, words at random. */
import { expect } from "chai";
import fc from "fast-check";
import { amd64 } from "@portolan/arch-amd64";
import { arm32 } from "@portolan/arch-arm";
import { ia32 } from "@portolan/arch-ia32";
import type { EntryFormat, EntryKind, Field, FieldValues, Level, LeafForm } from "#src/architecture/entry-format.js";
import { ALL_RIGHTS, PAGE_FLAG_SETS } from "#src/architecture/rights.js";
import { entryBytesOf, extract, flagsIn, FormatCodec, kindIn, LevelCodec, place, rightsIn } from "#src/paging/entry-codec.js";
import { Random } from "#src/random.js";
import { wide64 } from "../wide64.js";

const RUNS = { numRuns: 60, seed: 1974 };

const bitsOf = (field: Field): readonly [high: number, low: number] =>
  typeof field.bits === "number" ? [field.bits, field.bits] : field.bits;

/** What a field has in a word, read plainly. */
const valueIn = (word: bigint, field: Field): number => {
  const [high, low] = bitsOf(field);
  return Number((word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));
};

const halves = (word: bigint): readonly [lo: number, hi: number] => [Number(word & 0xffff_ffffn), Number(word >> 32n)];
const wordOf = (lo: number, hi: number): bigint => (BigInt(hi) << 32n) | BigInt(lo);
const anyWord = (random: Random): bigint => wordOf(random.below(2 ** 32), random.below(2 ** 32));

/** Fields that fill a word of 64 bits, of these widths from bit 0 up; what is left over is one more. */
const fieldsOf = (widths: readonly number[]): Field[] => {
  const fields: Field[] = [];
  let low = 0;
  for (const width of [...widths, 64]) {
    const high = Math.min(63, low + width - 1);
    if (low > 63) break;
    fields.push({ name: `f${fields.length}`, bits: high === low ? low : [high, low], role: "control", says: "a field" });
    low = high + 1;
  }
  return fields;
};

const formatOf = (fields: readonly Field[], more: Partial<EntryFormat> = {}): EntryFormat => ({ name: "any", bytes: 8, fields, ...more });

describe("fields of words in two halves", () => {
  it("are taken out and put in as of one number of 64 bits, wherever they lie", () => {
    const random = new Random(7);
    for (let low = 0; low < 64; low += 1) {
      for (let high = low; high < Math.min(64, low + 52); high += 1) {
        const field: Field = { name: "f", bits: high === low ? low : [high, low], role: "control", says: "" };
        const word = anyWord(random);
        expect(extract(field, ...halves(word)), `${high}:${low}`).to.equal(valueIn(word, field));
        expect(extract(field, 0xffff_ffff, 0xffff_ffff)).to.equal(2 ** (high - low + 1) - 1);
        const value = valueIn(word, field);
        const [lo, hi] = place(field, value);
        expect(wordOf(lo, hi)).to.equal(BigInt(value) << BigInt(low));
      }
    }
  });
});

/** A rule over some fields whose answer depends on every bit of every one of them. */
const mixing =
  (reads: readonly Field[], limit: number) =>
  (values: FieldValues): number =>
    reads.reduce((sum, { name }) => (sum * 31 + (values[name] ?? NaN) * 7 + 3) % 65_521, 1) % limit;

const valuesIn = (word: bigint, fields: readonly Field[]): FieldValues =>
  Object.fromEntries(fields.map((field) => [field.name, valueIn(word, field)]));

describe("rules of formats", () => {
  const layout = fc.record({
    widths: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 4, maxLength: 20 }),
    picks: fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 4 }),
    seed: fc.integer(),
  });

  it("answer as told for any fields, close together or far apart, in either half or across the middle", () => {
    fc.assert(
      fc.property(layout, ({ widths, picks, seed }) => {
        const fields = fieldsOf(widths);
        let bits = 0;
        const reads: Field[] = [];
        for (const pick of picks) {
          const field = fields[pick % fields.length];
          const [high, low] = bitsOf(field);
          if (reads.includes(field) || bits + high - low + 1 > 8) continue;
          bits += high - low + 1;
          reads.push(field);
        }
        const rights = mixing(reads, 64);
        const attributes = mixing(reads.toReversed(), 49);
        const switches = { ON: true };
        const codec = new FormatCodec(
          formatOf(fields, {
            rights: {
              reads,
              tell: (values, given) => (given === switches ? rights(values) : NaN),
            },
            attributes: { reads, tell: attributes },
            partRights: [0, 1, 2, 3].map((part) => ({ reads, tell: (values) => (rights(values) + 16 * part) % 64 })),
          }),
          switches,
        );
        const random = new Random(seed);
        for (let i = 0; i < 40; i += 1) {
          const word = i < 2 ? [0n, (1n << 64n) - 1n][i] : anyWord(random);
          const values = valuesIn(word, fields);
          const [lo, hi] = halves(word);
          expect(codec.rightsOf(lo, hi)).to.equal(rights(values));
          expect(codec.attributesOf(lo, hi)).to.equal(attributes(values));
          const parts = [0, 1, 2, 3].reduce((sum, part) => sum + ((rights(values) + 16 * part) % 64) * 64 ** part, 0);
          expect(codec.partRightsOf(lo, hi)).to.equal(parts);
        }
      }),
      RUNS,
    );
  });

  it("that are missing let everything through, and say nothing more", () => {
    const codec = new FormatCodec(formatOf(fieldsOf([])), {});
    expect([codec.rightsOf(1, 2), codec.attributesOf(1, 2), codec.partRightsOf(1, 2), codec.domainOf(-1 >>> 0)]).to.deep.equal([
      ALL_RIGHTS,
      0,
      0,
      -1,
    ]);
    expect([
      codec.isUnmarked(0, 0),
      codec.isClean(0, 0),
      codec.isAccessed(-1, -1),
      codec.isDirty(-1, -1),
      codec.hasReserved(-1, -1),
    ]).to.deep.equal([false, false, false, false, false]);
    expect([codec.entries, codec.entriesLog, codec.encodeLow(0xffff_ffff, 3), codec.encodeHigh(2 ** 40, 3)]).to.deep.equal([1, 0, 0, 0]);
    expect([
      new FormatCodec(formatOf(fieldsOf([])), {}, 16).entries,
      new FormatCodec(formatOf(fieldsOf([])), {}, 16).entriesLog,
    ]).to.deep.equal([16, 4]);
  });

  it("name a domain in any bits of the low half", () => {
    for (const [high, low] of [
      [8, 5],
      [3, 0],
      [31, 28],
      [7, 7],
    ] as const) {
      const field: Field = { name: "domain", bits: [high, low], role: "control", says: "" };
      const codec = new FormatCodec(formatOf([field], { domain: field }), {});
      for (const word of [0n, 0xffff_ffffn, 0x1234_5678n, 0xa5a5_a5a5n])
        expect(codec.domainOf(Number(word))).to.equal(valueIn(word, field));
    }
  });
});

describe("marks and reserved bits", () => {
  it("are seen in every bit of theirs, in either half, and in no other", () => {
    for (const at of [0, 5, 31, 32, 40, 63]) {
      for (const role of ["accessed", "dirty", "reserved"] as const) {
        const fields = Array.from({ length: 64 }, (_, bit): Field => ({
          name: `b${bit}`,
          bits: bit,
          role: bit === at ? role : "control",
          says: "",
        }));
        const codec = new FormatCodec(formatOf(fields), {});
        const asked = { accessed: "isAccessed", dirty: "isDirty", reserved: "hasReserved" } as const;
        for (let bit = 0; bit < 64; bit += 1) {
          const [lo, hi] = halves(1n << BigInt(bit));
          for (const each of ["accessed", "dirty", "reserved"] as const)
            expect(codec[asked[each]](lo, hi)).to.equal(each === role && bit === at);
          expect(codec.isUnmarked(lo, hi)).to.equal(role === "accessed" && bit !== at);
          expect(codec.isClean(lo, hi)).to.equal(role === "dirty" && bit !== at);
        }
      }
    }
  });

  it("of several bits are all of them", () => {
    const codec = new FormatCodec(
      formatOf([
        { name: "r1", bits: [40, 28], role: "reserved", says: "" },
        { name: "x", bits: [27, 4], role: "control", says: "" },
        { name: "r0", bits: [3, 2], role: "reserved", says: "" },
      ]),
      {},
    );
    const reserved: number[] = [];
    for (let bit = 0; bit < 64; bit += 1) if (codec.hasReserved(...halves(1n << BigInt(bit)))) reserved.push(bit);
    expect(reserved).to.deep.equal([2, 3, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40]);
  });
});

describe("addresses in entries", () => {
  const V: Field = { name: "V", bits: 0, role: "control", says: "valid" };
  const shapes: readonly (readonly [string, Field[], isInPlace: boolean])[] = [
    ["in place in the low half", [{ name: "frame", bits: [31, 12], role: "frame", says: "" }], true],
    ["in place across the middle", [{ name: "frame", bits: [51, 12], role: "frame", says: "" }], true],
    ["in place, with its unit said", [{ name: "frame", bits: [47, 13], role: "frame", says: "", unitShift: 13 }], true],
    ["shifted down, as MIPS and RISC-V have it", [{ name: "frame", bits: [49, 10], role: "frame", says: "", unitShift: 12 }], false],
    [
      "in two pieces, the higher bits below",
      [
        { name: "low", bits: [31, 20], role: "frame", says: "" },
        { name: "high", bits: [8, 5], role: "frame", says: "", unitShift: 32 },
      ],
      false,
    ],
    ["shifted up from the high half", [{ name: "frame", bits: [60, 36], role: "frame", says: "", unitShift: 12 }], false],
  ];
  for (const [name, frames, isInPlace] of shapes) {
    it(`${name}: are written and read back, flags beside them`, () => {
      const codec = new FormatCodec(
        formatOf([V, { name: "flags", bits: [63, 62], role: "control", says: "" }, ...frames], {
          encode: (flags) => ({ V: flags % 2, flags: Math.floor(flags / 2) % 4 }),
        }),
        {},
      );
      expect(codec.isInPlace).to.equal(isInPlace);
      const random = new Random(12);
      for (let i = 0; i < 64; i += 1) {
        let address = 0n;
        let word = 0n;
        for (const frame of frames) {
          const [high, low] = bitsOf(frame);
          const value = valueIn(anyWord(random), { ...frame, bits: [high - low, 0] });
          address += BigInt(value) << BigInt(frame.unitShift ?? low);
          word += BigInt(value) << BigInt(low);
        }
        const flags = i % PAGE_FLAG_SETS;
        word += BigInt(flags % 2) + (BigInt(Math.floor(flags / 2) % 4) << 62n);
        expect(wordOf(codec.encodeLow(Number(address), flags), codec.encodeHigh(Number(address), flags))).to.equal(word);
        const others =
          anyWord(random) &
          ~frames.reduce((mask, frame) => {
            const [high, low] = bitsOf(frame);
            return mask | (((1n << BigInt(high - low + 1)) - 1n) << BigInt(low));
          }, 0n);
        const pure = word & ~(3n << 62n) & ~1n;
        expect(codec.addressOf(...halves(pure | others))).to.equal(Number(address));
      }
    });
  }

  it("do not spill into what the entry has no bits for", () => {
    const [[, frames]] = shapes;
    const codec = new FormatCodec(formatOf([V, ...frames], { encode: () => ({ V: 1 }) }), {});
    expect([codec.encodeLow(0x1_2345_6789, 0), codec.encodeHigh(0x1_2345_6789, 0)]).to.deep.equal([0x2345_6001, 0]);
  });

  it("stand beside values of fields in both halves", () => {
    const high: Field = { name: "high", bits: [40, 36], role: "control", says: "" };
    const codec = new FormatCodec(
      formatOf([V, high], { encode: (flags, switches) => ({ V: 1, high: switches?.["ON"] === true ? flags % 32 : 0 }) }),
      { ON: true },
    );
    for (const flags of [0, 5, 31, 63])
      expect([codec.encodeLow(0, flags), codec.encodeHigh(0, flags)]).to.deep.equal([1, (flags % 32) * 16]);
  });
});

describe("levels", () => {
  const P: Field = { name: "P", bits: 0, role: "control", says: "" };
  const K: Field = { name: "K", bits: 7, role: "control", says: "" };
  const R: Field = { name: "R", bits: [3, 1], role: "control", says: "" };
  const G: Field = { name: "G", bits: [5, 4], role: "control", says: "" };
  const KINDS: readonly EntryKind[] = ["absent", "table", "leaf", "malformed"];
  const rule = (mask: number) => ({ reads: [R], tell: (values: FieldValues) => ((values["R"] ?? 0) * 9) & mask });
  const attributes = { reads: [G], tell: (values: FieldValues) => (values["G"] ?? 0) * 16 };
  const level = (far: number, more: Partial<Level> = {}): Level => {
    const top: Field = { ...K, bits: far };
    return {
      name: "any",
      indexBits: 9,
      manual: "none",
      kind: { reads: [P, top], tell: (values) => KINDS[(values["P"] ?? 0) + 2 * (values["K"] ?? 0)] },
      table: formatOf([P, R, G, top], { rights: rule(0o70) }),
      leaf: formatOf([P, R, G, top], { rights: rule(0o77), attributes }),
      ...more,
    };
  };

  it("say kind, rights and flags of a word in one number, whether the bits lie close together or far apart", () => {
    for (const far of [7, 40, 63]) {
      const codec = new LevelCodec(level(far), {});
      for (let low = 0; low < 64; low += 1) {
        for (const top of [0n, 1n]) {
          const [lo, hi] = halves(BigInt(low) | (top << BigInt(far)));
          const kind = (low & 1) + 2 * Number(top);
          const rights = ((low >>> 1) & 7) * 9;
          expect(codec.kindOf(lo, hi)).to.equal(kind);
          const meaning = codec.meaningOf(lo, hi);
          expect([kindIn(meaning), rightsIn(meaning), flagsIn(meaning)]).to.deep.equal([
            kind,
            kind === 1 ? rights & 0o70 : kind === 2 ? rights : 0,
            kind === 2 ? ((low >>> 4) & 3) * 16 : 0,
          ]);
        }
      }
    }
  });

  it("have leaves of other forms: the first whose rule says so, the usual one where none does", () => {
    const form = (bit: number, name: string, entries: number): LeafForm => {
      const field: Field = { name: "when", bits: bit, role: "control", says: "" };
      return { when: { reads: [field], tell: (values) => values["when"] === 1 }, leaf: formatOf([P, field], { name }), entries };
    };
    const codec = new LevelCodec(level(7, { forms: [form(8, "first", 16), form(9, "second", 1)] }), {});
    expect([0, 0x100, 0x200, 0x300].map((word) => codec.leafOf(word, 0)?.format.name)).to.deep.equal(["any", "first", "second", "first"]);
    expect(codec.forms.map(({ entries, entriesLog }) => [entries, entriesLog])).to.deep.equal([
      [16, 4],
      [1, 0],
    ]);
    expect(new LevelCodec(level(7), {}).leafOf(0x300, 0)?.format.name).to.equal("any");
  });

  it("have entries as wide as their formats, of leaves or of tables alone", () => {
    const { leaf, table, ...bare } = level(7);
    if (leaf === undefined || table === undefined) throw new Error("it has both");
    expect(entryBytesOf({ ...bare, table: { ...table, bytes: 4 } })).to.equal(4);
    expect(entryBytesOf({ ...bare, leaf })).to.equal(8);
    expect(entryBytesOf(bare), "nothing is four bytes").to.equal(4);
    expect([new LevelCodec({ ...bare, leaf }, {}).table, new LevelCodec({ ...bare, table }, {}).leaf]).to.deep.equal([null, null]);
    expect(new LevelCodec({ ...bare, leaf }, {}).entryBytes).to.equal(8);
  });

  it("read by the switches that they are made for", () => {
    const switched = level(7, { kind: { reads: [P], tell: (values, { ON }) => (values["P"] === 1 ? (ON ? "leaf" : "table") : "absent") } });
    expect([true, false].map((ON) => new LevelCodec(switched, { ON }).kindOf(1, 0))).to.deep.equal([2, 1]);
  });
});

describe("the bits of a level's entries that say all but the address", () => {
  const machines = [ia32, amd64, arm32, wide64];
  /** A level whose other form is told, lets through and is marked by bits that nothing else looks at. */
  const apart = (): LevelCodec => {
    const one = (name: string, bits: number, role: Field["role"] = "control"): Field => ({ name, bits, role, says: name });
    const [there, may, other, mayOther] = [one("there", 0), one("may", 1), one("other", 8), one("may other", 33)];
    const by = (field: Field) => ({ reads: [field], tell: (values: FieldValues): number => (values[field.name] === 1 ? ALL_RIGHTS : 0) });
    const leaf = formatOf([there, may, other], { rights: by(may) });
    const form = formatOf([there, other, mayOther, one("A", 40, "accessed"), one("D", 12, "dirty")], { rights: by(mayOther) });
    const kind: Level["kind"] = { reads: [there], tell: ({ there: isThere }) => (isThere === 1 ? "leaf" : "absent") };
    const when = { reads: [other], tell: (values: FieldValues): boolean => values["other"] === 1 };
    return new LevelCodec({ name: "any", indexBits: 9, manual: "", kind, leaf, forms: [{ when, leaf: form, entries: 2 }] }, {});
  };
  const levels = machines.flatMap(({ translation, switches }) =>
    translation.kind === "hierarchical"
      ? translation.levels.map((level) => new LevelCodec(level, Object.fromEntries(Object.keys(switches).map((name) => [name, true]))))
      : [],
  );
  levels.push(apart());
  const meaningOf = (codec: LevelCodec, lo: number, hi: number): unknown => {
    const kind = codec.kindOf(lo, hi);
    const form = codec.leafOf(lo, hi);
    const says = (format: FormatCodec | null): unknown =>
      format === null ? null : [format.rightsOf(lo, hi), format.attributesOf(lo, hi), format.isAccessed(lo, hi), format.isDirty(lo, hi)];
    return kind === 2
      ? [kind, codec.forms.indexOf(form ?? codec.forms[0]), says(form)]
      : kind === 1
        ? [kind, codec.table?.rightsOf(lo, hi)]
        : kind;
  };

  it("are enough: entries that agree in them mean the same", () => {
    const random = new Random(31);
    for (const codec of levels) {
      const { tellingLow, tellingHigh } = codec;
      for (let round = 0; round < 3000; round += 1) {
        const [lo, hi] = [random.word(), codec.entryBytes === 8 ? random.word() : 0];
        const [otherLow, otherHigh] = [random.word(), codec.entryBytes === 8 ? random.word() : 0];
        const likeLow = ((lo & tellingLow) | (otherLow & ~tellingLow)) >>> 0;
        const likeHigh = ((hi & tellingHigh) | (otherHigh & ~tellingHigh)) >>> 0;
        expect(meaningOf(codec, likeLow, likeHigh)).to.deep.equal(meaningOf(codec, lo, hi));
      }
    }
  });

  it("are not the address, nor what software or nobody looks at", () => {
    for (const codec of levels) {
      const { leaf, forms, tellingLow, tellingHigh } = codec;
      if (leaf === null || forms.length > 0) continue;
      const idle = leaf.format.fields.filter(({ role }) => role === "frame" || role === "software" || role === "ignored");
      const reads = [codec.level.kind, leaf.format.rights, leaf.format.attributes, codec.table?.format.rights].flatMap(
        (rule) => rule?.reads ?? [],
      );
      const decides = wordOf(tellingLow >>> 0, tellingHigh >>> 0);
      for (const field of idle) {
        const [high, low] = bitsOf(field);
        const own = ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
        const read = reads.reduce((sum, each) => {
          const [top, bottom] = bitsOf(each);
          return sum | (((1n << BigInt(top - bottom + 1)) - 1n) << BigInt(bottom));
        }, 0n);
        expect(decides & own & ~read, `${leaf.format.name}, ${field.name}`).to.equal(0n);
      }
    }
  });
});
