/** The second decoder by itself, a rule at a time, and that the codec reads every detail as it does: the short version of `codec`. */
import { expect } from "chai";
import {
  ABSENT_ENTRY,
  LEAF_ENTRY,
  LevelCodec,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  Random,
  TABLE_ENTRY,
  type DecodedEntry,
  type Switches,
} from "@portolan/core";
import { arm, oracle, oracleOf, type ArmOptions, type OracleOptions } from "#src/index.js";
import { levelsOf } from "./fixture.js";

const SYSTEM: readonly Switches[] = [
  { S: false, R: false },
  { S: true, R: false },
  { S: false, R: true },
  { S: true, R: true },
];
/** Pages of ARMv5 are told of by the processor: none of them is global, having no tag. */
const FIGURES: readonly (readonly [title: string, machine: ArmOptions, second: OracleOptions])[] = [
  ["ARMv5", {}, { format: "v5" }],
  ["ARMv5 on an XScale", { processor: "xscale" }, { format: "v5", extendedSmallPages: true }],
  ["ARMv6 in its old way", { processor: "arm1136jfs", format: "v5" }, { format: "v5", extendedSmallPages: true, supersections: true }],
  ["ARMv6", { format: "v6" }, { format: "v6" }],
  ["ARMv7", { format: "v7" }, { format: "v7" }],
  ["ARMv7 with the access flag", { format: "v7", accessFlag: true }, { format: "v7", accessFlag: true }],
];

/** Everything that the codec knows of a word, as the oracle tells it. */
const decoded = (codec: LevelCodec, word: number, isMarked: boolean): DecodedEntry => {
  const kind = codec.kindOf(word, 0);
  if (kind === ABSENT_ENTRY) return { kind: "absent" };
  if (kind === TABLE_ENTRY && codec.table !== null)
    return { kind: "table", physical: BigInt(codec.table.addressOf(word, 0)), domain: codec.table.domainOf(word) };
  const format = kind === LEAF_ENTRY ? codec.leafOf(word, 0) : null;
  if (format === null) return { kind: "malformed" };
  const attributes = format.attributesOf(word, 0);
  const parts = format.partRightsOf(word, 0);
  const hasParts = format.format.partRights !== undefined;
  return {
    kind: "leaf",
    physical: BigInt(format.addressOf(word, 0)),
    rights: format.rightsOf(word, 0),
    isGlobal: (attributes & PAGE_GLOBAL) !== 0,
    isCacheable: (attributes & PAGE_CACHEABLE) !== 0,
    ...(isMarked ? { isAccessed: format.isAccessed(word, 0) } : {}),
    ...(format.entries > 1 ? { entries: format.entries } : {}),
    ...(format.domainOf(word) < 0 ? {} : { domain: format.domainOf(word) }),
    ...(hasParts ? { partRights: [0, 6, 12, 18].map((at) => (parts >>> at) & 0o77) } : {}),
  };
};

/** One entry is what holds a page that is told of as held by one. */
const plain = ({ entries = 1, ...rest }: DecodedEntry): DecodedEntry => (entries === 1 ? rest : { ...rest, entries });

/** Every set of the low twelve bits, and some words of all bits. */
const words = function* (): Generator<number> {
  for (let low = 0; low < 2 ** 12; low += 1) yield (0xa55a_0000 + low) >>> 0;
  const random = new Random(32);
  for (let each = 0; each < 3000; each += 1) yield random.below(2 ** 16) * 2 ** 16 + random.below(2 ** 16);
};

describe("descriptors, by the codec and by a second reading, in every detail", () => {
  for (const [title, machine, second] of FIGURES) {
    it(`agree on ${title}`, () => {
      const levels = levelsOf(arm(machine));
      const others = oracleOf(second).levels ?? [];
      expect(others).to.have.length(levels.length);
      levels.forEach((level, depth) => {
        for (const switches of second.format === "v7" ? SYSTEM.slice(0, 2) : SYSTEM) {
          const codec = new LevelCodec(level, switches);
          for (const word of words()) {
            const [one, other] = [decoded(codec, word, second.accessFlag === true), plain(others[depth](BigInt(word), switches))];
            // Names of fields in any order; chai's comparison would take most of the time.
            if (asText(one) !== asText(other)) expect(one, `level ${depth + 1}, 0x${word.toString(16)}`).to.deep.equal(other);
          }
        }
      });
    });
  }
});

const asText = ({ kind, physical, rights, isGlobal, isCacheable, isAccessed, entries, domain, partRights }: DecodedEntry): string =>
  `${kind} ${physical} ${rights} ${isGlobal} ${isCacheable} ${isAccessed} ${entries} ${domain} ${partRights?.join()}`;

describe("the second decoder of descriptors", () => {
  const read = (options: OracleOptions, depth: 0 | 1, word: number, switches: Switches = SYSTEM[0] ?? {}) =>
    oracleOf(options).levels?.[depth]?.(BigInt(word), switches);
  const PAGE = { kind: "leaf", isGlobal: false, isCacheable: false };

  it("is that of ARMv5 where nothing else is asked for, and names its manual", () => {
    expect(oracle.levels).to.have.length(2);
    expect(oracle.levels?.[1]?.(0x0123_4ff3n, {})).to.deep.equal({ kind: "malformed" });
    expect(oracle.levels?.[0]?.(0x0124_0c02n, {})).to.deep.equal({ ...PAGE, physical: 0x0120_0000n, rights: 0o77, domain: 0 });
    expect(oracle.manual).to.contain("ARM926EJ-S");
    expect(oracleOf({ format: "v6" }).manual).to.contain("ARMv7-A");
  });

  it("reads each quarter of a page, and what they have in common", () => {
    expect(read({ format: "v5" }, 1, 0x0123_4000 | (0b11 << 4) | (0b10 << 6) | (0b01 << 8) | (0b11 << 10) | 2)).to.deep.equal({
      ...PAGE,
      physical: 0x0123_4000n,
      rights: 0o07,
      partRights: [0o77, 0o57, 0o07, 0o77],
    });
  });

  it("reads AP = 00 as S and R say, until ARMv7", () => {
    for (const [format, expected] of [
      ["v5", [0, 0o05, 0o55, 0]],
      ["v6", [0, 0o05, 0o55, 0]],
      ["v7", [0, 0, 0, 0]],
    ] as const) {
      expect(SYSTEM.map((switches) => read({ format }, 1, 0x0123_4002, switches)?.rights)).to.deep.equal(expected);
      expect(read({ format }, 1, 0x0123_4002, {})?.rights).to.equal(0);
    }
  });

  it("tells an extended small page's one set of permissions, and a supersection's sixteen entries", () => {
    expect(read({ format: "v5", extendedSmallPages: true }, 1, 0x0123_4023)).to.deep.equal({
      ...PAGE,
      physical: 0x0123_4000n,
      rights: 0o57,
    });
    expect(read({ format: "v5", supersections: true }, 0, 0x0124_0c02 | (1 << 18))).to.deep.equal({
      ...PAGE,
      physical: 0x0100_0000n,
      rights: 0o77,
      entries: 16,
    });
  });
});
