/** Sv32: words worked out by hand from the manual's figures, satp with 32 bits, and two readings of each entry. */
import { expect } from "chai";
import {
  assertInvariants,
  buildMachine,
  EXECUTE,
  FormatCodec,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  Random,
  READ,
  reasonsAgainst,
  USER,
  WRITE,
  type Field,
} from "@portolan/core";
import { SATP32_ASID_SHIFT, SATP32_MODE_SHIFT, SATP32_SV32, SupervisorRegisters } from "#src/index.js";
import { oracle } from "#src/sv32-oracle.js";
import { sv32, sv32With, type Sv32Options } from "#src/sv32.js";
import { bare, causeOr, levelsOf, SETTINGS, setSwitches } from "./bare.js";

/** VPN[1] is 0x100, VPN[0] 0x201. */
const VIRTUAL = 0x4020_1000n;
const [ROOT, TABLE] = [0x8020_1000, 0x8020_2000];
const PLACES = [0x8020_1400, 0x8020_2804] as const;
const POINTER = 0x2008_0801;
const PAGE = 0x8065_4000n;
/** The page's number in its field, and V, R, W, U, A, D. */
const LEAF = 0x2019_50d7;

const laid = (architecture = sv32) => {
  const machine = bare(architecture);
  const { memory } = machine.machine.parts;
  memory.write32(PLACES[0], POINTER);
  memory.write32(PLACES[1], LEAF);
  machine.root(ROOT);
  return { ...machine, word: (at: number) => memory.read32(at), set: (at: number, value: number) => memory.write32(at, value >>> 0) };
};

describe("sv32", () => {
  it("is a sound description of every width, with tags and without, and of A and D set by hardware and by fault", () => {
    for (const physicalBits of [32, 33, 34]) {
      for (const asidBits of [0, 2, 9])
        for (const marks of ["hardware", "fault"] as const)
          expect(reasonsAgainst(sv32With({ physicalBits, asidBits, marks }))).to.deep.equal([]);
    }
    expect(sv32).to.include({ name: "sv32", wordBits: 32, virtualBits: 32, virtualRule: "exact", physicalBits: 34 });
    expect(sv32.asids).to.include({ bits: 9, kernel: 0, first: 2, last: 511 });
    expect(sv32With({ asidBits: 0 }).tlb.invalidation.asid.by).to.equal("all");
    expect(levelsOf(sv32).map(({ name, indexBits }) => `${name} ${indexBits}`)).to.deep.equal(["root table 10", "level 0 table 10"]);
  });

  it("has the buffers of a hart of no kind in particular, forgets as SFENCE.VMA does, and can express what the entries can", () => {
    const buffer = {
      entries: 64,
      ways: "full",
      replacement: "used-bit",
      pageShifts: [12, 22],
      wired: 0,
      lockable: false,
      paired: false,
    };
    for (const asidBits of [0, 9]) {
      expect(sv32With({ asidBits }).tlb).to.deep.include({
        refill: "hardware",
        instruction: buffer,
        data: buffer,
        invalidation: {
          all: { sparesGlobal: false, sparesLocked: false },
          asid: { by: asidBits === 0 ? "all" : "context", sparesGlobal: true, sparesLocked: false },
          page: { dropsGlobal: true, anyAsid: false },
          rootLoadInvalidates: false,
        },
        honoursGlobal: true,
      });
    }
    expect(sv32With({ asidBits: 0 }).asids).to.deep.equal({ bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 });
    for (const marks of ["hardware", "fault"] as const) {
      expect(sv32With({ marks }).can).to.deep.equal({
        forbidRead: false,
        forbidExecute: true,
        global: true,
        recordAccess: marks,
        recordWrite: marks,
        kernelObeysWrite: true,
      });
    }
    expect(sv32.can.recordAccess).to.equal("hardware");
    expect(sv32.layout).to.deep.equal({
      user: { first: 0n, last: 0x7fff_ffffn },
      kernel: { first: 0x8000_0000n, last: 0xffff_ffffn },
      userStack: 0x7fff_f000n,
      kernelAddressSpaceShadowed: false,
    });
    expect(sv32.translation).to.include({ kind: "hierarchical", faultsOnReserved: true, rootRegister: "satp" });
    expect(Object.entries(sv32.switches).map(([name, { initially }]) => [name, initially])).to.deep.equal([
      ["SUM", true],
      ["MXR", false],
    ]);
    expect([sv32.manuals.length, sv32With({ name: "mine" }).name]).to.deep.equal([1, "mine"]);
  });

  it("draws its entries as the figure does", () => {
    const drawn = levelsOf(sv32).map(({ table, leaf }) =>
      [table, leaf].flatMap((format) =>
        format === undefined
          ? []
          : [format.fields.map(({ name, bits, role }) => `${name} ${typeof bits === "number" ? bits : bits.join(":")} ${role}`).join(", ")],
      ),
    );
    const flags = "RSW 9:8 software, D 7 dirty, A 6 accessed, G 5 global, U 4 control, X 3 control, W 2 control, R 1 control, V 0 control";
    expect(drawn).to.deep.equal([
      [
        "PPN 31:10 frame, RSW 9:8 software, D 7 reserved, A 6 reserved, G 5 global, U 4 reserved, X 3 control, W 2 control, R 1 control, V 0 control",
        `PPN[1] 31:20 frame, PPN[0] 19:10 reserved, ${flags}`,
      ],
      [`PPN 31:10 frame, ${flags}`],
    ]);
  });

  it("caches every page, as memory says and no entry", () => {
    for (const { leaf } of levelsOf(sv32)) {
      if (leaf === undefined) throw new Error("both levels map pages");
      const codec = new FormatCodec(leaf, { SUM: true, MXR: false });
      for (const flags of [0x0f, 0x2f, 0xff]) expect(codec.attributesOf(flags, 0) & PAGE_CACHEABLE).to.equal(PAGE_CACHEABLE);
    }
  });

  it("refuses what no hart of 32 bits is", () => {
    for (const [options, values] of [
      [{ physicalBits: 31 }, { physicalBits: 31, lowest: 32, highest: 34 }],
      [{ physicalBits: 35 }, { physicalBits: 35, lowest: 32, highest: 34 }],
      [{ asidBits: 1 }, { asidBits: 1, lowest: 2, highest: 9, none: 0 }],
      [{ asidBits: 10 }, { asidBits: 10, lowest: 2, highest: 9, none: 0 }],
      [{ asidBits: -1 }, { asidBits: -1, lowest: 2, highest: 9, none: 0 }],
      [{ asidBits: 2.5 }, { asidBits: 2.5, lowest: 2, highest: 9, none: 0 }],
      [{ physicalBits: 33.5 }, { physicalBits: 33.5, lowest: 32, highest: 34 }],
    ] as const) {
      expect(() => sv32With(options satisfies Sv32Options))
        .to.throw()
        .with.deep.property("values", values);
    }
  });

  it("walks the words of a page, and marks the leaf alone", () => {
    const { ask, word, set } = laid();
    set(PLACES[1], LEAF - 0xc0);
    expect(ask(VIRTUAL + 0x123n, "read", USER)).to.equal(PAGE + 0x123n);
    expect(PLACES.map(word)).to.deep.equal([POINTER, LEAF - 0x80]);
    expect(ask(VIRTUAL, "write", USER)).to.equal(PAGE);
    expect(PLACES.map(word)).to.deep.equal([POINTER, LEAF]);
    expect([ask(VIRTUAL, "fetch", USER), ask(VIRTUAL + 0x1000n, "read", USER)]).to.deep.equal(["scause 12", "scause 13"]);
  });

  it("leaves the marks to the handler of the page fault where it is told so", () => {
    const { ask, word, set } = laid(sv32With({ marks: "fault" }));
    set(PLACES[1], LEAF - 0x80);
    expect([ask(VIRTUAL, "read", USER), ask(VIRTUAL, "write", USER)]).to.deep.equal([PAGE, "scause 15"]);
    expect(word(PLACES[1])).to.equal(LEAF - 0x80);
  });

  it("maps 4 MiB from the root, if they begin at a multiple of that", () => {
    const { ask, set } = laid();
    const megapage = 0x2010_00cf;
    set(PLACES[0], megapage);
    expect(ask(VIRTUAL + 0x678n, "write", KERNEL)).to.equal(0x8040_0000n + 0x20_1678n);
    for (let bit = 10; bit < 20; bit += 1) {
      set(PLACES[0], megapage | (1 << bit));
      expect(ask(VIRTUAL, "read", KERNEL), `bit ${bit}`).to.equal("scause 13");
    }
  });

  it("reaches 34 bits of physical address", () => {
    const base = 2 ** 34 - 2 ** 24;
    const { machine, cpu, root, ask } = bare(sv32, { memoryBase: base });
    const { memory } = machine.parts;
    memory.write32(base + 0x400, ((base + 0x1000) / 4 + 1) >>> 0);
    memory.write32(base + 0x1804, 0xffff_fc00 + 0xd7);
    root(base);
    expect(ask(VIRTUAL, "write", USER)).to.equal(0x3_ffff_f000n);
    expect(new SupervisorRegisters(cpu).satp % 2n ** 22n).to.equal(BigInt(base) >> 12n);
    const format = levelsOf(sv32)[1]?.leaf;
    if (format === undefined) throw new Error("the last level maps pages");
    const codec = new FormatCodec(format, { SUM: true, MXR: false });
    expect(codec.encodeLow(0x3_ffff_f000, READ | WRITE | PAGE_USER)).to.equal(0xffff_fc17);
    expect(codec.encodeLow(0x8065_4000, READ | EXECUTE | PAGE_GLOBAL)).to.equal(0x2019_502b);
  });

  it("writes its own tables in two levels of 4 KiB, and the kernel's into every space", () => {
    const machine = buildMachine(sv32, { memoryBytes: 16 * 2 ** 20 });
    const space = machine.spaces.create();
    machine.switchTo(space);
    assertInvariants(machine);
    const { tables, memory } = machine.parts;
    const before = tables.bytes(space.context);
    tables.insert(space.context, Number(VIRTUAL >> 12n), 0x345, READ | WRITE | PAGE_USER);
    expect(tables.bytes(space.context)).to.equal(before + 4096);
    const pointer = memory.read32(space.context.root + 0x400);
    expect(pointer & 0x3ff).to.equal(1);
    expect(memory.read32((pointer >>> 10) * 4096 + 0x804)).to.equal((0x345 << 10) | 0x17);
    tables.insert(machine.spaces.kernel.context, 0xc0123, 0x400, READ | PAGE_GLOBAL);
    expect(machine.walk(space, 0xc012_3000, READ, KERNEL).physical).to.equal(0x40_0000n);
    expect(machine.walk(space, 0xc012_3000, READ, USER).physical).to.equal(null);
  });
});

describe("registers of sv32", () => {
  it("satp has a MODE of one bit, nine bits of ASID, and 22 of page number", () => {
    expect([SATP32_SV32, SATP32_MODE_SHIFT, SATP32_ASID_SHIFT]).to.deep.equal([1n, 31n, 22n]);
    const { cpu } = laid();
    const registers = new SupervisorRegisters(cpu);
    registers.writeSatp(0x8148_0201n);
    expect(registers.satp).to.equal(0x8148_0201n);
    expect([cpu.context.asid, cpu.context.root]).to.deep.equal([5, ROOT]);
    registers.writeSatp(0x0108_0202n);
    expect(registers.satp, "Bare has no effect").to.equal(0x8148_0201n);
    registers.writeSatp(0xffff_ffffn);
    expect([cpu.context.asid, cpu.context.root]).to.deep.equal([511, 0x3_ffff_f000]);
    const four = new SupervisorRegisters(laid(sv32With({ asidBits: 4 })).cpu);
    four.writeSatp(0xffc8_0201n);
    expect(four.satp, "bits that are not there read as zero").to.equal(0x83c8_0201n);
  });

  it("SFENCE.VMA takes addresses of 32 bits, and a megapage goes whole", () => {
    const { cpu, set } = laid();
    set(PLACES[0], 0x2010_00df);
    const registers = new SupervisorRegisters(cpu);
    registers.writeSatp(0x8148_0201n);
    const now = (): unknown => causeOr(cpu, VIRTUAL, "read", USER);
    expect(now()).to.equal(0x8060_1000n);
    set(PLACES[0], 0);
    registers.sfenceVma(VIRTUAL, 6);
    expect(now(), "another tag").to.equal(0x8060_1000n);
    registers.sfenceVma(-0x4000_0000n, 5);
    expect(now(), "another page").to.equal(0x8060_1000n);
    registers.sfenceVma(VIRTUAL + 0x10_0000n, 5);
    expect(now()).to.equal("scause 13");
    expect(registers.deliver()).to.deep.equal({ trap: "load page fault", code: 13 });
    expect([registers.scause, registers.stval]).to.deep.equal([13n, VIRTUAL]);
  });
});

const valueIn = (word: bigint, { bits }: Field): number => {
  const [high, low] = typeof bits === "number" ? [bits, bits] : bits;
  return Number((word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));
};

describe("sv32: the second decoder", () => {
  for (const [depth, level] of levelsOf(sv32).entries()) {
    it(`reads a ${level.name}'s entries as the list of fields does`, () => {
      const decode = oracle.levels?.[depth];
      const random = new Random(depth);
      const words = Array.from({ length: 1024 }, (_, flags) => [BigInt(flags), 0x2010_0000n | BigInt(flags)]).flat();
      for (let i = 0; i < 500; i += 1) words.push(BigInt(random.below(2 ** 32)), BigInt(random.below(2 ** 32)) & 0xfff0_03ffn);
      for (const switches of SETTINGS) {
        for (const word of words) {
          const kind = level.kind.tell(Object.fromEntries(level.kind.reads.map((field) => [field.name, valueIn(word, field)])), switches);
          const decoded = decode?.(word, switches);
          const what = `0x${word.toString(16)} under ${JSON.stringify(switches)}`;
          expect(decoded?.kind, what).to.equal(kind);
          const format = kind === "table" ? level.table : kind === "leaf" ? level.leaf : undefined;
          if (format === undefined) continue;
          const codec = new FormatCodec(format, switches);
          const lo = Number(word);
          expect(decoded, what).to.deep.include({
            physical: BigInt(codec.addressOf(lo, 0)),
            hasReserved: codec.hasReserved(lo, 0),
            ...(kind === "leaf"
              ? {
                  rights: codec.rightsOf(lo, 0),
                  isGlobal: (codec.attributesOf(lo, 0) & PAGE_GLOBAL) !== 0,
                  isAccessed: codec.isAccessed(lo, 0),
                  isDirty: codec.isDirty(lo, 0),
                }
              : {}),
          });
        }
      }
    });
  }

  it("reads a word for every rule, worked out by hand", () => {
    const PLAIN = { SUM: false, MXR: false };
    const read = (depth: 0 | 1, word: bigint, switches = PLAIN) => oracle.levels?.[depth]?.(word, switches);
    expect(oracle.levels).to.have.length(2);
    const [V, R, W, X, U, G, A, D] = [1n, 2n, 4n, 8n, 16n, 32n, 64n, 128n];
    const PPN = 0x3f_ffffn << 10n;
    for (const depth of [0, 1] as const) {
      expect(read(depth, 0xffff_fffen)).to.deep.equal({ kind: "absent" });
      for (const flags of [W, W | X]) expect(read(depth, PPN | flags | V)).to.deep.equal({ kind: "malformed" });
    }
    const table = { kind: "table", physical: 0x3_ffff_f000n, hasReserved: false };
    expect(read(0, PPN | V)).to.deep.equal(table);
    expect(read(0, PPN | G | 0x300n | V)).to.deep.equal(table);
    for (const mark of [U, A, D]) expect(read(0, PPN | mark | V)).to.deep.equal({ ...table, hasReserved: true });
    expect(read(1, PPN | V)).to.deep.equal({ kind: "malformed" });
    const leaf = {
      kind: "leaf",
      physical: 0x3_ffff_f000n,
      rights: 7,
      isGlobal: false,
      isCacheable: true,
      isAccessed: false,
      isDirty: false,
      hasReserved: false,
    };
    expect(read(1, PPN | X | W | R | V)).to.deep.equal(leaf);
    expect(read(1, PPN | 0x300n | D | A | G | R | V)).to.deep.equal({
      ...leaf,
      rights: 1,
      isGlobal: true,
      isAccessed: true,
      isDirty: true,
    });
    expect(read(1, PPN | A | R | V)).to.deep.equal({ ...leaf, rights: 1, isAccessed: true });
    for (const [SUM, MXR, rights] of [
      [false, false, 0o40],
      [false, true, 0o50],
      [true, false, 0o40],
      [true, true, 0o51],
    ] as const)
      expect(read(1, PPN | U | X | V, { SUM, MXR })).to.deep.equal({ ...leaf, rights });
    expect(read(1, PPN | U | X | W | R | V, { SUM: true, MXR: false })).to.deep.equal({ ...leaf, rights: 0o73 });
    expect(read(1, PPN | X | V, { SUM: false, MXR: true })).to.deep.equal({ ...leaf, rights: 5 });
    expect(read(1, PPN | R | V, { SUM: false, MXR: true })).to.deep.equal({ ...leaf, rights: 1 });
    const mega = { ...leaf, physical: 0x3_ffc0_0000n };
    expect(read(0, (0xfffn << 20n) | X | W | R | V)).to.deep.equal(mega);
    for (let bit = 10n; bit < 20n; bit += 1n)
      expect(read(0, (0xfffn << 20n) | (1n << bit) | X | W | R | V), `bit ${bit}`).to.deep.equal({ ...mega, hasReserved: true });
  });

  it("and the processor agree on every combination of flags of the page", () => {
    const { ask, cpu, set } = laid();
    for (const switches of SETTINGS) {
      setSwitches(cpu, switches);
      for (let flags = 0; flags < 256; flags += 1) {
        const word = (LEAF & ~0x3ff) | flags;
        const decoded = oracle.levels?.[1]?.(BigInt(word), switches);
        for (const [i, access] of (["read", "write", "fetch"] as const).entries()) {
          for (const privilege of [KERNEL, USER] as const) {
            set(PLACES[1], word);
            const may = decoded?.kind === "leaf" && ((decoded.rights ?? 0) >> (privilege === USER ? 3 : 0)) & (1 << i);
            expect(ask(VIRTUAL, access, privilege) === PAGE, `${access} ${privilege} 0x${flags.toString(16)}`).to.equal(Boolean(may));
          }
        }
      }
    }
    expect(TABLE).to.equal((POINTER >>> 10) * 4096);
  });
});
