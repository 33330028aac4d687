/** Every combination of flag bits at every level, and every other bit by itself, against the manual's own words and the oracle. */
import { expect } from "chai";
import { FormatCodec, LevelCodec, PAGE_CACHEABLE, PAGE_GLOBAL, PAGE_USER } from "@portolan/core";
import { riscv64With, type Riscv64Options } from "#src/index.js";
import { oracleOf } from "#src/oracle.js";
import { ACCESSES, bare, levelsOf, PRIVILEGES, RAM, setSwitches, SETTINGS, type Bare } from "./bare.js";
import { translate, type Hart } from "./manual.js";

const LEVELS = { sv39: 3, sv48: 4, sv57: 5 } as const;
const MACHINES: readonly Riscv64Options[] = [
  {},
  { marks: "fault", svnapot: true, svpbmt: true },
  { mode: "sv48", svnapot: true },
  { mode: "sv57", svpbmt: true, processor: "qemu" },
];

const hartOf = ({ mode = "sv39", marks = "hardware", svnapot = false, svpbmt = false }: Riscv64Options, setting = SETTINGS[1]): Hart => ({
  levels: LEVELS[mode],
  marks,
  svnapot,
  svpbmt,
  sum: setting.SUM,
  mxr: setting.MXR,
});

const tableAt = (depth: number): number => RAM + 0x10_0000 + depth * 0x1000;
/** The frame behind the last table: one that begins a megapage. */
const TARGET = RAM + 0x20_0000;
const pointerTo = (address: number): bigint => (BigInt(address) >> 2n) | 1n;
const OPEN_LEAF = (BigInt(TARGET) >> 2n) | 0xffn;
/** Entry 1 of each table, and a byte; in a 64 KiB page its second page. */
const addressWith = (levels: number): bigint => {
  let address = 0x123n;
  for (let i = 0; i < levels; i += 1) address |= 1n << BigInt(12 + 9 * i);
  return address;
};

/** What is where all is well. */
const usual = (depth: number, levels: number): bigint => (depth === levels - 1 ? OPEN_LEAF : pointerTo(tableAt(depth + 1)));

/** Writes one word at a level and compares all six accesses, with the marks they leave. */
const compare = ({ ask, read, write }: Bare, depth: number, word: bigint, hart: Hart): void => {
  const va = addressWith(hart.levels);
  for (const privilege of PRIVILEGES) {
    for (const access of ACCESSES) {
      for (let other = 0; other < hart.levels; other += 1) write(tableAt(other) + 8, other === depth ? word : usual(other, hart.levels));
      const expected = translate(read, BigInt(tableAt(0)), va, access, privilege === 1, hart);
      const places = Array.from({ length: hart.levels }, (_, other) => BigInt(tableAt(other) + 8));
      const wanted = places.map((place) => (expected.write?.address === place ? expected.write.value : read(place)));
      const is = ask(va, access, privilege);
      const after = places.map(read);
      if (is === expected.is && after.every((value, i) => value === wanted[i])) continue;
      const what = `${access} by ${privilege}, level ${hart.levels - 1 - depth}, 0x${word.toString(16)}, ${JSON.stringify(hart)}`;
      expect(is, what).to.equal(expected.is);
      expect(after, what).to.deep.equal(wanted);
    }
  }
};

describe("riscv64: entries against the manual", () => {
  for (const options of MACHINES) {
    const title = JSON.stringify(options);
    it(`every combination of the ten low bits, N and PBMT at every level, ${title}`, () => {
      const machine = bare(riscv64With(options));
      machine.root(tableAt(0));
      for (const setting of options.mode === undefined ? SETTINGS : SETTINGS.slice(1, 2)) {
        setSwitches(machine.cpu, setting);
        const hart = hartOf(options, setting);
        for (let depth = 0; depth < hart.levels; depth += 1) {
          const target = usual(depth, hart.levels) & ~0x3ffn;
          for (let low = 0; low < 1024; low += 1)
            for (const high of low < 256 ? [0n, 1n, 2n, 3n, 4n, 6n] : [0n])
              compare(machine, depth, target | (high << 61n) | BigInt(low), hart);
        }
      }
    });

    it(`every bit of page numbers and every reserved one, alone and with flags, ${title}`, () => {
      const machine = bare(riscv64With(options));
      machine.root(tableAt(0));
      const hart = hartOf(options);
      for (let depth = 0; depth < hart.levels; depth += 1) {
        for (let bit = 10; bit < 64; bit += 1) {
          for (const flags of [0x01n, 0x21n, 0xdfn, 0xcfn, 0x1fn, 0xd3n, 0x8000_0000_0000_20dfn, 0n])
            for (const base of [0n, usual(depth, hart.levels) & ~0x3ffn, BigInt(RAM) >> 2n])
              compare(machine, depth, base ^ (1n << BigInt(bit)) ^ flags, hart);
        }
      }
    });

    it(`the codec and a second reading of the figure agree on every combination, ${title}`, () => {
      const { levels, svnapot, svpbmt } = hartOf(options);
      const oracle = oracleOf({ levels, svnapot, svpbmt });
      const KINDS = ["absent", "table", "leaf", "malformed"];
      for (const switches of SETTINGS) {
        levelsOf(riscv64With(options)).forEach((level, depth) => {
          const codec = new LevelCodec(level, switches);
          const kinds = new Set<string>();
          // V to D, the four lowest bits of the page number, and the bits above it.
          for (let bits = 0; bits < 2 ** 15; bits += 1) {
            const lo = ((bits & 0xff) | (((bits >>> 8) & 15) << 10)) + 0x20_0000;
            const hi = ((bits >>> 12) << 29) >>> 0;
            const word = (BigInt(hi) << 32n) | BigInt(lo);
            const told = oracle.levels?.[depth]?.(word, switches);
            const kind = KINDS[codec.kindOf(lo, hi)];
            if (kind !== told?.kind) expect(kind, word.toString(16)).to.equal(told?.kind);
            kinds.add(kind);
            const format: FormatCodec | null = kind === "table" ? codec.table : kind === "leaf" ? codec.leafOf(lo, hi) : null;
            if (format === null || told === undefined) continue;
            const read = {
              kind,
              physical: BigInt(format.addressOf(lo, hi)),
              hasReserved: format.hasReserved(lo, hi),
              ...(kind === "table"
                ? {}
                : {
                    rights: format.rightsOf(lo, hi),
                    isGlobal: (format.attributesOf(lo, hi) & PAGE_GLOBAL) !== 0,
                    isCacheable: (format.attributesOf(lo, hi) & PAGE_CACHEABLE) !== 0,
                    isAccessed: format.isAccessed(lo, hi),
                    isDirty: format.isDirty(lo, hi),
                  }),
            };
            const isSame = Object.entries(read).every(([key, value]) => (told as unknown as Record<string, unknown>)[key] === value);
            if (!isSame) expect(read, word.toString(16)).to.deep.equal(told);
          }
          expect([...kinds].sort()).to.deep.equal(
            depth === levels - 1 ? ["absent", "leaf", "malformed"] : ["absent", "leaf", "malformed", "table"],
          );
        });
      }
    });
  }
});

describe("riscv64: the codec of leaves", () => {
  for (const svpbmt of [false, true]) {
    it(`writes what was asked, for all flags and frames up to the last${svpbmt ? ", with memory types" : ""}`, () => {
      const leaf = levelsOf(riscv64With({ svpbmt })).at(-1)?.leaf;
      if (leaf === undefined) throw new Error("the last level maps pages");
      const codec = new FormatCodec(leaf, SETTINGS[1]);
      for (let flags = 0; flags < 64; flags += 1) {
        for (const address of [0, 0x1000, 0xffff_f000, 2 ** 32, 0x1_2345_6000, 2 ** 52 - 4096]) {
          const [lo, hi] = [codec.encodeLow(address, flags), codec.encodeHigh(address, flags)];
          const word = (BigInt(hi) << 32n) | BigInt(lo);
          const isForNobody = (flags & 7) === 0;
          const expected =
            1n |
            ((flags & 3) !== 0 || isForNobody ? 2n : 0n) |
            ((flags & 2) !== 0 ? 4n : 0n) |
            ((flags & 4) !== 0 ? 8n : 0n) |
            ((flags & PAGE_USER) !== 0 && !isForNobody ? 0x10n : 0n) |
            ((flags & PAGE_GLOBAL) !== 0 ? 0x20n : 0n) |
            (BigInt(address) >> 2n) |
            (svpbmt && (flags & PAGE_CACHEABLE) === 0 ? 1n << 61n : 0n);
          expect(word, flags.toString(2)).to.equal(expected);
          expect(codec.addressOf(lo, hi)).to.equal(address);
          expect(codec.attributesOf(lo, hi)).to.equal((flags & PAGE_GLOBAL) | (svpbmt ? flags & PAGE_CACHEABLE : PAGE_CACHEABLE));
          expect([codec.isAccessed(lo, hi), codec.isDirty(lo, hi), codec.hasReserved(lo, hi)]).to.deep.equal([false, false, false]);
        }
      }
    });
  }
});
