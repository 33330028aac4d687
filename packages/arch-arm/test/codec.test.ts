/** Every combination of flag bits of every format, through the fast codec and through a second reading of the manual. */
import { expect } from "chai";
import {
  ABSENT_ENTRY,
  LEAF_ENTRY,
  LevelCodec,
  MALFORMED_ENTRY,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  TABLE_ENTRY,
  type DecodedEntry,
  type EntryKind,
  type Switches,
} from "@portolan/core";
import { arm, oracleOf, type ArmOptions } from "#src/index.js";
import { levelsOf } from "./fixture.js";

const KINDS: Readonly<Record<number, EntryKind>> = {
  [ABSENT_ENTRY]: "absent",
  [TABLE_ENTRY]: "table",
  [LEAF_ENTRY]: "leaf",
  [MALFORMED_ENTRY]: "malformed",
};

/** What the fast codec makes of a word, in the shape of the other decoder's answer. */
const decode = (codec: LevelCodec, word: number, isMarked: boolean): DecodedEntry => {
  const kind = KINDS[codec.kindOf(word, 0)] ?? "malformed";
  if (kind === "absent" || kind === "malformed") return { kind };
  if (kind === "table") return { kind, physical: BigInt(codec.table?.addressOf(word, 0) ?? -1) };
  const format = codec.leafOf(word, 0);
  if (format === null) throw new Error("a leaf without a format");
  const attributes = format.attributesOf(word, 0);
  return {
    kind,
    physical: BigInt(format.addressOf(word, 0)),
    rights: format.rightsOf(word, 0),
    isGlobal: (attributes & PAGE_GLOBAL) !== 0,
    isCacheable: (attributes & PAGE_CACHEABLE) !== 0,
    ...(isMarked ? { isAccessed: format.isAccessed(word, 0) } : {}),
  };
};

const asText = ({ kind, physical = -1n, rights = -1, isGlobal = false, isCacheable = false, isAccessed = false }: DecodedEntry): string =>
  `${kind} ${physical} ${rights} ${isGlobal} ${isCacheable} ${isAccessed}`;

interface Case {
  readonly title: string;
  readonly options: ArmOptions;
  readonly switches: readonly Switches[];
}
const SYSTEM = [
  { S: false, R: false },
  { S: true, R: false },
  { S: false, R: true },
  { S: true, R: true },
];
const CASES: readonly Case[] = [
  { title: "ARMv5", options: { format: "v5" }, switches: SYSTEM },
  { title: "ARMv5 with extended small pages", options: { format: "v5", extendedSmallPages: true }, switches: SYSTEM.slice(0, 1) },
  { title: "ARMv6 in its old way", options: { processor: "arm1136jfs", format: "v5" }, switches: SYSTEM.slice(0, 1) },
  { title: "ARMv6", options: { processor: "arm1136jfs" }, switches: SYSTEM.slice(0, 2) },
  { title: "ARMv7", options: { processor: "cortexa9" }, switches: [{}] },
  { title: "ARMv7 with the access flag", options: { processor: "cortexa9", accessFlag: true }, switches: [{}] },
];
/** Flag bits of each level: above them there are addresses only. */
const FLAG_BITS = [20, 16];
const ADDRESSES = [0, 0xffff_ffff, ...Array.from({ length: 32 }, (_, bit) => 2 ** bit)];

describe("descriptors against a second reading of the manual", () => {
  for (const { title, options, switches: settings } of CASES) {
    const { processor, format = formatOf(options), accessFlag = false } = options;
    const isOldWay = format === "v5" && processor !== undefined;
    const { extendedSmallPages = isOldWay, supersections = isOldWay } = options;
    const second = oracleOf({ format, accessFlag, extendedSmallPages, supersections });
    FLAG_BITS.forEach((bits, depth) => {
      it(`agree on every flag bit of ${title}, level ${depth + 1}`, () => {
        for (const switches of settings) {
          const codec = new LevelCodec(levelsOf(arm(options))[depth], switches);
          const other = second.levels?.[depth];
          if (other === undefined) throw new Error("no second decoder");
          // Nothing of ARMv5's first level but addresses and zeroes lies above bit 12, until ARMv6 had a use for bit 18.
          const varied = format === "v5" && !isOldWay && depth === 0 ? 12 : bits;
          for (let flags = 0; flags < 2 ** varied; flags += 1) {
            const word = (0xa550_0000 + flags) >>> 0;
            const expected = asText(other(BigInt(word), switches));
            if (asText(decode(codec, word, accessFlag)) !== expected)
              expect(asText(decode(codec, word, accessFlag)), `0x${word.toString(16)}`).to.equal(expected);
          }
        }
      });

      it(`agree on walking ones of ${title}, level ${depth + 1}`, () => {
        const codec = new LevelCodec(levelsOf(arm(options))[depth], settings[0] ?? {});
        const other = second.levels?.[depth];
        for (const above of ADDRESSES) {
          for (let type = 0; type < 4; type += 1) {
            const word = ((above & ~3) | type) >>> 0;
            expect(asText(decode(codec, word, accessFlag)), `0x${word.toString(16)}`).to.equal(
              asText(other?.(BigInt(word), settings[0] ?? {}) ?? { kind: "absent" }),
            );
          }
        }
      });
    });
  }

  function formatOf({ processor }: ArmOptions): "v5" | "v6" | "v7" {
    return processor === "arm1136jfs" ? "v6" : processor === undefined ? "v5" : "v7";
  }
});
