/** Words worked out by hand: a 16 KiB page at 0x00404000, the odd half of the pair at 0x00400000, in ASID 2, at 0x00808000. */
import { expect } from "chai";
import { FormatCodec, KERNEL, READ, StaleTranslations, USER, WRITE, reasonsAgainst } from "@portolan/core";
import {
  contextAfter,
  entryHi,
  entryHiAfter,
  entryLo,
  entryLoFormat,
  halfOf,
  matches,
  mips32,
  mips32With,
  pageMask,
  pageShiftOf,
  PAGE_SHIFTS,
  PROCESSORS,
  rootEntry,
  tableEntry,
} from "#src/index.js";
import { mips32be } from "#src/big.js";
import { bench, benchOf, map, PAGE, probe, read, RO, RW } from "./fixture.js";

const ADDRESS = 0x0040_4000;
const PHYSICAL = 0x0080_8000;
const ASID = 2;
/** What tables are linked with. */
const TABLE = 1 | 2 | 4 | 8 | 32;

const ORDERS = [
  {
    machine: mips32,
    byteOrder: "little",
    table: 0x4000_812a,
    tableBytes: "2a810040",
    fresh: 0x4002_022a,
    freshBytes: "2a020240",
    loaded: 0xc002_022a,
    stored: 0xc002_022e,
  },
  {
    machine: mips32be,
    byteOrder: "big",
    table: 0x5400_0812,
    tableBytes: "54000812",
    fresh: 0x5400_2022,
    freshBytes: "54002022",
    loaded: 0x5400_2023,
    stored: 0x7400_2023,
  },
] as const;

describe("mips32: entries of the tables", () => {
  for (const { machine: architecture, byteOrder, ...words } of ORDERS) {
    it(`${byteOrder}-endian: words of a table and of a page, as values and as bytes in memory`, () => {
      const codec = new FormatCodec(tableEntry(byteOrder), {});
      expect(new FormatCodec(rootEntry(byteOrder), {}).encodeLow(0x20_4000, TABLE)).to.equal(words.table);
      expect(codec.encodeLow(0x20_4000, TABLE), "one structure for both").to.equal(words.table);
      expect(codec.encodeLow(PHYSICAL, RW)).to.equal(words.fresh);

      const one = benchOf(architecture);
      map(one, ADDRESS, PHYSICAL);
      const { memory } = one.machine.parts;
      const { asid, root } = one.space.context;
      expect(asid).to.equal(ASID);
      const bytesAt = (address: number): string => Buffer.from([0, 1, 2, 3].map((i) => memory.read8(address + i))).toString("hex");
      expect([memory.read32(root), bytesAt(root)]).to.deep.equal([words.table, words.tableBytes]);
      expect([memory.read32(0x20_4404), bytesAt(0x20_4404)], "PTL3[0x101]").to.deep.equal([words.fresh, words.freshBytes]);
      one.cpu.load32(ADDRESS / 0x1000, 0, USER);
      expect(memory.read32(0x20_4404)).to.equal(words.loaded);
      one.cpu.store32(ADDRESS / 0x1000, 0, 7, USER);
      expect(memory.read32(0x20_4404)).to.equal(words.stored);
    });

    it(`${byteOrder}-endian: a page that is dirty and loses the right to write gets no D`, () => {
      const one = benchOf(architecture);
      map(one, ADDRESS, PHYSICAL);
      one.cpu.store32(ADDRESS / 0x1000, 0, 7, USER);
      one.machine.parts.tables.update(one.space.context, ADDRESS / PAGE, RO, new StaleTranslations());
      one.cpu.invalidateAll();
      one.cpu.load32(ADDRESS / 0x1000, 0, USER);
      expect(one.cp0.entryLo1).to.equal(0x0002_022a);
      expect(one.cpu.store32(ADDRESS / 0x1000, 0, 8, USER)).to.equal(false);
    });
  }

  it("the root has 64 entries of 64 MiB, and 4096 of 16 KiB lie below each", () => {
    const one = bench();
    map(one, 0x7fff_c000, PHYSICAL);
    map(one, 0x0400_0000, PHYSICAL);
    const { memory } = one.machine.parts;
    const words = Array.from({ length: 64 }, (_, i) => memory.read32(one.space.context.root + i * 4));
    expect(words.flatMap((word, i) => (word === 0 ? [] : [i]))).to.deep.equal([1, 31]);
    const tableOf = (word: number): number => ((word >>> 6) & 0xff_ffff) * 0x1000;
    expect(memory.read32(tableOf(words[31] ?? 0) + 4095 * 4)).to.equal(0x4002_022a);
    expect(memory.read32(tableOf(words[1] ?? 0))).to.equal(0x4002_022a);
    expect(one.machine.parts.tables.bytes(one.space.context)).to.equal(256 + 2 * 16384);
  });
});

describe("mips32: registers after a miss", () => {
  for (const { machine: architecture, byteOrder } of ORDERS) {
    it(`${byteOrder}-endian: a load leaves the pair with one half, without D; the first store adds D`, () => {
      const one = benchOf(architecture);
      const { cp0, cpu } = one;
      map(one, ADDRESS, PHYSICAL);
      cpu.load32(ADDRESS / 0x1000, 0x24, USER);
      expect(cp0.badVAddr).to.equal(ADDRESS + 0x24);
      expect(cp0.context).to.equal(0x0000_2020);
      const index = probe(cp0, 0x0040_0002);
      expect(read(cp0, index)).to.deep.equal({ hi: 0x0040_0002, mask: 0x6000, lo0: 0, lo1: 0x0002_022a });
      cpu.store32(ADDRESS / 0x1000, 0, 1, USER);
      expect(read(cp0, index)).to.deep.equal({ hi: 0x0040_0002, mask: 0x6000, lo0: 0, lo1: 0x0002_022e });
      expect(probe(cp0, 0x0040_4002), "bits under the mask are not compared").to.equal(index);
      expect(probe(cp0, 0x0040_0003), "another ASID").to.equal(0x8000_0000);
      expect(probe(cp0, 0x0040_8002), "another pair").to.equal(0x8000_0000);
    });
  }

  it("an uncached page says so", () => {
    const one = bench();
    map(one, ADDRESS, PHYSICAL, RW & ~32);
    one.cpu.load32(ADDRESS / 0x1000, 0, USER);
    expect(one.cp0.entryLo1).to.equal(0x0002_0212);
  });

  it("the words of EntryHi, EntryLo, PageMask and Context", () => {
    expect(entryHi(ADDRESS, ASID)).to.equal(0x0040_4002);
    expect(entryHi(0x0040_0000, ASID)).to.equal(0x0040_0002);
    expect(entryHiAfter(0x1234_5602, ADDRESS + 0xabc)).to.equal(0x0040_4002);
    const half = { physical: PHYSICAL, coherency: 5, writable: false, valid: true, global: false };
    expect(entryLo(half)).to.equal(0x0002_022a);
    expect(entryLo({ ...half, writable: true })).to.equal(0x0002_022e);
    expect(entryLo({ ...half, coherency: 2 })).to.equal(0x0002_0212);
    expect(entryLo({ physical: 2 ** 36 - 0x1000, coherency: 7, writable: true, valid: true, global: true })).to.equal(0x3fff_ffff);
    expect(PAGE_SHIFTS.map(pageMask)).to.deep.equal([0, 0x6000, 0x1_e000, 0x7_e000, 0x1f_e000, 0x7f_e000, 0x1ff_e000]);
    expect(PAGE_SHIFTS.map((shift) => pageShiftOf(pageMask(shift)))).to.deep.equal(PAGE_SHIFTS);
    expect([0x2000, 0x4000, 0xe000, 0x3ff_e000].map(pageShiftOf)).to.deep.equal([-1, -1, -1, -1]);
    expect(contextAfter(0xff80_0000, 0xffff_e123)).to.equal(0xffff_fff0);
    expect(contextAfter(0x127f_fff0, ADDRESS)).to.equal(0x1200_2020);
  });

  it("bit 14 chooses the half of a 16 KiB pair, bits 31:15 decide the match, and the ASID unless both halves are global", () => {
    const entry = { entryHi: 0x0040_0002, pageMask: 0x6000, entryLo0: 0, entryLo1: 0x0002_022a };
    expect(matches(entry, 0x0040_7fff, 2)).to.equal(true);
    expect(matches(entry, 0x0040_8000, 2)).to.equal(false);
    expect(matches(entry, ADDRESS, 3)).to.equal(false);
    expect(matches({ ...entry, entryLo1: 0x0002_022b }, ADDRESS, 3), "G in one half only").to.equal(false);
    expect(matches({ ...entry, entryLo0: 1, entryLo1: 0x0002_022b }, ADDRESS, 3)).to.equal(true);
    expect([0x0040_0000, 0x0040_3fff, 0x0040_4000, 0x0040_7fff].map((address) => halfOf(0x6000, address))).to.deep.equal([0, 0, 1, 1]);
    expect([0x1000, 0x2000].map((address) => halfOf(0, address))).to.deep.equal([1, 0]);
  });

  it("HelenOS's words of EntryLo: what the codec writes is what the registers' arithmetic says", () => {
    const codec = new FormatCodec(entryLoFormat, {});
    expect(codec.encodeLow(PHYSICAL, RO)).to.equal(0x0002_022a);
    expect(codec.encodeLow(PHYSICAL, RW)).to.equal(0x0002_022e);
    expect(codec.encodeLow(PHYSICAL, RO & ~32)).to.equal(0x0002_0212);
    expect(codec.encodeLow(PHYSICAL, RO | 16)).to.equal(0x0002_022b);
  });
});

describe("mips32: the description", () => {
  it("is sound for every processor, with every number of entries, in both byte orders", () => {
    for (const [processor, { entries }] of Object.entries(PROCESSORS)) {
      for (const count of entries) {
        for (const byteOrder of ["little", "big"] as const) {
          const described = mips32With({ processor: processor as keyof typeof PROCESSORS, entries: count, byteOrder });
          expect(reasonsAgainst(described), processor).to.deep.equal([]);
          expect(described.tlb.data.entries).to.equal(count);
        }
      }
    }
    expect([mips32.tlb.data.entries, mips32.physicalBits]).to.deep.equal([48, 36]);
    expect(mips32With({ processor: "4Kc" })).to.deep.include({ physicalBits: 32, name: "mips32" });
    expect((["R4000", "R4400", "4Kc", "24Kc", "34Kf", "5Kc"] as const).map((name) => PROCESSORS[name].entries[0])).to.deep.equal([
      48, 48, 16, 16, 64, 32,
    ]);
    expect(mips32With({ byteOrder: "big", name: "malta" })).to.include({ name: "malta", byteOrder: "big" });
  });

  it("a processor that nobody built is refused", () => {
    for (const options of [
      { processor: "R3000" as never },
      { processor: "4Kc", entries: 48 },
      { processor: "24Kc", wired: 16 },
      { wired: -1 },
      { wired: 1.5 },
    ] as const) {
      expect(() => mips32With(options), JSON.stringify(options))
        .to.throw()
        .with.property("code", "ERR_BAD_ARGUMENT");
    }
    expect(mips32With({ processor: "24Kc", entries: 64, wired: 16 }).tlb.data).to.include({ entries: 64, wired: 16 });
  });

  it("user and kernel have HelenOS's ranges, and the kernel's window shows RAM from 0x80000000 on", () => {
    const { machine, cpu } = bench();
    expect(machine.architecture.layout).to.deep.include({ userStack: 0x7fff_c000n, user: { first: 0n, last: 0x7fff_ffffn } });
    expect(machine.architecture.asids).to.include({ kernel: 0, invalid: 1, first: 2, last: 255 });
    for (const base of [0x8000_0000, 0xa000_0000]) {
      expect(cpu.translate((base + PHYSICAL) / 0x1000, READ, KERNEL)).to.equal(PHYSICAL / 0x1000);
      expect(cpu.translate((base + PHYSICAL) / 0x1000, WRITE, KERNEL)).to.equal(PHYSICAL / 0x1000);
    }
  });
});
