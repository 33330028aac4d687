/** L0: entries that the port makes say what they were asked to say. */
import {
  ABSENT_ENTRY,
  ALL_RIGHTS,
  EXECUTE,
  fieldBits,
  LEAF_ENTRY,
  LevelCodec,
  PAGE_CACHEABLE,
  PAGE_FLAG_SETS,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  TABLE_ENTRY,
  WRITE,
  type Architecture,
  type EntryFormat,
  type FormatCodec,
  type Level,
  type PageFlags,
  type Rights,
  type Switches,
} from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import type { Rig } from "../rig/rig.js";
import { settingsOf } from "./l0-description.js";

/** Formats that the core writes or reads on trees, and those that a second decoder names. */
export const levelsOf = ({ translation }: Architecture): readonly Level[] =>
  translation.kind === "hierarchical" ? translation.levels : [];

const hex = (lo: number, hi: number): string => `0x${(BigInt(hi >>> 0) * 2n ** 32n + BigInt(lo >>> 0)).toString(16)}`;

/** What the user may at most, and must at least, of a page mapped with these flags. */
export const userRightsOf = (machine: Architecture, flags: PageFlags): { readonly least: number; readonly most: number } => {
  const { can, layout } = machine;
  const isUsers = (flags & PAGE_USER) !== 0 || layout.privilegeByAddress === true;
  if (!isUsers) return { least: 0, most: 0 };
  const least = flags & 7;
  let most = least;
  if (!can.forbidRead) most |= READ;
  if (!can.forbidExecute) most |= EXECUTE;
  return { least, most };
};

/** A format that the core writes, decoded by the level's rules. */
interface Made {
  readonly level: Level;
  readonly format: EntryFormat;
  readonly codec: FormatCodec;
  readonly levelCodec: LevelCodec;
  readonly isTable: boolean;
}

const made = ({ architecture }: Rig, switches: Switches): readonly Made[] =>
  levelsOf(architecture).flatMap((level) => {
    const levelCodec = new LevelCodec(level, switches);
    return [
      { format: level.table, codec: levelCodec.table, isTable: true },
      { format: level.leaf, codec: levelCodec.leaf, isTable: false },
    ].flatMap(({ format, codec, isTable }) =>
      format?.encode === undefined || codec === null ? [] : [{ level, format, codec, levelCodec, isTable }],
    );
  });

/** The word of each of the 64 sets of flags, at an address. */
const words = (one: Made, address: number): readonly (readonly [flags: PageFlags, lo: number, hi: number])[] =>
  Array.from({ length: PAGE_FLAG_SETS }, (_, flags) => [
    flags,
    one.codec.encodeLow(address, flags) >>> 0,
    one.format.bytes === 8 ? one.codec.encodeHigh(address, flags) >>> 0 : 0,
  ]);

const isHashed = {
  rule: "A machine without a tree has no level, and its own refill code",
  check({ architecture }: Rig) {
    same(levelsOf(architecture).length, 0, "levels");
    holds(architecture.tlb.refill === "software", "nobody fills its TLBs");
  },
};

export const entryClauses: readonly Clause[] = [
  {
    id: "L0.entry.zero-is-absent",
    rule: "A word of zeroes is no entry, at every level and under every setting of the switches",
    source: "contract C-4.8",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      for (const switches of settingsOf(rig))
        for (const level of levelsOf(rig.architecture))
          same(new LevelCodec(level, switches).kindOf(0, 0), ABSENT_ENTRY, `a zero in the ${level.name}`);
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.every-bit-once",
    rule: "Every bit of an entry belongs to exactly one field",
    source: "contract P-2.1",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      for (const { table, leaf } of levelsOf(rig.architecture)) {
        for (const format of [table, leaf]) {
          if (format === undefined) continue;
          let seen = 0n;
          for (const field of format.fields) {
            const [high, low] = fieldBits(field);
            const mask = ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
            same(seen & mask, 0n, `bits of ${field.name} of ${format.name} that are another field's too`);
            seen |= mask;
          }
          same(seen, (1n << BigInt(format.bytes * 8)) - 1n, `bits of ${format.name} that have a field`);
        }
      }
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.kind-as-made",
    rule: "What is made as a leaf is a leaf, what is made as a pointer is a pointer",
    source: "contract P-2.3",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      const switches = switchesOf(rig);
      for (const one of made(rig, switches))
        for (const [flags, lo, hi] of words(one, 0))
          same(
            one.levelCodec.kindOf(lo, hi),
            one.isTable ? TABLE_ENTRY : LEAF_ENTRY,
            `kind of ${one.format.name} ${hex(lo, hi)} made for flags ${flags}`,
          );
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.user-rights-as-asked",
    rule: "A leaf gives the user what was asked, and never more than the machine cannot forbid",
    source: "contract P-2.3, C-13.6",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      const { architecture } = rig;
      for (const one of made(rig, switchesOf(rig))) {
        if (one.isTable) continue;
        for (const [flags, lo, hi] of words(one, 0)) {
          if ((flags & 7) === 0) continue;
          const user = one.codec.rightsOf(lo, hi) >> 3;
          const { least, most } = userRightsOf(architecture, flags);
          const what = `${one.format.name} ${hex(lo, hi)} made for flags ${flags}`;
          same(user & ~most, 0, `rights beyond what was asked in ${what}`);
          if ((flags & 6) !== 6) same(least & ~user, 0, `rights missing in ${what}`);
        }
      }
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.kernel-rights-as-asked",
    rule: "A leaf gives the kernel at least what was asked",
    source: "contract P-2.3",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      for (const one of made(rig, switchesOf(rig))) {
        if (one.isTable) continue;
        for (const [flags, lo, hi] of words(one, 0)) {
          if ((flags & PAGE_USER) !== 0 || (flags & 7) === 0 || (flags & 6) === 6) continue;
          const kernel: Rights = one.codec.rightsOf(lo, hi) & 7;
          same(flags & 7 & ~kernel, 0, `rights missing for the kernel in ${one.format.name} ${hex(lo, hi)} made for flags ${flags}`);
        }
      }
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.pointers-permit-all",
    rule: "Pointers that the core writes let everything through: the leaf decides",
    source: "contract C-4.11",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      for (const one of made(rig, switchesOf(rig))) {
        if (!one.isTable) continue;
        for (const [flags, lo, hi] of words(one, 0))
          same(one.codec.rightsOf(lo, hi), ALL_RIGHTS, `rights of ${one.format.name} ${hex(lo, hi)} made for flags ${flags}`);
      }
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.attributes-read-back",
    rule: "A leaf is global and cacheable exactly if asked, as far as its format stores it",
    source: "contract P-2.3, C-5.4",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      const { can } = rig.architecture;
      for (const one of made(rig, switchesOf(rig))) {
        if (one.isTable) continue;
        const all = words(one, 0).map(([flags, lo, hi]) => ({ flags, lo, hi, told: one.codec.attributesOf(lo, hi) }));
        const stores = (flag: PageFlags): boolean => new Set(all.map(({ told }) => told & flag)).size > 1;
        if (can.global) holds(stores(PAGE_GLOBAL), `${one.format.name} does not tell global pages from others`);
        for (const { flags, lo, hi, told } of all) {
          const what = `${one.format.name} ${hex(lo, hi)} made for flags ${flags}`;
          if (stores(PAGE_GLOBAL)) same(told & PAGE_GLOBAL, flags & PAGE_GLOBAL, `global in ${what}`);
          if (stores(PAGE_CACHEABLE)) same(told & PAGE_CACHEABLE, flags & PAGE_CACHEABLE, `cacheable in ${what}`);
        }
      }
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.fresh-is-clean",
    rule: "An entry that is made has been neither accessed nor written",
    source: "contract C-4.6",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      for (const one of made(rig, switchesOf(rig))) {
        for (const [flags, lo, hi] of words(one, 0)) {
          const what = `${one.format.name} ${hex(lo, hi)} made for flags ${flags}`;
          holds(!one.codec.isDirty(lo, hi), `${what} counts as written`);
          if (!one.isTable) holds(!one.codec.isAccessed(lo, hi), `${what} counts as accessed`);
        }
      }
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.reserved-stay-clear",
    rule: "An entry that is made has no reserved bit set, under the switches that it was made for",
    source: "contract P-2.3",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      for (const one of made(rig, switchesOf(rig)))
        for (const address of [0, highestOf(rig, one.format)])
          for (const [flags, lo, hi] of words(one, address))
            holds(!one.codec.hasReserved(lo, hi), `${one.format.name} ${hex(lo, hi)} made for flags ${flags} has a reserved bit set`);
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.address-reads-back",
    rule: "An entry holds every physical address that the machine has, and no other bit of it depends on that",
    source: "contract P-2.2, C-4.1",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tree"],
    check(rig) {
      const { physicalBits, pageShift } = rig.architecture;
      for (const one of made(rig, switchesOf(rig))) {
        if (one.isTable) continue;
        for (const flags of [0, USER_SET, PAGE_FLAG_SETS - 1]) {
          const [baseLo, baseHi] = [one.codec.encodeLow(0, flags) >>> 0, one.format.bytes === 8 ? one.codec.encodeHigh(0, flags) >>> 0 : 0];
          for (let bit = pageShift; bit < physicalBits; bit += 1) {
            const address = 2 ** bit;
            const lo = one.codec.encodeLow(address, flags) >>> 0;
            const hi = one.format.bytes === 8 ? one.codec.encodeHigh(address, flags) >>> 0 : 0;
            same(one.codec.addressOf(lo, hi), address, `address in ${one.format.name} ${hex(lo, hi)}`);
            same(one.codec.rightsOf(lo, hi), one.codec.rightsOf(baseLo, baseHi), `rights in ${one.format.name} ${hex(lo, hi)}`);
            same(one.levelCodec.kindOf(lo, hi), one.levelCodec.kindOf(baseLo, baseHi), `kind of ${one.format.name} ${hex(lo, hi)}`);
          }
        }
      }
    },
    otherwise: isHashed,
  },
  {
    id: "L0.entry.byte-order",
    rule: "Words of tables lie in memory in the machine's byte order",
    source: "contract C-1.1, C-4.1",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const machine = rig.build();
      const { memory } = machine.parts;
      const at = memory.firstFrame * memory.frameSize + 64;
      memory.write64(at, 0x04030201, 0x08070605);
      const bytes = Array.from({ length: 8 }, (_, i) => memory.read8(at + i));
      same(
        bytes,
        rig.architecture.byteOrder === "little" ? [1, 2, 3, 4, 5, 6, 7, 8] : [8, 7, 6, 5, 4, 3, 2, 1],
        "bytes of a word of 64 bits",
      );
      memory.write32(at, 0x04030201);
      same(memory.read8(at), rig.architecture.byteOrder === "little" ? 1 : 4, "the first byte of a word of 32 bits");
    },
  },
];

const USER_SET = READ | WRITE | PAGE_USER | PAGE_CACHEABLE;

const switchesOf = (rig: Rig): Switches => rig.build().parts.switches;

/** The highest page's address that both the machine and the format have. */
const highestOf = ({ architecture }: Rig, format: EntryFormat): number => {
  const top = Math.max(
    0,
    ...format.fields
      .filter(({ role }) => role === "frame")
      .map((field) => (field.unitShift ?? fieldBits(field)[1]) + fieldBits(field)[0] - fieldBits(field)[1] + 1),
  );
  const bits = Math.min(top, architecture.physicalBits);
  return bits <= architecture.pageShift ? 0 : 2 ** bits - 2 ** architecture.pageShift;
};
