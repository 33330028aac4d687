/** Two readings of the manual, the list of fields and the second decoder, against each other: words at random, under every setting. */
import { expect } from "chai";
import { FormatCodec, PAGE_CACHEABLE, PAGE_GLOBAL, Random, type Field, type Switches } from "@portolan/core";
import { amd64 } from "#src/index.js";
import { oracle } from "#src/oracle.js";

const valueIn = (word: bigint, { bits }: Field): number => {
  const [high, low] = typeof bits === "number" ? [bits, bits] : bits;
  return Number((word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));
};

/** Those that change what single entries mean. */
const settings: readonly Switches[] = ["WP", "NXE"].reduce<readonly Switches[]>(
  (all, name) => all.flatMap((one) => [false, true].map((value) => ({ ...one, [name]: value }))),
  [{}],
);

/** Single bits, all but single bits, and any, with the lowest bit set more often than not. */
const words = (random: Random): bigint[] => {
  const all: bigint[] = [0n, (1n << 64n) - 1n];
  for (let bit = 0n; bit < 64n; bit += 1n)
    all.push(1n << bit, 1n | (1n << bit), 0x81n | (1n << bit), 0xfn | (1n << bit), ((1n << 64n) - 1n) ^ (1n << bit));
  for (let i = 0; i < 200; i += 1) {
    const any = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
    all.push(any | 1n, any & 0x000f_ffff_ffff_ffffn, (any & 0xffff_ffff_f01fn) | 1n);
  }
  return all;
};

describe("amd64: the second decoder", () => {
  const { translation } = amd64;
  if (translation.kind !== "hierarchical") throw new Error("it has tables");
  for (const [depth, level] of translation.levels.entries()) {
    it(`reads a ${level.name}'s entries as the list of fields does`, () => {
      const decode = oracle.levels?.[depth];
      if (decode === undefined) throw new Error("there is a decoder for every level");
      for (const switches of settings) {
        const codecs = {
          table: level.table && new FormatCodec(level.table, switches),
          leaf: level.leaf && new FormatCodec(level.leaf, switches),
        };
        for (const word of words(new Random(depth))) {
          const kind = level.kind.tell(Object.fromEntries(level.kind.reads.map((field) => [field.name, valueIn(word, field)])), switches);
          const decoded = decode(word, switches);
          const what = `0x${word.toString(16)} under ${JSON.stringify(switches)}`;
          expect(decoded.kind, what).to.equal(kind);
          const codec = kind === "table" ? codecs.table : kind === "leaf" ? codecs.leaf : undefined;
          if (codec === undefined) continue;
          const [lo, hi] = [Number(word & 0xffff_ffffn), Number(word >> 32n)];
          const attributes = codec.attributesOf(lo, hi);
          const read = {
            physical: BigInt(codec.addressOf(lo, hi)),
            rights: codec.rightsOf(lo, hi),
            isAccessed: codec.isAccessed(lo, hi),
            hasReserved: codec.hasReserved(lo, hi),
            ...(kind === "leaf"
              ? {
                  isGlobal: (attributes & PAGE_GLOBAL) !== 0,
                  isCacheable: (attributes & PAGE_CACHEABLE) !== 0,
                  isDirty: codec.isDirty(lo, hi),
                }
              : {}),
          };
          expect(decoded, what).to.deep.include(read);
        }
      }
    });
  }

  it("is written from a manual, and has a decoder for every level", () => {
    expect(oracle.manual).to.not.equal("");
    expect(oracle.levels).to.have.length(translation.levels.length);
  });
});
