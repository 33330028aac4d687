/** L0: every combination of flag bits, and walking ones over the rest, against another reading of the manual. */
import {
  ABSENT_ENTRY,
  ALL_RIGHTS,
  fieldBits,
  FormatCodec,
  LEAF_ENTRY,
  LevelCodec,
  PAGE_CACHEABLE,
  PAGE_FLAG_SETS,
  PAGE_GLOBAL,
  TABLE_ENTRY,
  type DecodedEntry,
  type EntryFormat,
  type Field,
  type Level,
  type Oracle,
  type Switches,
} from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { Failure, holds, same, Undecided } from "../failure.js";
import { decodeByFields, decodeLevel } from "../rig/naive.js";
import type { Rig } from "../rig/rig.js";
import { settingsOf } from "./l0-description.js";
import { levelsOf } from "./l0-entries.js";

/** Bits whose combinations are all tried, at most, for each format. */
const MOST = 20;
/** The same in a short run. */
const FEW = 12;
const KINDS = ["absent", "table", "leaf", "malformed"] as const;

type Decode = (word: bigint) => DecodedEntry;

/** What the fast codec reads in a word of a level. */
const fast = (codec: LevelCodec): Decode => {
  return (word) => {
    const [lo, hi] = halves(word);
    const kind = codec.kindOf(lo, hi);
    const format = kind === TABLE_ENTRY ? codec.table : kind === LEAF_ENTRY ? codec.leafOf(lo, hi) : null;
    const name = KINDS[kind] ?? "absent";
    return format === null ? { kind: name } : { kind: name, ...ofFormat(format, lo, hi) };
  };
};

const ofFormat = (codec: FormatCodec, lo: number, hi: number): Omit<DecodedEntry, "kind"> => {
  const attributes = codec.attributesOf(lo, hi);
  return {
    physical: BigInt(codec.addressOf(lo, hi)),
    rights: codec.rightsOf(lo, hi),
    isGlobal: (attributes & PAGE_GLOBAL) !== 0,
    isCacheable: (attributes & PAGE_CACHEABLE) !== 0,
    isAccessed: codec.isAccessed(lo, hi),
    isDirty: codec.isDirty(lo, hi),
    hasReserved: codec.hasReserved(lo, hi),
    entries: codec.entries,
    ...(codec.format.partRights === undefined
      ? {}
      : { partRights: [0, 6, 12, 18].map((bit) => (codec.partRightsOf(lo, hi) >>> bit) & ALL_RIGHTS) }),
    ...(codec.format.domain === undefined ? {} : { domain: codec.domainOf(lo) }),
  };
};

const halves = (word: bigint): readonly [lo: number, hi: number] => [Number(word & 0xffff_ffffn), Number(word >> 32n)];

const ASPECTS = Object.keys({
  kind: true,
  physical: true,
  rights: true,
  isGlobal: true,
  isCacheable: true,
  isAccessed: true,
  isDirty: true,
  hasReserved: true,
  partRights: true,
  domain: true,
  entries: true,
} satisfies Record<keyof DecodedEntry, true>) as readonly (keyof DecodedEntry)[];

/** Only what the second reading says is compared. */
const compare = (format: string, word: bigint, mine: DecodedEntry, second: DecodedEntry): void => {
  for (const key of ASPECTS) {
    const value = second[key];
    const read = mine[key];
    // Lists are equal where their texts are.
    if (value !== undefined && read !== value && String(read) !== String(value))
      throw new Failure(`${format} 0x${word.toString(16)}: ${key} is ${String(read)}, the second decoder reads ${String(value)}`);
  }
};

/** Bits that decide something, and the others. */
const sortBits = (
  formats: readonly EntryFormat[],
  limit: number,
): { readonly flags: readonly number[]; readonly rest: readonly number[] } => {
  const weight: Record<Field["role"], number> = {
    control: 0,
    reserved: 2,
    accessed: 1,
    dirty: 1,
    global: 1,
    attribute: 1,
    tag: 3,
    software: 4,
    ignored: 4,
    frame: 5,
  };
  const width = Math.max(...formats.map(({ bytes }) => bytes * 8));
  const bits = Array.from({ length: width }, (_, bit) => {
    const roles = formats.map(({ fields }) => {
      const owner = fields.find((field) => bit <= fieldBits(field)[0] && bit >= fieldBits(field)[1]);
      return owner === undefined ? 4 : weight[owner.role];
    });
    return { bit, weight: Math.min(...roles) };
  }).toSorted((one, other) => one.weight - other.weight || one.bit - other.bit);
  const flags = bits.filter(({ weight: of }) => of < 4).slice(0, limit);
  return { flags: flags.map(({ bit }) => bit), rest: bits.filter((each) => !flags.includes(each)).map(({ bit }) => bit) };
};

/** Every word that is asked about: all combinations of the flag bits; each other bit alone over a sample of those. */
const eachWord = (formats: readonly EntryFormat[], limit: number, visit: (word: bigint) => void): void => {
  const { flags, rest } = sortBits(formats, limit);
  const count = 2 ** flags.length;
  const masks = flags.map((bit) => 1n << BigInt(bit));
  let word = 0n;
  // Gray code: one bit changes from word to word.
  for (let i = 1; i <= count; i += 1) {
    visit(word);
    const changed = masks[31 - Math.clz32(i & -i)];
    if (changed === undefined) break;
    word ^= changed;
  }
  const samples = Math.min(count, 256);
  for (let sample = 0; sample < samples; sample += 1) {
    // Spread over all combinations, so that each flag is set in half of them.
    const combination = samples === count ? sample : Math.floor((sample + 1) * 0x9e3779b1) % count;
    const base = masks.reduce((sum, mask, i) => (Math.floor(combination / 2 ** i) % 2 === 1 ? sum | mask : sum), 0n);
    for (const bit of rest) visit(base ^ (1n << BigInt(bit)));
  }
};

const formatsOf = ({ table, leaf, forms = [] }: Level): readonly EntryFormat[] =>
  [table, leaf, ...forms.map((form) => form.leaf)].filter((format): format is EntryFormat => format !== undefined);

/** Switches that tell which of them somebody has asked for. */
const watched = (setting: Switches): { readonly switches: Switches; readonly asked: ReadonlySet<string> } => {
  const asked = new Set<string>();
  const switches: Record<string, boolean> = {};
  for (const [name, value] of Object.entries(setting)) {
    const get = (): boolean => {
      asked.add(name);
      return value;
    };
    Object.defineProperty(switches, name, { enumerable: true, get });
  }
  return { switches, asked };
};

const secondOf = ({ subject: { oracle } }: Rig): Oracle => {
  if (oracle === undefined) throw new Undecided("the port brings no second decoder (`oracle`)");
  return oracle;
};

/** Looks at every word under a setting of the switches. @returns those that one of the two readings has asked for */
type Reading = (setting: Switches) => ReadonlySet<string>;

/** A reading of each level, and of each format whose entries lie in no table. */
const readingsOf = (rig: Rig): readonly Reading[] => {
  const oracle = secondOf(rig);
  const bits = rig.options.isShort === true ? FEW : MOST;
  const levels = levelsOf(rig.architecture).map((level, depth): Reading => {
    const second = oracle.levels?.[depth];
    if (second === undefined) throw new Undecided(`the second decoder leaves out level ${depth}`);
    return (setting) => {
      const { switches, asked } = watched(setting);
      const read = fast(new LevelCodec(level, switches));
      eachWord(formatsOf(level), bits, (word) => compare(level.name, word, read(word), second(word, switches)));
      return asked;
    };
  });
  const others = (oracle.others ?? []).map(({ format, decode }): Reading => (setting) => {
    const { switches, asked } = watched(setting);
    const codec = new FormatCodec(format, switches);
    eachWord([format], bits, (word) => {
      const second = decode(word);
      if (second.kind === "leaf") compare(format.name, word, { kind: "leaf", ...ofFormat(codec, ...halves(word)) }, second);
    });
    return asked;
  });
  return [...levels, ...others];
};

/**
 * Reads under every setting of the switches. Decoders are pure: under a setting that differs only in switches that none has asked
 * for, each would do the same work again and come to the same end, so that one is spared.
 */
const underEverySetting = (rig: Rig, reading: Reading): void => {
  const done: { readonly setting: Switches; readonly asked: ReadonlySet<string> }[] = [];
  const known = new Set<string>();
  for (let before = -1; before < known.size;) {
    before = known.size;
    for (const setting of settingsOf(rig, [...known])) {
      if (done.some((one) => [...one.asked].every((name) => one.setting[name] === setting[name]))) continue;
      const asked = reading(setting);
      done.push({ setting, asked });
      for (const name of asked) known.add(name);
    }
  }
};

export const exhaustiveClauses: readonly Clause[] = [
  {
    id: "L0.codec.agrees-with-second-decoder",
    rule: "Every combination of flag bits, and every other bit alone, reads as a second decoder written from the manual reads it",
    source: "the port's manual; contract P-2.1, P-2.4",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const { switches } = rig.build().parts;
      for (const reading of readingsOf(rig)) reading(switches);
    },
  },
  {
    id: "L0.codec.agrees-under-every-switch",
    rule: "The same under every setting of the switches that change how entries are read",
    source: "the port's manual; contract C-5.8",
    since: "1.0.0",
    traits: ONCE,
    needs: ["switches"],
    check(rig) {
      for (const reading of readingsOf(rig)) underEverySetting(rig, reading);
    },
    otherwise: {
      rule: "A machine without switches reads its entries in one way",
      check: ({ architecture }) => same(Object.keys(architecture.switches).length, 0, "switches"),
    },
  },
  {
    id: "L0.codec.agrees-with-fields",
    rule: "The fast codec reads what the list of fields says, bit by bit",
    source: "contract P-2.1",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const { switches } = rig.build().parts;
      for (const level of levelsOf(rig.architecture)) {
        const read = fast(new LevelCodec(level, switches));
        eachWord(formatsOf(level), FEW, (word) => compare(level.name, word, read(word), decodeLevel(level, word, switches)));
      }
      for (const { format } of rig.subject.oracle?.others ?? []) {
        const codec = new FormatCodec(format, switches);
        eachWord([format], FEW, (word) =>
          compare(
            format.name,
            word,
            { kind: "leaf", ...ofFormat(codec, ...halves(word)) },
            { kind: "leaf", ...decodeByFields(format, word, switches) },
          ),
        );
      }
    },
  },
  {
    id: "L0.codec.made-words-read-the-same",
    rule: "The entries that the port makes say to the second decoder what was asked of them",
    source: "the port's manual; contract P-2.3",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      const oracle = secondOf(rig);
      const { switches } = rig.build().parts;
      const { pageShift, physicalBits } = rig.architecture;
      for (const [depth, level] of levelsOf(rig.architecture).entries()) {
        const second = oracle.levels?.[depth];
        const codec = new LevelCodec(level, switches);
        for (const [kind, one] of [
          ["table", codec.table],
          ["leaf", codec.leaf],
        ] as const) {
          if (one?.format.encode === undefined || second === undefined) continue;
          for (let flags = 0; flags < PAGE_FLAG_SETS; flags += 1) {
            for (const address of [0, 2 ** pageShift, 2 ** physicalBits - 2 ** pageShift]) {
              const lo = one.encodeLow(address, flags) >>> 0;
              const hi = one.format.bytes === 8 ? one.encodeHigh(address, flags) >>> 0 : 0;
              const word = BigInt(hi) * 2n ** 32n + BigInt(lo);
              const read = second(word, switches);
              same(read.kind, kind, `kind of ${one.format.name} 0x${word.toString(16)}`);
              holds(read.hasReserved !== true, `${one.format.name} 0x${word.toString(16)} has a reserved bit set`);
              if (kind === "leaf" && read.physical !== undefined)
                same(read.physical, BigInt(address), `address in ${one.format.name} 0x${word.toString(16)}`);
            }
          }
        }
        same(second?.(0n, switches).kind, KINDS[ABSENT_ENTRY], `a word of zeroes in the ${level.name}`);
      }
    },
    otherwise: {
      rule: "A machine without a tree has its entries named by the second decoder",
      check(rig) {
        holds((secondOf(rig).others ?? []).length > 0, "the second decoder names no format");
      },
    },
  },
];
