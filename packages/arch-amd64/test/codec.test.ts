/** Every combination of flag bits at every level, and every other bit by itself, against the manual's own words. */
import { expect } from "chai";
import { FormatCodec, PAGE_CACHEABLE, PAGE_GLOBAL, PAGE_USER, type EntryFormat } from "@portolan/core";
import { amd64With } from "#src/index.js";
import { ACCESSES, bare, PRIVILEGES, SETTINGS, setSwitches, switchesOf, type Bare } from "./bare.js";
import { translate, type Facts, type Registers } from "./manual.js";

const TABLES = [0x10_0000, 0x20_0000, 0x30_0000, 0x40_0000] as const;
/** 1 of each table, and a page. */
const LINEAR = (1n << 39n) + (1n << 30n) + (1n << 21n) + (1n << 12n) + 0x123n;
const OPEN = 0x7n;
/** All bits below the address, with XD clear and set. */
const LOW_BITS = 4096;

const MACHINES: readonly (readonly [string, ReturnType<typeof amd64With>, Facts])[] = [
  ["an AMD processor of 48 bits with 1 GiB pages", amd64With(), { maxphyaddr: 48, gigabytePages: true, isAmd: true }],
  [
    "an Intel processor of 36 bits without them",
    amd64With({ processor: "core2", smep: true, smap: true }),
    { maxphyaddr: 36, gigabytePages: false, isAmd: false },
  ],
  [
    "a processor of 52 bits",
    amd64With({ processor: "skylakesp", physicalBits: 52 }),
    { maxphyaddr: 52, gigabytePages: true, isAmd: false },
  ],
];

/** The address that an entry of a level holds where all is well. */
const target = (depth: number): bigint => BigInt(TABLES[depth + 1] ?? 0x50_0000);

const lay = ({ write, root }: Bare): void => {
  for (let depth = 0; depth < 4; depth += 1) write(TABLES[depth] + 8, target(depth) + OPEN);
  root(TABLES[0]);
};

/** Writes one word at a level and compares all six accesses, with the marks they leave in every table. */
const compare = (machine: Bare, depth: number, word: bigint, registers: Registers, facts: Facts): void => {
  const { ask, read, write } = machine;
  const place = BigInt(TABLES[depth] + 8);
  for (const privilege of PRIVILEGES) {
    for (const access of ACCESSES) {
      for (let other = 0; other < 4; other += 1) write(TABLES[other] + 8, other === depth ? word : target(other) + OPEN);
      const expected = translate(read, BigInt(TABLES[0]), LINEAR, access, privilege === 1, registers, facts);
      const before = TABLES.map((table) => read(table + 8));
      const is = ask(LINEAR, access, privilege);
      const changed = TABLES.map((table, i) => expected.writes.get(BigInt(table + 8)) ?? before[i]);
      const after = TABLES.map((table) => read(table + 8));
      if (is === expected.is && after.every((value, i) => value === changed[i])) continue;
      const what = `${access} by ${privilege === 1 ? "the user" : "the kernel"}, level ${depth}, word 0x${word.toString(16)} at 0x${place.toString(16)}, ${JSON.stringify(registers)}`;
      expect(is, what).to.equal(expected.is);
      expect(after, what).to.deep.equal(changed);
    }
  }
};

describe("entries against the manual", () => {
  for (const [i, [name, architecture, facts]] of MACHINES.entries()) {
    it(`every combination of flag bits at every level, on ${name}`, () => {
      const machine = bare(architecture);
      lay(machine);
      // WP and NXE are what single entries depend on; the other switches have a test of their own.
      for (const registers of i === 0 ? SETTINGS.slice(0, 4) : SETTINGS.slice(1, 3)) {
        setSwitches(machine.cpu, registers);
        for (let depth = 0; depth < 4; depth += 1) {
          for (let low = 0; low < LOW_BITS; low += 1) {
            compare(machine, depth, target(depth) + BigInt(low), registers, facts);
            compare(machine, depth, target(depth) + BigInt(low) + (1n << 63n), registers, facts);
          }
        }
      }
    });

    it(`every bit of address, of keys and of what is ignored, alone and with flags, on ${name}`, () => {
      const machine = bare(architecture);
      lay(machine);
      for (const registers of [SETTINGS[2], SETTINGS[1]]) {
        setSwitches(machine.cpu, registers);
        for (let depth = 0; depth < 4; depth += 1) {
          for (let bit = 12; bit < 64; bit += 1) {
            for (const flags of [0x1n, 0x7n, 0x87n, 0x107n, 0x3e7n, 0x1087n, 0x8000_0000_0000_0007n, 0n]) {
              for (const base of [0n, target(depth), (bit < 20 ? 1n : 0n) << 20n])
                compare(machine, depth, base ^ (1n << BigInt(bit)) ^ flags, registers, facts);
            }
          }
        }
      }
    });
  }

  it("the flags that matter under every setting of the switches", () => {
    const [[, architecture, facts]] = MACHINES;
    const machine = bare(architecture);
    lay(machine);
    for (const registers of SETTINGS) {
      setSwitches(machine.cpu, registers);
      for (let depth = 0; depth < 4; depth += 1) {
        for (let flags = 0; flags < 32; flags += 1) {
          const word = BigInt(flags & 7) + (BigInt((flags >> 3) & 1) << 7n) + (BigInt(flags >> 4) << 63n);
          compare(machine, depth, target(depth) + word, registers, facts);
        }
      }
    }
  });
});

describe("the codec of leaves", () => {
  const leaf = (processor = amd64With()): EntryFormat => {
    const { translation } = processor;
    const format = translation.kind === "hierarchical" ? translation.levels[3]?.leaf : undefined;
    if (format === undefined) throw new Error("the last level maps pages");
    return format;
  };

  it("writes what was asked, for all flags and frames up to the last, and reads it back", () => {
    const architecture = amd64With({ physicalBits: 52 });
    for (const registers of SETTINGS.slice(0, 4)) {
      const codec = new FormatCodec(leaf(architecture), switchesOf(architecture, registers));
      for (let flags = 0; flags < 64; flags += 1) {
        for (const address of [0, 0x1000, 0xffff_f000, 2 ** 32, 0x1_2345_6000, 2 ** 52 - 4096]) {
          const [lo, hi] = [codec.encodeLow(address, flags), codec.encodeHigh(address, flags)];
          const word = (BigInt(hi) << 32n) | BigInt(lo);
          const expected =
            1n |
            ((flags & 2) !== 0 ? 2n : 0n) |
            ((flags & PAGE_USER) !== 0 ? 4n : 0n) |
            ((flags & PAGE_CACHEABLE) !== 0 ? 0n : 16n) |
            ((flags & PAGE_GLOBAL) !== 0 ? 0x100n : 0n) |
            0x200n |
            BigInt(address) |
            ((flags & 4) !== 0 || !registers.nxe ? 0n : 1n << 63n);
          expect(word).to.equal(expected);
          expect(codec.addressOf(lo, hi)).to.equal(address);
          expect(codec.attributesOf(lo, hi)).to.equal(flags & (PAGE_CACHEABLE | PAGE_GLOBAL));
          expect([codec.isAccessed(lo, hi), codec.isDirty(lo, hi), codec.hasReserved(lo, hi)]).to.deep.equal([false, false, false]);
          expect([codec.isAccessed((lo | 0x20) >>> 0, hi), codec.isDirty((lo | 0x40) >>> 0, hi)]).to.deep.equal([true, true]);
        }
      }
    }
  });
});
