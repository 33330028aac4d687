/** The second decoder by itself, a rule at a time, and that the list of fields reads every detail as it does. */
import { LevelCodec, PAGE_CACHEABLE, PAGE_GLOBAL, Random, type DecodedEntry, type Switches } from "@portolan/core";
import { expect } from "chai";
import { oracle as oracle16 } from "#src/granule16-oracle.js";
import { oracle as oracle64 } from "#src/granule64-oracle.js";
import { arm64With } from "#src/index.js";
import { oracle, oracleOf, type OracleOptions } from "#src/oracle.js";

const OFF: Switches = { PAN: false, WXN: false };
const KINDS = ["absent", "table", "leaf", "malformed"];

const LAYOUTS: readonly OracleOptions[] = [
  { granule: 4, bits: 48 },
  { granule: 4, bits: 30, physicalBits: 36 },
  { granule: 4, bits: 48, physicalBits: 32 },
  // A root of two entries: no run of sixteen is in it.
  { granule: 4, bits: 31, physicalBits: 40 },
  { granule: 16, bits: 47 },
  { granule: 16, bits: 48, physicalBits: 44 },
  { granule: 16, bits: 29, physicalBits: 42 },
  { granule: 64, bits: 48 },
  { granule: 64, bits: 42, physicalBits: 32 },
  { granule: 64, bits: 25 },
];

/** Single bits with the forms of an entry; the bits that decide in every combination; and any. */
const words = (random: Random): readonly bigint[] => {
  const all: bigint[] = [0n, (1n << 64n) - 1n];
  for (let bit = 0n; bit < 64n; bit += 1n) {
    for (const form of [0n, 1n, 3n]) {
      all.push(form | (1n << bit), form | (1n << 52n) | (1n << bit), ((1n << 64n) - 1n) ^ (1n << bit) ^ (3n - form));
    }
  }
  for (let low = 0n; low < 4096n; low += 1n) {
    const any = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
    all.push((any & ~0xfffn) | low, (any & 0x0000_000f_ffff_f000n) | low | 1n);
  }
  return all;
};

const asText = (entry: DecodedEntry | undefined): string =>
  entry === undefined
    ? "none"
    : `${entry.kind} ${entry.physical} ${entry.rights} ${entry.isGlobal} ${entry.isCacheable} ${entry.isAccessed} ${entry.isDirty} ${entry.entries} ${entry.hasReserved}`;

const read = (codec: LevelCodec, word: bigint): DecodedEntry => {
  const [lo, hi] = [Number(word & 0xffff_ffffn), Number(word >> 32n)];
  const kind = KINDS[codec.kindOf(lo, hi)];
  const format = kind === "table" ? codec.table : kind === "leaf" ? codec.leafOf(lo, hi) : null;
  if (format === null) return { kind: kind as "absent" };
  const attributes = format.attributesOf(lo, hi);
  return {
    kind: kind as "table" | "leaf",
    ...(format.entries > 1 ? { entries: format.entries } : {}),
    physical: BigInt(format.addressOf(lo, hi)),
    rights: format.rightsOf(lo, hi),
    ...(kind === "table"
      ? {}
      : {
          isGlobal: (attributes & PAGE_GLOBAL) !== 0,
          isCacheable: (attributes & PAGE_CACHEABLE) !== 0,
          isAccessed: format.isAccessed(lo, hi),
          isDirty: format.isDirty(lo, hi),
        }),
    hasReserved: format.hasReserved(lo, hi),
  };
};

describe("arm64: descriptors, by the list of fields and by a second reading, in every detail", () => {
  for (const options of LAYOUTS) {
    const { granule, bits, physicalBits = 48 } = options;
    it(`agree with ${granule} KiB pages, ${bits} bits in a half and ${physicalBits} bits out`, () => {
      const { translation } = arm64With({ granule, bits, physicalBits });
      if (translation.kind !== "hierarchical") throw new Error("it has tables");
      const second = oracleOf(options).levels ?? [];
      expect(second).to.have.length(translation.levels.length);
      translation.levels.forEach((level, depth) => {
        const codec = new LevelCodec(level, OFF);
        for (const word of words(new Random(depth))) {
          const [one, other] = [read(codec, word), second[depth](word, OFF)];
          // chai's comparison would take most of the time.
          if (asText(one) !== asText(other)) expect(one, `${level.name}, 0x${word.toString(16)}`).to.deep.equal(other);
        }
      });
    });
  }
});

describe("arm64: the second decoder, a rule at a time", () => {
  /** @param level by the manual's count */
  const told = (word: bigint, level = 3, options: OracleOptions = { granule: 4, bits: 48 }) =>
    oracleOf(options).levels?.at(level - 4)?.(word, OFF);
  const PAGE = 0x1234_5678_9000n;
  const [AF, NOT_GLOBAL, CONTIGUOUS, PXN, UXN] = [1n << 10n, 1n << 11n, 1n << 52n, 1n << 53n, 1n << 54n];
  const LEAF = {
    kind: "leaf",
    physical: PAGE,
    rights: 0o47,
    isGlobal: true,
    isCacheable: false,
    isAccessed: false,
    isDirty: false,
    hasReserved: false,
  };

  it("has a decoder for every level", () => {
    expect([oracle, oracle16, oracle64].map(({ levels }) => levels?.length)).to.deep.equal([4, 3, 3]);
    expect(oracleOf({ granule: 64, bits: 25 }).levels).to.have.length(1);
    expect(oracleOf({ granule: 16, bits: 48 }).levels).to.have.length(4);
    expect(oracle.manual).to.contain("DDI 0487");
    for (const [which, granule] of [
      [oracle, 4],
      [oracle16, 16],
      [oracle64, 64],
    ] as const)
      expect(which.levels?.at(-1)?.((1n << 48n) - 1n, OFF).physical).to.equal((1n << 48n) - BigInt(granule) * 1024n);
  });

  it("looks at nothing of an entry that is not valid, nor of a block where none is", () => {
    for (const level of [0, 1, 2, 3]) expect(told((1n << 64n) - 2n, level)).to.deep.equal({ kind: "absent" });
    for (const level of [0, 3]) expect(told(PAGE | 1n, level)).to.deep.equal({ kind: "absent" });
    expect(told(PAGE | 1n, 1, { granule: 16, bits: 47 })).to.deep.equal({ kind: "absent" });
    expect(told(PAGE | 1n, 1, { granule: 64, bits: 48 })).to.deep.equal({ kind: "absent" });
  });

  it("reads AP[2:1], PXN and UXN of a leaf", () => {
    const rights = (bits: bigint) => told(PAGE | bits | 3n)?.rights;
    expect([0n, 1n, 2n, 3n].map((ap) => rights(ap << 6n))).to.deep.equal([0o47, 0o77, 0o45, 0o55]);
    expect([PXN, UXN, PXN | UXN].map((never) => rights((1n << 6n) | never))).to.deep.equal([0o73, 0o37, 0o33]);
  });

  it("reads APTable, PXNTable and UXNTable of a table, and where it leads", () => {
    const table = { kind: "table", physical: PAGE, rights: 0o77, hasReserved: false };
    expect(told(PAGE | 3n, 1)).to.deep.equal(table);
    expect([0n, 1n, 2n, 3n].map((ap) => told(PAGE | (ap << 61n) | 3n, 1)?.rights)).to.deep.equal([0o77, 0o47, 0o55, 0o45]);
    expect([1n << 59n, 1n << 60n].map((never) => told(PAGE | never | 3n, 2)?.rights)).to.deep.equal([0o73, 0o37]);
    expect(told(PAGE | (1n << 63n) | 0xffcn | 3n, 0)).to.deep.equal(table);
  });

  it("tells nG, AF and memory type 1, and takes no bit for a mark of writes", () => {
    expect(told(PAGE | 3n)).to.deep.equal(LEAF);
    expect(told(PAGE | AF | 3n)).to.deep.equal({ ...LEAF, isAccessed: true });
    expect(told(PAGE | NOT_GLOBAL | 3n)).to.deep.equal({ ...LEAF, isGlobal: false });
    for (let type = 0n; type < 8n; type += 1n) expect(told(PAGE | (type << 2n) | 3n)).to.deep.equal({ ...LEAF, isCacheable: type === 1n });
    expect(told(PAGE | (1n << 51n) | 3n)).to.deep.equal(LEAF);
  });

  it("takes contiguous entries for one larger page, of the size that the granule has at the level", () => {
    const run = (level: number, granule: 4 | 16 | 64) => {
      const { entries, physical = 0n } = told(CONTIGUOUS | 0xffff_ffff_f000n | (level === 3 ? 3n : 1n), level, { granule, bits: 48 }) ?? {};
      return [entries, (1n << 48n) - physical];
    };
    const [KIB, MIB, GIB] = [1n << 10n, 1n << 20n, 1n << 30n];
    expect([3, 2, 1].map((level) => run(level, 4))).to.deep.equal([
      [16, 64n * KIB],
      [16, 32n * MIB],
      [16, 16n * GIB],
    ]);
    expect([3, 2].map((level) => run(level, 16))).to.deep.equal([
      [128, 2n * MIB],
      [32, GIB],
    ]);
    expect([3, 2].map((level) => run(level, 64))).to.deep.equal([
      [32, 2n * MIB],
      [32, 16n * GIB],
    ]);
  });

  it("takes no run that is longer than the table, or as long as all that the output has", () => {
    const entries = (level: number, options: OracleOptions) => told(CONTIGUOUS | (level === 3 ? 3n : 1n), level, options)?.entries;
    expect([33, 34].map((bits) => entries(1, { granule: 4, bits }))).to.deep.equal([undefined, 16]);
    expect([29, 30].map((bits) => entries(2, { granule: 16, bits }))).to.deep.equal([undefined, 32]);
    expect([32, 34, 36].map((physicalBits) => entries(1, { granule: 4, bits: 48, physicalBits }))).to.deep.equal([
      undefined,
      undefined,
      16,
    ]);
    expect([32, 36].map((physicalBits) => entries(2, { granule: 64, bits: 48, physicalBits }))).to.deep.equal([undefined, 32]);
  });

  it("reserves the bits of the address beyond the output size, up to bit 47", () => {
    for (const physicalBits of [32, 36, 40, 42, 44, 48]) {
      for (const level of [2, 3]) {
        for (let bit = 30; bit < 64; bit += 1) {
          const entry = told((1n << BigInt(bit)) | 3n, level, { granule: 4, bits: 48, physicalBits });
          expect(entry?.hasReserved, `bit ${bit} of ${physicalBits}`).to.equal(bit >= physicalBits && bit < 48);
          expect(entry?.physical).to.equal(bit < physicalBits ? 1n << BigInt(bit) : 0n);
        }
      }
    }
  });
});
