/** The second decoder by itself, and that the codec reads every detail as it does: the short version of `codec`. */
import { expect } from "chai";
import { FormatCodec, LEAF_ENTRY, LevelCodec, PAGE_CACHEABLE, PAGE_GLOBAL, Random, TABLE_ENTRY, type DecodedEntry } from "@portolan/core";
import { oracle as bigOracle } from "#src/big-oracle.js";
import { entryLoFormat, mips32With } from "#src/index.js";
import { oracle } from "#src/oracle.js";

/** Every set of bits that are no address in either byte order, with some addresses; and some words of all bits. */
const words = function* (): Generator<number> {
  const random = new Random(32);
  for (let ends = 0; ends < 2 ** 12; ends += 1) {
    yield ((ends >>> 6) * 2 ** 26 + random.below(2 ** 20) * 2 ** 6 + (ends & 63)) >>> 0;
    yield random.below(2 ** 16) * 2 ** 16 + random.below(2 ** 16);
  }
};

const leafOf = (codec: FormatCodec, word: number, isMarked: boolean): DecodedEntry => {
  const attributes = codec.attributesOf(word, 0);
  return {
    kind: "leaf",
    physical: BigInt(codec.addressOf(word, 0)),
    rights: codec.rightsOf(word, 0),
    isGlobal: (attributes & PAGE_GLOBAL) !== 0,
    isCacheable: (attributes & PAGE_CACHEABLE) !== 0,
    ...(isMarked ? { isAccessed: codec.isAccessed(word, 0), isDirty: codec.isDirty(word, 0) } : {}),
    hasReserved: codec.hasReserved(word, 0),
  };
};

const asText = (entry: DecodedEntry): string => Object.entries(entry).join();
const expectSame = (one: DecodedEntry, other: DecodedEntry | undefined, word: number): void => {
  // chai's comparison would take most of the time.
  if (other === undefined || asText(one) !== asText(other)) expect(one, `0x${word.toString(16)}`).to.deep.equal(other);
};

describe("mips32: entries, by the codec and by a second reading, in every detail", () => {
  for (const [byteOrder, second] of [
    ["little", oracle],
    ["big", bigOracle],
  ] as const) {
    it(`agree on tables of ${byteOrder}-endian machines`, () => {
      const { translation } = mips32With({ byteOrder });
      if (translation.kind !== "hierarchical") throw new Error("a tree");
      expect(second.levels).to.have.length(2);
      translation.levels.forEach((level, depth) => {
        const codec = new LevelCodec(level, {});
        for (const word of words()) {
          const kind = codec.kindOf(word, 0);
          const { table, leaf } = codec;
          const one: DecodedEntry =
            kind === TABLE_ENTRY && table !== null
              ? { kind: "table", physical: BigInt(table.addressOf(word, 0)), hasReserved: table.hasReserved(word, 0) }
              : kind === LEAF_ENTRY && leaf !== null
                ? leafOf(leaf, word, true)
                : { kind: "absent" };
          expectSame(one, second.levels?.[depth]?.(BigInt(word), {}), word);
        }
      });
    });
  }

  it("agree on EntryLo", () => {
    const codec = new FormatCodec(entryLoFormat, {});
    const [lo, ...others] = oracle.others ?? [];
    expect([lo?.format, others.length]).to.deep.equal([entryLoFormat, 0]);
    for (const word of words()) expectSame(leafOf(codec, word, false), lo?.decode(BigInt(word)), word);
  });

  it("are read so, worked out by hand", () => {
    const page = { kind: "leaf", physical: 0x123_4000n, rights: 0o77, isGlobal: false, isCacheable: true };
    const frame = 0x1234n * 64n;
    expect(oracle.others?.[0]?.decode(frame + 0b101_110n)).to.deep.equal({ ...page, hasReserved: false });
    expect(oracle.others?.[0]?.decode(2n ** 30n + frame + 0b010_011n)).to.deep.equal({
      ...page,
      rights: 0o55,
      isGlobal: true,
      isCacheable: false,
      hasReserved: true,
    });
    expect(oracle.others?.[0]?.decode(frame + 0b011_100n)).to.deep.equal({ ...page, rights: 0, hasReserved: false });
    const marks = { isAccessed: true, isDirty: true, hasReserved: false };
    expect(oracle.levels?.[1]?.(2n ** 31n + 2n ** 30n + frame + 0b001_110n, {})).to.deep.equal({ ...page, ...marks });
    // PFN begins at bit 2 there, a is bit 0, w bit 1, g bit 31, p bit 30, d bit 29, cacheable bit 28.
    expect(bigOracle.levels?.[1]?.((0b0111n << 28n) + 0x1234n * 4n + 0b11n, {})).to.deep.equal({ ...page, ...marks });
    expect(bigOracle.levels?.[0]?.((0b0100n << 28n) + 0x1234n * 4n, {})).to.deep.equal({
      kind: "table",
      physical: 0x123_4000n,
      hasReserved: false,
    });
    expect(oracle.levels?.map((decode) => decode(2n ** 32n - 3n, {}))).to.deep.equal([{ kind: "absent" }, { kind: "absent" }]);
  });
});
