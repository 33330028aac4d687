/** PAE: words worked out by hand from the manual's tables, the rules of its four-entry root, and two readings of each entry. */
import { expect } from "chai";
import {
  ABSENT,
  assertInvariants,
  buildMachine,
  BUS,
  EXECUTE,
  FormatCodec,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  PROTECTION,
  Random,
  READ,
  reasonsAgainst,
  RESERVED,
  TranslationContext,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type FaultReason,
  type Field,
  type Level,
  type MachineOptions,
  type Privilege,
  type Switches,
} from "@portolan/core";
import { oracle, oracleOf } from "#src/pae-oracle.js";
import { ia32pae, ia32PaeWith, PaeRegisters, type Ia32PaeOptions } from "#src/pae.js";

/** Index 1 of the root, 0x91 of the page directory (bits 29:21), 0x145 of the page table (bits 20:12). */
const LINEAR = 0x5234_5000;
/** A multiple of 32, and of no more. */
const ROOT = 0x20_1020;
const PLACES = [0x20_1028, 0x20_2488, 0x20_3a28] as const;
/** P alone in the root; marked as HelenOS does below; XD, P, R/W and U/S in the page. */
const WORDS = [0x20_2001n, 0x20_3207n, 0x8000_0000_0034_5207n] as const;
const PAGE = 0x34_5000;

const levelsOf = ({ translation }: Architecture): readonly Level[] => {
  if (translation.kind !== "hierarchical") throw new Error("it has tables");
  return translation.levels;
};

/** A processor over the words above. */
const laid = (architecture = ia32pae, options: MachineOptions = {}) => {
  const machine = buildMachine(architecture, { memoryBytes: 16 * 2 ** 20, ...options });
  const { memory } = machine.parts;
  const cpu = machine.cpu(0);
  const write = (at: number, word: bigint): void => memory.write64(at, Number(word & 0xffff_ffffn), Number(word >> 32n));
  const read = (at: number): bigint => (BigInt(memory.readHigh(at)) << 32n) | BigInt(memory.readLow(at));
  const context = new TranslationContext(-1, false, 3);
  context.root = ROOT;
  cpu.install(context);
  PLACES.forEach((place, depth) => write(place, WORDS[depth]));
  /** Where a byte is, or the exception and its code; TLBs forget first. */
  const ask = (linear: number, access: Access, privilege: Privilege): number | string => {
    cpu.invalidateAll();
    const frame = cpu.translate(Math.floor(linear / 4096), access, privilege);
    if (frame >= 0) return frame * 4096 + (linear % 4096);
    const { trap, code } = architecture.faults.report(cpu.fault.reason, access, privilege, cpu.switches);
    return `${trap} ${code}`;
  };
  return { machine, memory, cpu, write, read, ask, registers: new PaeRegisters(cpu, memory) };
};

describe("ia32pae", () => {
  it("is a sound description for every width of physical addresses, with SMEP and SMAP and without", () => {
    for (let physicalBits = 36; physicalBits <= 52; physicalBits += 1)
      expect(reasonsAgainst(ia32PaeWith({ physicalBits, smep: physicalBits % 2 === 0, smap: physicalBits % 3 === 0 }))).to.deep.equal([]);
    expect(ia32pae).to.include({ name: "ia32pae", wordBits: 32, virtualBits: 32, physicalBits: 36, pageShift: 12 });
    expect(Object.keys(ia32pae.switches)).to.deep.equal(["WP", "PGE", "NXE"]);
    expect(levelsOf(ia32pae).map(({ name, indexBits }) => `${name} ${indexBits}`)).to.deep.equal([
      "page-directory-pointer table 2",
      "page directory 9",
      "page table 9",
    ]);
  });

  it("has the TLBs and the abilities that the manual says, and forgets as the instructions do", () => {
    const common = { ways: 4, replacement: "used-bit", pageShifts: [12, 21], wired: 0, lockable: false, paired: false };
    expect(ia32pae.tlb).to.deep.include({
      refill: "hardware",
      instruction: { entries: 32, ...common },
      data: { entries: 64, ...common },
      invalidation: {
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: "all", sparesGlobal: true, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: true },
        rootLoadInvalidates: true,
      },
      honoursGlobal: { switch: "PGE" },
    });
    expect(ia32pae.can).to.deep.equal({
      forbidRead: false,
      forbidExecute: true,
      global: true,
      recordAccess: "hardware",
      recordWrite: "hardware",
      kernelObeysWrite: { switch: "WP" },
    });
    expect(ia32pae.asids).to.deep.equal({ bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 });
    expect(ia32pae.layout).to.deep.equal({
      user: { first: 0n, last: 0x7fff_ffffn },
      kernel: { first: 0x8000_0000n, last: 0xffff_ffffn },
      userStack: 0x7fff_f000n,
      kernelAddressSpaceShadowed: false,
    });
    expect(ia32pae.translation).to.include({ kind: "hierarchical", faultsOnReserved: true, rootRegister: "CR3" });
    expect([ia32pae.manuals.length, ia32pae.faults.guessesAccess]).to.deep.equal([1, false]);
    expect(ia32PaeWith({ name: "mine" }).name).to.equal("mine");
  });

  it("begins with no-execute and without every other protection, and has the switches of what the processor has", () => {
    for (const [options, names] of [
      [{}, ["WP", "PGE", "NXE"]],
      [{ smep: true }, ["WP", "PGE", "NXE", "SMEP"]],
      [{ smap: true }, ["WP", "PGE", "NXE", "SMAP", "AC"]],
      [{ smep: true, smap: true }, ["WP", "PGE", "NXE", "SMEP", "SMAP", "AC"]],
    ] as const) {
      const { switches, translation } = ia32PaeWith(options);
      expect(Object.entries(switches).map(([name, { initially }]) => [name, initially])).to.deep.equal(
        names.map((name) => [name, name === "NXE"]),
      );
      expect("combined" in translation).to.equal(names.length > 3);
    }
  });

  it("draws its entries as the manual does, with a processor's width of addresses", () => {
    const drawn = (physicalBits: number): readonly (readonly string[])[] =>
      levelsOf(ia32PaeWith({ physicalBits })).map(({ table, leaf }) =>
        [table, leaf].flatMap((format) =>
          format === undefined
            ? []
            : [format.fields.map(({ name, bits }) => `${name} ${typeof bits === "number" ? bits : bits.join(":")}`).join(", ")],
        ),
      );
    for (const [width, above] of [
      [36, "36"],
      [40, "40"],
      [52, "52"],
    ] as const) {
      const address = (high: number, low: number): string => `reserved ${high}:${above} ${high}:${above}, address ${width - 1}:${low}`;
      expect(drawn(width)).to.deep.equal([
        [`${address(63, 12)}, AVL 11:9, reserved 8:5 8:5, PCD 4, PWT 3, reserved 2:1 2:1, P 0`],
        [
          `XD 63, ${address(62, 12)}, AVL 11:10, AVL0 9, ignored 8 8, PS 7, ignored 6 6, A 5, PCD 4, PWT 3, U/S 2, R/W 1, P 0`,
          `XD 63, ${address(62, 21)}, reserved 20:13 20:13, PAT 12, AVL 11:10, AVL0 9, G 8, PS 7, D 6, A 5, PCD 4, PWT 3, U/S 2, R/W 1, P 0`,
        ],
        [`XD 63, ${address(62, 12)}, AVL 11:10, AVL0 9, G 8, PAT 7, D 6, A 5, PCD 4, PWT 3, U/S 2, R/W 1, P 0`],
      ]);
    }
  });

  it("writes a page of every set of flags, and without EFER.NXE none that must not be executed", () => {
    const leaf = levelsOf(ia32pae)[2]?.leaf;
    if (leaf === undefined) throw new Error("the last level maps pages");
    for (const NXE of [true, false]) {
      const codec = new FormatCodec(leaf, { WP: false, NXE });
      for (let flags = 0; flags < 64; flags += 1) {
        const low =
          0x201 +
          ((flags & WRITE) === 0 ? 0 : 2) +
          ((flags & PAGE_USER) === 0 ? 0 : 4) +
          ((flags & PAGE_CACHEABLE) === 0 ? 0x10 : 0) +
          ((flags & PAGE_GLOBAL) === 0 ? 0 : 0x100);
        const high = NXE && (flags & EXECUTE) === 0 ? 0x8000_0000 : 0;
        if (NXE) expect(leaf.encode?.(flags), "as the machine begins").to.deep.equal(leaf.encode?.(flags, { NXE: true }));
        expect([codec.encodeLow(0, flags) >>> 0, codec.encodeHigh(0, flags) >>> 0], `0b${flags.toString(2)}`).to.deep.equal([low, high]);
      }
    }
  });

  it("refuses widths that no processor has", () => {
    for (const physicalBits of [35, 53, 36.5]) {
      expect(() => ia32PaeWith({ physicalBits } satisfies Ia32PaeOptions))
        .to.throw()
        .with.deep.property("values", { physicalBits, lowest: 36, highest: 52 });
    }
  });

  it("walks the words of a page, and marks all of them but the root's, which has no accessed flag", () => {
    const { ask, read } = laid();
    expect(ask(LINEAR + 0x123, READ, USER)).to.equal(PAGE + 0x123);
    expect(PLACES.map(read)).to.deep.equal([WORDS[0], WORDS[1] | 0x20n, WORDS[2] | 0x20n]);
    expect(ask(LINEAR, WRITE, USER)).to.equal(PAGE);
    expect(PLACES.map(read)).to.deep.equal([WORDS[0], WORDS[1] | 0x20n, WORDS[2] | 0x60n]);
  });

  it("tells fetches with I/D, unless EFER.NXE and CR4.SMEP are clear: XD is reserved then", () => {
    const { ask, cpu, write } = laid(ia32PaeWith({ smep: true }));
    expect([ask(LINEAR, EXECUTE, USER), ask(LINEAR, EXECUTE, KERNEL)]).to.deep.equal(["#PF 21", "#PF 17"]);
    cpu.setSwitch("NXE", false);
    expect([ask(LINEAR, EXECUTE, USER), ask(LINEAR, READ, USER), ask(LINEAR, WRITE, KERNEL)]).to.deep.equal(["#PF 13", "#PF 13", "#PF 11"]);
    cpu.setSwitch("SMEP", true);
    expect(ask(LINEAR, EXECUTE, USER)).to.equal("#PF 29");
    write(PLACES[2], WORDS[2] & ~(1n << 63n));
    expect([ask(LINEAR, EXECUTE, USER), ask(LINEAR, EXECUTE, KERNEL)]).to.deep.equal([PAGE, "#PF 17"]);
  });

  it("keeps the kernel from the user's pages with SMAP, unless AC is set", () => {
    const { ask, cpu } = laid(ia32PaeWith({ smap: true }));
    cpu.setSwitch("SMAP", true);
    expect([ask(LINEAR, READ, KERNEL), ask(LINEAR, WRITE, KERNEL), ask(LINEAR, READ, USER)]).to.deep.equal(["#PF 1", "#PF 3", PAGE]);
    cpu.setSwitch("AC", true);
    expect([ask(LINEAR, READ, KERNEL), ask(LINEAR, WRITE, KERNEL)]).to.deep.equal([PAGE, PAGE]);
  });

  it("keeps the kernel from no page of its own, with SMEP and SMAP", () => {
    const { ask, cpu, write } = laid(ia32PaeWith({ smep: true, smap: true }));
    write(PLACES[2], 0x34_5003n);
    for (const name of ["SMEP", "SMAP"]) cpu.setSwitch(name, true);
    for (const access of [READ, WRITE, EXECUTE] as const) expect(ask(LINEAR, access, KERNEL)).to.equal(PAGE);
    expect(ask(LINEAR, READ, USER)).to.equal("#PF 5");
  });

  it("obeys R/W and U/S of the directory and the page, the kernel with CR0.WP alone", () => {
    for (const place of [1, 2] as const) {
      const { ask, cpu, write } = laid();
      write(PLACES[place], WORDS[place] & ~2n);
      expect([ask(LINEAR, WRITE, USER), ask(LINEAR, WRITE, KERNEL)]).to.deep.equal(["#PF 7", PAGE]);
      cpu.setSwitch("WP", true);
      expect(ask(LINEAR, WRITE, KERNEL)).to.equal("#PF 3");
      write(PLACES[place], WORDS[place] & ~4n);
      expect([ask(LINEAR, READ, USER), ask(LINEAR, WRITE, KERNEL)]).to.deep.equal(["#PF 5", PAGE]);
    }
  });

  it("faults on every reserved bit of every level, and on no other", () => {
    for (const physicalBits of [36, 40, 52]) {
      const { ask, write } = laid(ia32PaeWith({ physicalBits }));
      const reservedAt = (depth: 0 | 1 | 2, word: bigint): number[] => {
        const bits: number[] = [];
        for (let bit = 0; bit < 64; bit += 1) {
          write(PLACES[depth], word | (1n << BigInt(bit)));
          if (ask(LINEAR, READ, USER) === "#PF 13") bits.push(bit);
        }
        write(PLACES[depth], WORDS[depth]);
        return bits;
      };
      const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
      expect(reservedAt(0, WORDS[0]), "table 4-8").to.deep.equal([1, 2, ...from(5, 8), ...from(physicalBits, 63)]);
      expect(reservedAt(2, WORDS[2]), "table 4-11").to.deep.equal(from(physicalBits, 62));
      // PS turns the directory's entry into a page, of which bits 20:13 must be zero: bit 13 is set in it as it is.
      expect(reservedAt(1, WORDS[1] - 0x3000n), "table 4-10").to.deep.equal(from(physicalBits, 62));
      expect(reservedAt(1, 0x40_0087n), "table 4-9").to.deep.equal([...from(13, 20), ...from(physicalBits, 62)]);
    }
  });

  it("reads 2 MiB pages, whose PAT is at bit 12, and records the write in the directory", () => {
    const { ask, read, write } = laid();
    write(PLACES[1], 0x40_1187n);
    expect(ask(LINEAR + 0x67, WRITE, USER)).to.equal(0x40_0000 + (LINEAR % 0x20_0000) + 0x67);
    expect(read(PLACES[1])).to.equal(0x40_11e7n);
  });

  it("has a root of 32 bytes, several of them in a frame, each at a multiple of 32", () => {
    const machine = buildMachine(ia32pae, { memoryBytes: 16 * 2 ** 20 });
    const spaces = Array.from({ length: 20 }, () => machine.spaces.create());
    const roots = spaces.map(({ context }) => context.root);
    expect(new Set(roots).size).to.equal(20);
    for (const root of roots) expect(root % 32).to.equal(0);
    expect(new Set(roots.map((root) => Math.floor(root / 4096))).size).to.equal(1);
    assertInvariants(machine);
    const { tables, memory } = machine.parts;
    const [space] = spaces;
    machine.switchTo(space);
    const page = Math.floor(LINEAR / 4096);
    tables.insert(space.context, page, 0x345, READ | WRITE | PAGE_USER | PAGE_CACHEABLE);
    const at = space.context.root + 8;
    expect([memory.readLow(at) & 0xfff, memory.readHigh(at)]).to.deep.equal([1, 0]);
    expect(machine.walk(space, LINEAR, WRITE, USER).physical).to.equal(BigInt(PAGE));
    tables.insert(machine.spaces.kernel.context, 0xc0123, 0x400, READ | WRITE | PAGE_GLOBAL | PAGE_CACHEABLE);
    for (const each of spaces) expect(machine.walk(each, 0xc012_3000, READ, KERNEL).physical).to.equal(0x40_0000n);
  });

  it("writes frames above 4 GiB where the processor looks for them", () => {
    const [, , last] = levelsOf(ia32pae);
    if (last?.leaf === undefined) throw new Error("the last level maps pages");
    const codec = new FormatCodec(last.leaf, { WP: false, NXE: true });
    const flags = READ | EXECUTE | PAGE_USER | PAGE_CACHEABLE;
    expect([codec.encodeLow(0xf_2345_6000, flags), codec.encodeHigh(0xf_2345_6000, flags)]).to.deep.equal([0x2345_6205, 0xf]);
  });
});

describe("registers of ia32pae", () => {
  it("load a root at a multiple of 32, whatever the five bits below", () => {
    const { registers, write, cpu } = laid();
    write(0x20_1060 + 8, WORDS[0]);
    expect(registers.writeCr3(0x20_1078)).to.equal(null);
    expect(registers.cr3).to.equal(0x20_1060);
    expect(cpu.translate(Math.floor(LINEAR / 4096), READ, USER)).to.equal(PAGE / 4096);
    expect(registers.writeCr3(0x20_1060), "the same again").to.equal(null);
  });

  it("refuse a root of which a present entry has a reserved bit set, and keep the old one", () => {
    for (const physicalBits of [36, 52]) {
      const { registers, write } = laid(ia32PaeWith({ physicalBits }));
      for (const bit of [1, 2, 5, 6, 7, 8, physicalBits, 63]) {
        write(0x20_1040 + 24, 1n | (1n << BigInt(bit)));
        expect(registers.writeCr3(0x20_1040), `bit ${bit}`).to.deep.equal({ trap: "#GP", code: 0 });
        expect(registers.cr3).to.equal(ROOT);
        write(0x20_1040 + 24, 1n << BigInt(bit));
        expect(registers.writeCr3(0x20_1040), "not present").to.equal(null);
        expect(registers.writeCr3(ROOT)).to.equal(null);
      }
      for (const bit of [3, 4, 9, 10, 11, 12, physicalBits - 1]) {
        write(0x20_1040 + 24, 1n | (1n << BigInt(bit)));
        expect(registers.writeCr3(0x20_1040), `bit ${bit}`).to.equal(null);
      }
    }
  });

  it("keep the installed space where its root is loaded again, and forget what is not global", () => {
    const machine = buildMachine(ia32pae, { memoryBytes: 16 * 2 ** 20, switches: { PGE: true } });
    const space = machine.spaces.create();
    machine.switchTo(space);
    const { tables, memory } = machine.parts;
    const cpu = machine.cpu(0);
    tables.insert(space.context, 0x12345, 0x345, READ | PAGE_USER);
    tables.insert(machine.spaces.kernel.context, 0xc0123, 0x400, READ | PAGE_GLOBAL);
    const registers = new PaeRegisters(cpu, memory);
    const known = (): readonly boolean[] => [0x12345, 0xc0123].map((page) => cpu.dataTlb.probe(page, cpu.asidFor(KERNEL)) >= 0);
    for (const page of [0x12345, 0xc0123]) expect(cpu.translate(page, READ, KERNEL)).to.be.at.least(0);
    expect(known()).to.deep.equal([true, true]);
    expect(registers.writeCr3(space.context.root + 31)).to.equal(null);
    expect(cpu.context).to.equal(space.context);
    expect(known(), "the global one is left").to.deep.equal([false, true]);
  });

  it("make a tree of the guest's own of any other root, tagged as spaces are and not the kernel's", () => {
    const { registers, cpu, write } = laid();
    const before = cpu.context;
    write(0x20_1060 + 8, WORDS[0]);
    registers.writeCr3(0x20_1060);
    expect(cpu.context).to.not.equal(before);
    expect([cpu.context.asid, cpu.context.isKernel, cpu.context.root]).to.deep.equal([3, false, 0x20_1060]);
    expect(cpu.translate(Math.floor(LINEAR / 4096), READ, USER)).to.equal(PAGE / 4096);
    registers.writeCr3(0x1_0020_1060n);
    expect(registers.cr3, "a register of 32 bits").to.equal(0x20_1060);
  });

  it("look at each of the four entries, and at no more", () => {
    const { registers, write } = laid();
    for (const [at, isRefused] of [
      [-8, false],
      [0, true],
      [8, true],
      [16, true],
      [24, true],
      [32, false],
    ] as const) {
      write(0x20_1060 + at, 3n);
      expect(registers.writeCr3(0x20_1060) !== null, `${at}`).to.equal(isRefused);
      write(0x20_1060 + at, 0n);
    }
  });

  it("refuse a root where no memory is", () => {
    expect(laid().registers.writeCr3(0xf000_0000)).to.deep.equal({ trap: "#GP", code: 0 });
  });

  it("hold the address of the page fault that was delivered", () => {
    const { registers, cpu } = laid();
    expect(registers.deliver()).to.equal(null);
    cpu.load32(0x12345, 0x678, USER);
    expect(registers.deliver()).to.deep.equal({ trap: "#PF", code: 4 });
    expect(registers.cr2).to.equal(0x1234_5678);
    expect(registers.deliver()).to.equal(null);
    expect(registers.cr2).to.equal(0x1234_5678);
  });
});

describe("faults of ia32pae", () => {
  const { told, report, decode } = ia32pae.faults;
  const [ON, OFF, FETCHES_BY_SMEP] = [{ NXE: true }, { NXE: false }, { NXE: false, SMEP: true }];

  it("say present, write, user, reserved and fetch in bits 0 to 4", () => {
    const code = (reason: FaultReason, access: Access, privilege: Privilege, switches: Switches = ON): number =>
      report(reason, access, privilege, switches).code;
    const accesses = [READ, WRITE, EXECUTE] as const;
    expect(accesses.map((access) => code(ABSENT, access, KERNEL))).to.deep.equal([0, 2, 16]);
    expect(accesses.map((access) => code(PROTECTION, access, USER))).to.deep.equal([5, 7, 21]);
    expect(accesses.map((access) => code(RESERVED, access, USER))).to.deep.equal([13, 15, 29]);
    expect([ON, OFF, FETCHES_BY_SMEP].map((switches) => code(ABSENT, EXECUTE, USER, switches))).to.deep.equal([20, 4, 20]);
    expect(report(ABSENT, EXECUTE, USER), "as the machine begins").to.deep.equal({ trap: "#PF", code: 20 });
    expect(report(BUS, READ, USER, ON)).to.deep.equal({ trap: "#MC", code: 0 });
  });

  it("are read back as far as they tell: without no-execute and SMEP a fetch is a read", () => {
    for (const [switches, fetches] of [
      [ON, true],
      [OFF, false],
      [FETCHES_BY_SMEP, true],
      [{ NXE: true, SMEP: true }, true],
    ] as const) {
      for (const privilege of [KERNEL, USER] as const) {
        for (const [access, accesses] of [
          [READ, fetches ? READ : READ | EXECUTE],
          [WRITE, WRITE],
          [EXECUTE, fetches ? EXECUTE : READ | EXECUTE],
        ] as const) {
          for (const reason of [ABSENT, PROTECTION, RESERVED] as const) {
            const is = decode(report(reason, access, privilege, switches), switches);
            expect(is, `${reason} ${access} ${privilege} ${JSON.stringify(switches)}`).to.deep.equal({
              accesses,
              privilege,
              absent: reason === ABSENT,
            });
          }
        }
      }
    }
    expect(decode({ trap: "#MC", code: 0 })).to.deep.equal({ accesses: READ | WRITE | EXECUTE, privilege: "unknown", absent: false });
    expect(decode({ trap: "#PF", code: 16 }), "as the machine begins").to.include({ accesses: EXECUTE });
    expect(decode({ trap: "#PF", code: 1 })).to.include({ accesses: READ });
  });

  it("tell of an access what decides it: without no-execute a user's fetch asks for what a read asks", () => {
    for (const switches of [ON, OFF, FETCHES_BY_SMEP]) {
      const fetchByUser = switches.NXE ? EXECUTE : READ + EXECUTE;
      expect(told(PROTECTION, EXECUTE, USER, switches)).to.equal(fetchByUser);
      expect(told(PROTECTION, EXECUTE, KERNEL, switches)).to.equal(switches === OFF ? READ | EXECUTE : EXECUTE);
      expect(told(PROTECTION, READ, USER, switches)).to.equal(switches === OFF ? READ | EXECUTE : READ);
      expect(told(ABSENT, WRITE, USER, switches)).to.equal(WRITE);
      expect(told(BUS, READ, USER, switches)).to.equal(READ | WRITE | EXECUTE);
    }
    expect(told(PROTECTION, EXECUTE, USER), "as the machine begins").to.equal(EXECUTE);
  });
});

describe("ia32pae: an access that finds no memory", () => {
  it("is a machine check, and leaves CR2 as it was", () => {
    const { registers, cpu, write } = laid();
    cpu.load32(0x12345, 0x678, USER);
    registers.deliver();
    write(PLACES[2], 0xf_0000_0007n);
    cpu.invalidateAll();
    cpu.load32(Math.floor(LINEAR / 4096), 8, USER);
    expect(registers.deliver()).to.deep.equal({ trap: "#MC", code: 0 });
    expect(registers.cr2).to.equal(0x1234_5678);
  });
});

const valueIn = (word: bigint, { bits }: Field): number => {
  const [high, low] = typeof bits === "number" ? [bits, bits] : bits;
  return Number((word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));
};

describe("ia32pae: the second decoder", () => {
  for (const physicalBits of [36, 52]) {
    for (const [depth, level] of levelsOf(ia32PaeWith({ physicalBits })).entries()) {
      it(`reads a ${level.name}'s entries as the list of fields does, with ${physicalBits} bits of physical address`, () => {
        const decode = oracleOf(physicalBits).levels?.[depth];
        const random = new Random(depth);
        const words = Array.from({ length: 64 }, (_, bit) => [
          1n | (1n << BigInt(bit)),
          0x81n | (1n << BigInt(bit)),
          1n << BigInt(bit),
        ]).flat();
        for (let i = 0; i < 300; i += 1) {
          const any = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
          words.push(any | 1n, (any & 0xf_ffff_f01fn) | 1n);
        }
        for (const switches of [
          { WP: false, NXE: true },
          { WP: true, NXE: true },
          { WP: true, NXE: false },
        ]) {
          const codecs = {
            table: level.table && new FormatCodec(level.table, switches),
            leaf: level.leaf && new FormatCodec(level.leaf, switches),
          };
          for (const word of words) {
            const kind = level.kind.tell(Object.fromEntries(level.kind.reads.map((field) => [field.name, valueIn(word, field)])), switches);
            const decoded = decode?.(word, switches);
            const what = `0x${word.toString(16)} under ${JSON.stringify(switches)}`;
            expect(decoded?.kind, what).to.equal(kind);
            const codec = kind === "table" ? codecs.table : kind === "leaf" ? codecs.leaf : undefined;
            if (codec === undefined) continue;
            const [lo, hi] = [Number(word & 0xffff_ffffn), Number(word >> 32n)];
            const attributes = codec.attributesOf(lo, hi);
            expect(decoded, what).to.deep.include({
              physical: BigInt(codec.addressOf(lo, hi)),
              hasReserved: codec.hasReserved(lo, hi),
              ...(depth === 0 ? {} : { rights: codec.rightsOf(lo, hi), isAccessed: codec.isAccessed(lo, hi) }),
              ...(kind === "leaf"
                ? {
                    isGlobal: (attributes & PAGE_GLOBAL) !== 0,
                    isCacheable: (attributes & PAGE_CACHEABLE) !== 0,
                    isDirty: codec.isDirty(lo, hi),
                  }
                : {}),
            });
          }
        }
      });
    }
  }

  it("reads a word for every rule, worked out by hand", () => {
    const second = oracleOf(40);
    const NXE = { WP: true, NXE: true };
    const read = (depth: 0 | 1 | 2, word: bigint, switches: Switches = NXE) => second.levels?.[depth]?.(word, switches);
    expect(second.levels).to.have.length(3);
    expect(oracle.levels?.[0]?.(0x10_0000_0001n, NXE), "36 bits").to.deep.equal({ kind: "table", physical: 0n, hasReserved: true });
    for (const depth of [0, 1, 2] as const) expect(read(depth, 0xffff_ffff_ffff_fffen)).to.deep.equal({ kind: "absent" });
    const root = { kind: "table", physical: 0xff_2345_6000n, hasReserved: false };
    expect(read(0, 0xff_2345_6e19n)).to.deep.equal(root);
    for (const bit of [1n, 2n, 5n, 6n, 7n, 8n, 40n, 63n])
      expect(read(0, 0xff_2345_6001n | (1n << bit)), `bit ${bit}`).to.deep.equal({ ...root, hasReserved: true });
    const table = { ...root, rights: 0o05, isAccessed: false };
    expect(read(1, 0xff_2345_6001n)).to.deep.equal(table);
    expect(read(1, 0xff_2345_6001n, { WP: false, NXE: true })).to.deep.equal({ ...table, rights: 0o07 });
    expect(read(1, 0xff_2345_6027n)).to.deep.equal({ ...table, rights: 0o77, isAccessed: true });
    expect(read(1, 0x100_0000_0001n)).to.deep.equal({ ...table, physical: 0n, hasReserved: true });
    const page = {
      kind: "leaf",
      physical: 0xff_2345_6000n,
      rights: 0o05,
      isGlobal: false,
      isCacheable: true,
      isAccessed: false,
      isDirty: false,
      hasReserved: false,
    };
    expect(read(2, 0xff_2345_6001n)).to.deep.equal(page);
    expect(read(2, 0xff_2345_6081n), "PAT").to.deep.equal(page);
    expect(read(2, 0xff_2345_6175n)).to.deep.equal({
      ...page,
      rights: 0o55,
      isGlobal: true,
      isCacheable: false,
      isAccessed: true,
      isDirty: true,
    });
    expect(read(2, 0x8000_00ff_2345_6007n)).to.deep.equal({ ...page, rights: 0o33 });
    expect(read(2, 0x8000_00ff_2345_6007n, { WP: true, NXE: false })).to.deep.equal({ kind: "malformed" });
    expect(read(2, 0x4000_00ff_2345_6001n)).to.deep.equal({ ...page, hasReserved: true });
    const large = { ...page, physical: 0xff_2340_0000n };
    expect(read(1, 0xff_2340_1081n), "PAT").to.deep.equal(large);
    for (let bit = 13n; bit < 21n; bit += 1n) {
      expect(read(1, 0xff_2340_0081n | (1n << bit)), `bit ${bit}`).to.deep.equal({ ...large, hasReserved: true });
      expect(read(2, 0xff_2340_0081n | (1n << bit))).to.deep.equal({ ...large, physical: 0xff_2340_0000n | (1n << bit) });
    }
  });
});
