/** The four TLB instructions and the registers they work on. */
import { expect } from "chai";
import { EXECUTE, KERNEL, Random, READ, USER, WRITE } from "@portolan/core";
import {
  EXC_MCHECK,
  EXC_TLBS,
  GENERAL_VECTOR,
  halfOf,
  matches,
  PAGE_SHIFTS,
  pageMask,
  PROBE_FAILED,
  REFILL_VECTOR,
  type Cp0,
} from "#src/index.js";
import { bench, benchOf, map, PAGE, probe, read, registersOf, write } from "./fixture.js";
import { mips32 } from "#src/index.js";

const VALID = 2;
const DIRTY = 4;
const GLOBAL = 1;
/** A valid, writable half for a frame of 4 KiB. */
const half = (frame: number, bits = VALID + DIRTY): number => frame * 64 + 5 * 8 + bits;

describe("mips32: the TLB and its registers", () => {
  it("TLBR reads what TLBWI wrote, coherency and invalid halves included", () => {
    const { cp0 } = bench();
    const entry = { hi: 0x0123_4007, lo0: half(0x321, VALID) + 2 * 8, lo1: 0x00ab_cd38, mask: 0x6000 };
    expect(write(cp0, 17, entry)).to.equal(0);
    expect(read(cp0, 17), "an address within the pair loses the bits under the mask").to.deep.equal({ ...entry, hi: 0x0123_0007 });
  });

  it("what is told for a dump is what TLBR would read, of every page size, and no register changes", () => {
    const { cp0, cpu, machine } = bench();
    const { refill } = machine.parts;
    for (const [i, shift] of PAGE_SHIFTS.entries())
      write(cp0, 10 + i, {
        hi: 0x0800_0007 * (i + 1),
        lo0: half(2 ** (shift - 12) * 3, VALID) + 2 * 8,
        lo1: 0x00ab_cd38,
        mask: pageMask(shift),
      });
    write(cp0, 9, { hi: 0x4000_0009, lo0: half(7) + GLOBAL, lo1: half(8) + GLOBAL });
    cp0.index = 3;
    cp0.context = 0xff80_0000;
    const before = { ...refill.registersOf?.(cpu) };
    const told = [9, 10, 11, 12, 13, 14, 15, 16].map((entry) => refill.wordsOf?.(cpu, entry));
    expect(refill.registersOf?.(cpu)).to.deep.equal(before);
    expect(before).to.include({
      Index: 3n,
      Context: 0xff80_0000n,
      Wired: 1n,
      EntryHi: BigInt(cp0.entryHi),
      PageMask: BigInt(cp0.pageMask),
    });
    expect(Object.keys(before)).to.have.members([
      "Index",
      "Random",
      "EntryLo0",
      "EntryLo1",
      "Context",
      "PageMask",
      "Wired",
      "BadVAddr",
      "EntryHi",
      "Cause",
    ]);
    for (const [i, words] of told.entries()) {
      const { hi, lo0, lo1, mask } = read(cp0, 9 + i);
      expect(words, `entry ${9 + i}`).to.deep.equal({
        EntryHi: BigInt(hi),
        EntryLo0: BigInt(lo0),
        EntryLo1: BigInt(lo1),
        PageMask: BigInt(mask),
      });
    }
  });

  it("G is the AND of both halves, and TLBR shows it in both", () => {
    const { cp0, tlb } = bench();
    write(cp0, 5, { hi: 0x0040_0007, lo0: half(8) + GLOBAL, lo1: half(9) });
    expect([read(cp0, 5).lo0 & 1, read(cp0, 5).lo1 & 1, tlb.isGlobal(5)]).to.deep.equal([0, 0, false]);
    expect([probe(cp0, 0x0040_0007), probe(cp0, 0x0040_0008)]).to.deep.equal([5, PROBE_FAILED]);
    write(cp0, 5, { hi: 0x0040_0007, lo0: half(8) + GLOBAL, lo1: half(9) + GLOBAL });
    expect([read(cp0, 5).lo0 & 1, read(cp0, 5).lo1 & 1, tlb.isGlobal(5)]).to.deep.equal([1, 1, true]);
    expect([probe(cp0, 0x0040_0007), probe(cp0, 0x0040_0008)]).to.deep.equal([5, 5]);
  });

  it("a global pair serves every space, one with G in a single half its own space only", () => {
    const { cp0, cpu, machine, space } = bench();
    const { asid } = space.context;
    write(cp0, 4, { hi: 0x0040_0000 + asid, lo0: half(0x210) + GLOBAL, lo1: half(0x211) + GLOBAL });
    write(cp0, 5, { hi: 0x0050_0000 + asid, lo0: half(0x212) + GLOBAL, lo1: half(0x213) });
    machine.switchTo(machine.spaces.create());
    expect([cpu.translate(0x400, WRITE, USER), cpu.translate(0x401, READ, USER)]).to.deep.equal([0x210, 0x211]);
    expect([cpu.translate(0x500, READ, USER), cpu.translate(0x501, READ, USER)]).to.deep.equal([-1, -1]);
    machine.switchTo(space);
    expect([cpu.translate(0x500, READ, USER), cpu.translate(0x501, READ, USER)]).to.deep.equal([0x212, 0x213]);
  });

  it("pairs of every page size map two runs of memory, PFN bits within the page being nothing", () => {
    for (const shift of PAGE_SHIFTS) {
      const { cp0, cpu, space } = bench({}, { memoryBase: 0, memoryBytes: 128 * 2 ** 20 });
      const pages = 2 ** (shift - 12);
      write(cp0, 9, {
        hi: 0x1000_0000 + space.context.asid,
        lo0: half(pages * 3 + pages - 1),
        lo1: half(pages),
        mask: pageMask(shift),
      });
      const at = (page: number): number => cpu.translate(0x1_0000 + page, READ, USER);
      expect([at(0), at(pages - 1)], `even half, 2^${shift}`).to.deep.equal([pages * 3, pages * 4 - 1]);
      expect([at(pages), at(2 * pages - 1)], `odd half, 2^${shift}`).to.deep.equal([pages, 2 * pages - 1]);
      expect([at(-1), at(2 * pages)]).to.deep.equal([-1, -1]);
      expect([read(cp0, 9).mask, read(cp0, 9).hi]).to.deep.equal([pageMask(shift), 0x1000_0000 + space.context.asid]);
    }
  });

  it("EntryLo has as many PFN bits as the processor has addresses, and zeroes above", () => {
    const wide = bench().cp0;
    wide.entryLo0 = 0xffff_ffff;
    expect(wide.entryLo0).to.equal(0x3fff_ffff);
    const narrow = bench({ processor: "4Kc" }).cp0;
    narrow.entryLo0 = 0xffff_ffff;
    narrow.entryLo1 = 0xffff_ffff;
    expect([narrow.entryLo0, narrow.entryLo1]).to.deep.equal([0x03ff_ffff, 0x03ff_ffff]);
  });

  it("registers keep what has a place in them and nothing else", () => {
    const { cp0 } = bench();
    cp0.pageMask = 0xffff_ffff;
    cp0.entryHi = 0xffff_ffff;
    cp0.context = 0xffff_ffff;
    cp0.index = 0xffff_ffff;
    expect([cp0.pageMask, cp0.entryHi, cp0.context, cp0.index]).to.deep.equal([0x01ff_e000, 0xffff_e0ff, 0xff80_0000, 0x3f]);
    const small = bench({ processor: "4Kc" }).cp0;
    small.index = 0x7fff_fff9;
    expect(small.index, "four bits number sixteen entries").to.equal(9);
    probe(cp0, 0x0123_4005);
    cp0.index = 3;
    expect(cp0.index, "P is the probe's to write").to.equal(PROBE_FAILED + 3);
  });

  it("what the manual leaves undefined is refused: no such entry, no such page", () => {
    const { cp0 } = bench();
    const refused = (work: () => unknown): void => void expect(work).to.throw().with.property("code", "ERR_BAD_ARGUMENT");
    cp0.index = 48;
    refused(() => cp0.tlbr());
    refused(() => cp0.tlbwi());
    cp0.index = 47;
    cp0.pageMask = 0x2000;
    refused(() => cp0.tlbwi());
    refused(() => cp0.tlbwr());
    for (const wired of [48, -1, 0.5, NaN]) refused(() => (cp0.wired = wired));
    expect(cp0.wired).to.equal(1);
  });

  it("what is refused is named", () => {
    const { cp0 } = bench();
    const named = (work: () => unknown, values: object): void => void expect(work).to.throw().with.deep.property("values", values);
    cp0.index = 50;
    named(() => cp0.tlbr(), { index: 50, entries: 48 });
    cp0.index = 1;
    cp0.pageMask = 0xe000;
    named(() => cp0.tlbwi(), { pageMask: 0xe000 });
    named(() => (cp0.wired = 48), { wired: 48, entries: 48 });
  });

  it("TLBWR spares what is wired and reaches everything else; writing Wired puts Random at the last entry", () => {
    const { cp0, tlb } = bench({ processor: "24Kc", entries: 32 });
    expect([cp0.wired, cp0.random]).to.deep.equal([1, 31]);
    cp0.wired = 5;
    expect(cp0.random).to.equal(31);
    for (let pair = 0; pair < 400; pair += 1) {
      cp0.pageMask = 0;
      cp0.entryHi = 0x2000 * pair + 7;
      const goes = cp0.random;
      expect(cp0.tlbwr()).to.equal(0);
      expect(tlb.firstPage(goes)).to.equal(pair * 2);
    }
    expect(Array.from({ length: 32 }, (_, entry) => entry).filter((entry) => !tlb.isValid(entry))).to.deep.equal([0, 1, 2, 3, 4]);
    cp0.wired = 0;
    expect(cp0.random).to.equal(31);
  });

  it("an entry that was invalidated reads as an address of kseg0 that no other has, and matches nothing", () => {
    const { cp0, cpu } = bench();
    write(cp0, 3, { hi: 0x0040_0002, lo0: half(0x210), lo1: half(0x211), mask: 0x6000 });
    cpu.invalidateAll();
    expect(read(cp0, 3)).to.deep.equal({ hi: 0x8000_6000, lo0: 0, lo1: 0, mask: 0 });
    expect(probe(cp0, 0x0040_0002)).to.equal(PROBE_FAILED);
    expect(probe(cp0, 0x8000_6000)).to.equal(PROBE_FAILED);
    const before = Array.from({ length: 48 }, (_, entry) => read(cp0, entry));
    expect(new Set(before.map(({ hi }) => hi)).size).to.equal(48);
    before.forEach((entry, index) => expect(write(cp0, index, entry), "all can be written back").to.equal(0));
    expect(cp0.isShutDown).to.equal(false);
  });

  it("everything, but the wired: invalidating all. A space, wired or not: invalidating an ASID. Both halves: a page", () => {
    const { cp0, cpu, tlb } = bench();
    cp0.wired = 3;
    const fill = (): void => {
      write(cp0, 1, { hi: 0x0040_0007, lo0: half(0x210), lo1: half(0x211), mask: 0x6000 });
      write(cp0, 2, { hi: 0x0050_0007, lo0: half(0x210) + GLOBAL, lo1: half(0x211) + GLOBAL, mask: 0x6000 });
      write(cp0, 9, { hi: 0x0060_0007, lo0: half(0x210), lo1: half(0x211), mask: 0x6000 });
      write(cp0, 10, { hi: 0x0070_0008, lo0: half(0x210), lo1: half(0x211), mask: 0x6000 });
      write(cp0, 11, { hi: 0x0080_0008, lo0: half(0x210) + GLOBAL, lo1: half(0x211) + GLOBAL, mask: 0x6000 });
    };
    const left = (): number[] => [1, 2, 9, 10, 11].filter((entry) => tlb.isValid(entry));
    fill();
    cpu.invalidateAll();
    expect(left()).to.deep.equal([1, 2]);
    fill();
    cpu.invalidateAsid(7);
    expect(left(), "global ones too, if the tag is theirs").to.deep.equal([10, 11]);
    fill();
    cpu.invalidatePages(7, 0x0060_4000 / PAGE, 1);
    cpu.invalidatePages(7, 0x0070_0000 / PAGE, 1);
    cpu.invalidatePages(7, 0x0080_0000 / PAGE, 1);
    expect(left(), "the pair of an odd page, nothing of another space, what is everybody's").to.deep.equal([1, 2, 10]);
  });

  it("installing a space writes its ASID into EntryHi and leaves VPN2", () => {
    const few = { ...mips32, asids: { ...mips32.asids, last: 3 } };
    const { machine, space, cp0 } = benchOf(few);
    cp0.entryHi = 0x0040_0055;
    const second = machine.spaces.create();
    machine.switchTo(second);
    expect(cp0.entryHi).to.equal(0x0040_0003);
    machine.switchToKernel();
    expect(cp0.entryHi).to.equal(0x0040_0000);
    machine.switchTo(second);
    cp0.takeRefill();
    const third = machine.spaces.create();
    machine.switchTo(third);
    machine.switchTo(space);
    machine.switchTo(second);
    expect(second.context.asid, "stolen from, and given another").to.not.equal(3);
    expect(cp0.entryHi & 0xff).to.equal(second.context.asid);
  });

  it("installing a space that got the ASID of another one writes it into EntryHi all the same", () => {
    const { machine, space, cp0 } = benchOf({ ...mips32, asids: { ...mips32.asids, last: 3 } });
    expect(space.context.asid).to.equal(2);
    cp0.entryHi = 0x0040_0055;
    expect(cp0.entryHi, "software's own while the space stays").to.equal(0x0040_0055);
    machine.switchTo(machine.spaces.create());
    const third = machine.spaces.create();
    machine.switchTo(third);
    expect([third.context.asid, cp0.entryHi], "stolen from the first").to.deep.equal([2, 0x0040_0002]);
  });

  it("processors have registers of their own", () => {
    const { machine, cp0 } = bench({}, { cpus: 2 });
    const other = registersOf(machine, 1);
    expect(registersOf(machine)).to.equal(cp0);
    write(cp0, 3, { hi: 0x0040_0002, lo0: half(0x210) });
    cp0.wired = 9;
    expect([probe(other, 0x0040_0002), other.wired]).to.deep.equal([PROBE_FAILED, 1]);
  });

  it("machines of a thousand pairs are numbered too", () => {
    const large = { ...mips32, tlb: { ...mips32.tlb, data: { ...mips32.tlb.data, entries: 1000 } } };
    const { cp0 } = benchOf(large);
    expect(write(cp0, 999, { hi: 0x0040_0002, lo0: half(0x210) })).to.equal(0);
    expect([probe(cp0, 0x0040_0002), read(cp0, 999).hi]).to.deep.equal([999, 0x0040_0002]);
  });

  it("an entry written past the registers reads as what it lets through", () => {
    const { cp0, tlb } = bench();
    tlb.write(4, 0x400, 8, 0x1230, 7, 0b101_101);
    tlb.writeOdd(4, 0x4560, 0b111_111);
    expect(read(cp0, 4)).to.deep.equal({ hi: 0x0040_0007, lo0: half(0x1230, VALID), lo1: half(0x4560), mask: 0x6000 });
    tlb.write(4, 0x400, 8, 0x1230, 7, 0b101_101);
    expect(read(cp0, 4).lo1 & VALID).to.equal(0);
    tlb.writeOdd(4, 0x4560, 0);
    expect(read(cp0, 4).lo1, "nothing is let through: V is clear, and so is D").to.equal(half(0x4560, 0));
  });

  it("an entry that somebody has changed past the registers reads as it is now: the frame alone, or the rights alone", () => {
    const { cp0, tlb } = bench();
    const uncached = (frame: number, bits = VALID + DIRTY): number => frame * 64 + 2 * 8 + bits;
    const written = { hi: 0x0040_0007, lo0: uncached(0x1230), lo1: uncached(0x4560), mask: 0x6000 };
    write(cp0, 4, written);
    expect(read(cp0, 4), "as it was written").to.deep.equal(written);
    tlb.write(4, 0x400, 8, 0x1230, 7, 0b101_101);
    tlb.writeOdd(4, 0x4570, 0b111_111);
    expect(read(cp0, 4)).to.deep.equal({ ...written, lo0: half(0x1230, VALID), lo1: half(0x4570) });
  });
});

describe("mips32: two entries that match", () => {
  const first = { hi: 0x0040_0002, lo0: half(0x210), lo1: half(0x211), mask: 0x6000 };
  const clashes = [
    ["the same pair", first],
    ["the same pair, both halves invalid", { hi: 0x0040_0002, mask: 0x6000 }],
    ["a smaller page within", { hi: 0x0040_6002, mask: 0 }],
    ["a larger page around", { hi: 0x0040_8002, mask: pageMask(16) }],
    ["a global one of another space", { hi: 0x0040_0009, lo0: 1, lo1: 1, mask: 0x6000 }],
  ] as const;
  const fine = [
    ["another space", { ...first, hi: 0x0040_0003 }],
    ["the pair after", { ...first, hi: 0x0040_8002 }],
    ["G in one half, of another space", { ...first, hi: 0x0040_0009, lo0: first.lo0 + 1 }],
  ] as const;

  it("on cores of MIPS32 the second write takes the Machine Check exception and changes nothing", () => {
    for (const [what, entry] of clashes) {
      const { cp0, tlb } = bench({ processor: "4Kc" });
      write(cp0, 4, first);
      expect(write(cp0, 7, entry), what).to.equal(EXC_MCHECK);
      expect([cp0.cause >>> 2, cp0.vector, cp0.isShutDown, tlb.isValid(7)], what).to.deep.equal([24, GENERAL_VECTOR, true, false]);
      expect(write(cp0, 4, entry), "an entry may follow itself").to.equal(0);
    }
  });

  it("on an R4000 it is carried out, TS is set, and the lowest entry answers", () => {
    for (const [what, entry] of clashes) {
      const { cp0, cpu, tlb } = bench();
      write(cp0, 4, first);
      expect([write(cp0, 7, entry), cp0.isShutDown, tlb.isValid(7)], what).to.deep.equal([0, true, true]);
      expect(cpu.translate(0x400, READ, USER)).to.equal(0x210);
    }
  });

  it("on an R4000 it is no exception: Cause and the vector stay as they were", () => {
    const { cp0, cpu } = bench();
    cpu.translate(0x123, WRITE, USER);
    const before = [cp0.cause, cp0.vector];
    expect(before).to.deep.equal([EXC_TLBS << 2, REFILL_VECTOR]);
    write(cp0, 4, first);
    write(cp0, 7, first);
    expect([cp0.isShutDown, cp0.cause, cp0.vector]).to.deep.equal([true, ...before]);
  });

  it("entries that can never match together are no clash", () => {
    for (const processor of ["4Kc", "R4000"] as const) {
      for (const [what, entry] of fine) {
        const { cp0 } = bench({ processor });
        write(cp0, 4, first);
        expect([write(cp0, 7, entry), cp0.isShutDown], what).to.deep.equal([0, false]);
      }
    }
  });

  it("a global entry that is there already clashes with every space's", () => {
    const { cp0 } = bench({ processor: "4Kc" });
    write(cp0, 4, { ...first, lo0: first.lo0 + 1, lo1: first.lo1 + 1 });
    expect(write(cp0, 7, { ...first, hi: 0x0040_0077 })).to.equal(EXC_MCHECK);
  });

  it("refill code that a hand-made entry of another size stands in the way of says so", () => {
    const one = bench({ processor: "4Kc" });
    map(one, 0x0040_4000, 0x0080_8000);
    write(one.cp0, 4, { hi: 0x0040_0000 + one.space.context.asid, lo0: half(0x210) });
    expect(() => one.cpu.translate(0x404, READ, USER)).to.throw("a machine check");
  });
});

/** The array as the manual describes it, and nothing clever. */
interface Written {
  readonly entryHi: number;
  readonly pageMask: number;
  readonly entryLo0: number;
  readonly entryLo1: number;
}

describe("mips32: TLB instructions against an array of entries", () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`agree over 4000 steps from seed ${seed}, on machines that look for two matches and on those that do not`, () => {
      const processor = seed % 2 === 0 ? "4Kc" : "R4000";
      const one = bench({ processor, wired: 0 }, { memoryBase: 0, memoryBytes: 64 * 2 ** 20, seed });
      const { cp0, cpu, space, machine } = one;
      const spaces = [space, machine.spaces.create(), machine.spaces.create()];
      const random = new Random(seed);
      const array: (Written | null)[] = cp0.random === 15 ? Array(16).fill(null) : Array(48).fill(null);
      for (let step = 0; step < 4000; step += 1) {
        const installed = spaces[random.below(3)] ?? space;
        if (random.below(20) === 0) machine.switchTo(installed);
        const address = random.below(64) * 0x1000 + random.below(4) * 0x0100_0000 + random.below(0x1000);
        const choice = random.below(8);
        if (choice < 2) writeOne(address);
        else if (choice === 2) {
          const asid = spaces[random.below(3)]?.context.asid ?? 0;
          const expected = array.findIndex((entry) => entry !== null && matches(entry, address, asid));
          expect(probe(cp0, address - (address % 0x2000) + asid)).to.equal(expected < 0 ? PROBE_FAILED : expected);
        } else if (choice === 3) {
          const index = random.below(array.length);
          const { hi, lo0, lo1, mask } = read(cp0, index);
          const entry = array[index] ?? null;
          if (entry === null) expect(hi).to.equal(0x8000_0000 + index * 0x2000);
          else expect({ entryHi: hi, pageMask: mask, entryLo0: lo0, entryLo1: lo1 }).to.deep.equal(entry);
        } else translateOne(address, ([READ, WRITE, EXECUTE] as const)[random.below(3)] ?? READ);
      }

      function writeOne(address: number): void {
        const asid = spaces[random.below(3)]?.context.asid ?? 0;
        const mask = pageMask(PAGE_SHIFTS[random.below(4)] ?? 12);
        // Address bits under the mask read back as zero.
        const entryHi = (((address & 0xffff_e000 & ~mask) >>> 0) + asid) >>> 0;
        const los = [random.below(2 ** 20), random.below(2 ** 20)] as const;
        const global = los[0] & los[1] & 1;
        const entry = { entryHi, pageMask: mask, entryLo0: los[0] - (los[0] & 1) + global, entryLo1: los[1] - (los[1] & 1) + global };
        const byRandom = random.below(2) === 0;
        const index = byRandom ? cp0.random : random.below(array.length);
        const isClash = array.some((other, i) => other !== null && i !== index && overlap(entry, other));
        cp0.index = index;
        cp0.entryHi = address - (address % 0x2000) + asid;
        [cp0.entryLo0, cp0.entryLo1] = los;
        cp0.pageMask = mask;
        expect(byRandom ? cp0.tlbwr() : cp0.tlbwi()).to.equal(isClash && processor === "4Kc" ? EXC_MCHECK : 0);
        if (!isClash || processor !== "4Kc") array[index] = entry;
      }

      function translateOne(address: number, access: typeof READ | typeof WRITE | typeof EXECUTE): void {
        const asid = cpu.asidFor(USER);
        const entry = array.find((each) => each !== null && matches(each, address, asid)) ?? null;
        const frame = cpu.translate(Math.floor(address / 0x1000), access, USER);
        if (entry === null) {
          expect(frame).to.equal(-1);
          return;
        }
        const lo = halfOf(entry.pageMask, address) === 0 ? entry.entryLo0 : entry.entryLo1;
        const pages = (entry.pageMask + 0x2000) / 0x2000;
        const pfn = Math.floor(lo / 64);
        const expected = pfn - (pfn % pages) + (Math.floor(address / 0x1000) % pages);
        const isLet = (lo & VALID) !== 0 && (access !== WRITE || (lo & DIRTY) !== 0);
        expect(frame).to.equal(isLet ? expected : -1);
        if (!isLet) expect(causeOf(cp0)).to.equal((lo & VALID) !== 0 ? 1 : access === WRITE ? 3 : 2);
      }
    });
  }
});

const causeOf = (cp0: Cp0): number => cp0.cause >>> 2;

/** Is there an address that both match? Looked for page by page. */
const overlap = (one: Written, other: Written): boolean => {
  const first = (one.entryHi & 0xffff_e000 & ~one.pageMask) >>> 0;
  for (let address = first; address < first + 2 * ((one.pageMask + 0x2000) / 2); address += 0x1000) {
    if (matches(other, address, one.entryHi & 0xff) || (isGlobal(one) && matches(other, address, other.entryHi & 0xff))) return true;
  }
  return false;
};

const isGlobal = ({ entryLo0, entryLo1 }: Written): boolean => (entryLo0 & entryLo1 & 1) === 1;

describe("mips32: segments", () => {
  it("kseg0 and kseg1 are asked of no entry, whatever the TLB holds for them", () => {
    const { cp0, cpu } = bench();
    write(cp0, 6, { hi: 0x8040_0000, lo0: half(0x999) + GLOBAL, lo1: half(0x999) + GLOBAL, mask: 0x6000 });
    expect(cpu.translate(0x80400, READ, KERNEL)).to.equal(0x400);
    expect(cpu.translate(0xa0400, WRITE, KERNEL)).to.equal(0x400);
    expect(cpu.statistics.tlbMisses).to.equal(0);
  });
});
