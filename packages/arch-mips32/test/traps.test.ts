/** Exceptions: their codes, what the registers hold afterwards, and what the handlers do about them. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  EXECUTE,
  image,
  KERNEL,
  NO_FAULT,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  physical,
  READ,
  REFILL,
  USER,
  violations,
  WRITE,
  type Access,
  type Refill,
} from "@portolan/core";
import {
  EXC_ADEL,
  EXC_ADES,
  EXC_DBE,
  EXC_IBE,
  EXC_MCHECK,
  EXC_MOD,
  EXC_TLBL,
  EXC_TLBS,
  GENERAL_VECTOR,
  mips32,
  REFILL_VECTOR,
} from "#src/index.js";
import { bench, map, PAGE, probe, read, RO, RW, write, type Bench } from "./fixture.js";

const AREA_RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
const AREA_RO = AREA_READ | AREA_CACHEABLE;

/** Where there is memory that the user may name; kseg2 is the kernel's. */
const KUSEG = 0x0040_0000;
const KSEG2 = 0xc000_0000;

const marksOf = ({ machine, space }: Bench, address: number): number => {
  const { tables } = machine.parts;
  return tables.find(space.context, address / PAGE) ? tables.found.flags & (PAGE_ACCESSED | PAGE_DIRTY) : -1;
};

describe("mips32: exceptions", () => {
  const shown = ({ cp0 }: Bench): Record<string, number> => ({
    excCode: cp0.cause >>> 2,
    vector: cp0.vector,
    badVAddr: cp0.badVAddr,
    badVpn2: (cp0.context >>> 4) & 0x7_ffff,
    entryHi: cp0.entryHi,
  });

  it("refill: a load, a fetch and a store of a page that no entry matches", () => {
    for (const [access, excCode] of [
      [READ, EXC_TLBL],
      [EXECUTE, EXC_TLBL],
      [WRITE, EXC_TLBS],
    ] as const) {
      const one = bench();
      expect(one.cpu.translate((KUSEG + 0x7000) / 0x1000, access, USER)).to.equal(-1);
      expect(mips32.faults.report(one.cpu.fault.reason, access, USER).code).to.equal(excCode << 2);
      expect(shown(one)).to.deep.equal({
        excCode,
        vector: REFILL_VECTOR,
        badVAddr: KUSEG + 0x7000,
        badVpn2: (KUSEG + 0x6000) / 0x2000,
        entryHi: KUSEG + 0x6000 + 2,
      });
    }
  });

  it("refill: one exception brings either half of a pair in", () => {
    for (const address of [KUSEG, KUSEG + PAGE]) {
      const one = bench();
      map(one, address, 0x80_0000);
      expect(one.cpu.translate(address / 0x1000, READ, USER)).to.equal(0x800);
      expect(one.cpu.statistics).to.include({ refills: 1, upgrades: 0, walks: 1 });
      expect(shown(one)).to.include({ excCode: EXC_TLBL, vector: REFILL_VECTOR, badVAddr: address });
    }
  });

  it("invalid: the second half of a pair, at the general vector; it joins the first in the same entry", () => {
    const one = bench();
    const { cp0, cpu, tlb } = one;
    map(one, KUSEG, 0x80_0000);
    map(one, KUSEG + PAGE, 0x90_0000);
    cpu.load32(KUSEG / 0x1000, 0, USER);
    const entry = probe(cp0, KUSEG + 2);
    const { random } = cp0;
    expect(cpu.statistics).to.include({ refills: 1, upgrades: 0 });
    cpu.load32((KUSEG + PAGE) / 0x1000, 0x10, USER);
    expect(cpu.statistics).to.include({ refills: 1, upgrades: 1 });
    expect(shown(one)).to.include({ excCode: EXC_TLBL, vector: GENERAL_VECTOR, badVAddr: KUSEG + PAGE + 0x10 });
    expect(probe(cp0, KUSEG + 2)).to.equal(entry);
    expect(read(cp0, entry)).to.deep.equal({ hi: KUSEG + 2, lo0: 0x2_002a, lo1: 0x2_402a, mask: 0x6000 });
    expect([cp0.random, tlb.duplicates(KUSEG / 0x1000, 2)], "TLBWI, not TLBWR").to.deep.equal([random, 1]);
    expect(marksOf(one, KUSEG + PAGE)).to.equal(PAGE_ACCESSED);
  });

  it("invalid on a store to the second half is TLBS, and Modified follows", () => {
    const one = bench();
    map(one, KUSEG, 0x80_0000);
    map(one, KUSEG + PAGE, 0x90_0000);
    const codes: number[] = [];
    one.cpu.load32(KUSEG / 0x1000, 0, USER);
    const { refill } = one.cpu;
    const spied: Refill = {
      miss: (...given) => refill.miss(...given),
      refused: (...given) => {
        const reason = refill.refused(...given);
        codes.push(one.cp0.cause >>> 2);
        return reason;
      },
    };
    one.cpu.refill = spied;
    expect(one.cpu.store32((KUSEG + PAGE) / 0x1000, 0, 1, USER)).to.equal(true);
    expect(codes).to.deep.equal([EXC_TLBS, EXC_MOD]);
    expect(marksOf(one, KUSEG + PAGE)).to.equal(PAGE_ACCESSED | PAGE_DIRTY);
    expect(marksOf(one, KUSEG)).to.equal(PAGE_ACCESSED);
  });

  it("invalid, and the pair is forgotten before the handler has the lock: the access is tried again as a miss", () => {
    const one = bench();
    map(one, KUSEG, 0x80_0000);
    map(one, KUSEG + PAGE, 0x90_0000);
    one.cpu.load32(KUSEG / 0x1000, 0, USER);
    const entry = probe(one.cp0, KUSEG + 2);
    write(one.cp0, 0, { hi: 0x0300_0002, lo0: 0x2_002e });
    const { locks } = one.machine.parts;
    const acquire = locks.acquire.bind(locks);
    locks.acquire = (kind, id) => {
      one.cpu.invalidatePages(2, KUSEG / PAGE, 1);
      acquire(kind, id);
    };
    expect(one.cpu.refill.refused(one.cpu, (KUSEG + PAGE) / 0x1000, READ, USER, entry)).to.equal(NO_FAULT);
    locks.acquire = acquire;
    expect([probe(one.cp0, KUSEG + 2), read(one.cp0, 0).hi], "no other entry was touched").to.deep.equal([0x8000_0000, 0x0300_0002]);
    expect(one.cpu.translate((KUSEG + PAGE) / 0x1000, READ, USER)).to.equal(0x900);
  });

  it("invalid where no page is: refused as a load or a store of nothing", () => {
    const one = bench();
    map(one, KUSEG, 0x80_0000);
    one.cpu.load32(KUSEG / 0x1000, 0, USER);
    for (const [access, excCode] of [
      [READ, EXC_TLBL],
      [WRITE, EXC_TLBS],
      [EXECUTE, EXC_TLBL],
    ] as const) {
      expect(one.cpu.translate((KUSEG + PAGE) / 0x1000, access, USER)).to.equal(-1);
      expect(shown(one)).to.include({ excCode, vector: GENERAL_VECTOR, badVAddr: KUSEG + PAGE });
    }
  });

  it("modified: the first store to a page that may be written is let through and recorded, once", () => {
    const one = bench();
    const { cpu } = one;
    map(one, KUSEG, 0x80_0000);
    expect(cpu.load32(KUSEG / 0x1000, 0, USER)).to.equal(0);
    expect(marksOf(one, KUSEG)).to.equal(PAGE_ACCESSED);
    expect(cpu.store32(KUSEG / 0x1000, 4, 7, USER)).to.equal(true);
    expect(shown(one)).to.include({ excCode: EXC_MOD, vector: GENERAL_VECTOR, badVAddr: KUSEG + 4, entryHi: KUSEG + 2 });
    expect(marksOf(one, KUSEG)).to.equal(PAGE_ACCESSED | PAGE_DIRTY);
    cpu.store32(KUSEG / 0x1000, 8, 7, USER);
    expect(cpu.statistics.upgrades).to.equal(1);
    cpu.invalidateAll();
    cpu.store32(KUSEG / 0x1000, 8, 7, USER);
    expect(cpu.statistics, "what has been written is loaded with D").to.include({ refills: 2, upgrades: 1 });
  });

  it("modified: a store to what may not be written ends there, the kernel's too", () => {
    const one = bench();
    map(one, KUSEG, 0x80_0000, RO);
    for (const privilege of [USER, KERNEL] as const) {
      expect(one.cpu.store32(KUSEG / 0x1000, 0x20, 7, privilege)).to.equal(false);
      expect(mips32.faults.report(one.cpu.fault.reason, WRITE, privilege)).to.deep.equal({ trap: "Mod (1)", code: EXC_MOD << 2 });
      expect(shown(one)).to.include({ excCode: EXC_MOD, vector: GENERAL_VECTOR, badVAddr: KUSEG + 0x20 });
    }
    expect(marksOf(one, KUSEG), "nothing was written").to.equal(PAGE_ACCESSED);
  });

  it("address error: the user beyond 0x7fffffff, whatever tables and TLB hold there", () => {
    const one = bench();
    const { kernel } = one.machine.spaces;
    one.machine.parts.tables.insert(kernel.context, KSEG2 / PAGE, 0x80_0000 / PAGE, RW);
    expect(one.cpu.load32(KSEG2 / 0x1000, 0, KERNEL)).to.equal(0);
    for (const address of [0x8000_0000, 0x9fff_fffc, 0xa000_0000, 0xbfff_fffc, KSEG2, 0xffff_fffc]) {
      for (const [access, excCode, trap] of [
        [READ, EXC_ADEL, "AdEL (4)"],
        [EXECUTE, EXC_ADEL, "AdEL (4)"],
        [WRITE, EXC_ADES, "AdES (5)"],
      ] as const) {
        expect(one.machine.translate(address, access)).to.equal(null);
        expect(one.machine.outcome).to.include({ trap, code: excCode << 2, reason: "bad-address" });
        expect(one.machine.read32(address)).to.equal(-1);
        expect(one.machine.outcome?.address).to.equal(BigInt(address));
        expect(shown(one)).to.include({ excCode: EXC_ADEL, vector: GENERAL_VECTOR, badVAddr: address });
      }
    }
    expect(one.machine.read32(0x7fff_fffc), "the last word of the user's is merely nothing").to.equal(-1);
    expect(one.machine.outcome).to.include({ trap: "TLBL (2)", rule: "no area at this address" });
  });

  it("address error: each register tells it, whichever is read first", () => {
    for (const [name, value] of [
      ["cause", EXC_ADES << 2],
      ["vector", GENERAL_VECTOR],
      ["badVAddr", 0x9000_0008],
    ] as const) {
      const one = bench();
      map(one, KUSEG, 0x80_0000);
      one.cpu.load32(KUSEG / 0x1000, 0x40, USER);
      expect(one.cpu.store32(0x9000_0000 / 0x1000, 8, 1, USER)).to.equal(false);
      expect(one.cp0[name], name).to.equal(value);
    }
  });

  it("bus error: a translation that leads where nothing answers; BadVAddr stays as it was", () => {
    const one = bench();
    map(one, KUSEG, 0x80_0000);
    map(one, KUSEG + 4 * PAGE, 0x3000_0000);
    one.cpu.load32(KUSEG / 0x1000, 0x44, USER);
    for (const [access, excCode] of [
      [READ, EXC_DBE],
      [EXECUTE, EXC_IBE],
    ] as const) {
      expect(one.cpu.translate((KUSEG + 4 * PAGE) / 0x1000, access, USER)).to.equal(-1);
      expect(mips32.faults.report(one.cpu.fault.reason, access, USER).code).to.equal(excCode << 2);
      expect(shown(one)).to.include({ excCode, vector: GENERAL_VECTOR, badVAddr: KUSEG + 4 * PAGE });
    }
    one.cpu.load32(0x9f00_0000 / 0x1000, 0, KERNEL);
    expect(shown(one), "the window beyond RAM").to.include({ excCode: EXC_DBE, badVAddr: KUSEG + 4 * PAGE });
  });

  it("every report is read back as what it was, as far as the code tells", () => {
    const { report, decode, told } = mips32.faults;
    const expected: readonly (readonly [reason: 1 | 2 | 3 | 4 | 5 | 6, access: Access, code: number, told: number])[] = [
      [1, READ, EXC_TLBL, READ | EXECUTE],
      [1, WRITE, EXC_TLBS, WRITE],
      [1, EXECUTE, EXC_TLBL, READ | EXECUTE],
      [2, READ, EXC_ADEL, READ | EXECUTE],
      [2, WRITE, EXC_MOD, WRITE],
      [2, EXECUTE, EXC_ADEL, READ | EXECUTE],
      [4, READ, EXC_ADEL, READ | EXECUTE],
      [4, WRITE, EXC_ADES, WRITE],
      [4, EXECUTE, EXC_ADEL, READ | EXECUTE],
      [5, READ, EXC_DBE, READ | WRITE],
      [5, WRITE, EXC_DBE, READ | WRITE],
      [5, EXECUTE, EXC_IBE, EXECUTE],
      [6, READ, EXC_ADEL, READ | EXECUTE],
      [6, WRITE, EXC_ADES, WRITE],
    ];
    for (const [reason, access, code, accesses] of expected) {
      const shows = report(reason, access, USER);
      expect(shows.code).to.equal(code << 2);
      expect(shows.trap).to.match(new RegExp(`\\(${code}\\)$`));
      expect(told(reason, access, USER)).to.equal(accesses);
      const isAbsent = code === EXC_TLBL || code === EXC_TLBS;
      expect(decode(shows)).to.deep.equal({ accesses, privilege: "unknown", absent: isAbsent });
    }
    expect(decode({ trap: "", code: EXC_MCHECK << 2 })).to.deep.equal({ accesses: 0, privilege: "unknown", absent: false });
  });

  it("a refusal that refill code made is not taken for another one after the next exception", () => {
    const one = bench();
    map(one, KUSEG, 0x80_0000);
    one.cpu.load32(0x8000_0000 / 0x1000, 8, USER);
    expect(shown(one)).to.include({ excCode: EXC_ADEL, badVAddr: 0x8000_0008 });
    one.cpu.load32(KUSEG / 0x1000, 0x40, USER);
    expect(one.cpu.fault.reason).to.equal(NO_FAULT);
    expect(shown(one)).to.include({ excCode: EXC_TLBL, vector: REFILL_VECTOR, badVAddr: KUSEG + 0x40 });
  });
});

describe("mips32: what it cannot say", () => {
  it("no page can be kept from being read or executed, and the kernel uses the user's pages", () => {
    expect(mips32.can).to.include({ forbidRead: false, forbidExecute: false, global: true, kernelObeysWrite: true });
    const one = bench();
    map(one, KUSEG, 0x80_0000, WRITE | 8);
    map(one, KUSEG + 2 * PAGE, 0x90_0000, READ);
    for (const privilege of [USER, KERNEL] as const) {
      expect(one.cpu.translate(KUSEG / 0x1000, READ, privilege), "READ was not asked for").to.equal(0x800);
      expect(one.cpu.translate(KUSEG / 0x1000, EXECUTE, privilege), "nor EXECUTE").to.equal(0x800);
      expect(one.cpu.translate((KUSEG + 2 * PAGE) / 0x1000, READ, privilege), "nor USER").to.equal(0x900);
    }
  });

  it("an area that may be read may be executed, and one that may only be written may be read", () => {
    const one = bench();
    one.space.createArea({ base: KUSEG, size: PAGE, flags: AREA_RO, backend: anonymous });
    expect([one.machine.fetch32(KUSEG), one.machine.read32(KUSEG)]).to.deep.equal([0, 0]);
    one.space.createArea({ base: KUSEG + PAGE, size: PAGE, flags: AREA_WRITE, backend: anonymous });
    expect(one.machine.read32(KUSEG + PAGE), "the first access is the area's to judge").to.equal(-1);
    expect(one.machine.write32(KUSEG + PAGE, 5)).to.equal(true);
    expect(one.machine.read32(KUSEG + PAGE), "the second is the TLB's").to.equal(5);
    assertInvariants(one.machine);
  });
});

describe("mips32: handlers and address spaces", () => {
  it("pages of the kernel are entered for everybody and go from every space", () => {
    const one = bench();
    const { cp0, cpu, machine, space } = one;
    const kernel = machine.spaces.kernel;
    machine.parts.tables.insert(kernel.context, KSEG2 / PAGE, 0x80_0000 / PAGE, RW & ~8);
    machine.parts.tables.insert(kernel.context, KSEG2 / PAGE + 1, 0x90_0000 / PAGE, RW & ~8);
    expect(cpu.translate(KSEG2 / 0x1000, READ, KERNEL)).to.equal(0x800);
    const entry = probe(cp0, KSEG2 + space.context.asid);
    expect(read(cp0, entry)).to.include({ lo0: 0x2_002b, lo1: 1 });
    machine.switchTo(machine.spaces.create());
    expect(cpu.translate((KSEG2 + PAGE) / 0x1000, WRITE, KERNEL)).to.equal(0x900);
    expect(cpu.statistics.refills, "the other half joined the entry of another space").to.equal(1);
    const asid = machine.installed()?.context.asid ?? 0;
    expect(read(cp0, entry), "tagged with whoever came last").to.include({ hi: KSEG2 + asid, lo0: 0x2_002b, lo1: 0x2_402f });
    cpu.invalidatePages(asid, KSEG2 / PAGE, 1);
    machine.switchTo(space);
    expect(probe(cp0, KSEG2 + space.context.asid)).to.equal(0x8000_0000);
    expect(cpu.translate(KSEG2 / 0x1000, WRITE, USER)).to.equal(-1);
  });

  it("G of a single page of the user's never takes effect: the other half is entered without", () => {
    const one = bench();
    map(one, KUSEG, 0x80_0000, RW | 16);
    map(one, KUSEG + PAGE, 0x90_0000, RW | 16);
    one.cpu.load32(KUSEG / 0x1000, 0, USER);
    one.cpu.load32((KUSEG + PAGE) / 0x1000, 0, USER);
    expect(one.tlb.isGlobal(probe(one.cp0, KUSEG + 2))).to.equal(false);
  });

  it("a program's pages come in with TLBS, TLBL and Mod, and its text is fetched", () => {
    for (const byteOrder of ["little", "big"] as const) {
      const { machine, space } = bench({ byteOrder });
      const code = Uint8Array.from({ length: PAGE }, (_, i) => i);
      const file = machine.loadImage(code);
      space.createArea({
        base: KUSEG,
        size: PAGE,
        flags: AREA_READ | AREA_EXECUTE | AREA_CACHEABLE,
        backend: image(file, { lead: 0, fileOffset: 0, fileSize: PAGE, memorySize: PAGE, writable: false }),
      });
      space.createArea({ base: 0x7fff_c000, size: PAGE, flags: AREA_RW, backend: anonymous });
      expect(machine.fetch32(KUSEG + 4)).to.equal(byteOrder === "little" ? 0x0706_0504 : 0x0405_0607);
      expect(machine.write32(KUSEG, 1)).to.equal(false);
      expect(machine.outcome).to.include({ trap: "Mod (1)", rule: "the area forbids this access" });
      expect(machine.write32(0x7fff_fffc, 0x1234_5678)).to.equal(true);
      expect(machine.read8(0x7fff_fffc)).to.equal(byteOrder === "little" ? 0x78 : 0x12);
      assertInvariants(machine);
    }
  });

  it("an area's end takes both halves of its pairs out of every processor, and leaves the neighbours' pages", () => {
    const one = bench({}, { cpus: 3 });
    const { machine, space } = one;
    space.createArea({ base: KUSEG, size: 3 * PAGE, flags: AREA_RW, backend: anonymous });
    space.createArea({ base: KUSEG + 3 * PAGE, size: PAGE, flags: AREA_RW, backend: anonymous });
    for (const cpu of [0, 1, 2]) {
      machine.switchTo(space, cpu);
      for (let page = 0; page < 4; page += 1) machine.write32(KUSEG + page * PAGE, page, cpu);
    }
    space.destroyArea(KUSEG);
    assertInvariants(machine);
    for (const cpu of [0, 1, 2]) {
      expect(machine.read32(KUSEG + 2 * PAGE, cpu)).to.equal(-1);
      expect(machine.read32(KUSEG + 3 * PAGE, cpu)).to.equal(3);
    }
    assertInvariants(machine);
  });

  it("a clean half beside a written one is no contradiction, and one with D that is clean is", () => {
    const one = bench();
    one.space.createArea({ base: KUSEG, size: 2 * PAGE, flags: AREA_RW, backend: anonymous });
    one.machine.write32(KUSEG, 1);
    one.machine.read32(KUSEG + PAGE);
    assertInvariants(one.machine);
    const entry = probe(one.cp0, KUSEG + 2);
    one.tlb.writeOdd(entry, one.tlb.frameOf(entry, (KUSEG + PAGE) / 0x1000), 0b111_111);
    expect(violations(one.machine).join("\n")).to.match(/page 404 .*may be written though the page counts as clean/);
  });

  it("device memory beyond RAM is a bus error to whoever touches it, and no loop", () => {
    const one = bench();
    one.space.createArea({ base: KUSEG, size: PAGE, flags: AREA_RW, backend: physical(0x1000_0000n, 1) });
    expect(one.machine.read32(KUSEG)).to.equal(-1);
    expect(one.machine.outcome).to.include({ trap: "DBE (7)", rule: "nothing answers at that physical address" });
    expect(one.machine.fetch32(KUSEG)).to.equal(-1);
    expect(one.machine.outcome).to.include({ trap: "IBE (6)" });
  });

  it("an entry of another size is its maker's business: the handlers leave it alone", () => {
    const { cp0, cpu, tlb } = bench();
    tlb.write(5, 0x400, 2, 0x800, 2, 0b101_101);
    expect(cpu.translate(0x400, WRITE, USER)).to.equal(-1);
    expect([cp0.cause >>> 2, cpu.fault.reason]).to.deep.equal([EXC_MOD, 2]);
    expect(cpu.translate(0x401, READ, USER)).to.equal(-1);
    expect([cp0.cause >>> 2, cpu.fault.reason]).to.deep.equal([EXC_TLBL, 1]);
    expect(cpu.translate(0x400, EXECUTE, USER)).to.equal(0x800);
  });

  it("a look into the tables is two words, or one where the root already says no; and an event each", () => {
    const walks: (readonly [page: number, reads: number, reason: number])[] = [];
    const one = bench({}, { onEvent: (event) => event.kind === "walk" && walks.push([event.hardwarePage, event.reads, event.reason]) });
    map(one, KUSEG, 0x80_0000, RO);
    one.cpu.translate(KUSEG / 0x1000, READ, USER);
    one.cpu.translate(KUSEG / 0x1000, WRITE, USER);
    one.cpu.translate((KUSEG + PAGE) / 0x1000, READ, USER);
    one.cpu.translate(0x7000_0000 / 0x1000, READ, USER);
    map(one, 0x7000_0000, 0x80_0000, RO);
    one.cpu.translate(0x7000_8000 / 0x1000, READ, USER);
    one.cpu.translate(0x0400_0000 / 0x1000, READ, USER);
    expect(walks).to.deep.equal([
      [KUSEG / 0x1000, 2, 0],
      [KUSEG / 0x1000, 2, 2],
      [(KUSEG + PAGE) / 0x1000, 2, 1],
      [0x7000_0000 / 0x1000, 1, 1],
      [0x7000_8000 / 0x1000, 2, 1],
      [0x0400_0000 / 0x1000, 1, 1],
    ]);
    expect(one.cpu.statistics).to.include({ walks: 6, walkReads: 10 });
  });

  it("tables are looked into under their lock, which is let go whatever was found", () => {
    const one = bench();
    map(one, KUSEG, 0x80_0000);
    map(one, KUSEG + PAGE, 0x90_0000);
    const seen: string[] = [];
    one.machine.parts.locks.discipline = {
      acquire: (kind, id) => void seen.push(`+${kind} ${id}`),
      release: (kind, id) => void seen.push(`-${kind} ${id}`),
      assertHeld: () => {},
      assertNoneHeld: () => {},
    };
    const { id } = one.space.context;
    for (const [what, address, access] of [
      ["a miss", KUSEG, READ],
      ["the first store", KUSEG, WRITE],
      ["the other half", KUSEG + PAGE, READ],
      ["nothing there", 0x7000_0000, READ],
    ] as const) {
      seen.length = 0;
      one.cpu.translate(address / 0x1000, access, USER);
      expect(seen, what).to.deep.equal([`+page-table ${id}`, `-page-table ${id}`]);
    }
  });

  it("the refill code is a part like any other", () => {
    expect(mips32.parts?.map(({ token }) => token)).to.include(REFILL);
  });
});
